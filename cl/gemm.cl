/* SPDX-License-Identifier: MIT */
/* gemm.cl: c = act(alpha op(a) op(b) + beta c + bias). */
#define FINISH(type)                                                                               \
  type gemm_act(type v, int act) {                                                                 \
    return act == 1 ? tanh(v) : act == 2 ? (v <= 0 ? (type)0 : v) : v;                             \
  }

#if LANES > 1
/* An item computes TM x TN of c, TN = 2 LANES, in registers.  a is read in place,
 * whatever its strides; b comes from panels [cols][K][TN], packed so that the inner
 * loop reads one stream. */
FINISH(V)

/* Item (i, j) packs rows e.x i .. e.x (i + 1) of panel j. */
kernel BY_LANES void gemm_pack(CLF_IN(a), CLF_IN(b), CLF_IN(bias), CLF_OUT(c), const gemm_args p,
                               CLF_POOL) {
  const int K = p.b.dim[p.tb != 0], N = p.c.dim[1], j0 = get_global_id(1) * TN;
  const int sk = p.b.stride[p.tb != 0], sj = p.b.stride[!p.tb];
  const int k0 = get_global_id(0) * e.x, k1 = min(k0 + e.x, K);
  global const float *s = b_ + p.b.offset + k0 * sk + j0 * sj;
  global float *d = pool + ((size_t)get_global_id(1) * K + k0) * TN;
  for (int k = k0; k < k1; k++, s += sk, d += TN) {
    VSTORE(lanes_load(s, sj, N - j0), d);
    VSTORE(lanes_load(s + LANES * sj, sj, N - j0 - LANES), d + LANES);
  }
}

kernel BY_LANES void gemm(CLF_IN(a), CLF_IN(b), CLF_IN(bias), CLF_OUT(c), const gemm_args p,
                          CLF_POOL) {
  const int M = p.c.dim[0], N = p.c.dim[1], K = p.a.dim[!p.ta];
  const int i0 = get_global_id(0) * TM, j0 = get_global_id(1) * TN;
  const int si = p.a.stride[p.ta != 0], sk = p.a.stride[!p.ta];
  global const float *a[TM], *b = pool + (size_t)get_global_id(1) * K * TN;
  V acc[TM][2];
#pragma unroll
  for (int r = 0; r < TM; r++) {
    a[r] = a_ + p.a.offset + min(i0 + r, M - 1) * si; /* rows past the end repeat the last */
    acc[r][0] = acc[r][1] = 0;
  }
  for (int k = 0; k < K; k++, b += TN) {
    const V b0 = VLOAD(b), b1 = VLOAD(b + LANES);
#pragma unroll
    for (int r = 0; r < TM; r++) {
      const V x = a[r][k * sk];
      acc[r][0] = fma(x, b0, acc[r][0]);
      acc[r][1] = fma(x, b1, acc[r][1]);
    }
  }
#pragma unroll
  for (int h = 0; h < 2; h++) {
    const int j = j0 + h * LANES, n = N - j;
    const V bias = p.bias.dim[0] ? lanes_load(PTR(bias, j, 0), p.bias.stride[0], n) : 0;
#pragma unroll
    for (int r = 0; r < TM; r++)
      if (i0 + r < M) {
        const V old = p.beta != 0 ? p.beta * lanes_load(PTR(c, i0 + r, j), p.c.stride[1], n) : 0;
        lanes_store(gemm_act(p.alpha * acc[r][h] + bias + old, p.act), PTR(c, i0 + r, j),
                    p.c.stride[1], n);
      }
  }
}

#else
FINISH(float)

INLINE void gemm_store(float v, int i, int j, CLF_FROM(bias), CLF_TO(c), const gemm_args p) {
  if (i >= p.c.dim[0] || j >= p.c.dim[1]) return;
  const float bias = p.bias.dim[0] ? *PTR(bias, j, 0) : 0;
  const float old = p.beta != 0 ? p.beta * *PTR(c, i, j) : 0;
  *PTR(c, i, j) = gemm_act(p.alpha * v + bias + old, p.act);
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

/* Bias and activation behind a BLAS, an item per element of c. */
kernel BY_ITEM void gemm_finish(CLF_IN(a), CLF_IN(b), CLF_IN(bias), CLF_OUT(c), const gemm_args p) {
  const int id = get_global_id(0), i = id / p.c.dim[1], j = id % p.c.dim[1];
  if (i >= p.c.dim[0]) return;
  *PTR(c, i, j) = gemm_act(*PTR(c, i, j) + (p.bias.dim[0] ? *PTR(bias, j, 0) : 0), p.act);
}
#endif
#undef FINISH
