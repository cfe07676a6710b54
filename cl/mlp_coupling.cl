/* SPDX-License-Identifier: MIT */
/* mlp_coupling.cl: L couplings with one-hidden-layer networks.
 *
 * The samples are cut into blocks of LANES.  A block's values are rows of V in
 * the pool: row f of block k is at pool[f * fs + k * ks].  On CPUs a block is
 * contiguous (it stays in L1); with one lane neighbouring items touch neighbouring
 * floats.  Weight matrices have their bias as last column, so the rows they
 * multiply end in a row of ones and the bias needs no code of its own. */
typedef struct {
  global V *at;
  int fs;
} rows;

INLINE rows rows_of(global float *pool, int count, int blocks, int k) {
  const int ks = LANES > 1 ? count : 1;
  rows r = {(global V *)pool + (size_t)k * ks, LANES > 1 ? 1 : blocks};
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

typedef struct { /* of the layer */
  int N, D, H, add;
  float s_max;
} shape;

typedef struct { /* row l of w; S1, S2 are of no use to additive couplings */
  global const float *S1, *S2, *T1, *T2;
} nets;
INLINE nets nets_of(global const float *first, shape z) {
  const int one = z.H * (z.D + 1), two = z.D * (z.H + 1);
  global const float *T1 = z.add ? first : first + one + two;
  nets A = {first, first + one, T1, T1 + one};
  return A;
}

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
 * A block's rows: X, xb, h, s, t.  Item g takes e.z of the e.y blocks, e.x rows each. */

typedef struct {
  rows X, xb, h, s, t;
} state;
INLINE state state_of(global float *pool, int4 e, int k, shape z) {
  state q;
  q.X = rows_of(pool, e.x, e.y, k);
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

/* ---- Backward ------------------------------------------------------------------------
 * Rows of a block: X, DX, tmp, then for every coupling kept what its weight
 * gradients are products of: xb, hs, ht and the gradients of s, t, S1's and T1's
 * outputs.  With one lane all samples' rows are kept and summed in a second launch.
 * On CPUs an item keeps one coupling's rows of a few blocks, sums them while they
 * are in its core's cache, and the second launch adds up the items' sums. */

typedef struct {
  rows xb, hs, ht, ds, dt, das, dat;
} kept;

INLINE kept kept_of(rows block, int l, int D, int H) {
  kept r;
  r.xb = skip(block, 3 * D + l * (3 * D + 4 * H + 3));
  r.hs = skip(r.xb, D + 1);
  r.ht = skip(r.hs, H + 1);
  r.ds = skip(r.ht, H + 1);
  r.dt = skip(r.ds, D);
  r.das = skip(r.dt, D);
  r.dat = skip(r.das, H);
  return r;
}

/* Through one network: dout -> the gradient before tanh, and on to tmp. */
INLINE void network_back(global const float *A1, global const float *A2, shape z, rows dout, rows h,
                         rows da, rows tmp, int keep) {
  product_t(A2, z.D, z.H + 1, dout, da, 0);
  for (int j = 0; j < z.H; j++) ROW(da, j) *= 1 - ROW(h, j) * ROW(h, j);
  product_t(A1, z.H, z.D + 1, da, tmp, keep);
}

#define BWD                                                                                        \
  CLF_IN(y), CLF_IN(dy), CLF_IN(b), CLF_IN(w), CLF_IN(acts), CLF_OUT(x), CLF_OUT(dx), CLF_OUT(dw), \
      const mlp_coupling_bwd_args p, CLF_POOL
#define BWD_ARGS y_, dy_, b_, w_, acts_, x_, dx_, dw_, p, pool, e

/* h and t become their gradients, X the coupling's input, DX what reaches it
 * directly.  With acts X is the input already; without, it is rebuilt. */
INLINE void coupling_back(global const float *b, int stride, shape z, V dlogdet, int rebuild,
                          rows X, rows DX, kept r) {
  for (int i = 0; i < z.D; i++) {
    if (b[i * stride] != 0) {
      ROW(r.ds, i) = ROW(r.dt, i) = 0;
      continue;
    }
    const V h = ROW(r.ds, i), s = z.add ? 0 : bounded_v(h, z.s_max);
    const V d = ROW(DX, i), scale = exp(s);
    const V xs = rebuild ? ROW(X, i) - ROW(r.dt, i) : ROW(X, i) * scale; /* x exp(s) */
    if (rebuild) ROW(X, i) = xs * exp(-s);
    ROW(DX, i) = d * scale;
    ROW(r.ds, i) = (d * xs + dlogdet) * bounded_slope_v(h, z.s_max);
    ROW(r.dt, i) = d;
  }
}

/* Block k back through coupling l. */
#define BACK                                                                                       \
  CLF_FROM(y), CLF_FROM(dy), CLF_FROM(b), CLF_FROM(w), CLF_FROM(acts), CLF_TO(x), CLF_TO(dx),      \
      CLF_TO(dw), const mlp_coupling_bwd_args p, global float *pool, const int4 e
INLINE void back(BACK, int k, int l, rows X, kept r) {
  const shape z = {p.y.dim[0], p.y.dim[1], p.hidden, p.add, p.s_max};
  const int n0 = k * LANES, live = z.N - n0, stored = p.acts.dim[0] > 0;
  const rows DX = skip(X, z.D), tmp = skip(DX, z.D);
  const nets A = nets_of(PTR(w, l, 0), z);
  global const float *b = PTR(b, l, 0);
  clf_lanes dlogdet; /* lanes past the last sample add nothing */
  for (int i = 0; i < LANES; i++) dlogdet.f[i] = i < live ? p.dlogdet : 0;
  if (l == p.b.dim[0] - 1) {
    LOAD(y, n0, X);
    LOAD(dy, n0, DX);
  }
  for (int i = 0; i < z.D && stored; i++)
    ROW(X, i) = lanes_load(&AT(acts, l, i, n0, 0), p.acts.stride[2], live);
  masked(b, p.b.stride[1], z, X, r.xb);
  network(A.T1, A.T2, z, r.xb, r.ht, r.dt);
  if (!z.add) network(A.S1, A.S2, z, r.xb, r.hs, r.ds);
  coupling_back(b, p.b.stride[1], z, dlogdet.v, !stored, X, DX, r);
  network_back(A.T1, A.T2, z, r.dt, r.ht, r.dat, tmp, 0);
  if (!z.add) network_back(A.S1, A.S2, z, r.ds, r.hs, r.das, tmp, 1);
  for (int i = 0; i < z.D; i++)
    if (b[i * p.b.stride[1]] != 0) ROW(DX, i) += ROW(tmp, i);
  if (l > 0) return;
  STORE(dx, n0, DX);
  if (p.x.dim[0] > 0) STORE(x, n0, X);
}

/* Rows r0 .. r0 + 3 of dA (+)= sum over samples of d x^T, in the samples' order. */
INLINE void outer(global float *dA, int add, int R, int C, int r0, rows d, rows x, int blocks,
                  int ks) {
  for (int c0 = 0; c0 < C; c0 += 4) {
    V acc[4][4];
    global const V *dr[4], *xc[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
      dr[i] = &ROW(d, min(r0 + i, R - 1));
      xc[i] = &ROW(x, min(c0 + i, C - 1));
      acc[i][0] = acc[i][1] = acc[i][2] = acc[i][3] = 0;
    }
    for (int k = 0; k < blocks; k++) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
        const V v = dr[i][k * ks];
#pragma unroll
        for (int j = 0; j < 4; j++) acc[i][j] = fma(v, xc[j][k * ks], acc[i][j]);
      }
    }
#pragma unroll
    for (int i = 0; i < 4; i++)
#pragma unroll
      for (int j = 0; j < 4; j++)
        if (r0 + i < R && c0 + j < C) {
          global float *to = dA + (r0 + i) * C + c0 + j;
          *to = (add ? *to : 0) + lanes_sum(acc[i][j]);
        }
  }
}

