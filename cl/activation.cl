/* SPDX-License-Identifier: MIT */
/* activation.cl: elementwise on images. */
static V act_relu(V v) { return v <= 0 ? (V)0 : v; } /* NaN stays NaN */

/* A loop for each activation: the choice stands outside. */
kernel BY_PIXELS void act_fwd(CLF_IN(x), CLF_OUT(y), const act_fwd_args p) {
  const clf_part q = part_of(p.x);
#define ROW(name, from, flops, value, through)                                                     \
  case CLF_ACT_##name:                                                                             \
    FOR_CHANNELS(q)                                                                                \
      FOR_PIXELS(q) {                                                                              \
        const V x = GET(x);                                                                        \
        PUT(y, value);                                                                             \
      }                                                                                            \
    break;
  switch (p.act) { CLF_ACTIVATIONS(ROW) }
#undef ROW
}

kernel BY_PIXELS void act_bwd(CLF_IN(y), CLF_IN(dy), CLF_OUT(dx), const act_bwd_args p) {
  const clf_part q = part_of(p.y);
#define ROW(name, from, flops, value, through)                                                     \
  case CLF_ACT_##name:                                                                             \
    FOR_CHANNELS(q)                                                                                \
      FOR_PIXELS(q) {                                                                              \
        const V v = GET(y), d = GET(dy);                                                           \
        (void)v; /* where the slope is the same everywhere */                                      \
        const V g = through;                                                                       \
        PUT(dx, p.add != 0 ? p.add * GET(dx) + g : g);                                             \
      }                                                                                            \
    break;
  switch (p.act) { CLF_ACTIVATIONS(ROW) }
#undef ROW
}

/* The channel C + c of t beside GET's c. */
#define SECOND(t) &AT(t, n, p.x.dim[1] + c, h, w), p.t.stride[q.axis], LEFT(q)

kernel BY_PIXELS void crelu_fwd(CLF_IN(x), CLF_OUT(y), const crelu_fwd_args p) {
  const clf_part q = part_of(p.x);
  FOR_CHANNELS(q)
    FOR_PIXELS(q) {
      const V x = p.a * GET(x);
      PUT(y, act_relu(x));
      lanes_store(act_relu(-x), SECOND(y));
      if (c == 0 && p.y.dim[1] > 2 * p.x.dim[1])
        lanes_store(pixels_on(q, p.pixels, h, w), &AT(y, n, 2 * p.x.dim[1], h, w), p.y.stride[3],
                    q.axis == 1 ? 1 : LEFT(q));
    }
}

kernel BY_PIXELS void crelu_bwd(CLF_IN(x), CLF_IN(dy), CLF_OUT(dx), const crelu_bwd_args p) {
  const clf_part q = part_of(p.x);
  FOR_CHANNELS(q)
    FOR_PIXELS(q) {
      const V x = p.a * GET(x), up = GET(dy), down = lanes_load(SECOND(dy));
      PUT(dx, x > 0 ? p.a * up : x < 0 ? -p.a * down : 0 * x);
    }
}
#undef SECOND
