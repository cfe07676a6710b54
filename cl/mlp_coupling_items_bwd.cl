/* SPDX-License-Identifier: MIT */
/* mlp_coupling_items_bwd.cl: the backward pass of couplings with one lane: a work-item for each
 * sample.
 *
 * Rows of a sample: X, DX, din, then for every coupling what its weight gradients are products of
 * (mlp_stored).  These rows stay for all samples, and a second launch sums over them: a work-item
 * for four rows of a gradient.  Both launches are for couplings e.first .. e.end - 1, as many as
 * scratch memory may hold. */
#include "mlp_coupling_items.clh"

#if LANES == 1
kernel BY_ITEM void mlp_coupling_bwd(CLF_IN(y), CLF_IN(dy), CLF_IN(b), CLF_IN(w), CLF_IN(acts),
                                     CLF_OUT(x), CLF_OUT(dx), CLF_OUT(dw),
                                     const mlp_coupling_bwd_args p, CLF_SCRATCH(mlp_items_plan)) {
  const mlp_shape z = mlp_shape_of(p.y, p.hidden, p.add, p.s_max);
  const int n = get_global_id(0), stored = p.acts.dim[0] > 0;
  if (n >= e.samples) return;
  const mlp_rows X = mlp_rows_of(scratch, e.samples, n);
  const mlp_rows DX = mlp_skip(X, z.D), din = mlp_skip(DX, z.D);
  if (e.end == p.b.dim[0]) {
    mlp_load(y_, p.y, n, z.D, X);
    mlp_load(dy_, p.dy, n, z.D, DX);
  }
  for (int l = e.end - 1; l >= e.first; l--) {
    for (int i = 0; i < z.D && stored; i++) ROW(X, i) = AT(acts, l, i, n, 0);
    mlp_back(PTR(w, l, 0), PTR(b, l, 0), p.b.stride[1], z, p.dlogdet, !stored, X, DX, din,
             mlp_stored_of(X, l - e.first, z.D, z.H));
  }
  if (e.first > 0) return;
  mlp_store(DX, n, z.D, dx_, p.dx);
  if (p.x.dim[0] > 0) mlp_store(X, n, z.D, x_, p.x);
}

/* A work-item for each band of each of these couplings. */
kernel BY_ITEM void mlp_coupling_bwd_sum(CLF_IN(y), CLF_IN(dy), CLF_IN(b), CLF_IN(w), CLF_IN(acts),
                                         CLF_OUT(x), CLF_OUT(dx), CLF_OUT(dw),
                                         const mlp_coupling_bwd_args p,
                                         CLF_SCRATCH(mlp_items_plan)) {
  const mlp_shape z = mlp_shape_of(p.y, p.hidden, p.add, p.s_max);
  const int l = e.first + get_global_id(1), t = get_global_id(0);
  if (t >= mlp_bands(z)) return;
  const mlp_rows first = mlp_rows_of(scratch, e.samples, 0);
  mlp_sum_band(PTR(dw, l, 0), z, t, mlp_stored_of(first, l - e.first, z.D, z.H), e.samples);
}
#endif
