/* SPDX-License-Identifier: MIT */
/* scale.c: NICE's last layer, z = exp(log_scale) x (Dinh et al. 2015, section 3.3). */
#include <stdlib.h>
#include "layer.h"

static clf_status make(clf__layer *l, clf__slots *p, const char *path) {
  clf__slot *log_s = l->own = calloc(1, sizeof *log_s);
  if (!log_s) return clf__fail(CLF_ENOMEM, "no memory for a scaling");
  clf__slots_add(p, log_s, CLF_PLAIN, 0, 0, 1, &l->in.dim, "%s.log_scale", path);
  return CLF_OK;
}

static clf_status forward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor x, clf_tensor y, clf_tensor logdet) {
  (void)k;
  return clf_do(p->dev, scaling_fwd, .x = x, .log_s = clf__weight(p, l->own), .y = y,
                .logdet = logdet);
}
static clf_status inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor y, clf_tensor x, clf_tensor logdet) {
  (void)k;
  return clf_do(p->dev, scaling_inv, .y = y, .log_s = clf__weight(p, l->own), .x = x,
                .logdet = logdet);
}
static clf_status backward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                           clf_tensor x, clf_tensor y, clf_tensor dy, clf_tensor dx) {
  (void)k, (void)y;
  return clf_do(p->dev, scaling_bwd, .x = x, .log_s = clf__weight(p, l->own), .dy = dy,
                .dl = p->each, .dx = dx, .dlog_s = clf__gradient(p, l->own), .dlogdet = p->dlogdet);
}
static clf_status backward_inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                                   clf_tensor y, clf_tensor x, clf_tensor dx, clf_tensor dy) {
  (void)k, (void)y;
  return clf_do(p->dev, scale_shift_inv_bwd, .x = x, .u = clf__weight(p, l->own), .dx = dx,
                .dl = p->each, .dy = dy, .du = clf__gradient(p, l->own), .kind = CLF_FACTOR_EXP,
                .dlogdet = p->dlogdet);
}

const clf__layer_ops clf__layer_scale = {
    .name = "scale",
    .make = make,
    .unmake = clf__layer_free_own,
    .forward = forward,
    .inverse = inverse,
    .backward = CLF_TRAINS(backward),
    .backward_inverse = CLF_TRAINS(backward_inverse),
    .output = "log_scale",
    .traits = CLF_FIXED_VOLUME | CLF_SHARES_ROWS,
};
