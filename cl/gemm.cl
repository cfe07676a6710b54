/* SPDX-License-Identifier: MIT */
/* gemm.cl: c = act(alpha op(a) op(b) + beta c + bias), with a [M,K], b [K,N], c [M,N] after op.
 * Every element of c is one chain of multiply-adds, k in order, however a and b are read, so
 * all algorithms with vectors give the same bits.  cl/gemm.c chooses between them.
 *
 * With vectors (LANES > 1) a work-item computes tiles of TM x TN of c in registers, TN = 2
 * LANES:
 *
 *          b, packed in panels [K][TN]                a, TM rows, read in place (or packed)
 *          panel 0     panel 1                            k ->
 *        +-----------+-----------+                    +---------------------+
 *   k    | TN floats | TN floats |               TM   |                     |  r = 0
 *   |    +-----------+-----------+                    +---------------------+
 *   v    | TN floats | TN floats |                    |                     |  r = 1
 *        +-----------+-----------+                    +---------------------+
 *
 *   for each k: acc[r][0], acc[r][1] += a[r][k] * the two vectors of the panel's line k
 *
 * Panels make the inner loop read one stream.  A work-item computes some tiles, one below the
 * other, by one panel, while the panel is in its cache.  Assumed: nothing of strides; columns
 * beyond N are zeros in a panel, rows beyond M repeat the last.  TM x TN is what fills the
 * vector registers: 8 x 32 for simd16, 6 x 16 for simd8, 6 x 8 for simd4.
 *
 * With one lane (GPUs) a work-group computes a tile of TM x TN in local memory: tiles.clh.
 *
 * weights_bwd is such a product, dw += dy^T x, of which a mask removes parts: tiles that it removes
 * are not computed.  masked_fwd and masked_bwd have masked weights for b: of a panel, or a tile,
 * only the terms from the first to the last that the mask leaves in any of its columns are
 * computed. */
#include "activations.clh"
#include "tiles.clh"

/* Degrees of rows and columns of c: an element is removed where row < column. */
typedef struct {
  global const float *row, *column; /* row NULL: there is no mask */
  int row_step, column_step;
} gemm_mask;
#define WEIGHTS_MASK(p)                                                                            \
  { row_ + p.row.offset, column_ + p.column.offset, p.row.stride[0], p.column.stride[0] }
INLINE int gemm_removes(gemm_mask m, int i, int j) {
  return m.row[i * m.row_step] < m.column[j * m.column_step];
}
/* Whether all of rows i0 .. i1 - 1, columns j0 .. j1 - 1 is removed. */
INLINE int gemm_removes_all(gemm_mask m, int i0, int i1, int j0, int j1) {
  float high = m.row[i0 * m.row_step], low = m.column[j0 * m.column_step];
  for (int i = i0 + 1; i < i1; i++) high = max(high, m.row[i * m.row_step]);
  for (int j = j0 + 1; j < j1; j++) low = min(low, m.column[j * m.column_step]);
  return high < low;
}

/* Levels of the columns of c, and of the terms of their sums: term k has a weight in column j if
 * its level is not above that of the column.  A level is `sign` times a degree. */
typedef struct {
  global const float *column, *term;
  int column_step, term_step;
  float sign;
} gemm_levels;
#define FORWARD_LEVELS(p)                                                                          \
  { row_ + p.row.offset, column_ + p.column.offset, p.row.stride[0], p.column.stride[0], 1 }
#define BACKWARD_LEVELS(p)                                                                         \
  { column_ + p.column.offset, row_ + p.row.offset, p.column.stride[0], p.row.stride[0], -1 }
/* From the first to behind the last of K terms for columns j0 .. j1 - 1. */
INLINE int2 gemm_terms(gemm_levels q, int j0, int j1, int K) {
  int2 k = {0, K};
  float high = q.sign * q.column[j0 * q.column_step];
  for (int j = j0 + 1; j < j1; j++) high = max(high, q.sign * q.column[j * q.column_step]);
  while (k.x < K && q.sign * q.term[k.x * q.term_step] > high) k.x++;
  while (k.y > k.x && q.sign * q.term[(k.y - 1) * q.term_step] > high) k.y--;
  return k;
}

#if LANES > 1
/* Rows k0 .. k1 - 1 of panel j of b, the first of which is at d. */
static void gemm_panel(global const float *b, clf_view v, int tb, int N, int j, int k0, int k1,
                       global float *d) {
  const int n = N - j * TN, sk = tb ? v.stride[1] : v.stride[0],
            sj = tb ? v.stride[0] : v.stride[1];
  global const float *s = b + v.offset + (ptrdiff_t)k0 * sk + (ptrdiff_t)j * TN * sj;
  for (int k = k0; k < k1; k++, s += sk, d += TN) {
    VSTORE(lanes_load(s, sj, n), d);
    if (n > LANES) VSTORE(lanes_load(s + LANES * sj, sj, n - LANES), d + LANES);
  }
}

