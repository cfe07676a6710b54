/* SPDX-License-Identifier: MIT */
/* adam.cl: one item per parameter; clipping: an item for some. */
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

kernel BY_LANES void clip_norm(CLF_IN(square), CLF_OUT(g), const clip_norm_args p) {
  const float square = AT(square, 0, 0, 0, 0), norm = sqrt(square);
  const float scale = !isfinite(square) ? NAN : norm > p.most ? p.most / norm : 1;
  if (scale == 1) return;
  const int n = p.g.dim[0], each = (n - 1) / ((int)get_global_size(0) * LANES) + 1;
  const int i0 = min((int)get_global_id(0), n) * each * LANES, i1 = min(i0 + each * LANES, n);
  for (int i = i0; i < i1; i += LANES) {
    const V g = lanes_load(PTR(g, i, 0), p.g.stride[0], i1 - i);
    lanes_store(g * scale, PTR(g, i, 0), p.g.stride[0], i1 - i);
  }
}
