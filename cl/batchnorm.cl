/* SPDX-License-Identifier: MIT */
/* batchnorm.cl: what is summed over pixels is summed by bands of e.x rows, two numbers
 * for each of e.y bands and each channel, then over the bands in their order. */
#define BAND(k, band) (pool + ((size_t)(k)*e.y + (band)) * p.x.dim[1] + c)
#define TOTAL(k) (BAND(2, 0) + (k)*p.x.dim[1])
#define BAND_LOAD(k, band) lanes_load(BAND(k, band), 1, p.x.dim[1] - c)
#define PIXELS(t) ((float)p.t.dim[0] * p.t.dim[2] * p.t.dim[3])
#define ON (pixels_on(q, p.pixels, h, w) > 0)
#define GET_ON(t) (p.pixels == 0 ? GET(t) : ON ? GET(t) : (V)0)

#define ACT(type, suffix)                                                                          \
  type bn_act##suffix(type v, int act) {                                                           \
    return act == CLF_ACT_relu ? (v <= 0 ? (type)0 : v) : v;                                       \
  }                                                                                                \
  type bn_through##suffix(type v, type dy, int act) {                                              \
    return act == CLF_ACT_relu ? (v <= 0 ? (type)0 : dy) : dy;                                     \
  }
ACT(V, )
#if LANES > 1
ACT(float16, _line)
#endif
#undef ACT

#if LANES > 1
/* Numbers of a call's channels that are used by lines lie side by side. */
#define SIDE_BY_SIDE(t) (p.t.dim[0] == 0 || p.t.stride[0] == 1)
#define LINE_BETA (p.beta.dim[0] ? LINE_CHANNEL(beta) : (float16)0)
#define LINE_TOTAL(k) vload16(0, TOTAL(k))
#define OF_CHANNELS(N)                                                                             \
  float16 mean[N], rstd[N], beta[N];                                                               \
  OF_LINES(N) {                                                                                    \
    mean[k] = LINE_CHANNEL(mean);                                                                  \
    rstd[k] = rsqrt(LINE_CHANNEL(var) + p.eps);                                                    \
    beta[k] = LINE_BETA;                                                                           \
  }
#endif

/* ---- Statistics ------------------------------------------------------------------------- */

#define STATS_BY(N)                                                                                \
  EACH_LINES(x, N) {                                                                               \
    float16 middle[N], rest[N], squares[N];                                                        \
    OF_LINES(N) middle[k] = rest[k] = squares[k] = 0;                                              \
    EACH_LINE(x, q) OF_LINES(N) middle[k] += LINE(x);                                              \
    OF_LINES(N) middle[k] /= count;                                                                \
    EACH_LINE(x, q) OF_LINES(N) {                                                                  \
      const float16 d = LINE(x) - middle[k];                                                       \
      rest[k] += d;                                                                                \
      squares[k] += d * d;                                                                         \
    }                                                                                              \
    OF_LINES(N) {                                                                                  \
      const float16 all = squares[k] - rest[k] * rest[k] / count;                                  \
      vstore16(middle[k] + rest[k] / count, 0, BAND(0, q.band));                                   \
      vstore16(all < 0 ? (float16)0 : all, 0, BAND(1, q.band));                                    \
    }                                                                                              \
  }

/* A band's mean and sum of squared differences from it.  The differences from a mean that
 * is rounded do not add up to 0; what is left corrects both. */
kernel BY_PIXELS void bn_stats(CLF_IN(x), CLF_OUT(mean), CLF_OUT(var), const bn_stats_args p,
                               CLF_POOL) {
  const clf_part q = band_of(p.x, e.x);
  const float count = (float)(q.r1 - q.r0) * q.w1;
#if LANES > 1
  if (p.pixels == 0 && LINES(x)) {
    BY_LINES(x, STATS_BY)
    return;
  }
#endif
  FOR_CHANNELS(q) {
    V sum = 0, rest = 0, squares = 0;
    FOR_PIXELS(q) sum += GET_ON(x);
    const V middle = channel_total(q, sum) / count;
    FOR_PIXELS(q) {
      const V d = lanes_first(GET_ON(x) - middle, LEFT(q));
      rest += d;
      squares += d * d;
    }
    rest = channel_total(q, rest);
    squares = channel_total(q, squares) - rest * rest / count;
    channel_store(q, middle + rest / count, BAND(0, q.band), c);
    channel_store(q, squares < 0 ? (V)0 : squares, BAND(1, q.band), c);
  }
}

