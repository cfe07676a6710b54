/* SPDX-License-Identifier: MIT */
/* batchnorm.cl: batch normalisation, in nets and as a layer of a flow.  Sums over pixels are of
 * bands of e.size rows, two for each band and channel in scratch memory; then LANES channels of all
 * e.count bands are added up in their order, and the totals follow the bands:
 *
 *   scratch memory  [ sum 0: [bands][C] ] [ sum 1: [bands][C] ] [ totals: [2][C] ]
 *
 * Where channels are contiguous and pixels evenly spaced, a work-item takes its rows by lines of 16
 * channels, one to four of a pixel at a time (bn_..._lines): lines are what caches and memory read
 * at once. */
#include "activations.clh"
#include "images.clh"

/* Sum k of a band and channel; the total k of a channel. */
INLINE global float *bn_band(global float *scratch, int bands, int k, int band, int C, int c) {
  return scratch + ((size_t)k * bands + band) * C + c;
}
INLINE global float *bn_total(global float *scratch, int bands, int k, int C, int c) {
  return bn_band(scratch, bands, 2, 0, C, c) + k * C;
}
INLINE float bn_elements(clf_view t) { return (float)t.dim[0] * t.dim[2] * t.dim[3]; }

/* x on `pixels`, 0 elsewhere. */
INLINE V bn_load(global const float *x, clf_view t, image_vector v, int pixels) {
  if (pixels == CLF_PIXELS_ALL) return image_load(x, t, v);
  return pixels_on(v, pixels) > 0 ? image_load(x, t, v) : (V)0;
}

/* act is none or relu, for vectors and for lines. */
INLINE V bn_act(V v, int act) { return act == CLF_ACT_relu ? (v <= 0 ? (V)0 : v) : v; }
INLINE V bn_through(V v, V dy, int act) { return act == CLF_ACT_relu ? (v <= 0 ? (V)0 : dy) : dy; }

/* ---- Lines of 16 channels ------------------------------------------------------------------- */

#if LANES > 1
INLINE float16 bn_act_line(float16 v, int act) {
  return act == CLF_ACT_relu ? (v <= 0 ? (float16)0 : v) : v;
}
INLINE float16 bn_through_line(float16 v, float16 dy, int act) {
  return act == CLF_ACT_relu ? (v <= 0 ? (float16)0 : dy) : dy;
}

/* Whether an image is made of lines; whether numbers of channels, if given, are contiguous. */
static int bn_is_lines(clf_view t) {
  return t.stride[1] == 1 && t.dim[1] % 16 == 0 &&
         (t.dim[2] == 1 || t.stride[2] == t.dim[3] * t.stride[3]) &&
         (t.dim[0] == 1 || t.stride[0] == t.dim[2] * t.dim[3] * t.stride[3]);
}
INLINE int bn_is_line(clf_view t) { return t.dim[0] == 0 || t.stride[0] == 1; }

/* Line k of pixel i, whose first line starts at channel c. */
INLINE float16 line_load(global const float *x, clf_view t, int i, int c, int k) {
  return vload16(0, x + (t.offset + c + 16 * k + i * t.stride[3]));
}
INLINE void line_store(float16 v, global float *y, clf_view t, int i, int c, int k) {
  vstore16(v, 0, y + (t.offset + c + 16 * k + i * t.stride[3]));
}
/* Line k of numbers of channels from c on; `none` if there are none. */
INLINE float16 line_of_channels(global const float *s, clf_view t, int c, int k, float16 none) {
  return t.dim[0] ? vload16(0, s + t.offset + c + 16 * k) : none;
}
/* A pixel's lines go N at a time: N = 4, 2 or 1 is a constant of the call, so loops unroll and
 * arrays become registers. */
#define FOR_LINES(N, k) _Pragma("unroll") for (int k = 0; k < N; k++)
#define FOR_CHANNEL_LINES(t, N, c) for (int c = 0; c < t.dim[1]; c += 16 * N)
#define FOR_LINE_PIXELS(t, q, i) for (int i = q.r0 * t.dim[3]; i < q.r1 * t.dim[3]; i++)
#define BY_LINES(C, CALL)                                                                          \
  if (C % 64 == 0)                                                                                 \
    CALL(4);                                                                                       \
  else if (C % 32 == 0)                                                                            \
    CALL(2);                                                                                       \
  else                                                                                             \
    CALL(1)
