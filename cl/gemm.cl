/* SPDX-License-Identifier: MIT */
/* gemm.cl: c = act(alpha op(a) op(b) + beta c + bias). */
#if LANES > 1
/* An item computes tiles of TM x TN of c, TN = 2 LANES, in registers: some below each other,
 * by one panel of b, [K][TN], which holds TN columns so that the inner loop reads one stream.
 * a is read in place, whatever its strides, or from panels too, [tiles][K][TM].  However they
 * are read, every element of c is one chain of multiply-adds, k in order, so that all ways give
 * the same bits. */
/* Rows k0 .. k1 - 1 of panel j, whose first is at d. */
static void gemm_panel(global const float *b, int sk, int sj, int N, int j, int k0, int k1,
                       global float *d) {
  const int n = N - j * TN;
  global const float *s = b + (ptrdiff_t)k0 * sk + (ptrdiff_t)j * TN * sj;
  for (int k = k0; k < k1; k++, s += sk, d += TN) {
    VSTORE(lanes_load(s, sj, n), d);
    if (n > LANES) VSTORE(lanes_load(s + LANES * sj, sj, n - LANES), d + LANES);
  }
}

typedef struct { /* a as tiles see it: element (r, k) of tile t is at t tile + r row + k step */
  global const float *at;
  int tile, row, step, rows; /* rows past the end repeat the last */
} gemm_rows;

/* Loops of their own for one vector and two, so that the sums stay in registers. */
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

/* Rows k .. of b and columns of a, K of them; sums, [TM][2], hold what came before and goes on:
 * NULL where there is nothing before, or this is the last. */
static void gemm_tile(gemm_rows q, int t, global const float *b, int K, global const float *before,
                      global float *after, int j0, global float *c, clf_view v, float alpha,
                      float beta, int act, global const float *bias, int bias_stride) {
  const int left = q.rows - t * TM;
  global const float *a[TM];
  V acc[TM][2];
#pragma unroll
  for (int r = 0; r < TM; r++) {
    a[r] = q.at + (ptrdiff_t)t * q.tile + min(r, left - 1) * q.row;
    acc[r][0] = before ? VLOAD(before + 2 * r * LANES) : 0;
    acc[r][1] = before ? VLOAD(before + (2 * r + 1) * LANES) : 0;
  }
  const int wide = v.dim[1] - j0 > LANES;
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
  const int n = v.dim[1] - j0, sj = v.stride[1];
  global float *to = c + (v.offset + t * TM * v.stride[0] + j0 * sj);
  const V add0 = bias ? lanes_load(bias + j0 * bias_stride, bias_stride, n) : 0;
  const V add1 =
      bias && wide ? lanes_load(bias + (j0 + LANES) * bias_stride, bias_stride, n - LANES) : 0;
  V sums[TM][2]; /* a copy is what loops index: acc stays in registers */
#pragma unroll
  for (int r = 0; r < TM; r++) {
    sums[r][0] = alpha * acc[r][0] + add0;
    sums[r][1] = alpha * acc[r][1] + add1;
  }
  if (beta != 0)
    for (int r = 0; r < min(left, TM); r++) {
      sums[r][0] += beta * lanes_load(to + r * v.stride[0], sj, n);
      if (wide) sums[r][1] += beta * lanes_load(to + r * v.stride[0] + LANES * sj, sj, n - LANES);
    }
#define ROW(name, from, flops, value, through)                                                     \
  case CLF_ACT_##name:                                                                             \
    for (int r = 0; r < TM; r++)                                                                   \
      for (int h = 0; h < 2; h++) {                                                                \
        const V x = sums[r][h];                                                                    \
        sums[r][h] = value;                                                                        \
      }                                                                                            \
    break;
  if (act) switch (act) {
      CLF_ACTIVATIONS(ROW)
    }
#undef ROW
  if (sj == 1 && n >= TN && left >= TM) /* most of c: no choice for each vector */
#pragma unroll
    for (int r = 0; r < TM; r++) {
      VSTORE(sums[r][0], to + r * v.stride[0]);
      VSTORE(sums[r][1], to + r * v.stride[0] + LANES);
    }
  else
    for (int r = 0; r < min(left, TM); r++) {
      lanes_store(sums[r][0], to + r * v.stride[0], sj, n);
      if (wide) lanes_store(sums[r][1], to + r * v.stride[0] + LANES * sj, sj, n - LANES);
    }
}
#define GEMM CLF_IN(a), CLF_IN(b), CLF_IN(bias), CLF_OUT(c), const gemm_args p, CLF_POOL
#define GEMM_TILE(rows, t, panel, K, before, after, j)                                             \
  gemm_tile(rows, t, panel, K, before, after, (j)*TN, c_, p.c, p.alpha, p.beta, p.act,             \
            p.bias.dim[0] ? bias_ + p.bias.offset : 0, p.bias.stride[0])
