/* SPDX-License-Identifier: MIT */
/* flip.c: y = by * x, the layer of docs/extend/layer.md. */
#include <math.h>
#include "layer.h"

static double by_of(const clf__layer *l) { return ((const clf__arch_flip *)l->node)->by; }

static clf_status make(clf__layer *l, clf__slots *parts, const char *path) {
  (void)parts, (void)path; /* it has no parameters */
  return by_of(l) != 0 ? CLF_OK
                       : clf__fail(CLF_EINVAL, "%s: by is 0: nothing inverts that", l->label);
}

/* y = factor x;  logdet[n] += D log |factor|. */
static clf_status scale(const clf__layer *l, const clf__pass *p, double factor, clf_tensor x,
                        clf_tensor y, clf_tensor logdet) {
  const double sum = l->in.dim * log(fabs(factor));
  CLF_TRY(clf_do(p->dev, logdet_add, .logdet = logdet, .factor = (float)sum, .times = 1));
  return clf_do(p->dev, axpby, .x = x, .y = y, .a = (float)factor);
}

static clf_status forward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor x, clf_tensor y, clf_tensor logdet) {
  (void)k;
  return scale(l, p, by_of(l), x, y, logdet);
}
static clf_status inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor y, clf_tensor x, clf_tensor logdet) {
  (void)k;
  return scale(l, p, 1 / by_of(l), y, x, logdet);
}
static clf_status backward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                           clf_tensor x, clf_tensor y, clf_tensor dy, clf_tensor dx) {
  (void)k, (void)x, (void)y;
  return clf_do(p->dev, axpby, .x = dy, .y = dx, .a = (float)by_of(l));
}
static clf_status backward_inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                                   clf_tensor y, clf_tensor x, clf_tensor dx, clf_tensor dy) {
  (void)k, (void)x, (void)y;
  return clf_do(p->dev, axpby, .x = dx, .y = dy, .a = (float)(1 / by_of(l)));
}

const clf__layer_ops clf__layer_flip = {.name = "flip",
                                        .make = make,
                                        .forward = forward,
                                        .inverse = inverse,
                                        .backward = backward,
                                        .backward_inverse = backward_inverse,
                                        .traits = CLF_FIXED_VOLUME};
