/* SPDX-License-Identifier: MIT */
/* rqs.cl: rational-quadratic splines, as cpu_ref/rqs.c has them.  Nothing is kept of the bins but
 * the one of each lane: their sizes are computed again where they are needed, so that no arrays
 * have to lie in memory. */

/* What a call says of the splines of column j. */
typedef struct {
  int K, zuko, ends, kind, line;
  float left, right, bottom, top, min_width, min_height, min_slope, end_slope, scale, gain, beta,
      shift, rate;
} rqs;

#define RQS_OF(s)                                                                                  \
  rqs s;                                                                                           \
  s.K = (p.u.dim[2] + 1 - p.ends) / 3;                                                             \
  s.zuko = p.like == CLF_RQS_ZUKO;                                                                 \
  s.ends = p.ends;                                                                                 \
  s.kind = kinds_ ? (int)AT(kinds, j, 0, 0, 0) : p.ends;                                           \
  s.line = s.kind == CLF_FREE_ENDS && p.outside == CLF_OUTSIDE_LINE;                               \
  s.left = box_ ? AT(box, j, 0, 0, 0) : p.left;                                                    \
  s.right = box_ ? AT(box, j, 1, 0, 0) : p.right;                                                  \
  s.bottom = box_ ? AT(box, j, 2, 0, 0) : p.bottom;                                                \
  s.top = box_ ? AT(box, j, 3, 0, 0) : p.top;                                                      \
  s.min_width = p.min_width;                                                                       \
  s.min_height = p.min_height;                                                                     \
  s.min_slope = p.min_slope;                                                                       \
  s.end_slope = p.end_slope;                                                                       \
  s.scale = p.scale;                                                                               \
  s.gain = p.gain;                                                                                 \
  s.beta = p.beta;                                                                                 \
  s.shift = p.shift;                                                                               \
  s.rate = p.like == CLF_RQS_ZUKO ? 1 / fabs(log(p.min_slope)) : 0.0f

/* ---- Numbers into bins ------------------------------------------------------------------- */

INLINE V rqs_squeezed(rqs s, V u, float rate) {
  return s.zuko ? u / (1 + fabs(u * rate)) : u * s.scale;
}
INLINE V rqs_squeezed_slope(rqs s, V u, float rate) {
  const V r = 1 / (1 + fabs(u * rate));
  return s.zuko ? r * r : (V)s.scale;
}
INLINE V rqs_knot_slope(rqs s, V u) {
  return s.zuko ? exp(rqs_squeezed(s, u, s.rate))
                : s.min_slope + s.gain * softplus_v(s.beta * u + s.shift);
}
INLINE V rqs_knot_slope_slope(rqs s, V u, V slope) {
  return s.zuko ? slope * rqs_squeezed_slope(s, u, s.rate)
                : s.gain * s.beta * sigmoid_v(s.beta * u + s.shift);
}

/* The numbers u of column j, for samples n and on. */
typedef struct {
  global const float *at;
  int next, step, left; /* from number to number, from sample to sample; samples */
} rqs_numbers;

INLINE V rqs_number(rqs_numbers u, int k) { return lanes_load(u.at + k * u.next, u.step, u.left); }
INLINE V rqs_size(rqs s, rqs_numbers u, int k) { /* as the softmax takes it */
  return rqs_squeezed(s, rqs_number(u, k), 2 * s.rate);
}

/* A softmax over K numbers from k0 on: part k is exp(size - most) * share. */
typedef struct {
  V most, share;
} rqs_softmax;

INLINE rqs_softmax rqs_softmax_of(rqs s, rqs_numbers u, int k0) {
  rqs_softmax m;
  V sum = 0;
  m.most = rqs_size(s, u, k0);
  for (int k = 1; k < s.K; k++) m.most = fmax(m.most, rqs_size(s, u, k0 + k));
  for (int k = 0; k < s.K; k++) sum += exp(rqs_size(s, u, k0 + k) - m.most);
  m.share = 1 / sum;
  return m;
}
INLINE V rqs_part(rqs s, rqs_numbers u, rqs_softmax m, int k) {
  return exp(rqs_size(s, u, k) - m.most) * m.share;
}

/* The raw numbers of knot k = 0 .. K; any where the end is fixed. */
INLINE V rqs_knot(rqs s, rqs_numbers u, int k) {
  const int fixed_end = s.ends == CLF_LINEAR_ENDS && (k == 0 || k == s.K);
  const int same = s.kind == CLF_CIRCULAR_ENDS && k == s.K;
  return rqs_number(u, fixed_end ? 0 : 2 * s.K + (same ? 0 : k) - (s.ends == CLF_LINEAR_ENDS));
}

