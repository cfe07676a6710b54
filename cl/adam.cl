/* SPDX-License-Identifier: MIT */
/* adam.cl: an item has a share of the elements, one where it is one lane. */

/* From which element of n on, and to which, LANES at a time. */
int2 adam_share(int n) {
  const int each = (n - 1) / ((int)get_global_size(0) * LANES) + 1;
  const int first = min((int)get_global_id(0), n) * each * LANES;
  return (int2)(first, min(first + each * LANES, n));
}

kernel BY_LANES void adam_step(CLF_OUT(g), CLF_OUT(w), CLF_OUT(m), CLF_OUT(v),
                               const adam_step_args p) {
  const int2 share = adam_share(p.w.dim[0]);
  for (int i = share.x; i < share.y; i += LANES) {
    const int n = share.y - i;
    const V gi = lanes_load(PTR(g, i, 0), p.g.stride[0], n);
    const V mi = p.beta1 * lanes_load(PTR(m, i, 0), p.m.stride[0], n) + (1 - p.beta1) * gi;
    const V vi = p.beta2 * lanes_load(PTR(v, i, 0), p.v.stride[0], n) + (1 - p.beta2) * gi * gi;
    const V step = p.lr * (mi / p.c1) / (sqrt(vi / p.c2) + p.eps);
    lanes_store(mi, PTR(m, i, 0), p.m.stride[0], n);
    lanes_store(vi, PTR(v, i, 0), p.v.stride[0], n);
    lanes_store(lanes_load(PTR(w, i, 0), p.w.stride[0], n) - step, PTR(w, i, 0), p.w.stride[0], n);
    lanes_store(0, PTR(g, i, 0), p.g.stride[0], n);
  }
}

kernel BY_LANES void clip_norm(CLF_IN(square), CLF_OUT(g), const clip_norm_args p) {
  const float square = AT(square, 0, 0, 0, 0), norm = sqrt(square);
  const float scale = !isfinite(square) ? NAN : norm > p.most ? p.most / norm : 1;
  const int2 share = adam_share(p.g.dim[0]);
  if (scale == 1) return;
  for (int i = share.x; i < share.y; i += LANES) {
    const V g = lanes_load(PTR(g, i, 0), p.g.stride[0], share.y - i);
    lanes_store(g * scale, PTR(g, i, 0), p.g.stride[0], share.y - i);
  }
}
