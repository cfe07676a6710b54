/* SPDX-License-Identifier: MIT */
/* scale_shift.cl: a scale and a shift for each channel.  Sums over pixels are of bands of e.size
 * rows, two for each band and channel in scratch memory, then of the bands. */
#include "images.clh"
#include "math.clh"

static V scale_shift_softplus(V u) { return fmax(u, (V)0) + log1p(exp(-fabs(u))); }
static V scale_shift_value(V u, int kind, float eps) {
  if (kind == CLF_FACTOR_EXP) return exp(u);
  if (kind == CLF_FACTOR_PARAMETER) return u;
  if (kind == CLF_FACTOR_SOFTPLUS) return scale_shift_softplus(u) + eps;
  return kind == CLF_FACTOR_FREIA_SOFTPLUS ? 0.2f * scale_shift_softplus(0.5f * u)
                                           : 10 * sigmoid_v(u - 2);
}
static V scale_shift_log(V u, int kind, float eps) {
  if (kind == CLF_FACTOR_EXP) return u;
  if (kind == CLF_FACTOR_FREIA_SIGMOID) return log(10.0f) - scale_shift_softplus(2 - u);
  return log(fabs(scale_shift_value(u, kind, eps)));
}
/* The slope of the logarithm. */
static V scale_shift_log_slope(V u, int kind, float eps) {
  if (kind == CLF_FACTOR_EXP) return 1;
  if (kind == CLF_FACTOR_PARAMETER) return 1 / u;
  if (kind == CLF_FACTOR_FREIA_SIGMOID) return sigmoid_v(2 - u);
  const V slope = kind == CLF_FACTOR_SOFTPLUS ? sigmoid_v(u) : 0.1f * sigmoid_v(0.5f * u);
  return slope / scale_shift_value(u, kind, eps);
}

/* What the scales of a call come from. */
typedef struct {
  clf_in u;
  int kind;
  float eps;
} scale_shift_factors;
#define FACTORS(p)                                                                                 \
  { IN(u), p.kind, p.eps }
INLINE V scale_shift_factor(scale_shift_factors a, image_range q, int c) {
  return scale_shift_value(channel_of(a.u, q, c), a.kind, a.eps);
}

static float scale_shift_logdet(global const float *u, int stride, int C, int kind, float eps) {
  V sum = 0;
  for (int c = 0; c < C; c += LANES)
    sum +=
        lanes_first(scale_shift_log(lanes_load(u + c * stride, stride, C - c), kind, eps), C - c);
  return lanes_sum(sum);
}
/* The work-item that has the first element of a sample adds to its log-det. */
INLINE void scale_shift_add_logdet(image_range q, float sign, scale_shift_factors a, clf_view image,
                                   clf_out logdet) {
  const int first = image_first_sample(q);
  if (first < 0) return;
  const float sum =
      scale_shift_logdet(a.u.at + a.u.v.offset, a.u.v.stride[0], image.dim[1], a.kind, a.eps);
  for (int n = first; n * q.H < q.r1; n++)
    *out_at(logdet, n, 0, 0, 0) += sign * sum * (image.dim[2] * image.dim[3]);
}

/* All elements of a call; `inverse` is a constant. */
INLINE void scale_shift_pixels(clf_in x, scale_shift_factors a, clf_in shifts, clf_out y,
                               clf_out logdet, int inverse) {
  const image_range q = image_range_of(x.v);
  FOR_CHANNELS(q, c) {
    const V scale = scale_shift_factor(a, q, c);
    const V shift = shifts.v.dim[0] ? channel_of(shifts, q, c) : (V)0;
    FOR_PIXELS(q, c, v) {
      const V old = image_get(x, v);
      image_put(y, v, inverse ? (old - shift) / scale : scale * old + shift);
    }
  }
  scale_shift_add_logdet(q, inverse ? -1 : 1, a, x.v, logdet);
}
kernel BY_PIXELS void scale_shift_fwd(CLF_IN(x), CLF_IN(u), CLF_IN(shift), CLF_OUT(y),
                                      CLF_OUT(logdet), const scale_shift_fwd_args p) {
  const scale_shift_factors a = FACTORS(p);
  scale_shift_pixels(IN(x), a, IN(shift), OUT(y), OUT(logdet), 0);
}
kernel BY_PIXELS void scale_shift_inv(CLF_IN(y), CLF_IN(u), CLF_IN(shift), CLF_OUT(x),
                                      CLF_OUT(logdet), const scale_shift_inv_args p) {
  const scale_shift_factors a = FACTORS(p);
  scale_shift_pixels(IN(y), a, IN(shift), OUT(x), OUT(logdet), 1);
}

/* ---- Gradients: bands, then the sums of the bands ------------------------------------------- */

