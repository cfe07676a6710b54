/* SPDX-License-Identifier: MIT */
/* pixels.c: maps pixels in 0 .. levels to the real line: the first layer of image flows (Dinh et
 * al. 2017, section 4.1).  It has no weights. */
#include "layer.h"

/* The upper margin: equal to the lower one, or none, as printed in the paper. */
static float omega(const clf__layer *l) {
  return l->spec.variant.paper_logit ? 0 : (float)l->spec.alpha;
}

static int32_t outside(const clf__layer *l, const double *x, double interval[2]) {
  interval[0] = 0;
  interval[1] = l->spec.levels;
  for (int32_t d = 0; d < l->in.dim; d++)
    if (!(x[d] >= 0 && x[d] <= l->spec.levels)) return d;
  return -1;
}

static clf_status forward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor x, clf_tensor y, clf_tensor logdet) {
  (void)k;
  return clf_do(p->dev, logit_fwd, .x = x, .y = y, .logdet = logdet, .alpha = (float)l->spec.alpha,
                .omega = omega(l), .levels = (float)l->spec.levels);
}
static clf_status inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor y, clf_tensor x, clf_tensor logdet) {
  (void)k;
  return clf_do(p->dev, logit_inv, .y = y, .x = x, .logdet = logdet, .alpha = (float)l->spec.alpha,
                .omega = omega(l), .levels = (float)l->spec.levels);
}
static clf_status backward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                           clf_tensor x, clf_tensor y, clf_tensor dy, clf_tensor dx) {
  (void)k, (void)y;
  return clf_do(p->dev, logit_bwd, .x = x, .dy = dy, .dx = dx, .alpha = (float)l->spec.alpha,
                .omega = omega(l), .levels = (float)l->spec.levels, .dlogdet = p->dlogdet);
}

const clf__layer_ops clf__layer_pixels = {
    .name = "pixels",
    .forward = forward,
    .inverse = inverse,
    .backward = CLF_TRAINS(backward),
    .outside = outside,
    .output = "the logit of the pixels",
    .traits = CLF_IS_BOUNDED | CLF_TAKES_PIXELS,
};
