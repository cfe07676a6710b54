/* SPDX-License-Identifier: MIT */
/* mlp_coupling_lanes_nll.cl: the loss of couplings and its gradient in one go, with vectors.
 *
 * A work-item takes e.at_once blocks at a time forward and backward, and stores meanwhile what
 * each coupling computes, its hidden units too: nothing is recomputed, and what is stored is
 * still in a cache.  A block's rows are those that all couplings share, then each coupling's
 * own:
 *
 *   [ DX t din da ] [ coupling 0: X in s ht hs ] [ coupling 1: X in s ht hs ] ... */
#include "mlp_coupling_lanes_back.clh"

#if LANES > 1
/* Coupling l of block k.  The output of the last coupling goes to DX, which becomes its gradient.
 */
static void mlp_nll_rows_of(mlp_back_rows *a, global V *mine, mlp_shape z, int L, int k, int l) {
  const int shared = 3 * z.D + 2 * TM + MLP_UNITS;
  const int own = 3 * z.D + TM + 4 + (z.add ? 1 : 2) * mlp_up(z.H, TM), rows = shared + L * own;
  a->step = rows * MLP_BLOCK;
  a->DX = MLP_ROW(mine, k * rows);
  a->t = MLP_ROW(a->DX, z.D);
  a->din = MLP_ROW(a->t, z.D + TM);
  a->da = MLP_ROW(a->din, z.D + TM);
  a->X = MLP_ROW(a->da, MLP_UNITS + l * own);
  a->in = MLP_ROW(a->X, z.D);
  a->s = MLP_ROW(a->in, z.D + 4);
  a->ht = MLP_ROW(a->s, z.D + TM);
  a->hs = MLP_ROW(a->ht, mlp_up(z.H, TM));
}

/* A coupling's output, to `next`; returns the log-dets of the first `left` samples. */
static V mlp_nll_transform(mlp_shape z, mlp_dims q, mlp_back_rows a, int left, global V *next) {
  V logdet = 0;
  for (int k = 0; k < q.identity; k++)
    for (int v = 0; v < MLP_BLOCK; v++) MLP_ROW(next, q.identity_dim[k])[v] = MLP_ROW(a.in, k)[v];
  for (int m = 0; m < q.transformed; m++)
    for (int v = 0; v < MLP_BLOCK; v++) {
      const int dim = q.transformed_dim[m];
      const V s = z.add ? (V)0 : bounded_v(MLP_ROW(a.s, m)[v], z.s_max);
      MLP_ROW(next, dim)[v] = MLP_ROW(a.X, dim)[v] * exp(s) + MLP_ROW(a.t, m)[v];
      logdet += lanes_first(s, left - v * LANES);
    }
  return logdet;
}

/* The current blocks forward through coupling l. */
static V mlp_nll_forward(global float *packed, mlp_shape z, int L, int l, global V *mine,
                         int blocks, int left) {
  mlp_dims q;
  mlp_panels T, S;
  mlp_back_rows a, o, next;
  V logdet = 0;
  mlp_dims_of(&q, packed, z, l);
  mlp_panels_of(&T, packed, z, q, l, 0);
  mlp_panels_of(&S, packed, z, q, l, 1);
  mlp_nll_rows_of(&a, mine, z, L, 0, l);
  for (int k = 0; k < blocks; k++) {
    mlp_nll_rows_of(&o, mine, z, L, k, l);
    mlp_gather_with_ones(q, o);
  }
  mlp_net_forward(T, q, a, blocks, a.ht, a.t);
  if (!z.add) mlp_net_forward(S, q, a, blocks, a.hs, a.s);
  for (int k = 0; k < blocks; k++) {
    mlp_nll_rows_of(&o, mine, z, L, k, l);
    mlp_nll_rows_of(&next, mine, z, L, k, l + 1);
    logdet += mlp_nll_transform(z, q, o, left - k * MLP_BLOCK * LANES, l + 1 < L ? next.X : o.DX);
  }
  return logdet;
}

/* z becomes its gradient; returns half the squares of the first `left` samples. */
static V mlp_nll_turn(mlp_shape z, global V *DX, float weight, int left) {
  V half_squares = 0;
  for (int i = 0; i < z.D; i++)
    for (int v = 0; v < MLP_BLOCK; v++) {
      const V x = lanes_first(MLP_ROW(DX, i)[v], left - v * LANES);
      half_squares += 0.5f * x * x;
      MLP_ROW(DX, i)[v] = weight * x;
    }
  return half_squares;
}