#endif

/* ---- Statistics ----------------------------------------------------------------------------- */

/* A band's mean and its sum of squared differences from it.  Differences from a rounded mean do not
 * add up to 0; what is left corrects both. */
#if LANES > 1
INLINE void bn_stats_lines(const int N, global const float *x, clf_view t, image_range q,
                           float count, global float *scratch, int bands) {
  FOR_CHANNEL_LINES(t, N, c) {
    float16 middle[4], rest[4], squares[4];
    FOR_LINES(N, k) middle[k] = rest[k] = squares[k] = 0;
    FOR_LINE_PIXELS(t, q, i)
      FOR_LINES(N, k) middle[k] += line_load(x, t, i, c, k);
    FOR_LINES(N, k) middle[k] /= count;
    FOR_LINE_PIXELS(t, q, i)
      FOR_LINES(N, k) {
        const float16 d = line_load(x, t, i, c, k) - middle[k];
        rest[k] += d;
        squares[k] += d * d;
      }
    FOR_LINES(N, k) {
      const float16 all = squares[k] - rest[k] * rest[k] / count;
      vstore16(middle[k] + rest[k] / count, k, bn_band(scratch, bands, 0, q.band, t.dim[1], c));
      vstore16(all < 0 ? (float16)0 : all, k, bn_band(scratch, bands, 1, q.band, t.dim[1], c));
    }
  }
}
#define STATS_LINES(N) bn_stats_lines(N, x_, p.x, q, count, scratch, e.count)
#endif

kernel BY_PIXELS void bn_stats(CLF_IN(x), CLF_OUT(mean), CLF_OUT(var), const bn_stats_args p,
                               CLF_SCRATCH(bands_plan)) {
  const image_range q = image_band_of(p.x, e.size);
  const float count = (float)(q.r1 - q.r0) * q.w1;
  const int C = p.x.dim[1];
#if LANES > 1
  if (p.pixels == CLF_PIXELS_ALL && bn_is_lines(p.x)) {
    BY_LINES(C, STATS_LINES);
    return;
  }
#endif
  FOR_CHANNELS(q, c) {
    V sum = 0, rest = 0, squares = 0;
    FOR_PIXELS(q, c, v) sum += bn_load(x_, p.x, v, p.pixels);
    const V middle = channel_total(q, sum) / count;
    FOR_PIXELS(q, c, v) {
      const V d = lanes_first(bn_load(x_, p.x, v, p.pixels) - middle, v.left);
      rest += d;
      squares += d * d;
    }
    rest = channel_total(q, rest);
    squares = channel_total(q, squares) - rest * rest / count;
    channel_store(q, c, middle + rest / count, bn_band(scratch, e.count, 0, q.band, C, c));
    channel_store(q, c, squares < 0 ? (V)0 : squares, bn_band(scratch, e.count, 1, q.band, C, c));
  }
}

/* LANES channels: the means of the bands, relative to the first one, and the squares (Chan et al.
 * 1983). */
kernel BY_LANES void bn_stats_add(CLF_IN(x), CLF_OUT(mean), CLF_OUT(var), const bn_stats_args p,
                                  CLF_SCRATCH(bands_plan)) {
  const int C = p.x.dim[1], c = get_global_id(0) * LANES, left = C - c;
  const int rows = p.x.dim[0] * p.x.dim[2];
  if (left <= 0) return;
  const V first = lanes_load(bn_band(scratch, e.count, 0, 0, C, c), 1, left);
  V shift = 0, squares = 0;
  for (int b = 0; b < e.count; b++)
    shift += (lanes_load(bn_band(scratch, e.count, 0, b, C, c), 1, left) - first) *
             ((float)min(e.size, rows - b * e.size) / rows);
  const V mean = first + shift;
  for (int b = 0; b < e.count; b++) {
    const V d = lanes_load(bn_band(scratch, e.count, 0, b, C, c), 1, left) - mean;
    squares += lanes_load(bn_band(scratch, e.count, 1, b, C, c), 1, left) +
               d * d * ((float)min(e.size, rows - b * e.size) * p.x.dim[3]);
  }
  lanes_store(mean, PTR(mean, c, 0), p.mean.stride[0], left);
  lanes_store(squares / bn_elements(p.x), PTR(var, c, 0), p.var.stride[0], left);
}

