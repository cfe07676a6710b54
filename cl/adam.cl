/* SPDX-License-Identifier: MIT */
/* adam.cl: Adam and the clipping of gradients: a work-item for some parameters, in vectors, or with
 * one lane for one parameter. */
#include "lanes.clh"

/* Elements first .. end - 1 of n are this work-item's: whole vectors, but for the last. */
typedef struct {
  int first, end;
} adam_slice;
INLINE adam_slice adam_slice_of(int n) {
  const int each = (n - 1) / ((int)get_global_size(0) * LANES) + 1;
  adam_slice q;
  q.first = min((int)get_global_id(0), n) * each * LANES;
  q.end = min(q.first + each * LANES, n);
  return q;
}
/* A vector of tensor t from element i on, and how it is loaded and stored. */
#define FROM(t, i, q) PTR(t, i, 0), p.t.stride[0], q.end - i

kernel BY_LANES void adam_step(CLF_OUT(g), CLF_OUT(w), CLF_OUT(m), CLF_OUT(v),
                               const adam_step_args p) {
  const adam_slice q = adam_slice_of(p.w.dim[0]);
  for (int i = q.first; i < q.end; i += LANES) {
    const V g = lanes_load(FROM(g, i, q));
    const V m = p.beta1 * lanes_load(FROM(m, i, q)) + (1 - p.beta1) * g;
    const V v = p.beta2 * lanes_load(FROM(v, i, q)) + (1 - p.beta2) * g * g;
    const V w = lanes_load(FROM(w, i, q)) - p.lr * (m / p.c1) / (sqrt(v / p.c2) + p.eps);
    lanes_store(m, FROM(m, i, q));
    lanes_store(v, FROM(v, i, q));
    lanes_store(w, FROM(w, i, q));
    lanes_store((V)0, FROM(g, i, q));
  }
}

kernel BY_LANES void clip_norm(CLF_IN(square), CLF_OUT(g), const clip_norm_args p) {
  const float square = AT(square, 0, 0, 0, 0), norm = sqrt(square);
  const float scale = !isfinite(square) ? NAN : norm > p.most ? p.most / norm : 1;
  if (scale == 1) return;
  const adam_slice q = adam_slice_of(p.g.dim[0]);
  for (int i = q.first; i < q.end; i += LANES)
    lanes_store(scale * lanes_load(FROM(g, i, q)), FROM(g, i, q));
}
