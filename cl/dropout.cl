/* SPDX-License-Identifier: MIT */
/* dropout.cl: an item for LANES blocks of four elements of a row, whose words are drawn side by
 * side. */
kernel BY_LANES void dropout(CLF_IN(x), CLF_OUT(y), const dropout_args p) {
  const int size = p.x.dim[1] * p.x.dim[2] * p.x.dim[3], n = get_global_id(1);
  const int first = get_global_id(0) * LANES;
  if (4 * first >= size) return;
  const words_v k = words_of_v((uint)first + LANE_INDEX, n, p.first_lo, p.first_hi, p.stream,
                               p.seed_lo, p.seed_hi);
  const float scale = 1 / (1 - p.drop);
  for (int j = 0; j < 4; j++) {
    const V u = CONVERT_V(k.at[j] >> 8u) * 0x1p-24f;
    clf_lanes kept;
    kept.v = u >= p.drop ? (V)scale : (V)0;
    for (int lane = 0, i = 4 * first + j; lane < LANES && i < size; lane++, i += 4) {
      UNPACK(x);
      AT(y, n, c, h, w) = kept.f[lane] * AT(x, n, c, h, w);
    }
  }
}