/* ---- In a net ------------------------------------------------------------------------------- */

#if LANES > 1
INLINE void bn_fwd_lines(const int N, global const float *x, global const float *mean_,
                         global const float *var, global const float *beta_, global float *y,
                         const bn_fwd_args p, image_range q) {
  FOR_CHANNEL_LINES(p.x, N, c) {
    float16 mean[4], rstd[4], beta[4];
    FOR_LINES(N, k) {
      mean[k] = line_of_channels(mean_, p.mean, c, k, 0);
      rstd[k] = rsqrt(line_of_channels(var, p.var, c, k, 0) + p.eps);
      beta[k] = line_of_channels(beta_, p.beta, c, k, 0);
    }
    FOR_LINE_PIXELS(p.x, q, i)
      FOR_LINES(N, k)
        line_store(bn_act_line((line_load(x, p.x, i, c, k) - mean[k]) * rstd[k] + beta[k], p.act),
                   y, p.y, i, c, k);
  }
}
#define FWD_LINES(N) bn_fwd_lines(N, x_, mean_, var_, beta_, y_, p, q)
#endif

kernel BY_PIXELS void bn_fwd(CLF_IN(x), CLF_IN(mean), CLF_IN(var), CLF_IN(beta), CLF_OUT(y),
                             const bn_fwd_args p) {
  const image_range q = image_range_of(p.x);
#if LANES > 1
  if (p.pixels == CLF_PIXELS_ALL && bn_is_lines(p.x) && bn_is_lines(p.y) && bn_is_line(p.mean) &&
      bn_is_line(p.var) && bn_is_line(p.beta)) {
    BY_LINES(p.x.dim[1], FWD_LINES);
    return;
  }
#endif
  FOR_CHANNELS(q, c) {
    const V mean = CHANNEL(mean, q, c), rstd = rsqrt(CHANNEL(var, q, c) + p.eps);
    const V beta = p.beta.dim[0] ? CHANNEL(beta, q, c) : (V)0;
    FOR_PIXELS(q, c, v)
      PUT(y, v, bn_act((bn_load(x_, p.x, v, p.pixels) - mean) * rstd + beta, p.act));
  }
}

#if LANES > 1
INLINE int bn_bwd_is_lines(const bn_bwd_args p) {
  return p.pixels == CLF_PIXELS_ALL && bn_is_lines(p.x) && bn_is_lines(p.dy) && bn_is_lines(p.dx) &&
         bn_is_line(p.mean) && bn_is_line(p.var) && bn_is_line(p.bmean) && bn_is_line(p.beta);
}

INLINE void bn_bwd_sum_lines(const int N, global const float *x, global const float *mean_,
                             global const float *var, global const float *beta_,
                             global const float *dy, const bn_bwd_args p, image_range q,
                             global float *scratch, int bands) {
  FOR_CHANNEL_LINES(p.x, N, c) {
    float16 mean[4], rstd[4], beta[4], sum[4], along[4];
    FOR_LINES(N, k) {
      mean[k] = line_of_channels(mean_, p.mean, c, k, 0);
      rstd[k] = rsqrt(line_of_channels(var, p.var, c, k, 0) + p.eps);
      beta[k] = line_of_channels(beta_, p.beta, c, k, 0);
    }
    FOR_LINES(N, k) sum[k] = along[k] = 0;
    FOR_LINE_PIXELS(p.x, q, i)
      FOR_LINES(N, k) {
        const float16 xh = (line_load(x, p.x, i, c, k) - mean[k]) * rstd[k];
        const float16 da = bn_through_line(xh + beta[k], line_load(dy, p.dy, i, c, k), p.act);
        sum[k] += da;
        along[k] += da * xh;
      }
    FOR_LINES(N, k) {
      vstore16(sum[k], k, bn_band(scratch, bands, 0, q.band, p.x.dim[1], c));
      vstore16(along[k], k, bn_band(scratch, bands, 1, q.band, p.x.dim[1], c));
    }
  }
}
#define SUM_LINES(N) bn_bwd_sum_lines(N, x_, mean_, var_, beta_, dy_, p, q, scratch, e.count)
#endif

