/* SPDX-License-Identifier: MIT */
/* logit.c: from pixels in 0 .. levels to the whole line: the first layer of image flows
 * (Dinh et al. 2017, section 4.1).  It has no weights. */
#include <stdio.h>
#include "layer.h"

static int64_t none(const clf__layer *l) {
  (void)l;
  return 0;
}
static void init(const clf__layer *l, clf__host_random *r, double *w, double *c) {
  (void)l, (void)r, (void)w, (void)c;
}
static int params(const clf__layer *l, clf_param *out) {
  (void)l, (void)out;
  return 0;
}
static clf_status plan(const clf__layer *l, int32_t rows, int train, clf_arena *a, clf__kept *k) {
  (void)l, (void)rows, (void)train, (void)a, (void)k;
  return CLF_OK;
}

/* The margin above: as the one below, or none, as the paper prints it. */
static float omega(const clf__layer *l) {
  return l->spec.variant.paper_logit ? 0 : (float)l->spec.alpha;
}

static clf_status forward(const clf__layer *l, const clf__kept *k, clf_tensor x, clf_tensor y,
                          clf_tensor logdet, clf__mode mode) {
  (void)k, (void)mode;
  return clf_do(l->dev, logit_fwd, .x = x, .y = y, .logdet = logdet, .alpha = (float)l->spec.alpha,
                .omega = omega(l), .levels = (float)l->spec.levels);
}
static clf_status inverse(const clf__layer *l, const clf__kept *k, clf_tensor y, clf_tensor x,
                          clf_tensor logdet) {
  (void)k;
  return clf_do(l->dev, logit_inv, .y = y, .x = x, .logdet = logdet, .alpha = (float)l->spec.alpha,
                .omega = omega(l), .levels = (float)l->spec.levels);
}
static clf_status backward(const clf__layer *l, const clf__kept *k, clf_tensor x, clf_tensor y,
                           clf_tensor dy, float dlogdet, clf_tensor dx) {
  (void)k, (void)y;
  return clf_do(l->dev, logit_bwd, .x = x, .dy = dy, .dx = dx, .alpha = (float)l->spec.alpha,
                .omega = omega(l), .levels = (float)l->spec.levels, .dlogdet = dlogdet);
}

const clf__layer_ops clf__logit = {
    .name = "logit",
    .weights = none,
    .constants = none,
    .init = init,
    .params = params,
    .plan = plan,
    .forward = forward,
    .inverse = inverse,
    .backward = backward,
    .output = "the logit of the pixels",
};
