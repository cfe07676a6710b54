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

/* One TM x TM tile of c per group, one element per item. */
kernel __attribute__((reqd_work_group_size(TN, TM, 1))) void
gemm(CLF_IN(a), CLF_IN(b), CLF_IN(bias), CLF_OUT(c), const gemm_args p) {
  local float ta[TM][TM], tb[TM][TM + 1];
  const int lj = get_local_id(0), li = get_local_id(1);
  const int j = get_global_id(0), i = get_global_id(1);
  const int M = p.c.dim[0], N = p.c.dim[1], K = p.a.dim[!p.ta];

  float sum = 0;
  for (int k0 = 0; k0 < K; k0 += TM) { /* all items of a group run every turn */
    const int ka = k0 + lj, kb = k0 + li;
    ta[li][lj] = i < M && ka < K ? (p.ta ? *PTR(a, ka, i) : *PTR(a, i, ka)) : 0;
    tb[li][lj] = j < N && kb < K ? (p.tb ? *PTR(b, j, kb) : *PTR(b, kb, j)) : 0;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int k = 0; k < TM; k++) sum += ta[li][k] * tb[k][lj];
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  if (i >= M || j >= N) return;
  const float bias = p.bias.dim[0] ? *PTR(bias, j, 0) : 0;
  const float old = p.beta != 0 ? p.beta * *PTR(c, i, j) : 0;
  *PTR(c, i, j) = gemm_act(p.alpha * sum + bias + old, p.act);
}

/* Bias and activation behind a BLAS, an item per element of c. */
kernel BY_ITEM void gemm_finish(CLF_IN(a), CLF_IN(b), CLF_IN(bias), CLF_OUT(c), const gemm_args p) {
  const int id = get_global_id(0), i = id / p.c.dim[1], j = id % p.c.dim[1];
  if (i >= p.c.dim[0]) return;
  *PTR(c, i, j) = gemm_act(*PTR(c, i, j) + (p.bias.dim[0] ? *PTR(bias, j, 0) : 0), p.act);
}
#endif
#undef FINISH