kernel BY_PIXELS void bn_bwd_sum(CLF_IN(x), CLF_IN(mean), CLF_IN(var), CLF_IN(bmean), CLF_IN(beta),
                                 CLF_IN(dy), CLF_OUT(dx), CLF_OUT(dbeta), const bn_bwd_args p,
                                 CLF_SCRATCH(bands_plan)) {
  const image_range q = image_band_of(p.x, e.size);
  const int C = p.x.dim[1];
#if LANES > 1
  if (bn_bwd_is_lines(p)) {
    BY_LINES(C, SUM_LINES);
    return;
  }
#endif
  FOR_CHANNELS(q, c) {
    const V mean = CHANNEL(mean, q, c), rstd = rsqrt(CHANNEL(var, q, c) + p.eps);
    const V beta = p.beta.dim[0] ? CHANNEL(beta, q, c) : (V)0;
    V sum = 0, along = 0;
    FOR_PIXELS(q, c, v) {
      const V xh = (bn_load(x_, p.x, v, p.pixels) - mean) * rstd;
      const V da = bn_through(xh + beta, GET(dy, v), p.act);
      sum += da;
      along += da * xh;
    }
    channel_store(q, c, channel_total(q, sum), bn_band(scratch, e.count, 0, q.band, C, c));
    channel_store(q, c, channel_total(q, along), bn_band(scratch, e.count, 1, q.band, C, c));
  }
}

/* Both sums of LANES channels over the bands, which also go to the totals. */
typedef struct {
  V sum, along;
} bn_sums;
INLINE bn_sums bn_add_bands(global float *scratch, int bands, int C, int c) {
  bn_sums s;
  s.sum = s.along = 0;
  for (int b = 0; b < bands; b++)
    s.sum += lanes_load(bn_band(scratch, bands, 0, b, C, c), 1, C - c);
  for (int b = 0; b < bands; b++)
    s.along += lanes_load(bn_band(scratch, bands, 1, b, C, c), 1, C - c);
  lanes_store(s.sum, bn_total(scratch, bands, 0, C, c), 1, C - c);
  lanes_store(s.along, bn_total(scratch, bands, 1, C, c), 1, C - c);
  return s;
}

kernel BY_LANES void bn_bwd_add(CLF_IN(x), CLF_IN(mean), CLF_IN(var), CLF_IN(bmean), CLF_IN(beta),
                                CLF_IN(dy), CLF_OUT(dx), CLF_OUT(dbeta), const bn_bwd_args p,
                                CLF_SCRATCH(bands_plan)) {
  const int C = p.x.dim[1], c = get_global_id(0) * LANES;
  if (c >= C) return;
  const bn_sums s = bn_add_bands(scratch, e.count, C, c);
  if (!p.dbeta.dim[0]) return;
  const V old = lanes_load(PTR(dbeta, c, 0), p.dbeta.stride[0], C - c);
  lanes_store(old + s.sum, PTR(dbeta, c, 0), p.dbeta.stride[0], C - c);
}

#if LANES > 1
INLINE void bn_bwd_lines(const int N, global const float *x_, global const float *mean_,
                         global const float *var, global const float *bmean_,
                         global const float *beta_, global const float *dy, global float *dx,
                         const bn_bwd_args p, image_range q, float share, global float *scratch,
                         int bands) {
  FOR_CHANNEL_LINES(p.x, N, c) {
    float16 mean[4], rstd[4], beta[4], bmean[4], sum[4], along[4];
    FOR_LINES(N, k) {
      mean[k] = line_of_channels(mean_, p.mean, c, k, 0);
      rstd[k] = rsqrt(line_of_channels(var, p.var, c, k, 0) + p.eps);
      beta[k] = line_of_channels(beta_, p.beta, c, k, 0);
    }
    FOR_LINES(N, k) {
      bmean[k] = line_of_channels(bmean_, p.bmean, c, k, mean[k]);
      sum[k] = share * vload16(k, bn_total(scratch, bands, 0, p.x.dim[1], c));
      along[k] = share * rstd[k] * vload16(k, bn_total(scratch, bands, 1, p.x.dim[1], c));
    }
    FOR_LINE_PIXELS(p.x, q, i)
      FOR_LINES(N, k) {
        const float16 x = line_load(x_, p.x, i, c, k), d = line_load(dy, p.dy, i, c, k);
        const float16 da = bn_through_line((x - mean[k]) * rstd[k] + beta[k], d, p.act);
        const float16 g = rstd[k] * (da - sum[k] - (x - bmean[k]) * along[k]);
        line_store(p.add != 0 ? g + p.add * line_load(dx, p.dx, i, c, k) : g, dx, p.dx, i, c, k);
      }
  }
}
#define BWD_LINES(N)                                                                               \
  bn_bwd_lines(N, x_, mean_, var_, bmean_, beta_, dy_, dx_, p, q, share, scratch, e.count)
