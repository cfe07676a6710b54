/* SPDX-License-Identifier: MIT */
/* poly_spline.cl: splines of first and second order, as cpu_ref/poly_spline.c has them, whose
 * functions these are.  An item keeps its bins in arrays of its own. */

enum { POLY_BINS = 64 };

typedef struct {
  int K, quadratic, tails;
  float left, right, bottom, top, min_width, min_height, scale, end_share;
} poly;

#define POLY_OF(s)                                                                                 \
  poly s;                                                                                          \
  s.K = clf__poly_bins(p.u.dim[2], p.order, p.tails);                                              \
  s.quadratic = p.order == 2;                                                                      \
  s.tails = p.tails;                                                                               \
  s.left = p.left;                                                                                 \
  s.right = p.right;                                                                               \
  s.bottom = p.bottom;                                                                             \
  s.top = p.top;                                                                                   \
  s.min_width = p.min_width;                                                                       \
  s.min_height = p.min_height;                                                                     \
  s.scale = p.scale;                                                                               \
  s.end_share = p.end_share

/* ---- Numbers into bins ------------------------------------------------------------------- */

typedef struct { /* the numbers u of column j, for samples n and on */
  global const float *at;
  int next, step, left;
} poly_numbers;
INLINE V poly_number(poly_numbers u, int k) {
  return lanes_load(u.at + k * u.next, u.step, u.left);
}

typedef struct {
  V part[POLY_BINS];  /* softmax: of widths, or of first order of heights */
  V w[POLY_BINS];     /* widths */
  V v[POLY_BINS + 1]; /* second order: slopes at knots before they are normalised */
  V area, rest;       /* below them; 1 - end_share (first + last width) */
} poly_bins;

/* The number that is raw height k = 0 .. K; -1 where tails say what it is. */
INLINE int poly_height(poly s, int k) {
  if (!s.tails) return s.K + k;
  return k == 0 || k == s.K ? -1 : s.K + k - 1;
}

INLINE void poly_set_ends(poly s, poly_bins *q) {
  const V first = q->w[0], last = q->w[s.K - 1];
  V sum = s.end_share * (first * q->v[1] + last * q->v[s.K - 1]);
  q->rest = 1 - s.end_share * (first + last);
  for (int k = 1; k < s.K - 1; k++) sum += q->w[k] * (q->v[k] + q->v[k + 1]) / 2;
  q->v[0] = q->v[s.K] = sum / q->rest;
}

INLINE void poly_set_slopes(poly s, poly_numbers u, poly_bins *q) {
  for (int k = 0; k <= s.K; k++)
    if (poly_height(s, k) >= 0)
      q->v[k] = softplus_v(s.scale * poly_number(u, poly_height(s, k))) + 0.001f;
  if (s.tails) poly_set_ends(s, q);
  q->area = 0;
  for (int k = 0; k < s.K; k++) q->area += q->w[k] * (q->v[k] + q->v[k + 1]) / 2;
}

INLINE void poly_get(poly s, poly_numbers u, poly_bins *q) {
  V most = s.scale * poly_number(u, 0), sum = 0;
  for (int k = 1; k < s.K; k++) most = fmax(most, s.scale * poly_number(u, k));
  for (int k = 0; k < s.K; k++) {
    q->part[k] = exp(s.scale * poly_number(u, k) - most);
    sum += q->part[k];
  }
  for (int k = 0; k < s.K; k++) {
    q->part[k] /= sum;
    q->w[k] = s.quadratic ? s.min_width + (1 - s.min_width * s.K) * q->part[k] : (V)(1.0f / s.K);
  }
  if (s.quadratic) poly_set_slopes(s, u, q);
}

INLINE V poly_slope_at(poly s, const poly_bins *q, int k) {
  return s.quadratic ? s.min_height + (1 - s.min_height) * q->v[k] / q->area : q->part[k] * s.K;
}

typedef struct {
  V k, x, y, w, a, b;
} poly_bin;

INLINE poly_bin poly_find(poly s, const poly_bins *q, V v, int by_y) {
  V x = 0, y = 0;
  poly_bin f;
  f.k = f.x = f.y = f.w = f.a = f.b = 0;
  for (int k = 0; k < s.K; k++) {
    const V w = q->w[k], a = poly_slope_at(s, q, k);
    const V b = s.quadratic ? poly_slope_at(s, q, k + 1) : a;
    const clf_mask here = k == 0 ? (clf_mask)1 == (clf_mask)1 : v >= (by_y ? y : x);
    f.k = here ? (V)k : f.k;
    f.x = here ? x : f.x;
    f.y = here ? y : f.y;
    f.w = here ? w : f.w;
    f.a = here ? a : f.a;
    f.b = here ? b : f.b;
    x += w;
    y += w * (a + b) / 2;
  }
  return f;
}

