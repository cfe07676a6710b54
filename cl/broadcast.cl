/* SPDX-License-Identifier: MIT */
/* broadcast.cl: adds numbers of an image to all its pixels.  The gradient: a work-item sums LANES
 * channels of an image over its pixels, in order. */
#include "images.clh"

/* The numbers of x that belong to the elements of an image_vector. */
#define SHARED(x, at)                                                                              \
  ((at).axis == 1 ? lanes_load(PTR(x, (at).n, (at).c), p.x.stride[1], (at).left)                   \
                  : (V)*PTR(x, (at).n, (at).c))

kernel BY_PIXELS void broadcast_fwd(CLF_IN(x), CLF_OUT(y), const broadcast_fwd_args p) {
  const image_range q = image_range_of(p.y);
  FOR_CHANNELS(q, c)
    FOR_PIXELS(q, c, at) {
      const V x = SHARED(x, at);
      if (p.beta != 0)
        PUT(y, at, x + p.beta * GET(y, at));
      else
        PUT(y, at, x);
    }
}

kernel BY_LANES void broadcast_bwd(CLF_IN(dy), CLF_OUT(dx), const broadcast_bwd_args p) {
  const int c = get_global_id(0) * LANES, n = get_global_id(1), C = p.dy.dim[1];
  if (c >= C) return;
  V sum = 0;
  for (int h = 0; h < p.dy.dim[2]; h++)
    for (int w = 0; w < p.dy.dim[3]; w++)
      sum += lanes_load(&AT(dy, n, c, h, w), p.dy.stride[1], C - c);
  if (p.beta != 0) sum += p.beta * lanes_load(PTR(dx, n, c), p.dx.stride[1], C - c);
  lanes_store(sum, PTR(dx, n, c), p.dx.stride[1], C - c);
}