typedef struct { /* a as tiles see it: element (r, k) of tile t is at t tile + r row + k step */
  global const float *at;
  int tile, row, step, rows; /* rows past the end repeat the last */
} gemm_rows;
INLINE gemm_rows gemm_in_place(global const float *a, clf_view v, int ta, int M) {
  const int row = ta ? v.stride[1] : v.stride[0], step = ta ? v.stride[0] : v.stride[1];
  const gemm_rows q = {a + v.offset, TM * row, row, step, M};
  return q;
}

typedef struct { /* what becomes of the sums: act(alpha sums + beta c + bias) at c */
  global float *c;
  clf_view v;
  float alpha, beta;
  int act;
  global const float *bias; /* NULL: none */
  int bias_stride;
  gemm_mask mask;
} gemm_out;
INLINE gemm_out gemm_out_of(global float *c, global const float *bias, const gemm_args p) {
  const gemm_out o = {
      c,  p.c, p.alpha, p.beta, p.act, p.bias.dim[0] ? bias + p.bias.offset : 0, p.bias.stride[0],
      {0}};
  return o;
}
#define WEIGHTS_OUT(p)                                                                             \
  { dw_, p.dw, 1, 1, CLF_ACT_none, 0, 0, WEIGHTS_MASK(p) }

/* Of TM rows by one vector of a panel, or by two; loops of their own, so that sums stay in
 * registers. */
#define GEMM_LOOP(halves)                                                                          \
  for (int k = 0; k < K; k++, b += TN) {                                                           \
    V bs[2];                                                                                       \
    bs[0] = VLOAD(b);                                                                              \
    if (halves == 2) bs[1] = VLOAD(b + LANES);                                                     \
    _Pragma("unroll") for (int r = 0; r < TM; r++) {                                               \
      const V x = a[r][k * q.step];                                                                \
      acc[r][0] = fma(x, bs[0], acc[r][0]);                                                        \
      if (halves == 2) acc[r][1] = fma(x, bs[1], acc[r][1]);                                       \
    }                                                                                              \
  }
/* Tile t of rows by K lines of a panel from b on, for columns j0 .. of c.  `before` and `after`,
 * sums of [TM][2] vectors, are where a chain goes on that covers several calls: NULL at its start,
 * and at its end. */
static void gemm_tile(gemm_rows q, int t, global const float *b, int K, global const float *before,
                      global float *after, int j0, gemm_out o) {
  const int left = q.rows - t * TM, wide = o.v.dim[1] - j0 > LANES;
  if (o.mask.row &&
      gemm_removes_all(o.mask, t * TM, t * TM + min(left, TM), j0, min(j0 + TN, o.v.dim[1])))
    return;
  global const float *a[TM];
  V acc[TM][2];
#pragma unroll
  for (int r = 0; r < TM; r++) {
    a[r] = q.at + (ptrdiff_t)t * q.tile + min(r, left - 1) * q.row;
    acc[r][0] = before ? VLOAD(before + 2 * r * LANES) : 0;
    acc[r][1] = before ? VLOAD(before + (2 * r + 1) * LANES) : 0;
  }
  if (wide) {
    GEMM_LOOP(2)
  } else {
    GEMM_LOOP(1)
  }
  if (after) {
#pragma unroll
    for (int r = 0; r < TM; r++) {
      VSTORE(acc[r][0], after + 2 * r * LANES);
      VSTORE(acc[r][1], after + (2 * r + 1) * LANES);
    }
    return;
  }
  const int n = o.v.dim[1] - j0, si = o.v.stride[0], sj = o.v.stride[1];
  global float *to = o.c + (o.v.offset + t * TM * si + j0 * sj);
  const V add0 = o.bias ? lanes_load(o.bias + j0 * o.bias_stride, o.bias_stride, n) : 0;
  const V add1 = o.bias && wide
                     ? lanes_load(o.bias + (j0 + LANES) * o.bias_stride, o.bias_stride, n - LANES)
                     : 0;
  if (o.mask.row) {
    const int step = o.mask.column_step;
    global const float *columns = o.mask.column + j0 * step;
    const V column0 = lanes_load(columns, step, n);
    const V column1 = wide ? lanes_load(columns + LANES * step, step, n - LANES) : 0;
#pragma unroll
    for (int r = 0; r < TM; r++) {
      const V row = o.mask.row[(t * TM + min(r, left - 1)) * o.mask.row_step];
      acc[r][0] = row < column0 ? (V)0 : acc[r][0];
      acc[r][1] = row < column1 ? (V)0 : acc[r][1];
    }
  }
  V sums[TM][2]; /* a copy that loops may index: acc stays in registers */
#pragma unroll
  for (int r = 0; r < TM; r++) {
    sums[r][0] = o.alpha * acc[r][0] + add0;
    sums[r][1] = o.alpha * acc[r][1] + add1;
  }
  if (o.beta != 0)
    for (int r = 0; r < min(left, TM); r++) {
      sums[r][0] += o.beta * lanes_load(to + r * si, sj, n);
      if (wide) sums[r][1] += o.beta * lanes_load(to + r * si + LANES * sj, sj, n - LANES);
    }
#define GEMM_ACT(name, from, flops, value, through)                                                \
  case CLF_ACT_##name:                                                                             \
    for (int r = 0; r < TM; r++)                                                                   \
      for (int h = 0; h < 2; h++) {                                                                \
        const V x = sums[r][h];                                                                    \
        sums[r][h] = value;                                                                        \
      }                                                                                            \
    break;
  if (o.act) switch (o.act) {
      CLF_ACTIVATIONS(GEMM_ACT)
    }
  if (sj == 1 && n >= TN && left >= TM) /* most of c: no choice for each vector */
#pragma unroll
    for (int r = 0; r < TM; r++) {
      VSTORE(sums[r][0], to + r * si);
      VSTORE(sums[r][1], to + r * si + LANES);
    }
  else
    for (int r = 0; r < min(left, TM); r++) {
      lanes_store(sums[r][0], to + r * si, sj, n);
      if (wide) lanes_store(sums[r][1], to + r * si + LANES * sj, sj, n - LANES);
    }
}

