/* SPDX-License-Identifier: MIT */
/* random.cl: random bits: a work-item for one block of words of one sample.  Random numbers: a
 * work-item for many blocks, LANES at once.  Shuffling: a work-item for LANES rows. */
#include "samples.clh"
#include "shuffle.clh"

/* A work-item fills elements 8 block .. 8 block + 7 of row n. */
kernel BY_ITEM void random_bits(CLF_OUT(y), const random_bits_args p) {
  const int size = sample_size(p.y), blocks = (size + 7) / 8;
  const int id = get_global_id(0), n = id / blocks, block = id % blocks;
  if (n >= p.y.dim[0]) return;
  const words k = words_of(block, n, p.first_lo, p.first_hi, p.stream, p.seed_lo, p.seed_hi);
  clf_element q = element_of(p.y, block * 8);
  for (int j = 0; j < 8 && q.i < size; j++, q = element_after(p.y, q))
    AT(y, n, q.c, q.h, q.w) = j % 2 == 0 ? k.at[j / 2] >> 16 : k.at[j / 2] & 0xffff;
}

/* ---- Numbers --------------------------------------------------------------------------
 * Blocks of four are counted row after row, since rows may be short.  A work-item has SPAN of them,
 * and takes LANES at once. */
#define SPAN (LANES > 1 ? 64 * LANES : 1) /* ops.def launches it */

typedef union {
  U v;
  uint at[LANES];
} lane_counts;
typedef struct { /* LANES blocks: rows, and which of its row's blocks each one is */
  lane_counts n, b;
} random_blocks;

INLINE void blocks_from(random_blocks *q, uint first, uint per_row) {
  for (uint lane = 0; lane < LANES; lane++) {
    q->n.at[lane] = (first + lane) / per_row;
    q->b.at[lane] = first + lane - q->n.at[lane] * per_row;
  }
}
/* Counts stay below 2^31, so the sign tells which is larger.  (Oclgrind compares vectors wrongly.)
 */
INLINE void blocks_next(random_blocks *q, uint per_row) {
  const U next = q->b.v + LANES % per_row, over = (next - per_row) >> 31u ^ 1u;
  q->n.v += LANES / per_row + over;
  q->b.v = next - over * per_row;
}

INLINE words_v words_at(const random_blocks *q, uint lo, uint hi, uint stream, uint k0, uint k1) {
  const U low = q->n.v + lo;
  return philox_v(q->b.v, low, low < q->n.v ? (U)(hi + 1) : (U)hi, stream, k0, k1);
}

/* Stores each lane's numbers to its row.  Whole rows of two numbers, or of fours, are contiguous.
 */
INLINE void blocks_store(const clf_lanes *z, const random_blocks *q, global float *y, clf_view t,
                         int left) {
  const int size = t.dim[1] * t.dim[2] * t.dim[3], dense = whole_order(t) == 1;
  const int one = t.dim[2] * t.dim[3] == 1, step = one ? t.stride[1] : 1;
  global float *d = y + t.offset + q->n.at[0] * size + 4 * q->b.at[0];
  if (dense && size % 4 == 0 && left >= LANES) {
#pragma unroll
    for (int lane = 0; lane < LANES; lane++)
      vstore4((float4)(z[0].f[lane], z[1].f[lane], z[2].f[lane], z[3].f[lane]), lane, d);
    return;
  }
  if (dense && size == 2 && left >= LANES) {
#pragma unroll
    for (int lane = 0; lane < LANES; lane++) vstore2((float2)(z[0].f[lane], z[1].f[lane]), lane, d);
    return;
  }
  for (int lane = 0; lane < min(LANES, left); lane++) {
    const int i0 = 4 * q->b.at[lane];
    d = y + t.offset + q->n.at[lane] * t.stride[0];
    for (int j = 0; j < 4 && i0 + j < size; j++) {
      const int i = i0 + j, w = i % t.dim[3], r = i / t.dim[3], h = r % t.dim[2], c = r / t.dim[2];
      d[one || dense ? i * step : c * t.stride[1] + h * t.stride[2] + w * t.stride[3]] =
          z[j].f[lane];
    }
  }
}

/* Blocks first .. first + count - 1 are this work-item's. */
typedef struct {
  uint per_row, first;
  int count;
} random_span;
INLINE random_span random_span_of(clf_view t) {
  random_span s;
  s.per_row = (sample_size(t) + 3) / 4;
  s.first = get_global_id(0) * SPAN;
  s.count = (int)min(s.first + SPAN, s.per_row * t.dim[0]) - (int)s.first;
  return s;
}

kernel BY_LANES void random_uniform(CLF_OUT(y), const random_uniform_args p) {
  const random_span s = random_span_of(p.y);
  random_blocks q;
  blocks_from(&q, s.first, s.per_row);
  for (int left = s.count; left > 0; left -= LANES, blocks_next(&q, s.per_row)) {
    const words_v k = words_at(&q, (uint)p.first_lo, (uint)p.first_hi, (uint)p.stream,
                               (uint)p.seed_lo, (uint)p.seed_hi);
    clf_lanes z[4];
#pragma unroll
    for (int j = 0; j < 4; j++) z[j].v = CONVERT_V(k.at[j] >> 8) * 0x1p-24f;
    blocks_store(z, &q, y_, p.y, left);
  }
}

kernel BY_LANES void random_normal(CLF_OUT(y), const random_normal_args p) {
  const int pairs = sample_size(p.y) > 2 ? 2 : 1;
  const random_span s = random_span_of(p.y);
  random_blocks q;
  blocks_from(&q, s.first, s.per_row);
  for (int left = s.count; left > 0; left -= LANES, blocks_next(&q, s.per_row)) {
    const words_v k = words_at(&q, (uint)p.first_lo, (uint)p.first_hi, (uint)p.stream,
                               (uint)p.seed_lo, (uint)p.seed_hi);
    clf_lanes z[4];
    for (int j = 0; j < pairs; j++)
      normal_pair(k.at[2 * j], k.at[2 * j + 1], &z[2 * j].v, &z[2 * j + 1].v);
    blocks_store(z, &q, y_, p.y, left);
  }
}

/* ---- Shuffling ------------------------------------------------------------------------------ */

/* A work-item for LANES rows, whose order is computed at once. */
kernel BY_LANES void shuffle_rows(CLF_IN(x), CLF_OUT(y), const shuffle_rows_args p) {
  const int n0 = get_global_id(0) * LANES, N = p.y.dim[0];
  if (n0 >= N) return;
  union {
    U v;
    uint i[LANES];
  } from;
  from.v = order_at(order_of(p.seed_lo, p.seed_hi, p.epoch, p.x.dim[0]),
                    (uint)p.first + min((uint)n0 + (U)LANE_INDEX, (U)(uint)(N - 1)));
  for (int n = n0; n < min(n0 + LANES, N); n++)
    for (int c = 0; c < p.y.dim[1]; c++)
      for (int h = 0; h < p.y.dim[2]; h++)
        for (int w = 0; w < p.y.dim[3]; w++)
          AT(y, n, c, h, w) = AT(x, (int)from.i[n - n0], c, h, w);
}