/* Where sum k (0 or 1) of a band and channel is in scratch memory. */
INLINE global float *scale_shift_band(global float *scratch, int k, int band, int bands, int C,
                                      int c) {
  return scratch + ((size_t)k * bands + band) * C + c;
}
/* Both sums of LANES channels over the bands, and these channels' numbers. */
typedef struct {
  V sum, along, u, scale;
} scale_shift_sums;
INLINE scale_shift_sums scale_shift_total(global float *scratch, int bands, int C, int c, int left,
                                          global const float *u, clf_view v, int kind, float eps) {
  scale_shift_sums s;
  s.sum = s.along = 0;
  for (int b = 0; b < bands; b++)
    s.sum += lanes_load(scale_shift_band(scratch, 0, b, bands, C, c), 1, left);
  for (int b = 0; b < bands; b++)
    s.along += lanes_load(scale_shift_band(scratch, 1, b, bands, C, c), 1, left);
  s.u = lanes_load(u + v.offset + c * v.stride[0], v.stride[0], left);
  s.scale = scale_shift_value(s.u, kind, eps);
  return s;
}
/* Adds to LANES channels of dshift and of du, either of which may have been left out. */
INLINE void scale_shift_add_shift(V value, global float *dshift, clf_view v, int c, int left) {
  global float *at = dshift + v.offset + c * v.stride[0];
  if (v.dim[0]) lanes_store(lanes_load(at, v.stride[0], left) + value, at, v.stride[0], left);
}
INLINE void scale_shift_add_u(V by_log_scale, scale_shift_sums s, int kind, float eps,
                              global float *du, clf_view v, int c, int left) {
  global float *at = du + v.offset + c * v.stride[0];
  if (v.dim[0])
    lanes_store(lanes_load(at, v.stride[0], left) +
                    by_log_scale * scale_shift_log_slope(s.u, kind, eps),
                at, v.stride[0], left);
}
/* The sum of dl over the batch, where the call has it: of the samples' weights. */
static float scale_shift_batch(global const float *dl, int stride, int given, int N) {
  float sum = 0;
  for (int n = 0; n < given; n++) sum += dl[n * stride];
  return given ? sum : N;
}
/* The sums of a band: of dL/d(result) `out`, and of that times x; dL/d(argument) to `in`. */
INLINE void scale_shift_bands(clf_in x, scale_shift_factors a, clf_in out, clf_out in,
                              global float *scratch, bands_plan e, int inverse) {
  const image_range q = image_band_of(x.v, e.size);
  FOR_CHANNELS(q, c) {
    const V scale = scale_shift_factor(a, q, c);
    V sum = 0, along = 0;
    FOR_PIXELS(q, c, v) {
      const V d = image_get(out, v);
      sum += d;
      along += d * image_get(x, v);
      image_put(in, v, inverse ? d / scale : scale * d);
    }
    channel_store(q, c, channel_total(q, sum),
                  scale_shift_band(scratch, 0, q.band, e.count, x.v.dim[1], c));
    channel_store(q, c, channel_total(q, along),
                  scale_shift_band(scratch, 1, q.band, e.count, x.v.dim[1], c));
  }
}
/* Adds the bands of LANES channels to du and dshift. */
INLINE void scale_shift_add(clf_view x, scale_shift_factors a, global float *scratch, bands_plan e,
                            clf_in dl, float dlogdet, clf_out du, clf_out dshift, int inverse) {
  const int C = x.dim[1], c = get_global_id(0) * LANES, left = C - c;
  if (left <= 0) return;
  const scale_shift_sums s =
      scale_shift_total(scratch, e.count, C, c, left, a.u.at, a.u.v, a.kind, a.eps);
  /* the sum of dL/dlogdet over the batch, times the pixels of a sample, is pixels * batch */
  const float pixels = dlogdet * (x.dim[2] * x.dim[3]);
  const float batch = scale_shift_batch(dl.at + dl.v.offset, dl.v.stride[0], dl.v.dim[0], x.dim[0]);
  const V by_log_scale = inverse ? -(s.along + pixels * batch) : s.scale * s.along + pixels * batch;
  scale_shift_add_shift(inverse ? -s.sum / s.scale : s.sum, dshift.at, dshift.v, c, left);
  scale_shift_add_u(by_log_scale, s, a.kind, a.eps, du.at, du.v, c, left);
}

kernel BY_PIXELS void scale_shift_bwd(CLF_IN(x), CLF_IN(u), CLF_IN(dy), CLF_IN(dl), CLF_OUT(dx),
                                      CLF_OUT(du), CLF_OUT(dshift), const scale_shift_bwd_args p,
                                      CLF_SCRATCH(bands_plan)) {
  const scale_shift_factors a = FACTORS(p);
  scale_shift_bands(IN(x), a, IN(dy), OUT(dx), scratch, e, 0);
}
kernel BY_LANES void scale_shift_bwd_add(CLF_IN(x), CLF_IN(u), CLF_IN(dy), CLF_IN(dl), CLF_OUT(dx),
                                         CLF_OUT(du), CLF_OUT(dshift), const scale_shift_bwd_args p,
                                         CLF_SCRATCH(bands_plan)) {
  const scale_shift_factors a = FACTORS(p);
  scale_shift_add(p.x, a, scratch, e, IN(dl), p.dlogdet, OUT(du), OUT(dshift), 0);
}

kernel BY_PIXELS void scale_shift_inv_bwd(CLF_IN(x), CLF_IN(u), CLF_IN(dx), CLF_IN(dl), CLF_OUT(dy),
                                          CLF_OUT(du), CLF_OUT(dshift),
                                          const scale_shift_inv_bwd_args p,
                                          CLF_SCRATCH(bands_plan)) {
  const scale_shift_factors a = FACTORS(p);
  scale_shift_bands(IN(x), a, IN(dx), OUT(dy), scratch, e, 1);
}
kernel BY_LANES void scale_shift_inv_bwd_add(CLF_IN(x), CLF_IN(u), CLF_IN(dx), CLF_IN(dl),
                                             CLF_OUT(dy), CLF_OUT(du), CLF_OUT(dshift),
                                             const scale_shift_inv_bwd_args p,
                                             CLF_SCRATCH(bands_plan)) {
  const scale_shift_factors a = FACTORS(p);
  scale_shift_add(p.x, a, scratch, e, IN(dl), p.dlogdet, OUT(du), OUT(dshift), 1);
}