/* Band t of a coupling's weight gradients: four rows of T1, T2, S1 or S2.  There are
 * bands_of() of them, S1 and S2 last. */
INLINE void sum_band(global float *first, int add, shape z, int t, kept r, int blocks, int ks) {
  const int nh = (z.H + 3) / 4, nd = (z.D + 3) / 4, C1 = z.D + 1, C2 = z.H + 1;
  global float *S2 = first + z.H * C1, *T1 = z.add ? first : S2 + z.D * C2, *T2 = T1 + z.H * C1;
  if (t < nh)
    outer(T1, add, z.H, C1, 4 * t, r.dat, r.xb, blocks, ks);
  else if ((t -= nh) < nd)
    outer(T2, add, z.D, C2, 4 * t, r.dt, r.ht, blocks, ks);
  else if ((t -= nd) < nh)
    outer(first, add, z.H, C1, 4 * t, r.das, r.xb, blocks, ks);
  else if ((t -= nh) < nd)
    outer(S2, add, z.D, C2, 4 * t, r.ds, r.hs, blocks, ks);
}
int bands_of(shape z) { return (z.add ? 1 : 2) * ((z.H + 3) / 4 + (z.D + 3) / 4); }

#if LANES > 1
/* Item g takes blocks e.z g .. e.z (g + 1) - 1 of all e.y through every coupling.
 * Alone it adds to dw; one of e.w writes its sums behind the rows. */
