/* SPDX-License-Identifier: MIT */
/* affine_map.cl: affine and additive maps of single columns, as cpu_ref/affine_map.c has them. */
#include "maps.clh"
#include "scales.clh"

/* The log-scale of column j, with its trained factor. */
#define LOG_SCALE(q, j, kind)                                                                      \
  affine_trained(s_ ? affine_log_scale(GET_COLUMN(s, q, j), kind) : (V)0, g_, p.g, g0_, p.g0)

kernel BY_SAMPLE void affine_map_fwd(CLF_IN(x), CLF_IN(at), CLF_IN(s), CLF_IN(t), CLF_IN(g),
                                     CLF_IN(g0), CLF_OUT(y), CLF_OUT(logdet),
                                     const affine_map_fwd_args p) {
  GROUP_MEMORY(memory);
  const map_range q = map_range_of(p.x, p.at);
  const scale_kind kind = scale_kind_of(p.scale, p.a, p.b);
  V sum = 0;
  map_copy(q, x_, p.x, y_, p.y);
  FOR_COLUMNS(q, j) {
    const int c = map_column(*PTR(at, j, 0), q.D);
    const V x = GET_COLUMN(x, q, c), t = GET_COLUMN(t, q, j), L = LOG_SCALE(q, j, kind);
    PUT_COLUMN(y, q, c, p.first ? (x + t) * exp(L) : x * exp(L) + t);
    sum += L;
  }
  MAP_LOGDET(q, sum, 1, memory);
}

kernel BY_SAMPLE void affine_map_inv(CLF_IN(y), CLF_IN(at), CLF_IN(s), CLF_IN(t), CLF_IN(g),
                                     CLF_IN(g0), CLF_OUT(x), CLF_OUT(logdet),
                                     const affine_map_inv_args p) {
  GROUP_MEMORY(memory);
  const map_range q = map_range_of(p.y, p.at);
  const scale_kind kind = scale_kind_of(p.scale, p.a, p.b);
  V sum = 0;
  map_copy(q, y_, p.y, x_, p.x);
  FOR_COLUMNS(q, j) {
    const int c = map_column(*PTR(at, j, 0), q.D);
    const V y = GET_COLUMN(y, q, c), t = GET_COLUMN(t, q, j), L = LOG_SCALE(q, j, kind);
    PUT_COLUMN(x, q, c, affine_inverse(y, t, L, p.first));
    sum += L;
  }
  MAP_LOGDET(q, sum, -1, memory);
}

/* ds of column j from dL/dL: by the raw number, or where a trained factor follows by L itself. */
#define PUT_DS(q, j, kind, v)                                                                      \
  if (ds_) PUT_COLUMN(ds, q, j, g_ ? (v) : (v)*affine_slope(GET_COLUMN(s, q, j), kind))

kernel BY_SAMPLE void affine_map_bwd(CLF_IN(x), CLF_IN(at), CLF_IN(s), CLF_IN(t), CLF_IN(g),
                                     CLF_IN(g0), CLF_IN(dy), CLF_IN(dl), CLF_OUT(dx), CLF_OUT(ds),
                                     CLF_OUT(dt), const affine_map_bwd_args p) {
  const map_range q = map_range_of(p.dy, p.at);
  const scale_kind kind = scale_kind_of(p.scale, p.a, p.b);
  map_copy(q, dy_, p.dy, dx_, p.dx);
  FOR_COLUMNS(q, j) {
    const int c = map_column(*PTR(at, j, 0), q.D);
    const V L = LOG_SCALE(q, j, kind);
    const V x = p.first ? GET_COLUMN(x, q, c) + GET_COLUMN(t, q, j) : GET_COLUMN(x, q, c);
    const V dy = GET_COLUMN(dy, q, c), dx = dy * exp(L);
    PUT_COLUMN(dx, q, c, dx);
    PUT_COLUMN(dt, q, j, p.first ? dx : dy);
    PUT_DS(q, j, kind, dx * x + map_logdet_weight(q, p.dlogdet, dl_, p.dl));
  }
}

kernel BY_SAMPLE void affine_map_inv_bwd(CLF_IN(x), CLF_IN(at), CLF_IN(s), CLF_IN(t), CLF_IN(g),
                                         CLF_IN(g0), CLF_IN(dx), CLF_IN(dl), CLF_OUT(dy),
                                         CLF_OUT(ds), CLF_OUT(dt),
                                         const affine_map_inv_bwd_args p) {
  const map_range q = map_range_of(p.dx, p.at);
  const scale_kind kind = scale_kind_of(p.scale, p.a, p.b);
  map_copy(q, dx_, p.dx, dy_, p.dy);
  FOR_COLUMNS(q, j) {
    const int c = map_column(*PTR(at, j, 0), q.D);
    const V L = LOG_SCALE(q, j, kind);
    const V x = p.first ? GET_COLUMN(x, q, c) + GET_COLUMN(t, q, j) : GET_COLUMN(x, q, c);
    const V dx = GET_COLUMN(dx, q, c), dy = dx * exp(-L);
    PUT_COLUMN(dy, q, c, dy);
    PUT_COLUMN(dt, q, j, p.first ? -dx : -dy);
    PUT_DS(q, j, kind, -(dx * x + map_logdet_weight(q, p.dlogdet, dl_, p.dl)));
  }
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
    const V u = GET_COLUMN(s, q, j), v = lanes_first(GET_COLUMN(ds, q, j), q.left);
    sum += v * tanh_v(u);
    sum0 += v;
    PUT_COLUMN(ds, q, j, v * g * bounded_slope_v(u, 1));
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
  float sum = 0, sum0 = 0;
  FOR_SHARE(k, e.count) {
    sum += scratch[k];
    sum0 += scratch[e.count + k];
  }
  sum = GROUP_SUM(memory, sum);
  sum0 = GROUP_SUM(memory, sum0);
  if (get_local_id(0) == 0) {
    if (dg_) AT(dg, 0, 0, 0, 0) += sum;
    if (dg0_) AT(dg0, 0, 0, 0, 0) += sum0;
  }
}
