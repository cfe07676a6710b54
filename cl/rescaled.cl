/* SPDX-License-Identifier: MIT */
/* rescaled.cl: affine couplings of image flows.  A group takes e.x rows of a sample, and
 * leaves its sums in the pool, where they are added up in their order. */
#define BAND(t)                                                                                    \
  const int band = get_group_id(0), n = get_group_id(1), C = p.t.dim[1];                           \
  const int h0 = band * e.x, h1 = min(h0 + e.x, p.t.dim[2]);                                       \
  const float g = AT(g, 0, 0, 0, 0), g0 = g0_ ? AT(g0, 0, 0, 0, 0) : 0

/* The sum of a sample's only band goes to its log-det at once. */
#define LEAVE(sum, sign)                                                                           \
  const float all = GROUP_SUM(part, lanes_sum(sum));                                               \
  if (get_local_id(0) == 0) {                                                                      \
    if (e.y == 1)                                                                                  \
      AT(logdet, n, 0, 0, 0) += sign * all;                                                        \
    else                                                                                           \
      pool[n * e.y + band] = all;                                                                  \
  }
#define ADD(sign)                                                                                  \
  const int n = get_global_id(0);                                                                  \
  if (n >= p.logdet.dim[0]) return;                                                                \
  float sum = 0;                                                                                   \
  for (int band = 0; band < e.y; band++) sum += pool[n * e.y + band];                              \
  AT(logdet, n, 0, 0, 0) += sign * sum

kernel BY_SAMPLE void rescaled_fwd(CLF_IN(x), CLF_IN(th), CLF_IN(g), CLF_IN(g0), CLF_OUT(y),
                                   CLF_OUT(logdet), const rescaled_fwd_args p, CLF_POOL) {
  GROUP_MEMORY(part);
  BAND(x);
  V sum = 0;
  for (int h = h0; h < h1; h++) {
    EACH_RUN(x, p.pixels) {
      const V x = RUN(x, 0), t = RUN(th, 0), s = g * tanh_v(RUN(th, C)) + g0;
      SET_RUN(y, 0, p.scale_first ? x * exp(s) + t : (x + t) * exp(s));
      sum += lanes_first(s, r.left);
    }
    if (p.pixels) EACH_RUN(x, 3 - p.pixels) SET_RUN(y, 0, RUN(x, 0));
  }
  LEAVE(sum, 1);
}

kernel BY_ITEM void rescaled_fwd_add(CLF_IN(x), CLF_IN(th), CLF_IN(g), CLF_IN(g0), CLF_OUT(y),
                                     CLF_OUT(logdet), const rescaled_fwd_args p, CLF_POOL) {
  ADD(1);
}

kernel BY_SAMPLE void rescaled_inv(CLF_IN(y), CLF_IN(th), CLF_IN(g), CLF_IN(g0), CLF_OUT(x),
                                   CLF_OUT(logdet), const rescaled_inv_args p, CLF_POOL) {
  GROUP_MEMORY(part);
  BAND(y);
  V sum = 0;
  for (int h = h0; h < h1; h++) {
    EACH_RUN(y, p.pixels) {
      const V y = RUN(y, 0), t = RUN(th, 0), s = g * tanh_v(RUN(th, C)) + g0;
      SET_RUN(x, 0, p.scale_first ? (y - t) * exp(-s) : y * exp(-s) - t);
      sum += lanes_first(s, r.left);
    }
    if (p.pixels) EACH_RUN(y, 3 - p.pixels) SET_RUN(x, 0, RUN(y, 0));
  }
  LEAVE(sum, -1);
}

kernel BY_ITEM void rescaled_inv_add(CLF_IN(y), CLF_IN(th), CLF_IN(g), CLF_IN(g0), CLF_OUT(x),
                                     CLF_OUT(logdet), const rescaled_inv_args p, CLF_POOL) {
  ADD(-1);
}

kernel BY_SAMPLE void rescaled_bwd(CLF_IN(x), CLF_IN(th), CLF_IN(g), CLF_IN(g0), CLF_IN(dy),
                                   CLF_IN(dl), CLF_OUT(dx), CLF_OUT(dth), CLF_OUT(dg), CLF_OUT(dg0),
                                   const rescaled_bwd_args p, CLF_POOL) {
  GROUP_MEMORY(part);
  BAND(x);
  const float dl = dl_ ? p.dlogdet * AT(dl, n, 0, 0, 0) : p.dlogdet;
  V sum = 0, sum0 = 0;
  for (int h = h0; h < h1; h++) {
    EACH_RUN(x, p.pixels) {
      const V out = RUN(th, C), slope = tanh_v(out), dy = RUN(dy, 0), dx = dy * exp(g * slope + g0);
      const V x = p.scale_first ? RUN(x, 0) : RUN(x, 0) + RUN(th, 0);
      const V ds = lanes_first(dx * x + dl, r.left);
      SET_RUN(dx, 0, dx);
      SET_RUN(dth, 0, p.scale_first ? dy : dx);
      SET_RUN(dth, C, ds * g * bounded_slope_v(out, 1));
      sum += ds * slope;
      sum0 += ds;
    }
    if (p.pixels) EACH_RUN(x, 3 - p.pixels) {
        SET_RUN(dx, 0, RUN(dy, 0));
        SET_RUN(dth, 0, 0);
        SET_RUN(dth, C, 0);
      }
  }
  const float all = GROUP_SUM(part, lanes_sum(sum)), all0 = GROUP_SUM(part, lanes_sum(sum0));
  if (get_local_id(0) == 0) {
    pool[n * e.y + band] = all;
    pool[e.z + n * e.y + band] = all0;
  }
}

/* One group: the e.z bands of all samples. */
kernel BY_SAMPLE void rescaled_bwd_add(CLF_IN(x), CLF_IN(th), CLF_IN(g), CLF_IN(g0), CLF_IN(dy),
                                       CLF_IN(dl), CLF_OUT(dx), CLF_OUT(dth), CLF_OUT(dg),
                                       CLF_OUT(dg0), const rescaled_bwd_args p, CLF_POOL) {
  GROUP_MEMORY(part);
  float sum = 0, sum0 = 0;
  for (int k = get_local_id(0); k < e.z; k += GROUP) {
    sum += pool[k];
    sum0 += pool[e.z + k];
  }
  sum = GROUP_SUM(part, sum);
  sum0 = GROUP_SUM(part, sum0);
  if (get_local_id(0) == 0) {
    if (dg_) AT(dg, 0, 0, 0, 0) += sum;
    if (dg0_) AT(dg0, 0, 0, 0, 0) += sum0;
  }
}
#undef BAND
#undef LEAVE
#undef ADD