/* LANES channels: the bands' means, from the first on, and squares (Chan et al. 1983). */
kernel BY_LANES void bn_stats_add(CLF_IN(x), CLF_OUT(mean), CLF_OUT(var), const bn_stats_args p,
                                  CLF_POOL) {
  const int c = get_global_id(0) * LANES, left = p.x.dim[1] - c;
  const int rows = p.x.dim[0] * p.x.dim[2];
  if (left <= 0) return;
  const V first = BAND_LOAD(0, 0);
  V shift = 0, squares = 0;
  for (int b = 0; b < e.y; b++)
    shift += (BAND_LOAD(0, b) - first) * ((float)min(e.x, rows - b * e.x) / rows);
  const V mean = first + shift;
  for (int b = 0; b < e.y; b++) {
    const V d = BAND_LOAD(0, b) - mean;
    squares += BAND_LOAD(1, b) + d * d * ((float)min(e.x, rows - b * e.x) * p.x.dim[3]);
  }
  lanes_store(mean, PTR(mean, c, 0), p.mean.stride[0], left);
  lanes_store(squares / PIXELS(x), PTR(var, c, 0), p.var.stride[0], left);
}

/* ---- In a network --------------------------------------------------------------------------- */

#define FWD_BY(N)                                                                                  \
  EACH_LINES(x, N) {                                                                               \
    OF_CHANNELS(N)                                                                                 \
    EACH_LINE(x, q)                                                                                \
    OF_LINES(N)                                                                                    \
    vstore16(bn_act_line((LINE(x) - mean[k]) * rstd[k] + beta[k], p.act), 0, AT_LINE(y));          \
  }

kernel BY_PIXELS void bn_fwd(CLF_IN(x), CLF_IN(mean), CLF_IN(var), CLF_IN(beta), CLF_OUT(y),
                             const bn_fwd_args p) {
  const clf_part q = part_of(p.x);
#if LANES > 1
  if (p.pixels == 0 && LINES(x) && LINES(y) && SIDE_BY_SIDE(mean) && SIDE_BY_SIDE(var) &&
      SIDE_BY_SIDE(beta)) {
    BY_LINES(x, FWD_BY)
    return;
  }
#endif
  FOR_CHANNELS(q) {
    const V mean = CHANNEL(mean), rstd = rsqrt(CHANNEL(var) + p.eps);
    const V beta = p.beta.dim[0] ? CHANNEL(beta) : (V)0;
    FOR_PIXELS(q) PUT(y, bn_act((GET_ON(x) - mean) * rstd + beta, p.act));
  }
}

#define BN_BWD                                                                                     \
  CLF_IN(x), CLF_IN(mean), CLF_IN(var), CLF_IN(bmean), CLF_IN(beta), CLF_IN(dy), CLF_OUT(dx),      \
      CLF_OUT(dbeta), const bn_bwd_args p, CLF_POOL

#define BWD_LINES                                                                                  \
  (p.pixels == 0 && LINES(x) && LINES(dy) && LINES(dx) && SIDE_BY_SIDE(mean) &&                    \
   SIDE_BY_SIDE(var) && SIDE_BY_SIDE(bmean) && SIDE_BY_SIDE(beta))

#define SUM_BY(N)                                                                                  \
  EACH_LINES(x, N) {                                                                               \
    float16 sum[N], along[N];                                                                      \
    OF_CHANNELS(N)                                                                                 \
    OF_LINES(N) sum[k] = along[k] = 0;                                                             \
    EACH_LINE(x, q) OF_LINES(N) {                                                                  \
      const float16 xh = (LINE(x) - mean[k]) * rstd[k];                                            \
      const float16 da = bn_through_line(xh + beta[k], LINE(dy), p.act);                           \
      sum[k] += da;                                                                                \
      along[k] += da * xh;                                                                         \
    }                                                                                              \
    OF_LINES(N) {                                                                                  \
      vstore16(sum[k], 0, BAND(0, q.band));                                                        \
      vstore16(along[k], 0, BAND(1, q.band));                                                      \
    }                                                                                              \
  }

kernel BY_PIXELS void bn_bwd_sum(BN_BWD) {
  const clf_part q = band_of(p.x, e.x);
#if LANES > 1
  if (BWD_LINES) {
    BY_LINES(x, SUM_BY)
    return;
  }
#endif
  FOR_CHANNELS(q) {
    const V mean = CHANNEL(mean), rstd = rsqrt(CHANNEL(var) + p.eps);
    const V beta = p.beta.dim[0] ? CHANNEL(beta) : (V)0;
    V sum = 0, along = 0;
    FOR_PIXELS(q) {
      const V xh = (GET_ON(x) - mean) * rstd, da = bn_through(xh + beta, GET(dy), p.act);
      sum += da;
      along += da * xh;
    }
    channel_store(q, channel_total(q, sum), BAND(0, q.band), c);
    channel_store(q, channel_total(q, along), BAND(1, q.band), c);
  }
}