#endif

kernel BY_PIXELS void bn_bwd(CLF_IN(x), CLF_IN(mean), CLF_IN(var), CLF_IN(bmean), CLF_IN(beta),
                             CLF_IN(dy), CLF_OUT(dx), CLF_OUT(dbeta), const bn_bwd_args p,
                             CLF_SCRATCH(bands_plan)) {
  const image_range q = image_range_of(p.x);
  const float share = p.batch / bn_elements(p.x);
  const int C = p.x.dim[1];
#if LANES > 1
  if (bn_bwd_is_lines(p)) {
    BY_LINES(C, BWD_LINES);
    return;
  }
#endif
  FOR_CHANNELS(q, c) {
    const V mean = CHANNEL(mean, q, c), rstd = rsqrt(CHANNEL(var, q, c) + p.eps);
    const V bmean = p.bmean.dim[0] ? CHANNEL(bmean, q, c) : mean;
    const V beta = p.beta.dim[0] ? CHANNEL(beta, q, c) : (V)0;
    const V sum = share * channel_load(q, c, bn_total(scratch, e.count, 0, C, c), 1);
    const V along = share * rstd * channel_load(q, c, bn_total(scratch, e.count, 1, C, c), 1);
    FOR_PIXELS(q, c, v) {
      const V x = bn_load(x_, p.x, v, p.pixels);
      const V da = bn_through((x - mean) * rstd + beta, GET(dy, v), p.act);
      V g = rstd * (da - sum - (x - bmean) * along);
      if (p.pixels != CLF_PIXELS_ALL) g = pixels_on(v, p.pixels) > 0 ? g : (V)0;
      if (p.add != 0) g += p.add * GET(dx, v);
      PUT(dx, v, g);
    }
  }
}

/* ---- As a layer of a flow ------------------------------------------------------------------- */

/* Positions of an H x W image that are on `pixels`. */
static int bn_count(int pixels, int H, int W) {
  return pixels != CLF_PIXELS_ALL ? (H * W + (pixels == CLF_PIXELS_EVEN)) / 2 : H * W;
}

/* Half the sum over `pixels` of a sample and over channels of log(var + eps). */
static float bn_logdet(global const float *var, clf_view v, float eps, int pixels, int H, int W) {
  const int C = v.dim[0];
  V sum = 0;
  for (int c = 0; c < C; c += LANES)
    sum += lanes_first(log(lanes_load(var + c * v.stride[0], v.stride[0], C - c) + eps), C - c);
  return 0.5f * bn_count(pixels, H, W) * lanes_sum(sum);
}
/* The work-item that has the first element of a sample adds to its log-det. */
INLINE void bn_add_logdet(image_range q, float sign, global const float *var, clf_view var_view,
                          float eps, int pixels, int W, global float *logdet, clf_view v) {
  const int first = image_first_sample(q);
  if (first < 0) return;
  const float sum = bn_logdet(var + var_view.offset, var_view, eps, pixels, q.H, W);
  for (int n = first; n * q.H < q.r1; n++) logdet[v.offset + n * v.stride[0]] += sign * sum;
}

kernel BY_PIXELS void bn_flow_fwd(CLF_IN(x), CLF_IN(mean), CLF_IN(var), CLF_OUT(y), CLF_OUT(logdet),
                                  const bn_flow_fwd_args p) {
  const image_range q = image_range_of(p.x);
  FOR_CHANNELS(q, c) {
    const V mean = CHANNEL(mean, q, c), rstd = rsqrt(CHANNEL(var, q, c) + p.eps);
    FOR_PIXELS(q, c, v) {
      const V x = GET(x, v);
      PUT(y, v, pixels_on(v, p.pixels) > 0 ? (x - mean) * rstd : x);
    }
  }
  bn_add_logdet(q, -1, var_, p.var, p.eps, p.pixels, p.y.dim[3], logdet_, p.logdet);
}

