/* SPDX-License-Identifier: MIT */
/* channel_affine.c: see channel_affine.h. */
#include "channel_affine.h"

static clf_tensor gradient(const clf__pass *p, const clf__channel_affine *a,
                           const clf__slot *slot) {
  const clf_tensor none = {0};
  return a->fixed ? none : clf__gradient(p, slot);
}

clf_status clf__channel_affine_forward(const clf__layer *l, const clf__pass *p,
                                       const clf__channel_affine *a, clf_tensor x, clf_tensor y,
                                       clf_tensor logdet) {
  return clf_do(p->dev, scale_shift_fwd, .x = clf__by_channel(l, x), .u = clf__weight(p, &a->scale),
                .shift = clf__weight(p, &a->shift), .y = clf__by_channel(l, y), .logdet = logdet,
                .kind = a->kind, .eps = a->eps);
}

clf_status clf__channel_affine_inverse(const clf__layer *l, const clf__pass *p,
                                       const clf__channel_affine *a, clf_tensor y, clf_tensor x,
                                       clf_tensor logdet) {
  return clf_do(p->dev, scale_shift_inv, .y = clf__by_channel(l, y), .u = clf__weight(p, &a->scale),
                .shift = clf__weight(p, &a->shift), .x = clf__by_channel(l, x), .logdet = logdet,
                .kind = a->kind, .eps = a->eps);
}

clf_status clf__channel_affine_backward(const clf__layer *l, const clf__pass *p,
                                        const clf__channel_affine *a, clf_tensor x, clf_tensor dy,
                                        clf_tensor dx) {
  return clf_do(p->dev, scale_shift_bwd, .x = clf__by_channel(l, x), .u = clf__weight(p, &a->scale),
                .dy = clf__by_channel(l, dy), .dl = p->each, .dx = clf__by_channel(l, dx),
                .du = gradient(p, a, &a->scale), .dshift = gradient(p, a, &a->shift),
                .kind = a->kind, .eps = a->eps, .dlogdet = p->dlogdet);
}

clf_status clf__channel_affine_backward_inverse(const clf__layer *l, const clf__pass *p,
                                                const clf__channel_affine *a, clf_tensor x,
                                                clf_tensor dx, clf_tensor dy) {
  return clf_do(p->dev, scale_shift_inv_bwd, .x = clf__by_channel(l, x),
                .u = clf__weight(p, &a->scale), .dx = clf__by_channel(l, dx), .dl = p->each,
                .dy = clf__by_channel(l, dy), .du = gradient(p, a, &a->scale),
                .dshift = gradient(p, a, &a->shift), .kind = a->kind, .eps = a->eps,
                .dlogdet = p->dlogdet);
}

/* ---- A layer of its own ---------------------------------------------------------------------- */

clf_status clf__affine_layer_forward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                                     clf_tensor x, clf_tensor y, clf_tensor logdet) {
  (void)k;
  return clf__channel_affine_forward(l, p, l->own, x, y, logdet);
}
clf_status clf__affine_layer_inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                                     clf_tensor y, clf_tensor x, clf_tensor logdet) {
  (void)k;
  return clf__channel_affine_inverse(l, p, l->own, y, x, logdet);
}
clf_status clf__affine_layer_backward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                                      clf_tensor x, clf_tensor y, clf_tensor dy, clf_tensor dx) {
  (void)k, (void)y;
  return clf__channel_affine_backward(l, p, l->own, x, dy, dx);
}
clf_status clf__affine_layer_backward_inverse(const clf__layer *l, const clf__pass *p,
                                              clf__layer_memory *k, clf_tensor y, clf_tensor x,
                                              clf_tensor dx, clf_tensor dy) {
  (void)k, (void)y;
  return clf__channel_affine_backward_inverse(l, p, l->own, x, dx, dy);
}