/* LANES channels: both sums over the bands. */
#define ADD_BANDS                                                                                  \
  const int c = get_global_id(0) * LANES, left = p.x.dim[1] - c;                                   \
  if (left <= 0) return;                                                                           \
  V sum = 0, along = 0;                                                                            \
  for (int b = 0; b < e.y; b++) sum += BAND_LOAD(0, b);                                            \
  for (int b = 0; b < e.y; b++) along += BAND_LOAD(1, b);                                          \
  lanes_store(sum, TOTAL(0), 1, left);                                                             \
  lanes_store(along, TOTAL(1), 1, left);

kernel BY_LANES void bn_bwd_add(BN_BWD) {
  ADD_BANDS
  if (!p.dbeta.dim[0]) return;
  const V old = lanes_load(PTR(dbeta, c, 0), p.dbeta.stride[0], left);
  lanes_store(old + sum, PTR(dbeta, c, 0), p.dbeta.stride[0], left);
}

#define BWD_BY(N)                                                                                  \
  EACH_LINES(x, N) {                                                                               \
    float16 bmean[N], sum[N], along[N];                                                            \
    OF_CHANNELS(N)                                                                                 \
    OF_LINES(N) {                                                                                  \
      bmean[k] = p.bmean.dim[0] ? LINE_CHANNEL(bmean) : mean[k];                                   \
      sum[k] = share * LINE_TOTAL(0);                                                              \
      along[k] = share * rstd[k] * LINE_TOTAL(1);                                                  \
    }                                                                                              \
    EACH_LINE(x, q) OF_LINES(N) {                                                                  \
      const float16 x = LINE(x);                                                                   \
      const float16 da = bn_through_line((x - mean[k]) * rstd[k] + beta[k], LINE(dy), p.act);      \
      const float16 g = rstd[k] * (da - sum[k] - (x - bmean[k]) * along[k]);                       \
      vstore16(p.add != 0 ? g + p.add * LINE(dx) : g, 0, AT_LINE(dx));                             \
    }                                                                                              \
  }

kernel BY_PIXELS void bn_bwd(BN_BWD) {
  const clf_part q = part_of(p.x);
  const float share = p.batch / PIXELS(x);
#if LANES > 1
  if (BWD_LINES) {
    BY_LINES(x, BWD_BY)
    return;
  }
#endif
  FOR_CHANNELS(q) {
    const V mean = CHANNEL(mean), rstd = rsqrt(CHANNEL(var) + p.eps);
    const V bmean = p.bmean.dim[0] ? CHANNEL(bmean) : mean;
    const V beta = p.beta.dim[0] ? CHANNEL(beta) : (V)0;
    const V sum = share * channel_load(q, TOTAL(0), 1, c);
    const V along = share * rstd * channel_load(q, TOTAL(1), 1, c);
    FOR_PIXELS(q) {
      const V x = GET_ON(x), da = bn_through((x - mean) * rstd + beta, GET(dy), p.act);
      V g = rstd * (da - sum - (x - bmean) * along);
      if (p.pixels) g = ON ? g : (V)0;
      if (p.add != 0) g += p.add * GET(dx);
      PUT(dx, g);
    }
  }
}

/* ---- As a layer of a flow -------------------------------------------------------------------- */

static int bn_count(int pixels, int H, int W) {
  return pixels ? (H * W + (pixels == 1)) / 2 : H * W;
}

/* Half the sum over `pixels` of a sample and over channels of log(var + eps). */
static float bn_logdet(global const float *var, clf_view v, float eps, int pixels, int H, int W) {
  const int C = v.dim[0];
  V sum = 0;
  for (int c = 0; c < C; c += LANES)
    sum += lanes_first(log(lanes_load(var + c * v.stride[0], v.stride[0], C - c) + eps), C - c);
  return 0.5f * bn_count(pixels, H, W) * lanes_sum(sum);
}
/* The item that has a sample's first element adds to its logdet. */
#define ADD_LOGDET(sign)                                                                           \
  const int first = (q.r0 + q.H - 1) / q.H;                                                        \
  if (q.c0 == 0 && q.w0 == 0 && first * q.H < q.r1) {                                              \
    const float sum = bn_logdet(PTR(var, 0, 0), p.var, p.eps, p.pixels, q.H, p.y.dim[3]);          \
    for (int n = first; n * q.H < q.r1; n++) AT(logdet, n, 0, 0, 0) += sign sum;                   \
  }

