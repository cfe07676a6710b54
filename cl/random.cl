/* SPDX-License-Identifier: MIT */
/* random.cl: an item for the words of one block of one sample; shuffling, an item per
 * row. */
/* An item fills elements block PER .. block PER + PER - 1 of row n. */
#define RANDOM(PER)                                                                                \
  const int size_ = p.y.dim[1] * p.y.dim[2] * p.y.dim[3], blocks_ = (size_ + PER - 1) / PER;       \
  const int id = get_global_id(0), n = id / blocks_, block = id % blocks_;                         \
  if (n >= p.y.dim[0]) return;                                                                     \
  const words k = words_of(block, n, p.first_lo, p.first_hi, p.stream, p.seed_lo, p.seed_hi);      \
  for (int j = 0, i = block * PER; j < PER && i < size_; j++, i++)

kernel BY_ITEM void random_bits(CLF_OUT(y), const random_bits_args p) {
  RANDOM(8) {
    UNPACK(y);
    AT(y, n, c, h, w) = j % 2 == 0 ? k.at[j / 2] >> 16 : k.at[j / 2] & 0xffff;
  }
}

kernel BY_ITEM void random_uniform(CLF_OUT(y), const random_uniform_args p) {
  RANDOM(4) {
    UNPACK(y);
    AT(y, n, c, h, w) = (float)(k.at[j] >> 8) * 0x1p-24f;
  }
}

/* Four normals of four words: two pairs at a time.  u in (0, 1) has 23 bits and half
 * a step, so that log u is finite. */
float4 box_muller(uint4 k) {
  const float2 u = (convert_float2(k.even >> 9) + 0.5f) * 0x1p-23f;
  const float2 angle = 6.283185307179586f * (convert_float2(k.odd >> 8) * 0x1p-24f);
  const float2 r = sqrt(-2 * log(u)), x = r * cos(angle), y = r * sin(angle);
  return (float4)(x.x, y.x, x.y, y.y);
}

typedef union {
  float4 v;
  float at[4];
} normals;

kernel BY_ITEM void random_normal(CLF_OUT(y), const random_normal_args p) {
  normals z;
  RANDOM(4) {
    if (j == 0) z.v = box_muller((uint4)(k.at[0], k.at[1], k.at[2], k.at[3]));
    UNPACK(y);
    AT(y, n, c, h, w) = z.at[j];
  }
}
#undef RANDOM

/* ---- Shuffling ------------------------------------------------------------------------ */

/* An item for LANES rows, whose order is computed side by side. */
kernel BY_LANES void shuffle_rows(CLF_IN(x), CLF_OUT(y), const shuffle_rows_args p) {
  const int n0 = get_global_id(0) * LANES, N = p.y.dim[0];
  if (n0 >= N) return;
  union {
    U v;
    uint i[LANES];
  } from;
  from.v = order_at_v(order_of(p.seed_lo, p.seed_hi, p.epoch, p.x.dim[0]),
                      (uint)p.first + min((uint)n0 + (U)LANE_INDEX, (U)(uint)(N - 1)));
  for (int n = n0; n < min(n0 + LANES, N); n++)
    for (int c = 0; c < p.y.dim[1]; c++)
      for (int h = 0; h < p.y.dim[2]; h++)
        for (int w = 0; w < p.y.dim[3]; w++)
          AT(y, n, c, h, w) = AT(x, (int)from.i[n - n0], c, h, w);
}
