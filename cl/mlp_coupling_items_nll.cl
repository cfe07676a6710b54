/* SPDX-License-Identifier: MIT */
/* mlp_coupling_items_nll.cl: the loss and its gradient, an item for a sample.
 *
 * Its rows are its share of the loss and every coupling's input, then those of the way back. */
#if LANES == 1
#define NLL                                                                                        \
  CLF_IN(x), CLF_IN(b), CLF_IN(w), CLF_OUT(loss), CLF_OUT(dw), const mlp_coupling_nll_args p,      \
      CLF_POOL
#define NLL_SHAPE                                                                                  \
  { p.x.dim[0], p.x.dim[1], p.hidden, p.add, p.s_max }

kernel BY_ITEM void mlp_coupling_nll(NLL) {
  const shape z = NLL_SHAPE;
  const int k = get_global_id(0), L = p.b.dim[0];
  if (k >= e.y) return;
  const rows first = rows_of(pool, e.y, k), X0 = skip(first, 1), DX = skip(X0, (L + 1) * z.D);
  const kept r = kept_of(skip(X0, L * z.D), 0, z.D, z.H);
  V loss = z.D * HALF_LOG_2PI;
  LOAD(x, k, X0);
  for (int l = 0; l < L; l++) {
    const rows X = skip(X0, l * z.D), next = l + 1 < L ? skip(X, z.D) : DX;
    state q;
    q.X = X, q.xb = r.xb, q.h = r.hs, q.s = r.ds, q.t = r.dt;
    nets_at(PTR(w, l, 0), PTR(b, l, 0), p.b.stride[1], z, q);
    for (int i = 0; i < z.D; i++) {
      const int moves = *PTR(b, l, i) == 0;
      const V s = moves ? log_scale(z, q, i) : 0;
      ROW(next, i) = moves ? ROW(X, i) * exp(s) + ROW(q.t, i) : ROW(X, i);
      loss -= s;
    }
  }
  for (int i = 0; i < z.D; i++) {
    loss += 0.5f * ROW(DX, i) * ROW(DX, i);
    ROW(DX, i) *= p.weight;
  }
  ROW(first, 0) = loss;
}

kernel BY_ITEM void mlp_coupling_nll_back(NLL) {
  const shape z = NLL_SHAPE;
  const int k = get_global_id(0);
  if (k >= e.y) return;
  const rows X0 = skip(rows_of(pool, e.y, k), 1), rest = skip(X0, p.b.dim[0] * z.D);
  for (int l = e.w - 1; l >= e.z; l--)
    back_at(PTR(w, l, 0), PTR(b, l, 0), p.b.stride[1], z, -p.weight, 0, skip(X0, l * z.D),
            skip(rest, z.D), skip(rest, 2 * z.D), kept_of(rest, l - e.z, z.D, z.H));
}

kernel BY_ITEM void mlp_coupling_nll_sum(NLL) {
  const shape z = NLL_SHAPE;
  const int l = e.z + get_global_id(1), t = get_global_id(0);
  if (t >= bands_of(z)) return;
  const rows rest = skip(rows_of(pool, e.y, 0), 1 + p.b.dim[0] * z.D);
  sum_band(PTR(dw, l, 0), 1, z, t, kept_of(rest, l - e.z, z.D, z.H), e.y, 1);
}

/* One group: the samples' shares of the loss. */
kernel BY_SAMPLE void mlp_coupling_nll_add(NLL) {
  GROUP_MEMORY(part);
  float sum = 0;
  for (int n = get_local_id(0); n < e.y; n += GROUP) sum += pool[n];
  sum = GROUP_SUM(part, sum);
  if (get_local_id(0) == 0) *PTR(loss, 0, 0) = p.weight * sum;
}
#undef FOR_BLOCKS
#undef LOAD
#undef STORE
#undef ADD_LOGDET
#undef BWD
#undef BACK
#undef BWD_ARGS
#undef NLL
#undef NLL_SHAPE
#undef ROW
#endif