/* The current blocks backward through coupling l. */
static void mlp_nll_back(global float *packed, mlp_shape z, int L, int l, global V *mine,
                         int blocks, int left, float weight, int add) {
  const int g = get_global_id(0);
  mlp_dims q;
  mlp_panels T, S;
  mlp_back_rows a, o;
  mlp_dims_of(&q, packed, z, l);
  mlp_panels_of(&T, packed, z, q, l, 0);
  mlp_panels_of(&S, packed, z, q, l, 1);
  mlp_nll_rows_of(&a, mine, z, L, 0, l);
  for (int k = 0; k < blocks; k++) {
    mlp_nll_rows_of(&o, mine, z, L, k, l);
    mlp_transform_back(z, q, o, -weight, left - k * MLP_BLOCK * LANES, 1);
  }
  mlp_net_back(T, q, 0, 0, a, blocks, add, 0, mlp_sums_of(packed, z, L, g, l, 0));
  if (!z.add) mlp_net_back(S, q, 1, 0, a, blocks, add, 1, mlp_sums_of(packed, z, L, g, l, 1));
  for (int k = 0; k < blocks; k++) {
    mlp_nll_rows_of(&o, mine, z, L, k, l);
    mlp_scatter_gradient(q, o);
  }
}

/* The losses of the work-items, behind their sums. */
static global float *mlp_losses(mlp_lanes m, mlp_shape z, int L) {
  return mlp_sums_of(m.packed, z, L, m.items, 0, 0);
}

kernel BY_LANES void mlp_coupling_nll_pack(CLF_IN(x), CLF_IN(b), CLF_IN(w), CLF_OUT(loss),
                                           CLF_OUT(dw), const mlp_coupling_nll_args p,
                                           CLF_SCRATCH(mlp_lanes_plan)) {
  mlp_lanes m;
  mlp_lanes_of(&m, scratch, e);
  mlp_pack(b_, p.b, w_, p.w, mlp_shape_of(p.x, p.hidden, p.add, p.s_max), 1, m.packed,
           get_global_id(0));
}

kernel BY_LANES void mlp_coupling_nll(CLF_IN(x), CLF_IN(b), CLF_IN(w), CLF_OUT(loss), CLF_OUT(dw),
                                      const mlp_coupling_nll_args p, CLF_SCRATCH(mlp_lanes_plan)) {
  const mlp_shape z = mlp_shape_of(p.x, p.hidden, p.add, p.s_max);
  const int L = p.b.dim[0], wide = MLP_BLOCK * LANES;
  mlp_lanes m;
  mlp_lanes_of(&m, scratch, e);
  V loss = 0;
  for (int l = 0; l < L && m.items == 1; l++) mlp_pack(b_, p.b, w_, p.w, z, 1, m.packed, l);
  for (int k0 = m.first; k0 < m.end; k0 += e.at_once) {
    const int blocks = min(e.at_once, m.end - k0), left = z.N - k0 * wide;
    mlp_back_rows a;
    for (int k = 0; k < blocks; k++) {
      mlp_nll_rows_of(&a, m.mine, z, L, k, 0);
      mlp_load(x_, p.x, z, (k0 + k) * wide, a.X);
    }
    for (int l = 0; l < L; l++) loss -= mlp_nll_forward(m.packed, z, L, l, m.mine, blocks, left);
    for (int k = 0; k < blocks; k++) {
      mlp_nll_rows_of(&a, m.mine, z, L, k, 0);
      loss += mlp_nll_turn(z, a.DX, p.weight, left - k * wide);
    }
    for (int l = L - 1; l >= 0; l--)
      mlp_nll_back(m.packed, z, L, l, m.mine, blocks, left, p.weight, k0 > m.first);
  }
  global float *losses = mlp_losses(m, z, L);
  losses[get_global_id(0)] = lanes_sum(loss);
  if (m.items > 1) return;
  *PTR(loss, 0, 0) = p.weight * (losses[0] + z.N * z.D * HALF_LOG_2PI);
  mlp_add_all(m.packed, z, L, dw_, p.dw);
}

/* The first work-item adds up the loss as well. */
kernel BY_LANES void mlp_coupling_nll_add(CLF_IN(x), CLF_IN(b), CLF_IN(w), CLF_OUT(loss),
                                          CLF_OUT(dw), const mlp_coupling_nll_args p,
                                          CLF_SCRATCH(mlp_lanes_plan)) {
  const mlp_shape z = mlp_shape_of(p.x, p.hidden, p.add, p.s_max);
  const int L = p.b.dim[0];
  mlp_lanes m;
  mlp_lanes_of(&m, scratch, e);
  mlp_add_some(m, z, L, dw_, p.dw);
  if (get_global_id(0) > 0 || get_global_id(1) > 0) return;
  global const float *losses = mlp_losses(m, z, L);
  float loss = z.N * z.D * HALF_LOG_2PI;
  for (int g = 0; g < m.items; g++) loss += losses[g];
  *PTR(loss, 0, 0) = p.weight * loss;
}
#endif
