/* SPDX-License-Identifier: MIT */
/* piecewise.c: the lecture's PiecewiseLinear.  Its weights are alpha, then xi. */
#include <stdio.h>
#include "layer.h"

enum { V }; /* of clf__kept: the knots */

static int64_t weights(const clf__layer *l) { return 2 + (int64_t)l->spec.bins; }
static int64_t constants(const clf__layer *l) {
  (void)l;
  return 0;
}
static clf_tensor alpha(clf_tensor flat) { return clf__vector(flat, 0, 1, 1); }
static clf_tensor xi(const clf__layer *l, clf_tensor flat) {
  return clf__vector(flat, 1, l->spec.bins + 1, 1);
}
static float rate(const clf__layer *l) {
  return (float)(l->spec.bins / (l->spec.xmax - l->spec.xmin));
}

/* alpha = xmin, xi ~ N(log of a bin's width, 1e-4). */
static void init(const clf__layer *l, clf__host_random *r, double *w, double *c) {
  (void)c;
  const double mu = log((l->spec.xmax - l->spec.xmin) / l->spec.bins);
  *w++ = l->spec.xmin;
  for (int32_t j = 0; j <= l->spec.bins; j++) *w++ = mu + 1e-4 * clf__host_normal(r);
}
static int params(const clf__layer *l, clf_param *out) {
  if (out) {
    out[0] = clf__param(alpha(l->w), 1, 1, "alpha");
    out[1] = clf__param(xi(l, l->w), 1, 1, "xi");
  }
  return 2;
}
static clf_status plan(const clf__layer *l, int32_t rows, int train, clf_arena *a, clf__kept *k) {
  (void)rows, (void)train;
  return clf_new(a, (int32_t[4]){l->spec.bins + 1}, &k->t[V]);
}
static clf_status knots(const clf__layer *l, const clf__kept *k) {
  return clf_do(l->dev, piecewise_knots, .alpha = alpha(l->w), .xi = xi(l, l->w), .v = k->t[V]);
}

static clf_status forward(const clf__layer *l, const clf__kept *k, clf_tensor x, clf_tensor y,
                          clf_tensor logdet, clf__mode mode) {
  (void)mode;
  CLF_TRY(knots(l, k));
  return clf_do(l->dev, piecewise_fwd, .x = x, .xi = xi(l, l->w), .v = k->t[V], .y = y,
                .logdet = logdet, .xmin = (float)l->spec.xmin, .rate = rate(l),
                .tails = l->spec.tails);
}
static clf_status inverse(const clf__layer *l, const clf__kept *k, clf_tensor y, clf_tensor x,
                          clf_tensor logdet) {
  CLF_TRY(knots(l, k));
  return clf_do(l->dev, piecewise_inv, .y = y, .xi = xi(l, l->w), .v = k->t[V], .x = x,
                .logdet = logdet, .xmin = (float)l->spec.xmin, .rate = rate(l),
                .tails = l->spec.tails);
}
static clf_status backward(const clf__layer *l, const clf__kept *k, clf_tensor x, clf_tensor y,
                           clf_tensor dy, float dlogdet, clf_tensor dx) {
  (void)k, (void)y;
  return clf_do(l->dev, piecewise_bwd, .x = x, .xi = xi(l, l->w), .dy = dy, .dx = dx,
                .dalpha = alpha(l->g), .dxi = xi(l, l->g), .xmin = (float)l->spec.xmin,
                .rate = rate(l), .tails = l->spec.tails, .dlogdet = dlogdet);
}

const clf__layer_ops clf__piecewise = {
    .name = "piecewise",
    .weights = weights,
    .constants = constants,
    .init = init,
    .params = params,
    .plan = plan,
    .forward = forward,
    .inverse = inverse,
    .backward = backward,
    .output = "xi",
};
