/* SPDX-License-Identifier: MIT */
/* adam.cl: one item per parameter, or where it is a vector for some; clipping likewise. */

/* Elements i0 .. i1 - 1 that an item takes of n, whole vectors but for the last. */
#define SHARE(n)                                                                                   \
  const int each = ((n)-1) / ((int)get_global_size(0) * LANES) + 1;                                \
  const int i0 = min((int)get_global_id(0), n) * each * LANES, i1 = min(i0 + each * LANES, n)
#define HERE(t) PTR(t, i, 0), p.t.stride[0], i1 - i

kernel BY_LANES void adam_step(CLF_OUT(g), CLF_OUT(w), CLF_OUT(m), CLF_OUT(v),
                               const adam_step_args p) {
  SHARE(p.w.dim[0]);
  for (int i = i0; i < i1; i += LANES) {
    const V g = lanes_load(HERE(g));
    const V m = p.beta1 * lanes_load(HERE(m)) + (1 - p.beta1) * g;
    const V v = p.beta2 * lanes_load(HERE(v)) + (1 - p.beta2) * g * g;
    const V w = lanes_load(HERE(w)) - p.lr * (m / p.c1) / (sqrt(v / p.c2) + p.eps);
    lanes_store(m, HERE(m));
    lanes_store(v, HERE(v));
    lanes_store(w, HERE(w));
    lanes_store((V)0, HERE(g));
  }
}

kernel BY_LANES void clip_norm(CLF_IN(square), CLF_OUT(g), const clip_norm_args p) {
  const float square = AT(square, 0, 0, 0, 0), norm = sqrt(square);
  const float scale = !isfinite(square) ? NAN : norm > p.most ? p.most / norm : 1;
  if (scale == 1) return;
  SHARE(p.g.dim[0]);
  for (int i = i0; i < i1; i += LANES) lanes_store(scale * lanes_load(HERE(g)), HERE(g));
}
#undef SHARE
#undef HERE