typedef struct {
  V k, x, y, w, h, a, b, u_a, u_b, part_w, part_h, sum_w, sum_h;
  rqs_softmax widths, heights;
} rqs_bin;

/* The bins in which v, which are x or with by_y = 1 y, lie; the first and last reach beyond. */
INLINE rqs_bin rqs_find(rqs s, rqs_numbers u, V v, int by_y) {
  const float spare_w = 1 - s.min_width * s.K, spare_h = 1 - s.min_height * s.K;
  const float width = s.right - s.left, height = s.top - s.bottom;
  rqs_bin f;
  V sum_w = 0, sum_h = 0, u_a = rqs_knot(s, u, 0);
  f.widths = rqs_softmax_of(s, u, 0);
  f.heights = rqs_softmax_of(s, u, s.K);
  f.k = f.x = f.y = f.part_w = f.part_h = f.sum_w = f.sum_h = f.u_a = f.u_b = 0;
  for (int k = 0; k < s.K; k++) {
    const V u_b = rqs_knot(s, u, k + 1);
    const V part_w = rqs_part(s, u, f.widths, k), part_h = rqs_part(s, u, f.heights, s.K + k);
    const V x = s.left + width * (s.min_width * k + spare_w * sum_w);
    const V y = s.bottom + height * (s.min_height * k + spare_h * sum_h);
    const clf_mask here = k == 0 ? (clf_mask)1 == (clf_mask)1 : v >= (by_y ? y : x);
    f.k = here ? (V)k : f.k;
    f.x = here ? x : f.x;
    f.y = here ? y : f.y;
    f.part_w = here ? part_w : f.part_w;
    f.part_h = here ? part_h : f.part_h;
    f.sum_w = here ? sum_w : f.sum_w;
    f.sum_h = here ? sum_h : f.sum_h;
    f.u_a = here ? u_a : f.u_a;
    f.u_b = here ? u_b : f.u_b;
    sum_w += part_w;
    sum_h += part_h;
    u_a = u_b;
  }
  f.w = width * (s.min_width + spare_w * f.part_w);
  f.h = height * (s.min_height + spare_h * f.part_h);
  f.a = rqs_knot_slope(s, f.u_a);
  f.b = rqs_knot_slope(s, f.u_b);
  if (s.kind == CLF_LINEAR_ENDS) {
    f.a = f.k == 0 ? (V)s.end_slope : f.a;
    f.b = f.k == (V)(s.K - 1) ? (V)s.end_slope : f.b;
  }
  return f;
}

/* ---- Within a bin -------------------------------------------------------------------------- */

typedef struct {
  V theta, t, s, E, den, num, N;
} rqs_point;

INLINE rqs_point rqs_point_at(rqs_bin f, V theta) {
  rqs_point p;
  const V rest = 1 - theta;
  p.theta = theta;
  p.t = theta * rest;
  p.s = f.h / f.w;
  p.E = f.a + f.b - 2 * p.s;
  p.den = p.s + p.E * p.t;
  p.num = p.s * theta * theta + f.a * p.t;
  p.N = f.b * theta * theta + 2 * p.s * p.t + f.a * rest * rest;
  return p;
}
INLINE V rqs_theta_of_x(rqs_bin f, V x) { return clamp_v((x - f.x) / f.w, 0, 1); }
/* The root of A theta^2 + B theta + C = 0, divided by h, in the form in which nothing cancels. */
INLINE V rqs_theta_of_y(rqs_bin f, V y) {
  const V v = clamp_v((y - f.y) / f.h, 0, 1), s = f.h / f.w, E = f.a + f.b - 2 * s;
  const V A = v * E + s - f.a, B = f.a - v * E, C = -s * v, square = B * B - 4 * A * C;
  const V root = sqrt(square > 0 ? square : (V)0);
  const V theta = clamp_v(B >= 0 ? -2 * C / (B + root) : (root - B) / (2 * A), 0, 1);
  return v < 1 ? theta : v; /* slopes change fast near the end of a bin */
}
INLINE V rqs_log_slope(rqs_point p) { return 2 * log(p.s / p.den) + log(p.N); }

/* ---- Values ---------------------------------------------------------------------------------- */

