/* SPDX-License-Identifier: MIT */
/* flip.c: y = by x: the layer of docs/extend/layer.md. */
#include <math.h>
#include "pieces.h"

static double by_of(const clf__layer *l) { return ((const clf__arch_flip *)l->node)->by; }

static clf_status make(clf__layer *l, clf__parts *parts, const char *path) {
  (void)parts, (void)path; /* it has no numbers */
  return by_of(l) != 0 ? CLF_OK : clf__fail(CLF_EINVAL, "%s: by is 0: nothing inverts that", l->label);
}

/* y = factor x;  logdet[n] += sign D log |by|. */
static clf_status scale(const clf__layer *l, const clf__pass *p, double factor, double sign,
                        clf_tensor x, clf_tensor y, clf_tensor logdet) {
  const clf_tensor ones = clf_slice(y, 1, 0, 1);
  const double sum = sign * l->in.dim * log(fabs(by_of(l)));
  CLF_TRY(clf_do(p->dev, fill, .y = ones, .value = 1)); /* y is written below */
  CLF_TRY(clf_do(p->dev, axpby, .x = clf__vector(ones, 0, x.dim[0], ones.stride[0]), .y = logdet,
                 .a = (float)sum, .b = 1));
  return clf_do(p->dev, axpby, .x = x, .y = y, .a = (float)factor);
}

static clf_status forward(const clf__layer *l, const clf__pass *p, clf__kept *k, clf_tensor x,
                          clf_tensor y, clf_tensor logdet) {
  (void)k;
  return scale(l, p, by_of(l), 1, x, y, logdet);
}
static clf_status inverse(const clf__layer *l, const clf__pass *p, clf__kept *k, clf_tensor y,
                          clf_tensor x, clf_tensor logdet) {
  (void)k;
  return scale(l, p, 1 / by_of(l), -1, y, x, logdet);
}
static clf_status backward(const clf__layer *l, const clf__pass *p, clf__kept *k, clf_tensor x,
                           clf_tensor y, clf_tensor dy, clf_tensor dx) {
  (void)k, (void)x, (void)y;
  return clf_do(p->dev, axpby, .x = dy, .y = dx, .a = (float)by_of(l));
}
static clf_status backward_inverse(const clf__layer *l, const clf__pass *p, clf__kept *k,
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
