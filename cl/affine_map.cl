/* SPDX-License-Identifier: MIT */
/* affine_map.cl: affine and additive maps of single columns, as cpu_ref/affine_map.c has them. */
#include "maps.clh"
#include "scales.clh"

/* What the scales of a call come from. */
typedef struct {
  clf_in s, g, g0;
  scale_kind kind;
  int first; /* the shift comes first */
} affine_scales;
#define AFFINE_SCALES(p)                                                                           \
  { IN(s), IN(g), IN(g0), scale_kind_of(p.scale, p.a, p.b), p.first }

/* The log-scale of column j, with its trained factor. */
INLINE V affine_scale_of(affine_scales a, map_range q, int j) {
  const V L = a.s.at ? affine_log_scale(map_get(a.s, q, j), a.kind) : (V)0;
  return affine_trained(L, a.g.at, a.g.v, a.g0.at, a.g0.v);
}

/* All columns of a call; `inverse` is a constant. */
INLINE void affine_map(clf_in x, clf_in at, affine_scales a, clf_in shift, clf_out y,
                       clf_out logdet, int inverse, local float *memory) {
  const map_range q = map_range_of(x.v, at.v);
  V sum = 0;
  map_copy(q, x, y);
  FOR_COLUMNS(q, j) {
    const int c = map_column(at, q, j);
    const V v = map_get(x, q, c), t = map_get(shift, q, j), L = affine_scale_of(a, q, j);
    if (inverse)
      map_put(y, q, c, affine_inverse(v, t, L, a.first));
    else
      map_put(y, q, c, a.first ? (v + t) * exp(L) : v * exp(L) + t);
    sum += L;
  }
  map_logdet(q, sum, inverse ? -1 : 1, memory, logdet);
}
kernel BY_SAMPLE void affine_map_fwd(CLF_IN(x), CLF_IN(at), CLF_IN(s), CLF_IN(t), CLF_IN(g),
                                     CLF_IN(g0), CLF_OUT(y), CLF_OUT(logdet),
                                     const affine_map_fwd_args p) {
  GROUP_MEMORY(memory);
  const affine_scales a = AFFINE_SCALES(p);
  affine_map(IN(x), IN(at), a, IN(t), OUT(y), OUT(logdet), 0, memory);
}
kernel BY_SAMPLE void affine_map_inv(CLF_IN(y), CLF_IN(at), CLF_IN(s), CLF_IN(t), CLF_IN(g),
                                     CLF_IN(g0), CLF_OUT(x), CLF_OUT(logdet),
                                     const affine_map_inv_args p) {
  GROUP_MEMORY(memory);
  const affine_scales a = AFFINE_SCALES(p);
  affine_map(IN(y), IN(at), a, IN(t), OUT(x), OUT(logdet), 1, memory);
}

/* The gradients of a call: from dL/d(result) `out`, dL/d(argument) to `in`.  ds is dL by the raw
 * number, or where a trained factor follows by L itself. */
INLINE void affine_map_backward(clf_in x, clf_in at, affine_scales a, clf_in shift, clf_in out,
                                clf_in dl, float dlogdet, clf_out in, clf_out ds, clf_out dt,
                                int inverse) {
  const map_range q = map_range_of(out.v, at.v);
  map_copy(q, out, in);
  FOR_COLUMNS(q, j) {
    const int c = map_column(at, q, j);
    const V L = affine_scale_of(a, q, j);
    const V scaled = a.first ? map_get(x, q, c) + map_get(shift, q, j) : map_get(x, q, c);
    const V d = map_get(out, q, c), along = d * exp(inverse ? -L : L);
    map_put(in, q, c, along);
    if (inverse)
      map_put(dt, q, j, a.first ? -d : -along);
    else
      map_put(dt, q, j, a.first ? along : d);
    if (!ds.at) continue;
    const V weight = map_logdet_weight(q, dlogdet, dl);
    const V by_L = inverse ? -(d * scaled + weight) : along * scaled + weight;
    map_put(ds, q, j, a.g.at ? by_L : by_L * affine_slope(map_get(a.s, q, j), a.kind));
  }
}
kernel BY_SAMPLE void affine_map_bwd(CLF_IN(x), CLF_IN(at), CLF_IN(s), CLF_IN(t), CLF_IN(g),
                                     CLF_IN(g0), CLF_IN(dy), CLF_IN(dl), CLF_OUT(dx), CLF_OUT(ds),
                                     CLF_OUT(dt), const affine_map_bwd_args p) {
  const affine_scales a = AFFINE_SCALES(p);
  affine_map_backward(IN(x), IN(at), a, IN(t), IN(dy), IN(dl), p.dlogdet, OUT(dx), OUT(ds), OUT(dt),
                      0);
}
kernel BY_SAMPLE void affine_map_inv_bwd(CLF_IN(x), CLF_IN(at), CLF_IN(s), CLF_IN(t), CLF_IN(g),
                                         CLF_IN(g0), CLF_IN(dx), CLF_IN(dl), CLF_OUT(dy),
                                         CLF_OUT(ds), CLF_OUT(dt),
                                         const affine_map_inv_bwd_args p) {
  const affine_scales a = AFFINE_SCALES(p);
  affine_map_backward(IN(x), IN(at), a, IN(t), IN(dx), IN(dl), p.dlogdet, OUT(dy), OUT(ds), OUT(dt),
                      1);
}

/* ---- Gradients of a trained factor: each work-group its sums, then all of them -------------- */

kernel BY_SAMPLE void trained_scale_bwd(CLF_IN(s), CLF_IN(g), CLF_OUT(ds), CLF_OUT(dg),
                                        CLF_OUT(dg0), const trained_scale_bwd_args p,
                                        CLF_SCRATCH(bands_plan)) {
  GROUP_MEMORY(memory);
  const map_range q = map_range_for(p.s.dim[0], 1, p.s.dim[1]);
  const float g = AT(g, 0, 0, 0, 0);
  V sum = 0, sum0 = 0;
  FOR_COLUMNS(q, j) {
    const V u = map_get(IN(s), q, j), v = lanes_first(map_get(IN(ds), q, j), q.left);
    sum += v * tanh_v(u);
    sum0 += v;
    map_put(OUT(ds), q, j, v * g * bounded_slope_v(u, 1));
  }
  const float all = GROUP_SUM(memory, lanes_sum(sum)), all0 = GROUP_SUM(memory, lanes_sum(sum0));
  if (get_local_id(0) == 0) {
    scratch[get_group_id(0)] = all;
    scratch[e.count + get_group_id(0)] = all0;
  }
}

kernel BY_SAMPLE void trained_scale_bwd_add(CLF_IN(s), CLF_IN(g), CLF_OUT(ds), CLF_OUT(dg),
                                            CLF_OUT(dg0), const trained_scale_bwd_args p,
                                            CLF_SCRATCH(bands_plan)) {
  GROUP_MEMORY(memory);
  trained_scale_add(scratch, e.count, e.count, OUT(dg), OUT(dg0), memory);
}