/* `panels`, first launch.  Work-item (i, j): rows e.rows i and on, e.rows of them, of panel j of b.
 */
kernel BY_LANES void gemm_pack(CLF_IN(a), CLF_IN(b), CLF_IN(bias), CLF_OUT(c), const gemm_args p,
                               CLF_SCRATCH(gemm_pack_plan)) {
  const int K = p.a.dim[!p.ta], k0 = get_global_id(0) * e.rows, j = get_global_id(1);
  gemm_panel(b_, p.b, p.tb, p.c.dim[1], j, k0, min(k0 + e.rows, K),
             scratch + ((size_t)j * K + k0) * TN);
}

/* `panels`, second launch.  Work-item (i, j): e.tiles tiles, one below the other, by panel j. */
kernel BY_LANES void gemm(CLF_IN(a), CLF_IN(b), CLF_IN(bias), CLF_OUT(c), const gemm_args p,
                          CLF_SCRATCH(gemm_plan)) {
  const int M = p.c.dim[0], K = p.a.dim[!p.ta], j = get_global_id(1);
  const int t0 = get_global_id(0) * e.tiles, t1 = min(t0 + e.tiles, (M - 1) / TM + 1);
  const gemm_rows rows = gemm_in_place(a_, p.a, p.ta, M);
  const gemm_out out = gemm_out_of(c_, bias_, p);
  global const float *panel = scratch + (size_t)j * K * TN;
  for (int t = t0; t < t1; t++) gemm_tile(rows, t, panel, K, 0, 0, j * TN, out);
}

/* `alone`: the same in one launch; every work-item packs its panel itself. */
kernel BY_LANES void gemm_alone(CLF_IN(a), CLF_IN(b), CLF_IN(bias), CLF_OUT(c), const gemm_args p,
                                CLF_SCRATCH(gemm_plan)) {
  const int M = p.c.dim[0], K = p.a.dim[!p.ta], j = get_global_id(1);
  const int t0 = get_global_id(0) * e.tiles, t1 = min(t0 + e.tiles, (M - 1) / TM + 1);
  const gemm_rows rows = gemm_in_place(a_, p.a, p.ta, M);
  const gemm_out out = gemm_out_of(c_, bias_, p);
  global float *panel = scratch + (j * get_global_size(0) + get_global_id(0)) * K * TN;
  gemm_panel(b_, p.b, p.tb, p.c.dim[1], j, 0, K, panel);
  for (int t = t0; t < t1; t++) gemm_tile(rows, t, panel, K, 0, 0, j * TN, out);
}

