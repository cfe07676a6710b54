/* SPDX-License-Identifier: MIT */
/* gain.cl: a gain and a bias for each column.  The gradient: a work-item for LANES columns of a
 * band of rows; then one for each column adds up the bands, [bands][2][D] in scratch memory. */
#include "images.clh"

kernel BY_PIXELS void gain_fwd(CLF_IN(x), CLF_IN(gain), CLF_IN(bias), CLF_OUT(y),
                               const gain_fwd_args p) {
  const image_range q = image_range_of(p.x);
  FOR_CHANNELS(q, c) {
    const int count = q.axis == 1 ? q.c1 - c : 1;
    const V gain = lanes_load(PTR(gain, c, 0), p.gain.stride[0], count);
    const V bias = lanes_load(PTR(bias, c, 0), p.bias.stride[0], count);
    FOR_PIXELS(q, c, v) PUT(y, v, gain * GET(x, v) + bias);
  }
}

kernel BY_LANES void gain_bwd(CLF_IN(x), CLF_IN(gain), CLF_IN(dy), CLF_OUT(dx), CLF_OUT(dgain),
                              CLF_OUT(dbias), const gain_bwd_args p, CLF_SCRATCH(bands_plan)) {
  const int d = get_global_id(0) * LANES, band = get_global_id(1), D = p.x.dim[1];
  const int end = min((band + 1) * e.size, p.x.dim[0]);
  if (d >= D) return;
  const V gain = lanes_load(PTR(gain, d, 0), p.gain.stride[0], D - d);
  V by_x = 0, alone = 0;
  for (int n = band * e.size; n < end; n++) {
    const V dy = lanes_load(PTR(dy, n, d), p.dy.stride[1], D - d);
    by_x += dy * lanes_load(PTR(x, n, d), p.x.stride[1], D - d);
    alone += dy;
    lanes_store(gain * dy, PTR(dx, n, d), p.dx.stride[1], D - d);
  }
  lanes_store(by_x, scratch + 2 * band * D + d, 1, D - d);
  lanes_store(alone, scratch + (2 * band + 1) * D + d, 1, D - d);
}

kernel BY_ITEM void gain_bwd_add(CLF_IN(x), CLF_IN(gain), CLF_IN(dy), CLF_OUT(dx), CLF_OUT(dgain),
                                 CLF_OUT(dbias), const gain_bwd_args p, CLF_SCRATCH(bands_plan)) {
  const int d = get_global_id(0), D = p.x.dim[1];
  if (d >= D) return;
  float by_x = 0, alone = 0;
  for (int band = 0; band < e.count; band++) {
    by_x += scratch[2 * band * D + d];
    alone += scratch[(2 * band + 1) * D + d];
  }
  if (p.dgain.dim[0]) *PTR(dgain, d, 0) += by_x;
  if (p.dbias.dim[0]) *PTR(dbias, d, 0) += alone;
}