#define RQS_BEGIN                                                                                  \
  RQS_OF(s);                                                                                       \
  rqs_numbers u = {&AT(u, q.n, j, 0, 0), p.u.stride[2], p.u.stride[0], q.left}

kernel BY_SAMPLE void rqs_fwd(CLF_IN(x), CLF_IN(at), CLF_IN(u), CLF_IN(box), CLF_IN(kinds),
                              CLF_OUT(y), CLF_OUT(logdet), const rqs_fwd_args p) {
  MAP_SUM;
  MAP_BEGIN(x, y);
  EACH_COLUMN {
    RQS_BEGIN;
    const V x = COLUMN(x), in = clamp_v(x, s.left, s.right);
    const rqs_bin f = rqs_find(s, u, x, 0);
    const rqs_point at_x = rqs_point_at(f, rqs_theta_of_x(f, x));
    const V L = rqs_log_slope(at_x),
            inner = clamp_v(f.y + f.h * (at_x.num / at_x.den), s.bottom, s.top);
    const V line = inner + exp(L) * (x - in);
    const V other = s.kind != CLF_FREE_ENDS ? x : s.line ? line : inner;
    const V other_L = s.kind != CLF_FREE_ENDS ? (V)0 : s.line ? L : (V)-INFINITY;
    PUT_COLUMN(y, x == in ? inner : other);
    sum += x == in ? L : other_L;
  }
  MAP_LOGDET(1);
}

kernel BY_SAMPLE void rqs_inv(CLF_IN(y), CLF_IN(at), CLF_IN(u), CLF_IN(box), CLF_IN(kinds),
                              CLF_OUT(x), CLF_OUT(logdet), const rqs_inv_args p) {
  MAP_SUM;
  MAP_BEGIN(y, x);
  EACH_COLUMN {
    RQS_BEGIN;
    const V y = COLUMN(y), in = clamp_v(y, s.bottom, s.top);
    const rqs_bin f = rqs_find(s, u, y, 1);
    const rqs_point at_y = rqs_point_at(f, rqs_theta_of_y(f, y));
    const V L = rqs_log_slope(at_y), inner = clamp_v(f.x + f.w * at_y.theta, s.left, s.right);
    const V line = inner + (y - in) * exp(-L);
    const V other = s.kind != CLF_FREE_ENDS ? y : s.line ? line : inner;
    const V other_L = s.kind != CLF_FREE_ENDS ? (V)0 : s.line ? L : (V)INFINITY;
    PUT_COLUMN(x, y == in ? inner : other);
    sum += y == in ? L : other_L;
  }
  MAP_LOGDET(-1);
}

/* ---- Gradients --------------------------------------------------------------------------------
 */

typedef struct {
  V in, x, y, w, h, u_a, u_b; /* dL by the argument, corner and size of a bin, its raw slopes */
} rqs_gradient;

/* The gradient through f, or through its inverse, as bin_backward() in cpu_ref/rqs.c. */
INLINE rqs_gradient rqs_backward(rqs s, rqs_bin f, V x, V out, V gl, int inverse) {
  const V in = clamp_v(x, s.left, s.right), zero = 0;
  const clf_mask inside = x == in;
  const rqs_point p = rqs_point_at(f, rqs_theta_of_x(f, x));
  const V flat = 1 - 2 * p.theta, rest = 1 - p.theta, d2 = p.den * p.den;
  const V slope = p.s / p.den * (p.s / p.den) * p.N;
  const V L_in =
      (2 * f.b * p.theta + 2 * p.s * flat - 2 * f.a * rest) / p.N - 2 * p.E * flat / p.den;
  const V L_theta = inside ? L_in : zero;
  const V along = inverse ? (out - gl * L_theta / f.w) / slope : out * slope + gl * L_theta / f.w;
  const V own = inverse ? -along : out, own_L = inverse ? -gl : gl;
  const V gy = s.line ? own : inside ? own : zero;
  const V gL = inside ? own_L : s.line ? own_L + own * slope * (x - in) : zero;
  const V g_theta = inside ? gy * f.h * p.s * p.N / d2 + gL * L_theta : zero;
  const V g_s = gy * f.h * (p.theta * p.theta * p.den - p.num * (1 - 2 * p.t)) / d2 +
                gL * (2 / p.s + 2 * p.t / p.N - 2 * (1 - 2 * p.t) / p.den);
  const V g_a = gy * f.h * p.t * (p.den - p.num) / d2 + gL * (rest * rest / p.N - 2 * p.t / p.den);
  const V g_b = -gy * f.h * p.t * p.num / d2 + gL * (p.theta * p.theta / p.N - 2 * p.t / p.den);
  rqs_gradient g;
  g.x = -g_theta / f.w;
  g.w = -(g_theta * p.theta + g_s * p.s) / f.w;
  g.y = gy;
  g.h = gy * p.num / p.den + g_s / f.w;
  g.u_a = g_a * rqs_knot_slope_slope(s, f.u_a, f.a);
  g.u_b = g_b * rqs_knot_slope_slope(s, f.u_b, f.b);
  if (s.kind == CLF_LINEAR_ENDS) {
    g.u_a = f.k == 0 ? zero : g.u_a;
    g.u_b = f.k == (V)(s.K - 1) ? zero : g.u_b;
  }
  g.in = s.line ? along : inside ? along : s.kind != CLF_FREE_ENDS ? out : zero;
  return g;
}