INLINE V poly_alpha_of_x(poly_bin f, V x) { return clamp_v((x - f.x) / f.w, 0, 1); }
INLINE V poly_alpha_of_y(poly_bin f, V y) {
  const V r = (y - f.y) / f.w, square = f.a * f.a + 2 * (f.b - f.a) * r;
  return clamp_v(2 * r / (f.a + sqrt(square > 0 ? square : (V)0)), 0, 1);
}
INLINE V poly_below(poly_bin f, V alpha) { return alpha * (f.a + (f.b - f.a) * alpha / 2); }

/* ---- Values ---------------------------------------------------------------------------------- */

#define POLY_BEGIN                                                                                 \
  POLY_OF(s);                                                                                      \
  const poly_numbers u = {&AT(u, q.n, j, 0, 0), p.u.stride[2], p.u.stride[0], q.left};             \
  poly_bins bins;                                                                                  \
  poly_get(s, u, &bins)

kernel BY_SAMPLE void poly_spline_fwd(CLF_IN(x), CLF_IN(at), CLF_IN(u), CLF_OUT(y), CLF_OUT(logdet),
                                      const poly_spline_fwd_args p) {
  MAP_SUM;
  MAP_BEGIN(x, y);
  EACH_COLUMN {
    POLY_BEGIN;
    const V x = COLUMN(x), in = clamp_v(x, s.left, s.right);
    const V unit = (in - s.left) / (s.right - s.left);
    const poly_bin f = poly_find(s, &bins, unit, 0);
    const V alpha = poly_alpha_of_x(f, unit), slope = f.a + (f.b - f.a) * alpha;
    const V y = s.bottom + (s.top - s.bottom) * (f.y + f.w * poly_below(f, alpha));
    const V inner = clamp_v(y, s.bottom, s.top),
            L = log(slope * ((s.top - s.bottom) / (s.right - s.left)));
    const V other = s.tails ? x : inner, other_L = s.tails ? (V)0 : (V)-INFINITY;
    PUT_COLUMN(y, x == in ? inner : other);
    sum += x == in ? L : other_L;
  }
  MAP_LOGDET(1);
}

kernel BY_SAMPLE void poly_spline_inv(CLF_IN(y), CLF_IN(at), CLF_IN(u), CLF_OUT(x), CLF_OUT(logdet),
                                      const poly_spline_inv_args p) {
  MAP_SUM;
  MAP_BEGIN(y, x);
  EACH_COLUMN {
    POLY_BEGIN;
    const V y = COLUMN(y), in = clamp_v(y, s.bottom, s.top);
    const V unit = (in - s.bottom) / (s.top - s.bottom);
    const poly_bin f = poly_find(s, &bins, unit, 1);
    const V alpha = poly_alpha_of_y(f, unit), slope = f.a + (f.b - f.a) * alpha;
    const V x = s.left + (s.right - s.left) * (f.x + f.w * alpha);
    const V inner = clamp_v(x, s.left, s.right),
            L = log(slope * ((s.top - s.bottom) / (s.right - s.left)));
    const V other = s.tails ? y : inner, other_L = s.tails ? (V)0 : (V)INFINITY;
    PUT_COLUMN(x, y == in ? inner : other);
    sum += y == in ? L : other_L;
  }
  MAP_LOGDET(-1);
}

/* ---- Gradients --------------------------------------------------------------------------------
 */

typedef struct {
  V in, x, y, w, a, b; /* dL by the argument, and by a bin's corner, width and slopes */
} poly_gradient;

INLINE poly_gradient poly_backward(poly s, poly_bin f, V x, V out, V gl, int inverse) {
  const float width = s.right - s.left, height = s.top - s.bottom;
  const V in = clamp_v(x, s.left, s.right), zero = 0;
  const clf_mask inside = x == in;
  const V alpha = poly_alpha_of_x(f, (in - s.left) / width), more = f.b - f.a;
  const V slope = f.a + more * alpha, L_alpha = more / slope;
  const V f_x = slope * (height / width), L_x = L_alpha / (f.w * width);
  const V along = inverse ? (out - gl * L_x) / f_x : out * f_x + gl * L_x;
  const V own = height * (inverse ? -along : out), own_L = inverse ? -gl : gl;
  const V gy = inside ? own : zero, gL = inside ? own_L : zero;
  const V g_alpha = gy * f.w * slope + gL * L_alpha;
  poly_gradient g;
  g.x = -g_alpha / f.w;
  g.w = gy * poly_below(f, alpha) - g_alpha * alpha / f.w;
  g.y = gy;
  g.a = gy * f.w * (alpha - alpha * alpha / 2) + gL * (1 - alpha) / slope;
  g.b = gy * f.w * alpha * alpha / 2 + gL * alpha / slope;
  g.in = inside ? along : s.tails ? out : zero;
  return g;
}

/* dL by what the raw widths' softmax makes, in place of dparts. */
INLINE void poly_softmax_backward(poly s, const poly_bins *q, V *dpart) {
  V mean = 0;
  for (int k = 0; k < s.K; k++) mean += q->part[k] * dpart[k];
  for (int k = 0; k < s.K; k++) dpart[k] = s.scale * q->part[k] * (dpart[k] - mean);
}

