/* SPDX-License-Identifier: MIT */
/* mlp_coupling_items_bwd.cl: the way back, an item for a sample.
 *
 * Rows: X, DX, tmp, then for every coupling kept what its weight gradients are products of: xb,
 * hs, ht and the gradients of s, t, S1's and T1's outputs.  All samples' rows are kept, and
 * summed in a second launch. */
#if LANES == 1
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

/* What a coupling computed, again, and back through it. */
INLINE void back_at(global const float *w, global const float *b, int stride, shape z, V dlogdet,
                    int rebuild, rows X, rows DX, rows tmp, kept r) {
  const nets A = nets_of(w, z);
  masked(b, stride, z, X, r.xb);
  network(A.T1, A.T2, z, r.xb, r.ht, r.dt);
  if (!z.add) network(A.S1, A.S2, z, r.xb, r.hs, r.ds);
  coupling_back(b, stride, z, dlogdet, rebuild, X, DX, r);
  network_back(A.T1, A.T2, z, r.dt, r.ht, r.dat, tmp, 0);
  if (!z.add) network_back(A.S1, A.S2, z, r.ds, r.hs, r.das, tmp, 1);
  for (int i = 0; i < z.D; i++)
    if (b[i * stride] != 0) ROW(DX, i) += ROW(tmp, i);
}

/* Block k back through coupling l. */
#define BACK                                                                                       \
  CLF_FROM(y), CLF_FROM(dy), CLF_FROM(b), CLF_FROM(w), CLF_FROM(acts), CLF_TO(x), CLF_TO(dx),      \
      CLF_TO(dw), const mlp_coupling_bwd_args p, global float *pool, const int4 e
INLINE void back(BACK, int k, int l, rows X, kept r) {
  const shape z = {p.y.dim[0], p.y.dim[1], p.hidden, p.add, p.s_max};
  const int n0 = k * LANES, live = z.N - n0, stored = p.acts.dim[0] > 0;
  const rows DX = skip(X, z.D), tmp = skip(DX, z.D);
  clf_lanes dlogdet; /* lanes past the last sample add nothing */
  for (int i = 0; i < LANES; i++) dlogdet.f[i] = i < live ? p.dlogdet : 0;
  if (l == p.b.dim[0] - 1) {
    LOAD(y, n0, X);
    LOAD(dy, n0, DX);
  }
  for (int i = 0; i < z.D && stored; i++)
    ROW(X, i) = lanes_load(&AT(acts, l, i, n0, 0), p.acts.stride[2], live);
  back_at(PTR(w, l, 0), PTR(b, l, 0), p.b.stride[1], z, dlogdet.v, !stored, X, DX, tmp, r);
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
static int bands_of(shape z) { return (z.add ? 1 : 2) * ((z.H + 3) / 4 + (z.D + 3) / 4); }

/* Couplings e.w - 1 .. e.z, an item for each sample. */
kernel BY_ITEM void mlp_coupling_bwd(BWD) {
  const int k = get_global_id(0);
  if (k >= e.y) return;
  const rows X = rows_of(pool, e.y, k);
  for (int l = e.w - 1; l >= e.z; l--)
    back(BWD_ARGS, k, l, X, kept_of(X, l - e.z, p.y.dim[1], p.hidden));
}

/* An item for each band of each of these couplings. */
kernel BY_ITEM void mlp_coupling_bwd_sum(BWD) {
  const shape z = {p.y.dim[0], p.y.dim[1], p.hidden, p.add, p.s_max};
  const int l = e.z + get_global_id(1), t = get_global_id(0);
  if (t >= bands_of(z)) return;
  sum_band(PTR(dw, l, 0), 1, z, t, kept_of(rows_of(pool, e.y, 0), l - e.z, z.D, z.H), e.y, 1);
}
#endif
