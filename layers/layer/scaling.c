/* SPDX-License-Identifier: MIT */
/* scaling.c: NICE's last layer, z = exp(log_scale) x (Dinh et al. 2015, section 3.3). */
#include <stdio.h>
#include "layer.h"

static int64_t weights(const clf__layer *l) { return l->spec.dim; }
static int64_t constants(const clf__layer *l) {
  (void)l;
  return 0;
}
static void init(const clf__layer *l, clf__host_random *r, double *w, double *c) {
  (void)r, (void)c;
  for (int32_t i = 0; i < l->spec.dim; i++) w[i] = 0;
}
static int params(const clf__layer *l, clf_param *out) {
  if (out) *out = clf__param(l->w, 1, 1, "log_scale");
  return 1;
}
static clf_status plan(const clf__layer *l, int32_t rows, int train, clf_arena *a, clf__kept *k) {
  (void)l, (void)rows, (void)train, (void)a, (void)k;
  return CLF_OK;
}

static clf_status forward(const clf__layer *l, const clf__kept *k, clf_tensor x, clf_tensor y,
                          clf_tensor logdet, clf__mode mode) {
  (void)k, (void)mode;
  return clf_do(l->dev, scaling_fwd, .x = x, .log_s = l->w, .y = y, .logdet = logdet);
}
static clf_status inverse(const clf__layer *l, const clf__kept *k, clf_tensor y, clf_tensor x,
                          clf_tensor logdet) {
  (void)k;
  return clf_do(l->dev, scaling_inv, .y = y, .log_s = l->w, .x = x, .logdet = logdet);
}
static clf_status backward(const clf__layer *l, const clf__kept *k, clf_tensor x, clf_tensor y,
                           clf_tensor dy, float dlogdet, clf_tensor dx) {
  (void)k, (void)y;
  return clf_do(l->dev, scaling_bwd, .x = x, .log_s = l->w, .dy = dy, .dx = dx, .dlog_s = l->g,
                .dlogdet = dlogdet);
}

const clf__layer_ops clf__scaling = {
    .name = "scaling",
    .weights = weights,
    .constants = constants,
    .init = init,
    .params = params,
    .plan = plan,
    .forward = forward,
    .inverse = inverse,
    .backward = backward,
    .output = "log_scale",
};