#define GEMM_IN_PLACE                                                                              \
  {                                                                                                \
    a_ + p.a.offset, TM *p.a.stride[p.ta != 0], p.a.stride[p.ta != 0], p.a.stride[!p.ta],          \
        p.c.dim[0]                                                                                 \
  }
#define GEMM_PANEL(k0, k1, d)                                                                      \
  gemm_panel(b_ + p.b.offset, p.b.stride[p.tb != 0], p.b.stride[!p.tb], p.c.dim[1],                \
             get_global_id(1), k0, k1, d)

/* Item (i, j): rows e.x i and on, e.x of them, of panel j of b. */
kernel BY_LANES void gemm_pack(GEMM) {
  const int K = p.a.dim[!p.ta], k0 = get_global_id(0) * e.x;
  GEMM_PANEL(k0, min(k0 + e.x, K), pool + ((size_t)get_global_id(1) * K + k0) * TN);
}

/* Item (i, j): e.y tiles below each other by panel j. */
kernel BY_LANES void gemm(GEMM) {
  const int M = p.c.dim[0], K = p.a.dim[!p.ta], j = get_global_id(1);
  const int t0 = get_global_id(0) * e.y, t1 = min(t0 + e.y, (M - 1) / TM + 1);
  const gemm_rows rows = GEMM_IN_PLACE;
  global const float *panel = pool + (size_t)j * K * TN;
  for (int t = t0; t < t1; t++) GEMM_TILE(rows, t, panel, K, 0, 0, j);
}

/* The same, but that each item packs its panel itself. */
kernel BY_LANES void gemm_alone(GEMM) {
  const int M = p.c.dim[0], K = p.a.dim[!p.ta];
  const int t0 = get_global_id(0) * e.y, t1 = min(t0 + e.y, (M - 1) / TM + 1);
  const gemm_rows rows = GEMM_IN_PLACE;
  global float *panel = pool + (get_global_id(1) * get_global_size(0) + get_global_id(0)) * K * TN;
  GEMM_PANEL(0, K, panel);
  for (int t = t0; t < t1; t++) GEMM_TILE(rows, t, panel, K, 0, 0, get_global_id(1));
}

/* Columns k0 .. k1 - 1 of a, tiles t0 .. t1 - 1, to [tiles][e.x][TM] at d. */
static void gemm_pack_rows(global const float *a, int si, int sk, int M, int t0, int t1, int k0,
                           int k1, int deep, global float *d) {
  const int full = si == 1 ? min(t1, M / TM) : t0;
  for (int k = k0; k < k1; k++, d += TM) {
    global const float *s = a + (ptrdiff_t)k * sk;
    global float *to = d;
    for (int t = t0; t < full; t++, to += deep * TM)
#pragma unroll
      for (int r = 0; r < TM; r++) to[r] = s[t * TM + r];
    for (int t = full; t < t1; t++, to += deep * TM)
      for (int r = 0; r < TM; r++) to[r] = s[min(t * TM + r, M - 1) * si];
  }
}

/* An item takes blocks of e.y tiles, every one as far behind the last as there are items, by all
 * panels; e.x columns of a at a time, which it packs, [tiles][e.x][TM], and between which it
 * keeps the sums, [panels][tiles][TM][TN]: both its own, e.z floats at e.w in the pool. */
kernel BY_LANES void gemm_blocks(GEMM) {
  const int M = p.c.dim[0], K = p.a.dim[!p.ta], tiles = (M - 1) / TM + 1;
  const int panels = (p.c.dim[1] - 1) / TN + 1, si = p.a.stride[p.ta != 0], sk = p.a.stride[!p.ta];
  global float *rows = pool + e.w + (size_t)get_global_id(0) * e.z, *sums = rows + e.x * e.y * TM;

  for (int t0 = get_global_id(0) * e.y; t0 < tiles; t0 += get_global_size(0) * e.y)
    for (int k0 = 0; k0 < K; k0 += e.x) {
      const int k1 = min(k0 + e.x, K), t1 = min(t0 + e.y, tiles);
      const gemm_rows q = {rows - (ptrdiff_t)t0 * e.x * TM, e.x * TM, 1, TM, M};
      gemm_pack_rows(a_ + p.a.offset, si, sk, M, t0, t1, k0, k1, e.x, rows);
      for (int j = 0; j < panels; j++)
        for (int t = t0; t < t1; t++) {
          global float *sum = sums + (j * e.y + t - t0) * TM * TN;
          GEMM_TILE(q, t, pool + ((size_t)j * K + k0) * TN, k1 - k0, k0 ? sum : 0, k1 < K ? sum : 0,
                    j);
        }
    }
}
#undef GEMM
#undef GEMM_TILE
#undef GEMM_IN_PLACE
#undef GEMM_PANEL
#undef GEMM_LOOP