/* Columns k0 .. k1 - 1 of a, tiles t0 .. t1 - 1, to [tiles][depth][TM] at d. */
static void gemm_pack_rows(global const float *a, int si, int sk, int M, int t0, int t1, int k0,
                           int k1, int depth, global float *d) {
  const int full = si == 1 ? min(t1, M / TM) : t0;
  for (int k = k0; k < k1; k++, d += TM) {
    global const float *s = a + (ptrdiff_t)k * sk;
    global float *to = d;
    for (int t = t0; t < full; t++, to += depth * TM)
#pragma unroll
      for (int r = 0; r < TM; r++) to[r] = s[t * TM + r];
    for (int t = full; t < t1; t++, to += depth * TM)
      for (int r = 0; r < TM; r++) to[r] = s[min(t * TM + r, M - 1) * si];
  }
}

/* A block of tiles, t0 and on, by all panels: packs e.depth columns of a at a time, [tiles][depth]
 * [TM], and stores the sums in between, [panels][tiles][TM][TN]: both in e.own floats at `rows`. */
static void gemm_block(global const float *a, int si, int sk, int M, int K, int t0,
                       global const float *panels, global float *rows, gemm_blocks_plan e,
                       gemm_out out) {
  const int count = (out.v.dim[1] - 1) / TN + 1, t1 = min(t0 + e.tiles, (M - 1) / TM + 1);
  global float *sums = rows + e.depth * e.tiles * TM;
  for (int k0 = 0; k0 < K; k0 += e.depth) {
    const int k1 = min(k0 + e.depth, K);
    const gemm_rows q = {rows - (ptrdiff_t)t0 * e.depth * TM, e.depth * TM, 1, TM, M};
    gemm_pack_rows(a, si, sk, M, t0, t1, k0, k1, e.depth, rows);
    for (int j = 0; j < count; j++)
      for (int t = t0; t < t1; t++) {
        global float *sum = sums + (j * e.tiles + t - t0) * TM * TN;
        gemm_tile(q, t, panels + ((size_t)j * K + k0) * TN, k1 - k0, k0 ? sum : 0, k1 < K ? sum : 0,
                  j * TN, out);
      }
  }
}

/* `blocks`, behind gemm_pack: for an a whose rows are not contiguous.  A work-item has every block
 * of e.tiles tiles from its own on. */
kernel BY_LANES void gemm_blocks(CLF_IN(a), CLF_IN(b), CLF_IN(bias), CLF_OUT(c), const gemm_args p,
                                 CLF_SCRATCH(gemm_blocks_plan)) {
  const int M = p.c.dim[0], tiles = (M - 1) / TM + 1;
  const int si = p.ta ? p.a.stride[1] : p.a.stride[0], sk = p.ta ? p.a.stride[0] : p.a.stride[1];
  const gemm_out out = gemm_out_of(c_, bias_, p);
  global float *rows = scratch + e.own_at + (size_t)get_global_id(0) * e.own;
  for (int t0 = get_global_id(0) * e.tiles; t0 < tiles; t0 += get_global_size(0) * e.tiles)
    gemm_block(a_ + p.a.offset, si, sk, M, p.a.dim[!p.ta], t0, scratch, rows, e, out);
}

/* The same for the gradient of weights. */
kernel BY_LANES void weights_bwd_pack(CLF_IN(dy), CLF_IN(x), CLF_IN(row), CLF_IN(column),
                                      CLF_OUT(dw), const weights_bwd_args p,
                                      CLF_SCRATCH(gemm_pack_plan)) {
  const int K = p.x.dim[0], k0 = get_global_id(0) * e.rows, j = get_global_id(1);
  gemm_panel(x_, p.x, 0, p.dw.dim[1], j, k0, min(k0 + e.rows, K),
             scratch + ((size_t)j * K + k0) * TN);
}
kernel BY_LANES void weights_bwd(CLF_IN(dy), CLF_IN(x), CLF_IN(row), CLF_IN(column), CLF_OUT(dw),
                                 const weights_bwd_args p, CLF_SCRATCH(gemm_blocks_plan)) {
  const int M = p.dw.dim[0], tiles = (M - 1) / TM + 1;
  const gemm_out out = WEIGHTS_OUT(p);
  global float *rows = scratch + e.own_at + (size_t)get_global_id(0) * e.own;
  for (int t0 = get_global_id(0) * e.tiles; t0 < tiles; t0 += get_global_size(0) * e.tiles)
    gemm_block(dy_ + p.dy.offset, p.dy.stride[1], p.dy.stride[0], M, p.x.dim[0], t0, scratch, rows,
               e, out);
}

