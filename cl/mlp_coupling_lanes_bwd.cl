/* SPDX-License-Identifier: MIT */
/* mlp_coupling_lanes_bwd.cl: the backward pass of couplings with vectors, from a given dy.
 *
 * A work-item takes all its blocks through a coupling before the next one:
 *
 *    for l = L - 1 .. 0        X and DX of every block stay from one coupling to the next;
 *      for its blocks,         of e.at_once blocks at a time there are the other rows,
 *      e.at_once together      whose weight gradients are then summed
 *        recompute s, t, X  ->  gradients of s, t  ->  of the nets  ->  DX, sums */
#include "mlp_coupling_lanes_back.clh"

#if LANES > 1
/* Rows of block number `block` of `blocks`, the k-th of the current ones. */
static void mlp_back_rows_of(mlp_back_rows *a, global V *mine, mlp_shape z, int recompute,
                             int blocks, int block, int k) {
  const int H = mlp_up(z.H, TM), rows = 4 * z.D + 3 * TM + 4 + H + (recompute ? H : MLP_UNITS);
  a->step = (rows + MLP_UNITS) * MLP_BLOCK;
  a->X = MLP_ROW(mine, 2 * z.D * block);
  a->DX = MLP_ROW(a->X, z.D);
  a->in = MLP_ROW(mine, 2 * z.D * blocks) + k * a->step;
  a->s = MLP_ROW(a->in, z.D + 4); /* ones behind it, and its rows are taken in fours */
  a->t = MLP_ROW(a->s, z.D + TM);
  a->din = MLP_ROW(a->t, z.D + TM);
  a->hs = MLP_ROW(a->din, z.D + TM);
  a->ht = MLP_ROW(a->hs, mlp_up(z.H, TM));
  a->da = MLP_ROW(a->ht, recompute ? H : MLP_UNITS);
}

/* Blocks k0 .. k0 + blocks - 1 backward through coupling l. */
static void mlp_back(global const float *y_, global const float *dy_, global const float *acts_,
                     const mlp_coupling_bwd_args p, mlp_shape z, mlp_lanes m, int l, int k0,
                     int blocks) {
  const int stored = p.acts.dim[0] > 0, L = p.b.dim[0], wide = MLP_BLOCK * LANES;
  const int all = m.end - m.first, g = get_global_id(0);
  mlp_dims q;
  mlp_dims_of(&q, m.packed, z, l);
  mlp_back_rows a;
  mlp_back_rows_of(&a, m.mine, z, !stored, all, k0 - m.first, 0);
  for (int k = 0, n0 = k0 * wide; k < blocks; k++, n0 += wide) {
    mlp_back_rows o;
    mlp_back_rows_of(&o, m.mine, z, !stored, all, k0 - m.first + k, k);
    for (int i = 0; i < z.D && stored; i++)
      mlp_load_row(&AT(acts, l, i, n0, 0), p.acts.stride[2], z.N - n0, MLP_ROW(o.X, i));
    if (!stored && l == L - 1) mlp_load(y_, p.y, z, n0, o.X);
    if (l == L - 1) mlp_load(dy_, p.dy, z, n0, o.DX);
    mlp_gather_with_ones(q, o);
  }
  mlp_panels T, S;
  mlp_panels_of(&T, m.packed, z, q, l, 0);
  mlp_panels_of(&S, m.packed, z, q, l, 1);
  if (!stored) mlp_net_forward(T, q, a, blocks, a.ht, a.t);
  if (!z.add) mlp_net_forward(S, q, a, blocks, a.hs, a.s);
  for (int k = 0; k < blocks; k++) {
    mlp_back_rows o;
    mlp_back_rows_of(&o, m.mine, z, !stored, all, k0 - m.first + k, k);
    mlp_transform_back(z, q, o, p.dlogdet, z.N - (k0 + k) * wide, stored);
  }
  mlp_net_back(T, q, 0, stored, a, blocks, k0 > m.first, 0, mlp_sums_of(m.packed, z, L, g, l, 0));
  if (!z.add)
    mlp_net_back(S, q, 1, stored, a, blocks, k0 > m.first, 1, mlp_sums_of(m.packed, z, L, g, l, 1));
  for (int k = 0; k < blocks; k++) {
    mlp_back_rows o;
    mlp_back_rows_of(&o, m.mine, z, !stored, all, k0 - m.first + k, k);
    mlp_scatter_gradient(q, o);
  }
}

kernel BY_LANES void mlp_coupling_bwd_pack(CLF_IN(y), CLF_IN(dy), CLF_IN(b), CLF_IN(w),
                                           CLF_IN(acts), CLF_OUT(x), CLF_OUT(dx), CLF_OUT(dw),
                                           const mlp_coupling_bwd_args p,
                                           CLF_SCRATCH(mlp_lanes_plan)) {
  mlp_lanes m;
  mlp_lanes_of(&m, scratch, e);
  mlp_pack(b_, p.b, w_, p.w, mlp_shape_of(p.y, p.hidden, p.add, p.s_max), 1, m.packed,
           get_global_id(0));
}

kernel BY_LANES void mlp_coupling_bwd(CLF_IN(y), CLF_IN(dy), CLF_IN(b), CLF_IN(w), CLF_IN(acts),
                                      CLF_OUT(x), CLF_OUT(dx), CLF_OUT(dw),
                                      const mlp_coupling_bwd_args p, CLF_SCRATCH(mlp_lanes_plan)) {
  const mlp_shape z = mlp_shape_of(p.y, p.hidden, p.add, p.s_max);
  const int L = p.b.dim[0];
  mlp_lanes m;
  mlp_lanes_of(&m, scratch, e);
  for (int l = 0; l < L && m.items == 1; l++) mlp_pack(b_, p.b, w_, p.w, z, 1, m.packed, l);
  for (int l = L - 1; l >= 0; l--)
    for (int k = m.first; k < m.end; k += e.at_once)
      mlp_back(y_, dy_, acts_, p, z, m, l, k, min(e.at_once, m.end - k));
  for (int k = m.first; k < m.end; k++) {
    const int n0 = k * MLP_BLOCK * LANES;
    mlp_back_rows o;
    mlp_back_rows_of(&o, m.mine, z, p.acts.dim[0] == 0, m.end - m.first, k - m.first, 0);
    mlp_store(o.DX, z, n0, dx_, p.dx);
    if (p.x.dim[0] > 0) mlp_store(o.X, z, n0, x_, p.x);
  }
  if (m.items == 1) mlp_add_all(m.packed, z, L, dw_, p.dw);
}

kernel BY_LANES void mlp_coupling_bwd_add(CLF_IN(y), CLF_IN(dy), CLF_IN(b), CLF_IN(w), CLF_IN(acts),
                                          CLF_OUT(x), CLF_OUT(dx), CLF_OUT(dw),
                                          const mlp_coupling_bwd_args p,
                                          CLF_SCRATCH(mlp_lanes_plan)) {
  mlp_lanes m;
  mlp_lanes_of(&m, scratch, e);
  mlp_add_some(m, mlp_shape_of(p.y, p.hidden, p.add, p.s_max), p.b.dim[0], dw_, p.dw);
}
#endif