global float *sums_of(global float *pool, int4 e, int size, int g) {
  return pool + (size_t)e.x * e.y * LANES + (size_t)g * size;
}

kernel BY_LANES void mlp_coupling_bwd(BWD) {
  const shape z = {p.y.dim[0], p.y.dim[1], p.hidden, p.add, p.s_max};
  const int L = p.b.dim[0], P = p.w.dim[1], bands = bands_of(z), alone = e.w == 1;
  const int g = get_global_id(0), k0 = g * e.z, k1 = min(k0 + e.z, e.y);
  const rows first = rows_of(pool, e.x, e.y, k0);
  for (int l = L - 1; l >= 0; l--) {
    for (int k = k0; k < k1; k++) {
      const rows X = rows_of(pool, e.x, e.y, k);
      back(BWD_ARGS, k, l, X, kept_of(X, 0, z.D, z.H));
    }
    global float *to = alone ? PTR(dw, l, 0) : sums_of(pool, e, L * P, g) + l * P;
    for (int t = 0; t < bands; t++)
      sum_band(to, alone, z, t, kept_of(first, 0, z.D, z.H), k1 - k0, e.x);
  }
}

/* One parameter: the items' sums in their order. */
kernel BY_ITEM void mlp_coupling_bwd_add(BWD) {
  const int i = get_global_id(0), P = p.w.dim[1], size = p.b.dim[0] * P;
  if (i >= size) return;
  float sum = 0;
  for (int g = 0; g < e.w; g++) sum += sums_of(pool, e, size, g)[i];
  *PTR(dw, i / P, i % P) += sum;
}

#else
/* Couplings e.w - 1 .. e.z, an item for each sample. */
kernel BY_ITEM void mlp_coupling_bwd(BWD) {
  const int k = get_global_id(0);
  if (k >= e.y) return;
  const rows X = rows_of(pool, e.x, e.y, k);
  for (int l = e.w - 1; l >= e.z; l--)
    back(BWD_ARGS, k, l, X, kept_of(X, l - e.z, p.y.dim[1], p.hidden));
}

/* An item for each band of each of these couplings. */
kernel BY_ITEM void mlp_coupling_bwd_sum(BWD) {
  const shape z = {p.y.dim[0], p.y.dim[1], p.hidden, p.add, p.s_max};
  const int l = e.z + get_global_id(1), t = get_global_id(0);
  if (t >= bands_of(z)) return;
  sum_band(PTR(dw, l, 0), 1, z, t, kept_of(rows_of(pool, e.x, e.y, 0), l - e.z, z.D, z.H), e.y, 1);
}
#endif
#undef ROW
#undef FOR_BLOCKS
#undef LOAD
#undef STORE
#undef ADD_LOGDET
#undef BWD
#undef BACK
#undef BWD_ARGS
