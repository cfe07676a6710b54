/* SPDX-License-Identifier: MIT */
/* gated.cl: elementwise on images. */
kernel BY_PIXELS void gated_fwd(CLF_IN(v), CLF_IN(g), CLF_IN(x), CLF_OUT(y),
                                const gated_fwd_args p) {
  const clf_part q = part_of(p.v);
  FOR_CHANNELS(q)
    FOR_PIXELS(q) {
      const V g = GET(g), gated = GET(v) * ACT_SIGMOID(g);
      if (p.x.dim[0])
        PUT(y, gated + GET(x))
      else
        PUT(y, gated)
    }
}

kernel BY_PIXELS void gated_bwd(CLF_IN(v), CLF_IN(g), CLF_IN(dy), CLF_OUT(dv), CLF_OUT(dg),
                                const gated_bwd_args p) {
  const clf_part q = part_of(p.v);
  FOR_CHANNELS(q)
    FOR_PIXELS(q) {
      const V g = GET(g), v = GET(v), d = GET(dy) * ACT_SIGMOID(g);
      PUT(dv, d)
      PUT(dg, d * v * ACT_SIGMOID(-g))
    }
}
