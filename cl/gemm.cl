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
 * With one lane (GPUs) a work-group computes a tile of TM x TN in local memory: tiles.clh. */
#include "activations.clh"
#include "tiles.clh"

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
} gemm_out;
INLINE gemm_out gemm_out_of(global float *c, global const float *bias, const gemm_args p) {
  const gemm_out o = {
      c, p.c, p.alpha, p.beta, p.act, p.bias.dim[0] ? bias + p.bias.offset : 0, p.bias.stride[0]};
  return o;
}

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

/* `blocks`, behind gemm_pack: for an a whose rows are not contiguous.  A work-item has every block
 * of e.tiles tiles from its own on, by all panels.  It packs e.depth columns of a at a time,
 * [tiles][depth] [TM], and stores the sums in between, [panels][tiles][TM][TN]: both in its e.own
 * floats. */
kernel BY_LANES void gemm_blocks(CLF_IN(a), CLF_IN(b), CLF_IN(bias), CLF_OUT(c), const gemm_args p,
                                 CLF_SCRATCH(gemm_blocks_plan)) {
  const int M = p.c.dim[0], K = p.a.dim[!p.ta], tiles = (M - 1) / TM + 1;
  const int panels = (p.c.dim[1] - 1) / TN + 1;
  const int si = p.ta ? p.a.stride[1] : p.a.stride[0], sk = p.ta ? p.a.stride[0] : p.a.stride[1];
  const gemm_out out = gemm_out_of(c_, bias_, p);
  global float *rows = scratch + e.own_at + (size_t)get_global_id(0) * e.own;
  global float *sums = rows + e.depth * e.tiles * TM;
  for (int t0 = get_global_id(0) * e.tiles; t0 < tiles; t0 += get_global_size(0) * e.tiles)
    for (int k0 = 0; k0 < K; k0 += e.depth) {
      const int k1 = min(k0 + e.depth, K), t1 = min(t0 + e.tiles, tiles);
      const gemm_rows q = {rows - (ptrdiff_t)t0 * e.depth * TM, e.depth * TM, 1, TM, M};
      gemm_pack_rows(a_ + p.a.offset, si, sk, M, t0, t1, k0, k1, e.depth, rows);
      for (int j = 0; j < panels; j++)
        for (int t = t0; t < t1; t++) {
          global float *sum = sums + (j * e.tiles + t - t0) * TM * TN;
          gemm_tile(q, t, scratch + ((size_t)j * K + k0) * TN, k1 - k0, k0 ? sum : 0,
                    k1 < K ? sum : 0, j * TN, out);
        }
    }
}

#else
/* Every number of a tile has its own copy of this code, so it has the short activations only.  For
 * the others gemm_act() follows. */
INLINE float gemm_short_act(float v, int act) {
  return act == CLF_ACT_tanh ? tanh(v) : act == CLF_ACT_relu ? (v <= 0 ? 0 : v) : v;
}

/* Not `restrict` in functions: Oclgrind does not know it there. */
INLINE void gemm_store(float v, int i, int j, global const float *bias_, global float *c_,
                       const gemm_args p) {
  if (i >= p.c.dim[0] || j >= p.c.dim[1]) return;
  const float bias = p.bias.dim[0] ? *PTR(bias, j, 0) : 0;
  const float old = p.beta != 0 ? p.beta * *PTR(c, i, j) : 0;
  *PTR(c, i, j) = gemm_short_act(p.alpha * v + bias + old, p.act);
}

/* What a work-item fetches of a matrix. */
typedef struct {
  global const float *s;
  tile_share q;
  int at, step, rows; /* rows that are left from its first one on */
} gemm_fetch;
INLINE gemm_fetch gemm_fetch_of(global const float *s, clf_view v, tile_share q, int first,
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

/* The next terms are on their way to registers while these are multiplied. */
#define ZERO(r) acc[r] = 0;
#define STORE_ONE(s, v) gemm_store(v, i, j + s, bias_, c_, p);
#define STORE(r)                                                                                   \
  {                                                                                                \
    const int i = i0 + 4 * a * get_local_id(1) + r, j = j0 + 4 * get_local_id(0);                  \
    TILE_COLUMNS(STORE_ONE, acc[r])                                                                \
  }
INLINE void gemm_tile(global const float *a_, global const float *b_, global const float *bias_,
                      global float *c_, const gemm_args p, local float4 *as, local float4 *bs,
                      int side, int a) {
  const int M = p.c.dim[0], N = p.c.dim[1], K = p.ta ? p.a.dim[0] : p.a.dim[1];
  const int i0 = get_group_id(0) * 4 * a * side, j0 = get_group_id(1) * 4 * side;
  const int ai = p.ta ? p.a.stride[1] : p.a.stride[0], ak = p.ta ? p.a.stride[0] : p.a.stride[1];
  const int bj = p.tb ? p.b.stride[0] : p.b.stride[1], bk = p.tb ? p.b.stride[1] : p.b.stride[0];
  const tile_share qa = tile_share_of(side, 4 * a, ak == 1), qb = tile_share_of(side, 4, bk == 1);
  gemm_fetch fa = gemm_fetch_of(a_, p.a, qa, i0, M, ai, ak);
  gemm_fetch fb = gemm_fetch_of(b_, p.b, qb, j0, N, bj, bk);
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

kernel BY_TILE void gemm(CLF_IN(a), CLF_IN(b), CLF_IN(bias), CLF_OUT(c), const gemm_args p) {
  local float4 as[TILE_A(TILE_SIDE, 2)], bs[TILE_B(TILE_SIDE)];
  gemm_tile(a_, b_, bias_, c_, p, as, bs, TILE_SIDE, 2);
}
kernel BY_SMALL_TILE void gemm_small(CLF_IN(a), CLF_IN(b), CLF_IN(bias), CLF_OUT(c),
                                     const gemm_args p) {
  local float4 as[TILE_A(TILE_SMALL, 1)], bs[TILE_B(TILE_SMALL)];
  gemm_tile(a_, b_, bias_, c_, p, as, bs, TILE_SMALL, 1);
}

INLINE float gemm_any_act(float x, int act) {
#define ANY_ACT(name, from, flops, value, through)                                                 \
  case CLF_ACT_##name:                                                                             \
    return value;
  switch (act) { CLF_ACTIVATIONS(ANY_ACT) }
#undef ANY_ACT
  return x;
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
#endif