/* The same for products with masked weights: work-item (i, j) packs e.rows rows of panel j of w, */
INLINE void masked_pack(global const float *w, clf_view v, int tb, int N, int K, gemm_levels levels,
                        gemm_pack_plan e, global float *scratch) {
  const int k0 = get_global_id(0) * e.rows, j = get_global_id(1);
  const int2 terms = gemm_terms(levels, j * TN, min((j + 1) * TN, N), K);
  const int begin = max(k0, terms.x), end = min(min(k0 + e.rows, K), terms.y);
  gemm_panel(w, v, tb, N, j, begin, end, scratch + ((size_t)j * K + begin) * TN);
}
/* or computes e.tiles tiles by it. */
INLINE void masked_tiles(global const float *a, clf_view v, int K, int2 terms,
                         global const float *panel, gemm_plan e, gemm_out out) {
  const int M = v.dim[0], j = get_global_id(1);
  const int t0 = get_global_id(0) * e.tiles, t1 = min(t0 + e.tiles, (M - 1) / TM + 1);
  gemm_rows rows = gemm_in_place(a, v, 0, M);
  rows.at += terms.x * rows.step;
  for (int t = t0; t < t1; t++)
    gemm_tile(rows, t, panel + terms.x * TN, terms.y - terms.x, 0, 0, j * TN, out);
}
INLINE void masked_product(global const float *a, clf_view v, int N, gemm_levels levels,
                           global const float *scratch, gemm_plan e, gemm_out out) {
  const int K = v.dim[1], j = get_global_id(1);
  const int2 terms = gemm_terms(levels, j * TN, min((j + 1) * TN, N), K);
  masked_tiles(a, v, K, terms, scratch + (size_t)j * K * TN, e, out);
}
INLINE void masked_alone(global const float *a, clf_view v, global const float *w, clf_view of_w,
                         int tb, int N, gemm_levels levels, global float *scratch, gemm_plan e,
                         gemm_out out) {
  const int K = v.dim[1], j = get_global_id(1);
  const int2 terms = gemm_terms(levels, j * TN, min((j + 1) * TN, N), K);
  global float *panel = scratch + (j * get_global_size(0) + get_global_id(0)) * K * TN;
  gemm_panel(w, of_w, tb, N, j, terms.x, terms.y, panel + terms.x * TN);
  masked_tiles(a, v, K, terms, panel, e, out);
}
#define FORWARD_OUT(p)                                                                             \
  {                                                                                                \
    y_, p.y, 1, p.beta, p.act, p.bias.dim[0] ? bias_ + p.bias.offset : 0, p.bias.stride[0], { 0 }  \
  }
#define BACKWARD_OUT(p)                                                                            \
  {                                                                                                \
    dx_, p.dx, 1, p.beta, CLF_ACT_none, 0, 0, { 0 }                                                \
  }

kernel BY_LANES void masked_fwd_pack(CLF_IN(x), CLF_IN(w), CLF_IN(row), CLF_IN(column),
                                     CLF_IN(bias), CLF_OUT(y), const masked_fwd_args p,
                                     CLF_SCRATCH(gemm_pack_plan)) {
  const gemm_levels levels = FORWARD_LEVELS(p);
  masked_pack(w_, p.w, 1, p.y.dim[1], p.x.dim[1], levels, e, scratch);
}
kernel BY_LANES void masked_fwd(CLF_IN(x), CLF_IN(w), CLF_IN(row), CLF_IN(column), CLF_IN(bias),
                                CLF_OUT(y), const masked_fwd_args p, CLF_SCRATCH(gemm_plan)) {
  const gemm_levels levels = FORWARD_LEVELS(p);
  const gemm_out out = FORWARD_OUT(p);
  masked_product(x_, p.x, p.y.dim[1], levels, scratch, e, out);
}
kernel BY_LANES void masked_fwd_alone(CLF_IN(x), CLF_IN(w), CLF_IN(row), CLF_IN(column),
                                      CLF_IN(bias), CLF_OUT(y), const masked_fwd_args p,
                                      CLF_SCRATCH(gemm_plan)) {
  const gemm_levels levels = FORWARD_LEVELS(p);
  const gemm_out out = FORWARD_OUT(p);
  masked_alone(x_, p.x, w_, p.w, 1, p.y.dim[1], levels, scratch, e, out);
}

