/* SPDX-License-Identifier: MIT */
/* mlp_coupling_items_nll.cl: the loss of couplings and its gradient, with one lane: a work-item for
 * each sample.
 *
 *   mlp_coupling_nll        forward; stores the sample's loss and every coupling's input
 *   mlp_coupling_nll_back   backward through couplings e.first .. e.end - 1
 *   mlp_coupling_nll_sum    their weight gradients, over the samples
 *   mlp_coupling_nll_add    the loss of the batch
 *
 * Rows of a sample: its loss, inputs [couplings][D], then those of the backward pass. */
#include "mlp_coupling_items.clh"
#include "samples.clh"

#if LANES == 1
kernel BY_ITEM void mlp_coupling_nll(CLF_IN(x), CLF_IN(b), CLF_IN(w), CLF_OUT(loss), CLF_OUT(dw),
                                     const mlp_coupling_nll_args p, CLF_SCRATCH(mlp_items_plan)) {
  const mlp_shape z = mlp_shape_of(p.x, p.hidden, p.add, p.s_max);
  const int n = get_global_id(0), L = p.b.dim[0];
  if (n >= e.samples) return;
  const mlp_rows first = mlp_rows_of(scratch, e.samples, n), X0 = mlp_skip(first, 1);
  const mlp_rows DX = mlp_skip(X0, (L + 1) * z.D);
  const mlp_stored r = mlp_stored_of(mlp_skip(X0, L * z.D), 0, z.D, z.H);
  float loss = z.D * HALF_LOG_2PI;
  mlp_load(x_, p.x, n, z.D, X0);
  for (int l = 0; l < L; l++) {
    const mlp_rows X = mlp_skip(X0, l * z.D), next = l + 1 < L ? mlp_skip(X, z.D) : DX;
    const mlp_state q = {X, r.in, r.hs, r.ds, r.dt};
    mlp_nets_forward(PTR(w, l, 0), PTR(b, l, 0), p.b.stride[1], z, q);
    for (int i = 0; i < z.D; i++) {
      const int transformed = *PTR(b, l, i) == 0;
      const float s = transformed ? mlp_log_scale(z, q, i) : 0;
      ROW(next, i) = transformed ? ROW(X, i) * exp(s) + ROW(q.t, i) : ROW(X, i);
      loss -= s;
    }
  }
  for (int i = 0; i < z.D; i++) {
    loss += 0.5f * ROW(DX, i) * ROW(DX, i);
    ROW(DX, i) *= p.weight;
  }
  ROW(first, 0) = loss;
}

kernel BY_ITEM void mlp_coupling_nll_back(CLF_IN(x), CLF_IN(b), CLF_IN(w), CLF_OUT(loss),
                                          CLF_OUT(dw), const mlp_coupling_nll_args p,
                                          CLF_SCRATCH(mlp_items_plan)) {
  const mlp_shape z = mlp_shape_of(p.x, p.hidden, p.add, p.s_max);
  const int n = get_global_id(0);
  if (n >= e.samples) return;
  const mlp_rows X0 = mlp_skip(mlp_rows_of(scratch, e.samples, n), 1);
  const mlp_rows rest = mlp_skip(X0, p.b.dim[0] * z.D);
  for (int l = e.end - 1; l >= e.first; l--)
    mlp_back(PTR(w, l, 0), PTR(b, l, 0), p.b.stride[1], z, -p.weight, 0, mlp_skip(X0, l * z.D),
             mlp_skip(rest, z.D), mlp_skip(rest, 2 * z.D),
             mlp_stored_of(rest, l - e.first, z.D, z.H));
}

kernel BY_ITEM void mlp_coupling_nll_sum(CLF_IN(x), CLF_IN(b), CLF_IN(w), CLF_OUT(loss),
                                         CLF_OUT(dw), const mlp_coupling_nll_args p,
                                         CLF_SCRATCH(mlp_items_plan)) {
  const mlp_shape z = mlp_shape_of(p.x, p.hidden, p.add, p.s_max);
  const int l = e.first + get_global_id(1), t = get_global_id(0);
  if (t >= mlp_bands(z)) return;
  const mlp_rows rest = mlp_skip(mlp_rows_of(scratch, e.samples, 0), 1 + p.b.dim[0] * z.D);
  mlp_sum_band(PTR(dw, l, 0), z, t, mlp_stored_of(rest, l - e.first, z.D, z.H), e.samples);
}

/* One work-group: the losses of the samples. */
kernel BY_SAMPLE void mlp_coupling_nll_add(CLF_IN(x), CLF_IN(b), CLF_IN(w), CLF_OUT(loss),
                                           CLF_OUT(dw), const mlp_coupling_nll_args p,
                                           CLF_SCRATCH(mlp_items_plan)) {
  GROUP_MEMORY(memory);
  float sum = 0;
  FOR_SLICE(n, e.samples) sum += scratch[n];
  sum = GROUP_SUM(memory, sum);
  if (get_local_id(0) == 0) *PTR(loss, 0, 0) = p.weight * sum;
}
#endif