INLINE void poly_area_backward(const poly_bins *q, V darea, int from, int to, V *dv, V *dw) {
  for (int k = from; k < to; k++) {
    dv[k] += darea * q->w[k] / 2;
    dv[k + 1] += darea * q->w[k] / 2;
    dw[k] += darea * (q->v[k] + q->v[k + 1]) / 2;
  }
}

INLINE void poly_ends_backward(poly s, const poly_bins *q, V *dv, V *dw) {
  const int K = s.K;
  const V dsum = (dv[0] + dv[K]) / q->rest;
  dw[0] += dsum * s.end_share * (q->v[1] + q->v[0]);
  dw[K - 1] += dsum * s.end_share * (q->v[K - 1] + q->v[K]);
  dv[1] += dsum * s.end_share * q->w[0];
  dv[K - 1] += dsum * s.end_share * q->w[K - 1];
  poly_area_backward(q, dsum, 1, K - 1, dv, dw);
}

/* dL by slopes before they are normalised, and by widths. */
INLINE void poly_bins_backward(poly s, const poly_bins *q, poly_bin f, poly_gradient g, V *dv,
                               V *dw) {
  const V zero = 0;
  V darea = 0;
  for (int i = 0; i <= s.K; i++) {
    const V before = i > 0 ? (f.k > (V)(i - 1) ? q->w[i - 1] : zero) : zero;
    const V behind = i < s.K ? (f.k > (V)i ? q->w[i] : zero) : zero;
    dv[i] =
        (f.k == (V)i ? g.a : zero) + (f.k == (V)(i - 1) ? g.b : zero) + g.y * (before + behind) / 2;
  }
  for (int i = 0; i < s.K; i++) {
    const V mean = (poly_slope_at(s, q, i) + poly_slope_at(s, q, i + 1)) / 2;
    const V corner = g.x + g.y * mean;
    dw[i] = f.k > (V)i ? corner : f.k == (V)i ? g.w : zero;
  }
  for (int k = 0; k <= s.K; k++) {
    const V to = (1 - s.min_height) / q->area;
    darea -= dv[k] * to * q->v[k] / q->area;
    dv[k] *= to;
  }
  poly_area_backward(q, darea, 0, s.K, dv, dw);
  if (s.tails) poly_ends_backward(s, q, dv, dw);
}

/* All of column j: reads OUT, writes IN and du. */
#define POLY_BACKWARD(OUT, IN, inverse)                                                            \
  EACH_COLUMN {                                                                                    \
    POLY_BEGIN;                                                                                    \
    V dv[POLY_BINS + 1], dw[POLY_BINS];                                                            \
    const V x = COLUMN(x), zero = 0;                                                               \
    const V unit = (clamp_v(x, s.left, s.right) - s.left) / (s.right - s.left);                    \
    const poly_bin f = poly_find(s, &bins, unit, 0);                                               \
    const poly_gradient g = poly_backward(s, f, x, COLUMN(OUT), MAP_DL, inverse);                  \
    PUT_COLUMN(IN, g.in);                                                                          \
    if (s.quadratic) {                                                                             \
      poly_bins_backward(s, &bins, f, g, dv, dw);                                                  \
      for (int k = 0; k <= s.K; k++)                                                               \
        if (poly_height(s, k) >= 0)                                                                \
          PUT_NUMBER(du, poly_height(s, k),                                                        \
                     s.scale *dv[k] * sigmoid_v(s.scale * poly_number(u, poly_height(s, k))));     \
      for (int k = 0; k < s.K; k++) dw[k] *= 1 - s.min_width * s.K;                                \
    } else                                                                                         \
      for (int k = 0; k < s.K; k++)                                                                \
        dw[k] = f.k > (V)k ? g.y : f.k == (V)k ? s.K * (g.a + g.b) : zero;                         \
    poly_softmax_backward(s, &bins, dw);                                                           \
    for (int k = 0; k < s.K; k++) PUT_NUMBER(du, k, dw[k]);                                        \
  }

kernel BY_SAMPLE void poly_spline_bwd(CLF_IN(x), CLF_IN(at), CLF_IN(u), CLF_IN(dy), CLF_IN(dl),
                                      CLF_OUT(dx), CLF_OUT(du), const poly_spline_bwd_args p) {
  MAP_BEGIN(dy, dx);
  POLY_BACKWARD(dy, dx, 0)
}

kernel BY_SAMPLE void poly_spline_inv_bwd(CLF_IN(x), CLF_IN(at), CLF_IN(u), CLF_IN(dx), CLF_IN(dl),
                                          CLF_OUT(dy), CLF_OUT(du),
                                          const poly_spline_inv_bwd_args p) {
  MAP_BEGIN(dx, dy);
  POLY_BACKWARD(dx, dy, 1)
}
#undef POLY_OF
#undef POLY_BEGIN
#undef POLY_BACKWARD
