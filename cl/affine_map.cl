/* SPDX-License-Identifier: MIT */
/* affine_map.cl: affine and additive maps of single elements, as cpu_ref/affine_map.c has them. */

#define ELEMENT(t) lanes_load(PTR(t, q.n, j), p.t.stride[0], q.left)
#define PUT_ELEMENT(t, v) lanes_store(v, PTR(t, q.n, j), p.t.stride[0], q.left)
#define LOG_SCALE(L)                                                                               \
  V L = 0;                                                                                         \
  if (s_) L = affine_log_scale(ELEMENT(s), p.scale, p.a, p.b, SCALE_RATE);                         \
  SCALE_TRAINED(L)

kernel BY_SAMPLE void affine_map_fwd(CLF_IN(x), CLF_IN(at), CLF_IN(s), CLF_IN(t), CLF_IN(g),
                                     CLF_IN(g0), CLF_OUT(y), CLF_OUT(logdet),
                                     const affine_map_fwd_args p) {
  MAP_SUM;
  MAP_BEGIN(x, y);
  EACH_COLUMN {
    const V x = COLUMN(x), t = ELEMENT(t);
    LOG_SCALE(L);
    PUT_COLUMN(y, p.first ? (x + t) * exp(L) : x * exp(L) + t);
    sum += L;
  }
  MAP_LOGDET(1);
}

kernel BY_SAMPLE void affine_map_inv(CLF_IN(y), CLF_IN(at), CLF_IN(s), CLF_IN(t), CLF_IN(g),
                                     CLF_IN(g0), CLF_OUT(x), CLF_OUT(logdet),
                                     const affine_map_inv_args p) {
  MAP_SUM;
  MAP_BEGIN(y, x);
  EACH_COLUMN {
    const V y = COLUMN(y), t = ELEMENT(t);
    LOG_SCALE(L);
    PUT_COLUMN(x, affine_inverse(y, t, L, p.first));
    sum += L;
  }
  MAP_LOGDET(-1);
}

/* ds by what dL/dL is; without ds, nothing. */
#define PUT_DS(v)                                                                                  \
  if (ds_) PUT_ELEMENT(ds, g_ ? (v) : (v)*affine_slope(ELEMENT(s), p.scale, p.a, p.b, SCALE_RATE))

kernel BY_SAMPLE void affine_map_bwd(CLF_IN(x), CLF_IN(at), CLF_IN(s), CLF_IN(t), CLF_IN(g),
                                     CLF_IN(g0), CLF_IN(dy), CLF_IN(dl), CLF_OUT(dx), CLF_OUT(ds),
                                     CLF_OUT(dt), const affine_map_bwd_args p) {
  MAP_BEGIN(dy, dx);
  EACH_COLUMN {
    LOG_SCALE(L);
    const V x = p.first ? COLUMN(x) + ELEMENT(t) : COLUMN(x);
    const V dy = COLUMN(dy), dx = dy * exp(L);
    PUT_COLUMN(dx, dx);
    PUT_ELEMENT(dt, p.first ? dx : dy);
    PUT_DS(dx * x + MAP_DL);
  }
}

kernel BY_SAMPLE void affine_map_inv_bwd(CLF_IN(x), CLF_IN(at), CLF_IN(s), CLF_IN(t), CLF_IN(g),
                                         CLF_IN(g0), CLF_IN(dx), CLF_IN(dl), CLF_OUT(dy),
                                         CLF_OUT(ds), CLF_OUT(dt),
                                         const affine_map_inv_bwd_args p) {
  MAP_BEGIN(dx, dy);
  EACH_COLUMN {
    LOG_SCALE(L);
    const V x = p.first ? COLUMN(x) + ELEMENT(t) : COLUMN(x);
    const V dx = COLUMN(dx), dy = dx * exp(-L);
    PUT_COLUMN(dy, dy);
    PUT_ELEMENT(dt, p.first ? -dx : -dy);
    PUT_DS(-(dx * x + MAP_DL));
  }
}

kernel BY_SAMPLE void trained_scale_bwd(CLF_IN(s), CLF_IN(g), CLF_OUT(ds), CLF_OUT(dg),
                                        CLF_OUT(dg0), const trained_scale_bwd_args p, CLF_POOL) {
  GROUP_MEMORY(part);
  const clf_map q = map_of(p.s.dim[0], 1, p.s.dim[1]);
  const float g = AT(g, 0, 0, 0, 0);
  V sum = 0, sum0 = 0;
  for (int j = q.j; j < q.d; j += q.dj) {
    const V u = ELEMENT(s), v = lanes_first(ELEMENT(ds), q.left);
    sum += v * tanh_v(u);
    sum0 += v;
    PUT_ELEMENT(ds, v * g * bounded_slope_v(u, 1));
  }
  const float all = GROUP_SUM(part, lanes_sum(sum)), all0 = GROUP_SUM(part, lanes_sum(sum0));
  if (get_local_id(0) == 0) {
    pool[get_group_id(0)] = all;
    pool[e.x + get_group_id(0)] = all0;
  }
}

kernel BY_SAMPLE void trained_scale_bwd_add(CLF_IN(s), CLF_IN(g), CLF_OUT(ds), CLF_OUT(dg),
                                            CLF_OUT(dg0), const trained_scale_bwd_args p,
                                            CLF_POOL) {
  GROUP_MEMORY(part);
  float sum = 0, sum0 = 0;
  for (int k = get_local_id(0); k < e.x; k += GROUP) {
    sum += pool[k];
    sum0 += pool[e.x + k];
  }
  sum = GROUP_SUM(part, sum);
  sum0 = GROUP_SUM(part, sum0);
  if (get_local_id(0) == 0) {
    if (dg_) AT(dg, 0, 0, 0, 0) += sum;
    if (dg0_) AT(dg0, 0, 0, 0, 0) += sum0;
  }
}
#undef ELEMENT
#undef PUT_ELEMENT
#undef LOG_SCALE
#undef PUT_DS
