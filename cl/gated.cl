/* SPDX-License-Identifier: MIT */
/* gated.cl: gated linear units, element by element. */
#include "activations.clh"
#include "images.clh"

kernel BY_PIXELS void gated_fwd(CLF_IN(v), CLF_IN(g), CLF_IN(x), CLF_OUT(y),
                                const gated_fwd_args p) {
  const image_range q = image_range_of(p.v);
  FOR_CHANNELS(q, c)
    FOR_PIXELS(q, c, at) {
      const V g = GET(g, at), gated = GET(v, at) * ACT_SIGMOID(g);
      if (p.x.dim[0])
        PUT(y, at, gated + GET(x, at));
      else
        PUT(y, at, gated);
    }
}

kernel BY_PIXELS void gated_bwd(CLF_IN(v), CLF_IN(g), CLF_IN(dy), CLF_OUT(dv), CLF_OUT(dg),
                                const gated_bwd_args p) {
  const image_range q = image_range_of(p.v);
  FOR_CHANNELS(q, c)
    FOR_PIXELS(q, c, at) {
      const V g = GET(g, at), v = GET(v, at), d = GET(dy, at) * ACT_SIGMOID(g);
      PUT(dv, at, d);
      PUT(dg, at, d * v * ACT_SIGMOID(-g));
    }
}
