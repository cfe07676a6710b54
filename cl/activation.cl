/* SPDX-License-Identifier: MIT */
/* activation.cl: activations and concatenated ReLU, element by element. */
#include "activations.clh"
#include "images.clh"

static V act_relu(V v) { return v <= 0 ? (V)0 : v; } /* NaN stays NaN */

/* A loop for each activation: the choice is made once, outside. */
#define FORWARD(name, from, flops, value, through)                                                 \
  case CLF_ACT_##name:                                                                             \
    FOR_CHANNELS(q, c)                                                                             \
      FOR_PIXELS(q, c, at) {                                                                       \
        const V x = GET(x, at);                                                                    \
        PUT(y, at, value);                                                                         \
      }                                                                                            \
    break;
kernel BY_PIXELS void act_fwd(CLF_IN(x), CLF_OUT(y), const act_fwd_args p) {
  const image_range q = image_range_of(p.x);
  switch (p.act) { CLF_ACTIVATIONS(FORWARD) }
}

#define BACKWARD(name, from, flops, value, through)                                                \
  case CLF_ACT_##name:                                                                             \
    FOR_CHANNELS(q, c)                                                                             \
      FOR_PIXELS(q, c, at) {                                                                       \
        const V v = GET(y, at), d = GET(dy, at);                                                   \
        (void)v; /* unused where the slope is the same everywhere */                               \
        const V g = through;                                                                       \
        PUT(dx, at, p.add != 0 ? p.add * GET(dx, at) + g : g);                                     \
      }                                                                                            \
    break;
kernel BY_PIXELS void act_bwd(CLF_IN(y), CLF_IN(dy), CLF_OUT(dx), const act_bwd_args p) {
  const image_range q = image_range_of(p.y);
  switch (p.act) { CLF_ACTIVATIONS(BACKWARD) }
}

kernel BY_PIXELS void crelu_fwd(CLF_IN(x), CLF_OUT(y), const crelu_fwd_args p) {
  const image_range q = image_range_of(p.x);
  const int C = p.x.dim[1];
  FOR_CHANNELS(q, c)
    FOR_PIXELS(q, c, v) {
      const V x = p.a * GET(x, v);
      PUT(y, v, act_relu(x));
      PUT(y, image_channels_on(v, C), act_relu(-x));
      if (c == 0 && p.y.dim[1] > 2 * C)
        lanes_store(pixels_on(v, p.pixels), &AT(y, v.n, 2 * C, v.h, v.w), p.y.stride[3],
                    v.axis == 1 ? 1 : v.left);
    }
}

kernel BY_PIXELS void crelu_bwd(CLF_IN(x), CLF_IN(dy), CLF_OUT(dx), const crelu_bwd_args p) {
  const image_range q = image_range_of(p.x);
  FOR_CHANNELS(q, c)
    FOR_PIXELS(q, c, v) {
      const V x = p.a * GET(x, v), up = GET(dy, v),
              down = GET(dy, image_channels_on(v, p.x.dim[1]));
      PUT(dx, v, x > 0 ? p.a * up : x < 0 ? -p.a * down : 0 * x);
    }
}
