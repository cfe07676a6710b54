/* SPDX-License-Identifier: MIT */
/* dropout.cl: a work-item for LANES blocks of four elements of a row, whose random words are drawn
 * side by side. */
#include "random.clh"
#include "samples.clh"

kernel BY_LANES void dropout(CLF_IN(x), CLF_OUT(y), const dropout_args p) {
  const int size = sample_size(p.x), n = get_global_id(1), first = get_global_id(0) * LANES;
  if (4 * first >= size) return;
  const words_v k = words_of_v((uint)first + LANE_INDEX, n, p.first_lo, p.first_hi, p.stream,
                               p.seed_lo, p.seed_hi);
  const float scale = 1 / (1 - p.drop);
  clf_lanes factor[4];
#pragma unroll
  for (int j = 0; j < 4; j++)
    factor[j].v = CONVERT_V(k.at[j] >> 8u) * 0x1p-24f >= p.drop ? (V)scale : (V)0;
  clf_element q = element_of(p.x, 4 * first);
  for (int lane = 0; lane < LANES; lane++)
#pragma unroll
    for (int j = 0; j < 4; j++, q = element_after(p.x, q))
      if (q.i < size) AT(y, n, q.c, q.h, q.w) = factor[j].f[lane] * AT(x, n, q.c, q.h, q.w);
}
