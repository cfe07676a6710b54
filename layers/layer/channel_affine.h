/* SPDX-License-Identifier: MIT */
/* channel_affine.h: y = a x + shift with a pair of numbers for each dimension of a sample, or for
 * each channel of an image: what the layers share that scale and shift.  Private. */
#ifndef CLF_CHANNEL_AFFINE_H
#define CLF_CHANNEL_AFFINE_H
#include "channels.h"

typedef struct clf__channel_affine {
  clf__slot scale; /* (channels) raw parameters u of the scale a(u) */
  clf__slot shift; /* (channels) */
  int kind;        /* CLF_FACTOR_...: a(u), see the operation scale_shift_fwd */
  float eps;       /* of CLF_FACTOR_SOFTPLUS */
  int fixed;       /* 1: scale and shift have no gradients, and backward may get any x */
} clf__channel_affine;

/* The four passes, of rows of samples; log-dets and gradients as in clf__layer_ops. */
clf_status clf__channel_affine_forward(const clf__layer *l, const clf__pass *p,
                                       const clf__channel_affine *a, clf_tensor x, clf_tensor y,
                                       clf_tensor logdet);
clf_status clf__channel_affine_inverse(const clf__layer *l, const clf__pass *p,
                                       const clf__channel_affine *a, clf_tensor y, clf_tensor x,
                                       clf_tensor logdet);
clf_status clf__channel_affine_backward(const clf__layer *l, const clf__pass *p,
                                        const clf__channel_affine *a, clf_tensor x, clf_tensor dy,
                                        clf_tensor dx);
clf_status clf__channel_affine_backward_inverse(const clf__layer *l, const clf__pass *p,
                                                const clf__channel_affine *a, clf_tensor x,
                                                clf_tensor dx, clf_tensor dy);

/* The passes of a layer that does nothing else, whose `own` begins with its clf__channel_affine;
 * for clf__layer_ops. */
clf_status clf__affine_layer_forward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                                     clf_tensor x, clf_tensor y, clf_tensor logdet);
clf_status clf__affine_layer_inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                                     clf_tensor y, clf_tensor x, clf_tensor logdet);
clf_status clf__affine_layer_backward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                                      clf_tensor x, clf_tensor y, clf_tensor dy, clf_tensor dx);
clf_status clf__affine_layer_backward_inverse(const clf__layer *l, const clf__pass *p,
                                              clf__layer_memory *k, clf_tensor y, clf_tensor x,
                                              clf_tensor dx, clf_tensor dy);

#endif