kernel BY_PIXELS void bn_flow_fwd(CLF_IN(x), CLF_IN(mean), CLF_IN(var), CLF_OUT(y), CLF_OUT(logdet),
                                  const bn_flow_fwd_args p) {
  const clf_part q = part_of(p.x);
  FOR_CHANNELS(q) {
    const V mean = CHANNEL(mean), rstd = rsqrt(CHANNEL(var) + p.eps);
    FOR_PIXELS(q) {
      const V x = GET(x);
      PUT(y, ON ? (x - mean) * rstd : x);
    }
  }
  ADD_LOGDET(-)
}

kernel BY_PIXELS void bn_flow_inv(CLF_IN(y), CLF_IN(mean), CLF_IN(var), CLF_OUT(x), CLF_OUT(logdet),
                                  const bn_flow_inv_args p) {
  const clf_part q = part_of(p.y);
  FOR_CHANNELS(q) {
    const V mean = CHANNEL(mean), std = sqrt(CHANNEL(var) + p.eps);
    FOR_PIXELS(q) {
      const V y = GET(y);
      PUT(x, ON ? y * std + mean : y);
    }
  }
  ADD_LOGDET(+)
}

#define BN_FLOW_BWD                                                                                \
  CLF_IN(x), CLF_IN(mean), CLF_IN(var), CLF_IN(bmean), CLF_IN(dy), CLF_IN(dl), CLF_OUT(dx),        \
      const bn_flow_bwd_args p, CLF_POOL

kernel BY_PIXELS void bn_flow_bwd_sum(BN_FLOW_BWD) {
  const clf_part q = band_of(p.x, e.x);
  FOR_CHANNELS(q) {
    const V mean = CHANNEL(mean), rstd = rsqrt(CHANNEL(var) + p.eps);
    V sum = 0, along = 0;
    FOR_PIXELS(q) {
      const V dy = GET_ON(dy);
      sum += dy;
      along += dy * (GET_ON(x) - mean) * rstd;
    }
    channel_store(q, channel_total(q, sum), BAND(0, q.band), c);
    channel_store(q, channel_total(q, along), BAND(1, q.band), c);
  }
}

/* What the samples' log-dets weigh, where each has a weight of its own, is added to `along`. */
kernel BY_LANES void bn_flow_bwd_add(BN_FLOW_BWD) {
  ADD_BANDS
  if (!p.dl.dim[0]) return;
  float weight = 0;
  for (int n = 0; n < p.dl.dim[0]; n++) weight += AT(dl, n, 0, 0, 0);
  weight *= p.dlogdet * bn_count(p.pixels, p.x.dim[2], p.x.dim[3]);
  lanes_store(along + weight, TOTAL(1), 1, left);
}

kernel BY_PIXELS void bn_flow_bwd(BN_FLOW_BWD) {
  const clf_part q = part_of(p.x);
  const float share = p.batch / PIXELS(x);
  const float dlogdet =
      p.dl.dim[0] ? 0 : p.dlogdet * p.x.dim[0] * bn_count(p.pixels, q.H, p.x.dim[3]);
  FOR_CHANNELS(q) {
    const V mean = CHANNEL(mean), rstd = rsqrt(CHANNEL(var) + p.eps);
    const V bmean = p.bmean.dim[0] ? CHANNEL(bmean) : mean;
    const V shift = share * rstd * channel_load(q, TOTAL(0), 1, c);
    const V slope =
        share * rstd * rstd * (channel_load(q, TOTAL(1), 1, c) + dlogdet) * (1 + p.wider);
    FOR_PIXELS(q) {
      const V dy = GET(dy);
      PUT(dx, ON ? rstd * dy - shift - (GET(x) - bmean) * slope : dy);
    }
  }
}
#undef BAND
#undef TOTAL
#undef BAND_LOAD
#undef PIXELS
#undef ON
#undef GET_ON
#undef BN_BWD
#undef BWD_LINES
#undef SIDE_BY_SIDE
#undef LINE_BETA
#undef LINE_TOTAL
#undef OF_CHANNELS
#undef STATS_BY
#undef FWD_BY
#undef SUM_BY
#undef BWD_BY
#undef ADD_BANDS
#undef ADD_LOGDET
#undef BN_FLOW_BWD