kernel BY_LANES void masked_bwd_pack(CLF_IN(dy), CLF_IN(w), CLF_IN(row), CLF_IN(column),
                                     CLF_OUT(dx), const masked_bwd_args p,
                                     CLF_SCRATCH(gemm_pack_plan)) {
  const gemm_levels levels = BACKWARD_LEVELS(p);
  masked_pack(w_, p.w, 0, p.dx.dim[1], p.dy.dim[1], levels, e, scratch);
}
kernel BY_LANES void masked_bwd(CLF_IN(dy), CLF_IN(w), CLF_IN(row), CLF_IN(column), CLF_OUT(dx),
                                const masked_bwd_args p, CLF_SCRATCH(gemm_plan)) {
  const gemm_levels levels = BACKWARD_LEVELS(p);
  const gemm_out out = BACKWARD_OUT(p);
  masked_product(dy_, p.dy, p.dx.dim[1], levels, scratch, e, out);
}
kernel BY_LANES void masked_bwd_alone(CLF_IN(dy), CLF_IN(w), CLF_IN(row), CLF_IN(column),
                                      CLF_OUT(dx), const masked_bwd_args p,
                                      CLF_SCRATCH(gemm_plan)) {
  const gemm_levels levels = BACKWARD_LEVELS(p);
  const gemm_out out = BACKWARD_OUT(p);
  masked_alone(dy_, p.dy, w_, p.w, 0, p.dx.dim[1], levels, scratch, e, out);
}

#else
/* Every number of a tile has its own copy of this code, so it has the short activations only.  For
 * the others gemm_act() follows. */
INLINE float gemm_short_act(float v, int act) {
  return act == CLF_ACT_tanh ? tanh(v) : act == CLF_ACT_relu ? (v <= 0 ? 0 : v) : v;
}

/* Not `restrict` in functions: Oclgrind does not know it there. */
INLINE void gemm_store(float v, int i, int j, global const float *bias_, global float *c_,
                       const gemm_args p, gemm_mask m) {
  if (i >= p.c.dim[0] || j >= p.c.dim[1]) return;
  if (m.row && gemm_removes(m, i, j)) return;
  const float bias = p.bias.dim[0] ? *PTR(bias, j, 0) : 0;
  const float old = p.beta != 0 ? p.beta * *PTR(c, i, j) : 0;
  *PTR(c, i, j) = gemm_short_act(p.alpha * v + bias + old, p.act);
}

/* What a work-item fetches of a matrix. */
typedef struct {
  global const float *s;
  tile_slice q;
  int at, step, rows; /* rows that are left from its first one on */
} gemm_fetch;
INLINE gemm_fetch gemm_fetch_of(global const float *s, clf_view v, tile_slice q, int first,
                                int rows, int row, int term) {
  gemm_fetch f;
  f.s = s;
  f.q = q;
  f.at = v.offset + (first + q.i) * row + q.k * term;
  f.step = q.di * row + q.dk * term;
  f.rows = rows - first - q.i;
  return f;
}
INLINE float4 gemm_fetch_at(gemm_fetch f, int j, int left) {
  return tile_fetch(j, f.q, f.s, f.at, f.step, f.rows, left - f.q.k);
}

/* Terms k.x .. k.y - 1 of a tile.  The next ones are on their way to registers while these are
 * multiplied. */
#define ZERO(r) acc[r] = 0;
#define STORE_ONE(s, v) gemm_store(v, i, j + s, bias_, c_, p, m);
#define STORE(r)                                                                                   \
  {                                                                                                \
    const int i = i0 + 4 * a * get_local_id(1) + r, j = j0 + 4 * get_local_id(0);                  \
    TILE_COLUMNS(STORE_ONE, acc[r])                                                                \
  }
