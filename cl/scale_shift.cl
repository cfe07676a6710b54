/* SPDX-License-Identifier: MIT */
/* scale_shift.cl: a scale and a shift for each channel; what is summed over pixels is summed by
 * bands of e.x rows, two numbers for each of e.y bands and each channel, then over the bands. */
static V scale_shift_softplus(V u) { return fmax(u, (V)0) + log1p(exp(-fabs(u))); }
static V scale_shift_sigmoid(V u) {
  const V e = exp(-fabs(u));
  return (u > 0 ? (V)1 : e) / (1 + e);
}
static V scale_shift_value(V u, int kind, float eps) {
  if (kind == 0) return exp(u);
  if (kind == 1) return u;
  if (kind == 2) return scale_shift_softplus(u) + eps;
  return kind == 3 ? 0.2f * scale_shift_softplus(0.5f * u) : 10 * scale_shift_sigmoid(u - 2);
}
static V scale_shift_log(V u, int kind, float eps) {
  if (kind == 0) return u;
  if (kind == 4) return log(10.0f) - scale_shift_softplus(2 - u);
  return log(fabs(scale_shift_value(u, kind, eps)));
}
/* Of the logarithm, by u. */
static V scale_shift_log_slope(V u, int kind, float eps) {
  if (kind == 0) return 1;
  if (kind == 1) return 1 / u;
  if (kind == 4) return scale_shift_sigmoid(2 - u);
  const V slope = kind == 2 ? scale_shift_sigmoid(u) : 0.1f * scale_shift_sigmoid(0.5f * u);
  return slope / scale_shift_value(u, kind, eps);
}

#define SCALE scale_shift_value(CHANNEL(u), p.kind, p.eps)
#define SHIFT (p.shift.dim[0] ? CHANNEL(shift) : (V)0)

static float scale_shift_logdet(global const float *u, int stride, int C, int kind, float eps) {
  V sum = 0;
  for (int c = 0; c < C; c += LANES)
    sum +=
        lanes_first(scale_shift_log(lanes_load(u + c * stride, stride, C - c), kind, eps), C - c);
  return lanes_sum(sum);
}
/* The work-item that has a sample's first element adds to its logdet. */
#define ADD_LOGDET(sign, t)                                                                        \
  const int first = (q.r0 + q.H - 1) / q.H;                                                        \
  if (q.c0 == 0 && q.w0 == 0 && first * q.H < q.r1) {                                              \
    const float sum = scale_shift_logdet(PTR(u, 0, 0), p.u.stride[0], p.t.dim[1], p.kind, p.eps);  \
    for (int n = first; n * q.H < q.r1; n++)                                                       \
      AT(logdet, n, 0, 0, 0) += sign sum * (p.t.dim[2] * p.t.dim[3]);                              \
  }

kernel BY_PIXELS void scale_shift_fwd(CLF_IN(x), CLF_IN(u), CLF_IN(shift), CLF_OUT(y),
                                      CLF_OUT(logdet), const scale_shift_fwd_args p) {
  const clf_part q = part_of(p.x);
  FOR_CHANNELS(q) {
    const V scale = SCALE, shift = SHIFT;
    FOR_PIXELS(q) PUT(y, scale * GET(x) + shift);
  }
  ADD_LOGDET(+, x)
}

kernel BY_PIXELS void scale_shift_inv(CLF_IN(y), CLF_IN(u), CLF_IN(shift), CLF_OUT(x),
                                      CLF_OUT(logdet), const scale_shift_inv_args p) {
  const clf_part q = part_of(p.y);
  FOR_CHANNELS(q) {
    const V scale = SCALE, shift = SHIFT;
    FOR_PIXELS(q) PUT(x, (GET(y) - shift) / scale);
  }
  ADD_LOGDET(-, y)
}

#define BAND(k, band) (pool + ((size_t)(k)*e.y + (band)) * p.x.dim[1] + c)