/* dL by raw width or height number `at`, of bin i, of which the corner sums up those before. */
INLINE V rqs_size_gradient(rqs s, rqs_numbers u, rqs_softmax m, rqs_bin f, int at, int i, float c,
                           V mean, V g_corner, V g_size) {
  const V zero = 0, g = f.k > (V)i ? g_corner : f.k == (V)i ? g_size : zero;
  const V part = rqs_part(s, u, m, at);
  return c * part * (g - mean) * rqs_squeezed_slope(s, rqs_number(u, at), 2 * s.rate);
}
/* dL by raw slope number r. */
INLINE V rqs_slope_gradient(rqs s, rqs_bin f, rqs_gradient g, int r) {
  const int i = r + (s.ends == CLF_LINEAR_ENDS), circular = s.kind == CLF_CIRCULAR_ENDS;
  const V zero = 0, a = f.k == (V)i ? g.u_a : zero, b = f.k == (V)(i - 1) ? g.u_b : zero;
  const V round = f.k == (V)(s.K - 1) ? g.u_b : zero;
  return circular && i == s.K ? zero : circular && i == 0 ? a + round : a + b;
}

/* All of column j: reads OUT, writes IN and du. */
#define RQS_BACKWARD(OUT, IN, inverse)                                                             \
  EACH_COLUMN {                                                                                    \
    RQS_BEGIN;                                                                                     \
    const V x = COLUMN(x);                                                                         \
    const rqs_bin f = rqs_find(s, u, x, 0);                                                        \
    const rqs_gradient g = rqs_backward(s, f, x, COLUMN(OUT), MAP_DL, inverse);                    \
    const V mean_w = f.sum_w * g.x + f.part_w * g.w, mean_h = f.sum_h * g.y + f.part_h * g.h;      \
    const float c_w = (s.right - s.left) * (1 - s.min_width * s.K);                                \
    const float c_h = (s.top - s.bottom) * (1 - s.min_height * s.K);                               \
    PUT_COLUMN(IN, g.in);                                                                          \
    for (int i = 0; i < s.K; i++) {                                                                \
      PUT_NUMBER(du, i, rqs_size_gradient(s, u, f.widths, f, i, i, c_w, mean_w, g.x, g.w));        \
      PUT_NUMBER(du, s.K + i,                                                                      \
                 rqs_size_gradient(s, u, f.heights, f, s.K + i, i, c_h, mean_h, g.y, g.h));        \
    }                                                                                              \
    for (int r = 0; r < s.K - 1 + s.ends; r++)                                                     \
      PUT_NUMBER(du, 2 * s.K + r, rqs_slope_gradient(s, f, g, r));                                 \
  }

kernel BY_SAMPLE void rqs_bwd(CLF_IN(x), CLF_IN(at), CLF_IN(u), CLF_IN(box), CLF_IN(kinds),
                              CLF_IN(dy), CLF_IN(dl), CLF_OUT(dx), CLF_OUT(du),
                              const rqs_bwd_args p) {
  MAP_BEGIN(dy, dx);
  RQS_BACKWARD(dy, dx, 0)
}

kernel BY_SAMPLE void rqs_inv_bwd(CLF_IN(x), CLF_IN(at), CLF_IN(u), CLF_IN(box), CLF_IN(kinds),
                                  CLF_IN(dx), CLF_IN(dl), CLF_OUT(dy), CLF_OUT(du),
                                  const rqs_inv_bwd_args p) {
  MAP_BEGIN(dx, dy);
  RQS_BACKWARD(dx, dy, 1)
}
#undef RQS_OF
#undef RQS_BEGIN
#undef RQS_BACKWARD