INLINE void gemm_tile(global const float *a_, global const float *b_, global const float *bias_,
                      global float *c_, const gemm_args p, gemm_mask m, int2 k, local float4 *as,
                      local float4 *bs, int side, int a) {
  const int M = p.c.dim[0], N = p.c.dim[1], K = k.y - k.x;
  const int i0 = get_group_id(0) * 4 * a * side, j0 = get_group_id(1) * 4 * side;
  if (m.row && gemm_removes_all(m, i0, min(i0 + 4 * a * side, M), j0, min(j0 + 4 * side, N)))
    return; /* the whole work-group */
  const int ai = p.ta ? p.a.stride[1] : p.a.stride[0], ak = p.ta ? p.a.stride[0] : p.a.stride[1];
  const int bj = p.tb ? p.b.stride[0] : p.b.stride[1], bk = p.tb ? p.b.stride[1] : p.b.stride[0];
  const tile_slice qa = tile_slice_of(side, 4 * a, ak == 1), qb = tile_slice_of(side, 4, bk == 1);
  gemm_fetch fa = gemm_fetch_of(a_, p.a, qa, i0, M, ai, ak);
  gemm_fetch fb = gemm_fetch_of(b_, p.b, qb, j0, N, bj, bk);
  fa.at += k.x * ak;
  fb.at += k.x * bk;
  float4 ra[2], rb, acc[8];
  TILE_ROWS(a, ZERO)
  ra[0] = gemm_fetch_at(fa, 0, K);
  if (a > 1) ra[1] = gemm_fetch_at(fa, 4, K);
  rb = gemm_fetch_at(fb, 0, K);
  for (int left = K; left > 0;) { /* all work-items of a work-group take every turn */
    tile_put(as, ra[0], 0, 4 * a, qa, side);
    if (a > 1) tile_put(as, ra[1], 4, 4 * a, qa, side);
    tile_put(bs, rb, 0, 4, qb, side);
    barrier(CLK_LOCAL_MEM_FENCE);
    left -= side;
    fa.at += side * ak;
    fb.at += side * bk;
    ra[0] = gemm_fetch_at(fa, 0, left);
    if (a > 1) ra[1] = gemm_fetch_at(fa, 4, left);
    rb = gemm_fetch_at(fb, 0, left);
    tile_products(as, bs, side, a, acc);
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  TILE_ROWS(a, STORE)
}

INLINE int2 gemm_all_terms(const gemm_args p) { return (int2)(0, p.ta ? p.a.dim[0] : p.a.dim[1]); }
kernel BY_TILE void gemm(CLF_IN(a), CLF_IN(b), CLF_IN(bias), CLF_OUT(c), const gemm_args p) {
  local float4 as[TILE_A(TILE_SIDE, 2)], bs[TILE_B(TILE_SIDE)];
  const gemm_mask none = {0};
  gemm_tile(a_, b_, bias_, c_, p, none, gemm_all_terms(p), as, bs, TILE_SIDE, 2);
}
kernel BY_SMALL_TILE void gemm_small(CLF_IN(a), CLF_IN(b), CLF_IN(bias), CLF_OUT(c),
                                     const gemm_args p) {
  local float4 as[TILE_A(TILE_SMALL, 1)], bs[TILE_B(TILE_SMALL)];
  const gemm_mask none = {0};
  gemm_tile(a_, b_, bias_, c_, p, none, gemm_all_terms(p), as, bs, TILE_SMALL, 1);
}

/* The product of weights_bwd. */
INLINE gemm_args weights_product(const weights_bwd_args p) {
  gemm_args q = {.a = p.dy, .b = p.x, .bias = p.x, .c = p.dw, .ta = 1, .alpha = 1, .beta = 1};
  q.bias.dim[0] = 0; /* there is none */
  return q;
}
kernel BY_TILE void weights_bwd(CLF_IN(dy), CLF_IN(x), CLF_IN(row), CLF_IN(column), CLF_OUT(dw),
                                const weights_bwd_args p) {
  local float4 as[TILE_A(TILE_SIDE, 2)], bs[TILE_B(TILE_SIDE)];
  const gemm_mask m = WEIGHTS_MASK(p);
  const gemm_args q = weights_product(p);
  gemm_tile(dy_, x_, 0, dw_, q, m, gemm_all_terms(q), as, bs, TILE_SIDE, 2);
}
kernel BY_SMALL_TILE void weights_bwd_small(CLF_IN(dy), CLF_IN(x), CLF_IN(row), CLF_IN(column),
                                            CLF_OUT(dw), const weights_bwd_args p) {
  local float4 as[TILE_A(TILE_SMALL, 1)], bs[TILE_B(TILE_SMALL)];
  const gemm_mask m = WEIGHTS_MASK(p);
  const gemm_args q = weights_product(p);
  gemm_tile(dy_, x_, 0, dw_, q, m, gemm_all_terms(q), as, bs, TILE_SMALL, 1);
}

/* The products of masked layers, and the terms of a tile. */
INLINE gemm_args forward_product(const masked_fwd_args p) {
  const gemm_args q = {.a = p.x,
                       .b = p.w,
                       .bias = p.bias,
                       .c = p.y,
                       .tb = 1,
                       .act = p.act,
                       .alpha = 1,
                       .beta = p.beta};
  return q;
}
INLINE gemm_args backward_product(const masked_bwd_args p) {
  gemm_args q = {.a = p.dy, .b = p.w, .bias = p.w, .c = p.dx, .alpha = 1, .beta = p.beta};
  q.bias.dim[0] = 0; /* there is none */
  return q;
}
INLINE int2 gemm_terms_of_tile(gemm_levels levels, const gemm_args p, int side) {
  const int j0 = get_group_id(1) * 4 * side;
  return gemm_terms(levels, j0, min(j0 + 4 * side, p.c.dim[1]), p.a.dim[1]);
}
kernel BY_TILE void masked_fwd(CLF_IN(x), CLF_IN(w), CLF_IN(row), CLF_IN(column), CLF_IN(bias),
                               CLF_OUT(y), const masked_fwd_args p) {
  local float4 as[TILE_A(TILE_SIDE, 2)], bs[TILE_B(TILE_SIDE)];
  const gemm_mask none = {0};
  const gemm_levels levels = FORWARD_LEVELS(p);
  const gemm_args q = forward_product(p);
  gemm_tile(x_, w_, bias_, y_, q, none, gemm_terms_of_tile(levels, q, TILE_SIDE), as, bs, TILE_SIDE,
            2);
}
kernel BY_SMALL_TILE void masked_fwd_small(CLF_IN(x), CLF_IN(w), CLF_IN(row), CLF_IN(column),
                                           CLF_IN(bias), CLF_OUT(y), const masked_fwd_args p) {
  local float4 as[TILE_A(TILE_SMALL, 1)], bs[TILE_B(TILE_SMALL)];
  const gemm_mask none = {0};
  const gemm_levels levels = FORWARD_LEVELS(p);
  const gemm_args q = forward_product(p);
  gemm_tile(x_, w_, bias_, y_, q, none, gemm_terms_of_tile(levels, q, TILE_SMALL), as, bs,
            TILE_SMALL, 1);
}
kernel BY_TILE void masked_bwd(CLF_IN(dy), CLF_IN(w), CLF_IN(row), CLF_IN(column), CLF_OUT(dx),
                               const masked_bwd_args p) {
  local float4 as[TILE_A(TILE_SIDE, 2)], bs[TILE_B(TILE_SIDE)];
  const gemm_mask none = {0};
  const gemm_levels levels = BACKWARD_LEVELS(p);
  const gemm_args q = backward_product(p);
  gemm_tile(dy_, w_, 0, dx_, q, none, gemm_terms_of_tile(levels, q, TILE_SIDE), as, bs, TILE_SIDE,
            2);
}
kernel BY_SMALL_TILE void masked_bwd_small(CLF_IN(dy), CLF_IN(w), CLF_IN(row), CLF_IN(column),
                                           CLF_OUT(dx), const masked_bwd_args p) {
  local float4 as[TILE_A(TILE_SMALL, 1)], bs[TILE_B(TILE_SMALL)];
  const gemm_mask none = {0};
  const gemm_levels levels = BACKWARD_LEVELS(p);
  const gemm_args q = backward_product(p);
  gemm_tile(dy_, w_, 0, dx_, q, none, gemm_terms_of_tile(levels, q, TILE_SMALL), as, bs, TILE_SMALL,
            1);
}

/* The activation `act` of x, by the formulas of activations.def. */
#define GEMM_ANY_ACT(name, from, flops, value, through)                                            \
  case CLF_ACT_##name:                                                                             \
    y = value;                                                                                     \
    break;
INLINE float gemm_any_act(float x, int act) {
  float y = x;
  switch (act) { CLF_ACTIVATIONS(GEMM_ANY_ACT) }
  return y;
}

/* Bias and activation after a BLAS: a work-item for each element of c. */
kernel BY_ITEM void gemm_finish(CLF_IN(a), CLF_IN(b), CLF_IN(bias), CLF_OUT(c), const gemm_args p) {
  const int id = get_global_id(0), i = id / p.c.dim[1], j = id % p.c.dim[1];
  if (i >= p.c.dim[0]) return;
  *PTR(c, i, j) = gemm_any_act(*PTR(c, i, j) + (p.bias.dim[0] ? *PTR(bias, j, 0) : 0), p.act);
}

kernel BY_ITEM void gemm_act(CLF_IN(a), CLF_IN(b), CLF_IN(bias), CLF_OUT(c), const gemm_args p) {
  const int id = get_global_id(0), i = id / p.c.dim[1], j = id % p.c.dim[1];
  if (i < p.c.dim[0]) *PTR(c, i, j) = gemm_any_act(*PTR(c, i, j), p.act);
}
kernel BY_ITEM void masked_fwd_act(CLF_IN(x), CLF_IN(w), CLF_IN(row), CLF_IN(column), CLF_IN(bias),
                                   CLF_OUT(y), const masked_fwd_args p) {
  const int id = get_global_id(0), i = id / p.y.dim[1], j = id % p.y.dim[1];
  if (i < p.y.dim[0]) *PTR(y, i, j) = gemm_any_act(*PTR(y, i, j), p.act);
}
#endif
