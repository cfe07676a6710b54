/* SPDX-License-Identifier: MIT */
/* mlp_coupling_items.cl: couplings with one lane, forward and inverse: a work-item for each sample.
 * mlp_coupling_items.clh has the picture. */
#include "mlp_coupling_items.clh"

#if LANES == 1
/* The rows of sample k: X, in, h, s, t. */
INLINE mlp_state mlp_state_of(global float *scratch, int samples, int k, mlp_shape z) {
  mlp_state q;
  q.X = mlp_rows_of(scratch, samples, k);
  q.in = mlp_skip(q.X, z.D);
  q.h = mlp_skip(q.in, z.D + 1);
  q.s = mlp_skip(q.h, z.H + 1);
  q.t = mlp_skip(q.s, z.D);
  return q;
}

kernel BY_LANES void mlp_coupling_fwd(CLF_IN(x), CLF_IN(b), CLF_IN(w), CLF_OUT(acts), CLF_OUT(y),
                                      CLF_OUT(logdet), const mlp_coupling_fwd_args p,
                                      CLF_SCRATCH(mlp_items_plan)) {
  const mlp_shape z = mlp_shape_of(p.x, p.hidden, p.add, p.s_max);
  const int n = get_global_id(0);
  if (n >= e.samples) return;
  const mlp_state q = mlp_state_of(scratch, e.samples, n, z);
  float logdet = 0;
  mlp_load(x_, p.x, n, z.D, q.X);
  for (int l = 0; l < p.b.dim[0]; l++) {
    for (int i = 0; i < z.D && p.acts.dim[0] > 0; i++) AT(acts, l, i, n, 0) = ROW(q.X, i);
    mlp_nets_forward(PTR(w, l, 0), PTR(b, l, 0), p.b.stride[1], z, q);
    for (int i = 0; i < z.D; i++)
      if (*PTR(b, l, i) == 0) {
        const float s = mlp_log_scale(z, q, i);
        ROW(q.X, i) = ROW(q.X, i) * exp(s) + ROW(q.t, i);
        logdet += s;
      }
  }
  mlp_store(q.X, n, z.D, y_, p.y);
  *PTR(logdet, n, 0) += logdet;
}

kernel BY_LANES void mlp_coupling_inv(CLF_IN(y), CLF_IN(b), CLF_IN(w), CLF_OUT(x), CLF_OUT(logdet),
                                      const mlp_coupling_inv_args p, CLF_SCRATCH(mlp_items_plan)) {
  const mlp_shape z = mlp_shape_of(p.y, p.hidden, p.add, p.s_max);
  const int n = get_global_id(0);
  if (n >= e.samples) return;
  const mlp_state q = mlp_state_of(scratch, e.samples, n, z);
  float logdet = 0;
  mlp_load(y_, p.y, n, z.D, q.X);
  for (int l = p.b.dim[0] - 1; l >= 0; l--) {
    mlp_nets_forward(PTR(w, l, 0), PTR(b, l, 0), p.b.stride[1], z, q);
    for (int i = 0; i < z.D; i++)
      if (*PTR(b, l, i) == 0) {
        const float s = mlp_log_scale(z, q, i);
        ROW(q.X, i) = (ROW(q.X, i) - ROW(q.t, i)) * exp(-s);
        logdet -= s;
      }
  }
  mlp_store(q.X, n, z.D, x_, p.x);
  *PTR(logdet, n, 0) += logdet;
}
#endif