#else
/* Every number of a tile has its own copy of this: it has the activations that are short, and
 * gemm_act follows where p.act is another. */
INLINE float gemm_short_act(float v, int act) {
  return act == CLF_ACT_tanh ? tanh(v) : act == CLF_ACT_relu ? (v <= 0 ? 0 : v) : v;
}

INLINE void gemm_store(float v, int i, int j, CLF_FROM(bias), CLF_TO(c), const gemm_args p) {
  if (i >= p.c.dim[0] || j >= p.c.dim[1]) return;
  const float bias = p.bias.dim[0] ? *PTR(bias, j, 0) : 0;
  const float old = p.beta != 0 ? p.beta * *PTR(c, i, j) : 0;
  *PTR(c, i, j) = gemm_short_act(p.alpha * v + bias + old, p.act);
}

/* The next terms are on their way to registers while these are multiplied. */
#define FETCH(left)                                                                                \
  ra[0] = tile_fetch(0, qa, a_, at_a, step_a, M - i0 - qa.i, left - qa.k);                         \
  if (a > 1) ra[1] = tile_fetch(4, qa, a_, at_a, step_a, M - i0 - qa.i, left - qa.k);              \
  rb = tile_fetch(0, qb, b_, at_b, step_b, N - j0 - qb.i, left - qb.k);                            \
  at_a += side * ak;                                                                               \
  at_b += side * bk;
#define ZERO(r) acc[r] = 0;
#define STORE_ONE(s, v) gemm_store(v, i, j + s, bias_, c_, p);
#define STORE(r)                                                                                   \
  {                                                                                                \
    const int i = i0 + 4 * a * get_local_id(1) + r, j = j0 + 4 * get_local_id(0);                  \
    TILE_COLUMNS(STORE_ONE, acc[r])                                                                \
  }
INLINE void gemm_tile(CLF_FROM(a), CLF_FROM(b), CLF_FROM(bias), CLF_TO(c), const gemm_args p,
                      local float4 *as, local float4 *bs, int side, int a) {
  const int M = p.c.dim[0], N = p.c.dim[1], K = p.ta ? p.a.dim[0] : p.a.dim[1];
  const int i0 = get_group_id(0) * 4 * a * side, j0 = get_group_id(1) * 4 * side;
  const int ai = p.ta ? p.a.stride[1] : p.a.stride[0], ak = p.ta ? p.a.stride[0] : p.a.stride[1];
  const int bj = p.tb ? p.b.stride[0] : p.b.stride[1], bk = p.tb ? p.b.stride[1] : p.b.stride[0];
  const tile_part qa = tile_part_of(side, 4 * a, ak == 1), qb = tile_part_of(side, 4, bk == 1);
  const int step_a = qa.di * ai + qa.dk * ak, step_b = qb.di * bj + qb.dk * bk;
  int at_a = p.a.offset + (i0 + qa.i) * ai + qa.k * ak;
  int at_b = p.b.offset + (j0 + qb.i) * bj + qb.k * bk;
  float4 ra[2], rb, acc[8];
  TILE_ROWS(a, ZERO)
  FETCH(K)
  for (int left = K; left > 0;) { /* all items of a group run every turn */
    tile_put(as, ra[0], 0, 4 * a, qa, side);
    if (a > 1) tile_put(as, ra[1], 4, 4 * a, qa, side);
    tile_put(bs, rb, 0, 4, qb, side);
    barrier(CLK_LOCAL_MEM_FENCE);
    left -= side;
    FETCH(left)
    tile_products(as, bs, side, a, acc);
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  TILE_ROWS(a, STORE)
}
#undef FETCH
#undef ZERO
#undef STORE_ONE
#undef STORE

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
#define ROW(name, from, flops, value, through)                                                     \
  case CLF_ACT_##name:                                                                             \
    return value;
  switch (act) { CLF_ACTIVATIONS(ROW) }
#undef ROW
  return x;
}

/* Bias and activation behind a BLAS, an item per element of c. */
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
