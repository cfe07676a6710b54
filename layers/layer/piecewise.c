/* SPDX-License-Identifier: MIT */
/* piecewise.c: the lecture's PiecewiseLinear.  Its weights are alpha, followed by xi. */
#include <math.h>
#include <stdlib.h>
#include "layer.h"

enum { V }; /* tensors of clf__layer_memory: the knots */

typedef struct piecewise {
  clf__slot alpha, xi;
} piecewise;
static const piecewise *own_of(const clf__layer *l) { return l->own; }

static clf_status make(clf__layer *l, clf__slots *p, const char *path) {
  piecewise *o = l->own = calloc(1, sizeof *o);
  const int32_t one = 1, knots = l->spec.bins + 1;
  if (!o) return clf__fail(CLF_ENOMEM, "no memory for a piecewise-linear map");
  if (l->in.dim != 1)
    return clf__fail(CLF_EINVAL, "%s: a piecewise layer has 1 dimension, not %d", l->label,
                     (int)l->in.dim);
  if (!(l->spec.xmin < l->spec.xmax))
    return clf__fail(CLF_EINVAL, "%s: its xmin %g must be below its xmax %g", l->label,
                     l->spec.xmin, l->spec.xmax);
  clf__slots_add(p, &o->alpha, CLF_PLAIN, l->spec.xmin, 0, 1, &one, "%s.alpha", path);
  clf__slots_add(p, &o->xi, CLF_PLAIN, 0, 0, 1, &knots, "%s.xi", path);
  if (!l->spec.tails) l->traits |= CLF_IS_BOUNDED | CLF_COULD_HAVE_TAILS;
  return CLF_OK;
}

static float rate(const clf__layer *l) {
  return (float)(l->spec.bins / (l->spec.xmax - l->spec.xmin));
}

/* alpha = xmin, xi ~ N(log of a bin's width, 1e-4). */
static void init(const clf__layer *l, clf__host_random *r, double *w) {
  const double mu = log((l->spec.xmax - l->spec.xmin) / l->spec.bins);
  double *xi = w + own_of(l)->xi.at;
  for (int32_t j = 0; j <= l->spec.bins; j++) xi[j] = mu + 1e-4 * clf__host_normal(r);
}

static clf_status plan(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                       clf__layer_memory *k) {
  (void)rows, (void)train;
  return clf_new(a, (int32_t[4]){l->spec.bins + 1}, &k->t[V]);
}

static void interval(const clf__layer *l, double at[2]) {
  at[0] = l->spec.xmin;
  at[1] = l->spec.xmax;
}

/* In float as on the device, so that both agree about the ends. */
static int32_t outside(const clf__layer *l, const double *x, double at[2]) {
  const clf_flow_spec *s = &l->spec;
  const float u = ((float)x[0] - (float)s->xmin) * (float)(s->bins / (s->xmax - s->xmin));
  const float Q = (float)s->bins, hair = 1e-6f * Q;
  interval(l, at);
  return s->tails || (u >= -hair && u <= Q + hair) ? -1 : 0;
}

static clf_status knots(const clf__layer *l, const clf__pass *p, const clf__layer_memory *k) {
  return clf_do(p->dev, piecewise_knots, .alpha = clf__weight(p, &own_of(l)->alpha),
                .xi = clf__weight(p, &own_of(l)->xi), .v = k->t[V]);
}

static clf_status forward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor x, clf_tensor y, clf_tensor logdet) {
  CLF_TRY(knots(l, p, k));
  return clf_do(p->dev, piecewise_fwd, .x = x, .xi = clf__weight(p, &own_of(l)->xi), .v = k->t[V],
                .y = y, .logdet = logdet, .xmin = (float)l->spec.xmin, .rate = rate(l),
                .tails = l->spec.tails);
}
static clf_status inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor y, clf_tensor x, clf_tensor logdet) {
  CLF_TRY(knots(l, p, k));
  return clf_do(p->dev, piecewise_inv, .y = y, .xi = clf__weight(p, &own_of(l)->xi), .v = k->t[V],
                .x = x, .logdet = logdet, .xmin = (float)l->spec.xmin, .rate = rate(l),
                .tails = l->spec.tails);
}
static clf_status backward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                           clf_tensor x, clf_tensor y, clf_tensor dy, clf_tensor dx) {
  (void)k, (void)y;
  return clf_do(p->dev, piecewise_bwd, .x = x, .xi = clf__weight(p, &own_of(l)->xi), .dy = dy,
                .dl = p->each, .dx = dx, .dalpha = clf__gradient(p, &own_of(l)->alpha),
                .dxi = clf__gradient(p, &own_of(l)->xi), .xmin = (float)l->spec.xmin,
                .rate = rate(l), .tails = l->spec.tails, .dlogdet = p->dlogdet);
}
static clf_status backward_inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                                   clf_tensor y, clf_tensor x, clf_tensor dx, clf_tensor dy) {
  (void)k, (void)y;
  return clf_do(p->dev, piecewise_inv_bwd, .x = x, .xi = clf__weight(p, &own_of(l)->xi), .dx = dx,
                .dl = p->each, .dy = dy, .dalpha = clf__gradient(p, &own_of(l)->alpha),
                .dxi = clf__gradient(p, &own_of(l)->xi), .xmin = (float)l->spec.xmin,
                .rate = rate(l), .tails = l->spec.tails, .dlogdet = p->dlogdet);
}

const clf__layer_ops clf__layer_piecewise = {
    .name = "piecewise",
    .make = make,
    .unmake = clf__layer_free_own,
    .init = init,
    .plan = plan,
    .forward = forward,
    .inverse = inverse,
    .backward = CLF_TRAINS(backward),
    .backward_inverse = CLF_TRAINS(backward_inverse),
    .outside = outside,
    .interval = interval,
    .output = "xi",
    .traits = CLF_SHARES_ROWS,
};
