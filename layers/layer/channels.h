/* SPDX-License-Identifier: MIT */
/* channels.h: layers that treat each dimension of a sample, or each channel of an image, in the
 * same way at all positions.  Private. */
#ifndef CLF_CHANNELS_H
#define CLF_CHANNELS_H
#include "layer.h"

static inline int clf__is_image(const clf__layer *l) { return l->in.channels > 0; }

/* Number of channels of an image, otherwise of dimensions; and how often each occurs in a
 * sample. */
static inline int32_t clf__channels(const clf__layer *l) {
  return clf__is_image(l) ? l->in.channels : l->in.dim;
}
static inline int32_t clf__pixels(const clf__layer *l) {
  return clf__is_image(l) ? l->in.height * l->in.width : 1;
}

/* Rows of samples as (n, channels, height, width), or unchanged. */
static inline clf_tensor clf__by_channel(const clf__layer *l, clf_tensor x) {
  if (!clf__is_image(l)) return x;
  const int32_t C = l->in.channels, H = l->in.height, W = l->in.width;
  return (clf_tensor){.buf = x.buf,
                      .offset = x.offset,
                      .dim = {x.dim[0], C, H, W},
                      .stride = {x.stride[0], 1, W * C, C}};
}

/* Adds to the gradient of a log-det that n samples share: to[0] += times (the sum over n of
 * dL/dlogdet[n]). */
clf_status clf__add_logdet_gradient(const clf__pass *p, int32_t n, int32_t times, clf_tensor to);

/* y = -y, in place; x is any tensor of finite numbers of the same shape. */
clf_status clf__negate(const clf__pass *p, clf_tensor x, clf_tensor y);

#endif
