/* SPDX-License-Identifier: MIT */
/* mask_weights.cl: weights become 0 where their mask is 0. */
#include "images.clh"

kernel BY_PIXELS void mask_weights(CLF_IN(mask), CLF_OUT(w), const mask_weights_args p) {
  const image_range q = image_range_of(p.w);
  FOR_CHANNELS(q, c)
    FOR_PIXELS(q, c, v) {
      const V old = GET(w, v), mask = GET(mask, v);
      PUT(w, v, mask == 0 ? (V)0 : old);
    }
}