kernel BY_PIXELS void bn_flow_inv(CLF_IN(y), CLF_IN(mean), CLF_IN(var), CLF_OUT(x), CLF_OUT(logdet),
                                  const bn_flow_inv_args p) {
  const image_range q = image_range_of(p.y);
  FOR_CHANNELS(q, c) {
    const V mean = CHANNEL(mean, q, c), std = sqrt(CHANNEL(var, q, c) + p.eps);
    FOR_PIXELS(q, c, v) {
      const V y = GET(y, v);
      PUT(x, v, pixels_on(v, p.pixels) > 0 ? y * std + mean : y);
    }
  }
  bn_add_logdet(q, 1, var_, p.var, p.eps, p.pixels, p.y.dim[3], logdet_, p.logdet);
}

kernel BY_PIXELS void bn_flow_bwd_sum(CLF_IN(x), CLF_IN(mean), CLF_IN(var), CLF_IN(bmean),
                                      CLF_IN(dy), CLF_IN(dl), CLF_OUT(dx), const bn_flow_bwd_args p,
                                      CLF_SCRATCH(bands_plan)) {
  const image_range q = image_band_of(p.x, e.size);
  const int C = p.x.dim[1];
  FOR_CHANNELS(q, c) {
    const V mean = CHANNEL(mean, q, c), rstd = rsqrt(CHANNEL(var, q, c) + p.eps);
    V sum = 0, along = 0;
    FOR_PIXELS(q, c, v) {
      const V dy = bn_load(dy_, p.dy, v, p.pixels);
      sum += dy;
      along += dy * (bn_load(x_, p.x, v, p.pixels) - mean) * rstd;
    }
    channel_store(q, c, channel_total(q, sum), bn_band(scratch, e.count, 0, q.band, C, c));
    channel_store(q, c, channel_total(q, along), bn_band(scratch, e.count, 1, q.band, C, c));
  }
}

/* Where every sample's log-det has a weight of its own, their sum is added to `along`. */
kernel BY_LANES void bn_flow_bwd_add(CLF_IN(x), CLF_IN(mean), CLF_IN(var), CLF_IN(bmean),
                                     CLF_IN(dy), CLF_IN(dl), CLF_OUT(dx), const bn_flow_bwd_args p,
                                     CLF_SCRATCH(bands_plan)) {
  const int C = p.x.dim[1], c = get_global_id(0) * LANES;
  if (c >= C) return;
  const bn_sums s = bn_add_bands(scratch, e.count, C, c);
  if (!p.dl.dim[0]) return;
  float weight = 0;
  for (int n = 0; n < p.dl.dim[0]; n++) weight += AT(dl, n, 0, 0, 0);
  weight *= p.dlogdet * bn_count(p.pixels, p.x.dim[2], p.x.dim[3]);
  lanes_store(s.along + weight, bn_total(scratch, e.count, 1, C, c), 1, C - c);
}

kernel BY_PIXELS void bn_flow_bwd(CLF_IN(x), CLF_IN(mean), CLF_IN(var), CLF_IN(bmean), CLF_IN(dy),
                                  CLF_IN(dl), CLF_OUT(dx), const bn_flow_bwd_args p,
                                  CLF_SCRATCH(bands_plan)) {
  const image_range q = image_range_of(p.x);
  const int C = p.x.dim[1];
  const float share = p.batch / bn_elements(p.x);
  const float dlogdet =
      p.dl.dim[0] ? 0 : p.dlogdet * p.x.dim[0] * bn_count(p.pixels, q.H, p.x.dim[3]);
  FOR_CHANNELS(q, c) {
    const V mean = CHANNEL(mean, q, c), rstd = rsqrt(CHANNEL(var, q, c) + p.eps);
    const V bmean = p.bmean.dim[0] ? CHANNEL(bmean, q, c) : mean;
    const V shift = share * rstd * channel_load(q, c, bn_total(scratch, e.count, 0, C, c), 1);
    const V slope = share * rstd * rstd *
                    (channel_load(q, c, bn_total(scratch, e.count, 1, C, c), 1) + dlogdet) *
                    (1 + p.wider);
    FOR_PIXELS(q, c, v) {
      const V dy = GET(dy, v);
      PUT(dx, v, pixels_on(v, p.pixels) > 0 ? rstd * dy - shift - (GET(x, v) - bmean) * slope : dy);
    }
  }
}
