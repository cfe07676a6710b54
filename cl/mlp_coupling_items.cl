/* SPDX-License-Identifier: MIT */
/* mlp_coupling_items.cl: couplings, an item for a sample.
 *
 * An item's values are rows of the pool, side by side with its neighbours': row f of item k is
 * at pool[f * fs + k].  Weight matrices have their bias as last column, so the rows they
 * multiply end in a row of ones and the bias needs no code of its own. */
#if LANES == 1
typedef struct {
  global V *at;
  int fs;
} rows;

INLINE rows rows_of(global float *pool, int blocks, int k) {
  rows r = {(global V *)pool + k, blocks};
  return r;
}
#define ROW(r, f) (r).at[(f) * (r).fs]
INLINE rows skip(rows r, int n) {
  r.at += (size_t)n * r.fs;
  return r;
}

enum { BAND = 8 }; /* rows of a product that share each load */

/* y = A x, A is [R,C] */
INLINE void product(global const float *A, int R, int C, rows x, rows y) {
  for (int r0 = 0; r0 < R; r0 += BAND) {
    global const float *a[BAND];
    V acc[BAND];
#pragma unroll
    for (int r = 0; r < BAND; r++) {
      acc[r] = 0;
      a[r] = A + min(r0 + r, R - 1) * C;
    }
    for (int c = 0; c < C; c++) {
      const V v = ROW(x, c);
#pragma unroll
      for (int r = 0; r < BAND; r++) acc[r] = fma((V)a[r][c], v, acc[r]);
    }
#pragma unroll
    for (int r = 0; r < BAND; r++)
      if (r0 + r < R) ROW(y, r0 + r) = acc[r];
  }
}

/* x = A^T y + keep * x, without the last column of A, the bias's */
INLINE void product_t(global const float *A, int R, int C, rows y, rows x, int keep) {
  for (int c0 = 0; c0 < C - 1; c0 += BAND) {
    V acc[BAND];
#pragma unroll
    for (int c = 0; c < BAND; c++) acc[c] = keep && c0 + c < C - 1 ? ROW(x, c0 + c) : 0;
    for (int r = 0; r < R; r++) {
      const V v = ROW(y, r);
#pragma unroll
      for (int c = 0; c < BAND; c++) acc[c] = fma((V)A[r * C + min(c0 + c, C - 2)], v, acc[c]);
    }
#pragma unroll
    for (int c = 0; c < BAND; c++)
      if (c0 + c < C - 1) ROW(x, c0 + c) = acc[c];
  }
}

/* ---- The networks -------------------------------------------------------------------- */

/* out = A2 [tanh(A1 x); 1] */
INLINE void network(global const float *A1, global const float *A2, shape z, rows x, rows h,
                    rows out) {
  product(A1, z.H, z.D + 1, x, h);
  for (int j = 0; j < z.H; j++) ROW(h, j) = tanh(ROW(h, j));
  ROW(h, z.H) = 1;
  product(A2, z.D, z.H + 1, h, out);
}

INLINE void masked(global const float *b, int stride, shape z, rows X, rows xb) {
  for (int i = 0; i < z.D; i++) ROW(xb, i) = b[i * stride] != 0 ? ROW(X, i) : 0;
  ROW(xb, z.D) = 1;
}

/* ---- Forward and inverse ---------------------------------------------------------------
 * An item's rows: X, xb, h, s, t.  Item g takes e.z of the e.y samples. */

typedef struct {
  rows X, xb, h, s, t;
} state;
INLINE state state_of(global float *pool, int4 e, int k, shape z) {
  state q;
  q.X = rows_of(pool, e.y, k);
  q.xb = skip(q.X, z.D);
  q.h = skip(q.xb, z.D + 1);
  q.s = skip(q.h, z.H + 1);
  q.t = skip(q.s, z.D);
  return q;
}

INLINE void nets_at(global const float *w, global const float *b, int stride, shape z, state q) {
  const nets A = nets_of(w, z);
  masked(b, stride, z, q.X, q.xb);
  network(A.T1, A.T2, z, q.xb, q.h, q.t);
  if (!z.add) network(A.S1, A.S2, z, q.xb, q.h, q.s);
}
INLINE V log_scale(shape z, state q, int i) { return z.add ? 0 : bounded_v(ROW(q.s, i), z.s_max); }

#define FOR_BLOCKS(k)                                                                              \
  for (int k = get_global_id(0) * e.z, k_end_ = min(k + e.z, e.y); k < k_end_; k++)
#define LOAD(t, n0, X)                                                                             \
  for (int i = 0; i < z.D; i++) ROW(X, i) = lanes_load(PTR(t, n0, i), p.t.stride[0], z.N - (n0))
#define STORE(t, n0, X)                                                                            \
  for (int i = 0; i < z.D; i++) lanes_store(ROW(X, i), PTR(t, n0, i), p.t.stride[0], z.N - (n0))
#define ADD_LOGDET(n0, v)                                                                          \
  lanes_store(lanes_load(PTR(logdet, n0, 0), p.logdet.stride[0], z.N - (n0)) + (v),                \
              PTR(logdet, n0, 0), p.logdet.stride[0], z.N - (n0))

kernel BY_LANES void mlp_coupling_fwd(CLF_IN(x), CLF_IN(b), CLF_IN(w), CLF_OUT(acts), CLF_OUT(y),
                                      CLF_OUT(logdet), const mlp_coupling_fwd_args p, CLF_POOL) {
  const shape z = {p.x.dim[0], p.x.dim[1], p.hidden, p.add, p.s_max};
  FOR_BLOCKS(k) {
    const int n0 = k * LANES;
    const state q = state_of(pool, e, k, z);
    V logdet = 0;
    LOAD(x, n0, q.X);
    for (int l = 0; l < p.b.dim[0]; l++) {
      for (int i = 0; i < z.D && p.acts.dim[0] > 0; i++)
        lanes_store(ROW(q.X, i), &AT(acts, l, i, n0, 0), p.acts.stride[2], z.N - n0);
      nets_at(PTR(w, l, 0), PTR(b, l, 0), p.b.stride[1], z, q);
      for (int i = 0; i < z.D; i++)
        if (*PTR(b, l, i) == 0) {
          const V s = log_scale(z, q, i);
          ROW(q.X, i) = ROW(q.X, i) * exp(s) + ROW(q.t, i);
          logdet += s;
        }
    }
    STORE(y, n0, q.X);
    ADD_LOGDET(n0, logdet);
  }
}

kernel BY_LANES void mlp_coupling_inv(CLF_IN(y), CLF_IN(b), CLF_IN(w), CLF_OUT(x), CLF_OUT(logdet),
                                      const mlp_coupling_inv_args p, CLF_POOL) {
  const shape z = {p.y.dim[0], p.y.dim[1], p.hidden, p.add, p.s_max};
  FOR_BLOCKS(k) {
    const int n0 = k * LANES;
    const state q = state_of(pool, e, k, z);
    V logdet = 0;
    LOAD(y, n0, q.X);
    for (int l = p.b.dim[0] - 1; l >= 0; l--) {
      nets_at(PTR(w, l, 0), PTR(b, l, 0), p.b.stride[1], z, q);
      for (int i = 0; i < z.D; i++)
        if (*PTR(b, l, i) == 0) {
          const V s = log_scale(z, q, i);
          ROW(q.X, i) = (ROW(q.X, i) - ROW(q.t, i)) * exp(-s);
          logdet -= s;
        }
    }
    STORE(x, n0, q.X);
    ADD_LOGDET(n0, logdet);
  }
}
#endif
