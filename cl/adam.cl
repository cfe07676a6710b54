/* SPDX-License-Identifier: MIT */
/* adam.cl: one item per parameter. */
kernel BY_ITEM void adam_step(CLF_OUT(g), CLF_OUT(w), CLF_OUT(m), CLF_OUT(v),
                              const adam_step_args p) {
  const int i = get_global_id(0);
  if (i >= p.w.dim[0]) return;
  const float gi = AT(g, i, 0, 0, 0);
  const float mi = p.beta1 * AT(m, i, 0, 0, 0) + (1 - p.beta1) * gi;
  const float vi = p.beta2 * AT(v, i, 0, 0, 0) + (1 - p.beta2) * gi * gi;
  AT(m, i, 0, 0, 0) = mi;
  AT(v, i, 0, 0, 0) = vi;
  AT(w, i, 0, 0, 0) -= p.lr * (mi / p.c1) / (sqrt(vi / p.c2) + p.eps);
  AT(g, i, 0, 0, 0) = 0;
}
