/* SPDX-License-Identifier: MIT */
/* activation.cl: elementwise on images. */
kernel BY_PIXELS void act_bwd(CLF_IN(y), CLF_IN(dy), CLF_OUT(dx), const act_bwd_args p) {
  const clf_part q = part_of(p.y);
  FOR_CHANNELS(q)
    FOR_PIXELS(q) {
      const V y = GET(y), dy = GET(dy);
      PUT(dx, p.act == 1 ? dy * (1 - y * y) : p.act == 2 ? (y <= 0 ? (V)0 : dy) : dy);
    }
}