/* The sum of dlogdet dl[n] over the batch, times the pixels of a sample. */
#define LOGDET_WEIGHT                                                                              \
  (p.dlogdet * (p.x.dim[2] * p.x.dim[3]) *                                                         \
   scale_shift_batch(PTR(dl, 0, 0), p.dl.stride[0], p.dl.dim[0], p.x.dim[0]))
static float scale_shift_batch(global const float *dl, int stride, int given, int N) {
  float sum = 0;
  for (int n = 0; n < given; n++) sum += dl[n * stride];
  return given ? sum : N;
}

/* A band's out = factor in, its sums of `in` (0) and of `in` x (1). */
#define BACK(in, out, factor)                                                                      \
  FOR_CHANNELS(q) {                                                                                \
    const V scale = SCALE;                                                                         \
    V sum = 0, along = 0;                                                                          \
    FOR_PIXELS(q) {                                                                                \
      const V d = GET(in);                                                                         \
      sum += d;                                                                                    \
      along += d * GET(x);                                                                         \
      PUT(out, factor);                                                                            \
    }                                                                                              \
    channel_store(q, channel_total(q, sum), BAND(0, q.band), c);                                   \
    channel_store(q, channel_total(q, along), BAND(1, q.band), c);                                 \
  }

/* LANES channels: the sums over the bands, and what they are to du and dshift. */
#define ADD(to_shift, to_u)                                                                        \
  V sum = 0, along = 0;                                                                            \
  for (int b = 0; b < e.y; b++) sum += lanes_load(BAND(0, b), 1, left);                            \
  for (int b = 0; b < e.y; b++) along += lanes_load(BAND(1, b), 1, left);                          \
  const V u = lanes_load(PTR(u, c, 0), p.u.stride[0], left);                                       \
  const V scale = scale_shift_value(u, p.kind, p.eps);                                             \
  if (p.dshift.dim[0]) ADD_TO(dshift, to_shift);                                                   \
  if (p.du.dim[0]) ADD_TO(du, (to_u)*scale_shift_log_slope(u, p.kind, p.eps));
#define ADD_TO(t, v)                                                                               \
  lanes_store(lanes_load(PTR(t, c, 0), p.t.stride[0], left) + (v), PTR(t, c, 0), p.t.stride[0],    \
              left)

#define BWD_ARGS                                                                                   \
  CLF_IN(x), CLF_IN(u), CLF_IN(dy), CLF_IN(dl), CLF_OUT(dx), CLF_OUT(du), CLF_OUT(dshift),         \
      const scale_shift_bwd_args p, CLF_POOL
#define INV_BWD_ARGS                                                                               \
  CLF_IN(x), CLF_IN(u), CLF_IN(dx), CLF_IN(dl), CLF_OUT(dy), CLF_OUT(du), CLF_OUT(dshift),         \
      const scale_shift_inv_bwd_args p, CLF_POOL

kernel BY_PIXELS void scale_shift_bwd(BWD_ARGS) {
  const clf_part q = band_of(p.x, e.x);
  BACK(dy, dx, scale * d);
}
kernel BY_LANES void scale_shift_bwd_add(BWD_ARGS) {
  const int c = get_global_id(0) * LANES, left = p.x.dim[1] - c;
  if (left <= 0) return;
  ADD(sum, scale * along + LOGDET_WEIGHT);
}

kernel BY_PIXELS void scale_shift_inv_bwd(INV_BWD_ARGS) {
  const clf_part q = band_of(p.x, e.x);
  BACK(dx, dy, d / scale);
}
kernel BY_LANES void scale_shift_inv_bwd_add(INV_BWD_ARGS) {
  const int c = get_global_id(0) * LANES, left = p.x.dim[1] - c;
  if (left <= 0) return;
  ADD(-sum / scale, -(along + LOGDET_WEIGHT));
}
#undef SCALE
#undef SHIFT
#undef ADD_LOGDET
#undef BAND
#undef LOGDET_WEIGHT
#undef BACK
#undef ADD
#undef ADD_TO
#undef BWD_ARGS
#undef INV_BWD_ARGS
