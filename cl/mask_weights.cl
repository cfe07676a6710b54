/* SPDX-License-Identifier: MIT */
/* mask_weights.cl: elementwise. */
kernel BY_PIXELS void mask_weights(CLF_IN(mask), CLF_OUT(w), const mask_weights_args p) {
  const clf_part q = part_of(p.w);
  FOR_CHANNELS(q)
    FOR_PIXELS(q) {
      const V was = GET(w), mask = GET(mask);
      PUT(w, mask == 0 ? (V)0 : was);
    }
}
