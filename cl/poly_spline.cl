/* SPDX-License-Identifier: MIT */
/* poly_spline.cl: splines of first and second order; the functions are those of
 * cpu_ref/poly_spline.c.  Widths and slopes are computed where they are needed: arrays of a
 * work-item would be in memory. */
#include "maps.clh"

/* What a call says of its splines; of column j alone: poly_column(). */
typedef struct {
  int K, quadratic, tails;
  float left, right, bottom, top, min_width, min_height, scale, end_share;
} poly;
/* All operations of splines have these parameters. */
#define POLY_OF(p)                                                                                 \
  {                                                                                                \
    .K = clf__poly_bins(p.u.dim[2], p.order, p.tails), .quadratic = p.order == 2,                  \
    .tails = p.tails, .left = p.left, .right = p.right, .bottom = p.bottom, .top = p.top,          \
    .min_width = p.min_width, .min_height = p.min_height, .scale = p.scale,                        \
    .end_share = p.end_share                                                                       \
  }

/* With the box of column j, where the call gives them for each column. */
INLINE poly poly_column(poly s, global const float *box, clf_view v, int j) {
  global const float *at = box + v.offset + j * v.stride[0];
  s.left = box ? at[0] : s.left;
  s.right = box ? at[v.stride[1]] : s.right;
  s.bottom = box ? at[2 * v.stride[1]] : s.bottom;
  s.top = box ? at[3 * v.stride[1]] : s.top;
  return s;
}

/* ---- Numbers into bins ---------------------------------------------------------------------- */

typedef struct { /* the numbers u of column j, for samples n and on */
  global const float *at;
  int next, step, left;
} poly_numbers;
INLINE V poly_number(poly_numbers u, int k) {
  return lanes_load(u.at + k * u.next, u.step, u.left);
}

typedef struct {
  poly_numbers u;
  V most, sum;  /* the largest raw width, and the sum of exp(raw width - most) */
  V ends;       /* tails: the slope at both ends before normalisation */
  V area, rest; /* below the slopes; 1 - end_share (first + last width) */
} poly_bins;

/* Which number is raw height k = 0 .. K; -1 where the tails determine it. */
INLINE int poly_height(poly s, int k) {
  if (!s.tails) return s.K + k;
  return k == 0 || k == s.K ? -1 : s.K + k - 1;
}

/* The softmax of widths or, for first order, of heights. */
INLINE V poly_softmax(poly s, const poly_bins *q, int k) {
  return exp(s.scale * poly_number(q->u, k) - q->most) / q->sum;
}

INLINE V poly_width(poly s, const poly_bins *q, int k) {
  return s.quadratic ? s.min_width + (1 - s.min_width * s.K) * poly_softmax(s, q, k)
                     : (V)(1.0f / s.K);
}

/* Second order: the slope at knot k before normalisation. */
INLINE V poly_raw_slope(poly s, const poly_bins *q, int k) {
  const int at = poly_height(s, k);
  return at < 0 ? q->ends : softplus_v(s.scale * poly_number(q->u, at)) + 0.001f;
}

/* The area below the slopes of bins from .. to - 1. */
INLINE V poly_area(poly s, const poly_bins *q, int from, int to) {
  V sum = 0, a = poly_raw_slope(s, q, from);
  for (int k = from; k < to; k++) {
    const V b = poly_raw_slope(s, q, k + 1);
    sum += poly_width(s, q, k) * (a + b) / 2;
    a = b;
  }
  return sum;
}

INLINE void poly_set_ends(poly s, poly_bins *q) {
  const V first = poly_width(s, q, 0), last = poly_width(s, q, s.K - 1);
  const V sum =
      s.end_share * (first * poly_raw_slope(s, q, 1) + last * poly_raw_slope(s, q, s.K - 1));
  q->rest = 1 - s.end_share * (first + last);
  q->ends = (sum + poly_area(s, q, 1, s.K - 1)) / q->rest;
}

INLINE void poly_get(poly s, poly_numbers u, poly_bins *q) {
  V most = s.scale * poly_number(u, 0), sum = 0;
  for (int k = 1; k < s.K; k++) most = fmax(most, s.scale * poly_number(u, k));
  for (int k = 0; k < s.K; k++) sum += exp(s.scale * poly_number(u, k) - most);
  q->u = u;
  q->most = most;
  q->sum = sum;
  q->ends = q->area = q->rest = 0;
  if (!s.quadratic) return;
  if (s.tails) poly_set_ends(s, q);
  q->area = poly_area(s, q, 0, s.K);
}

INLINE V poly_slope_at(poly s, const poly_bins *q, int k) {
  return s.quadratic ? s.min_height + (1 - s.min_height) * poly_raw_slope(s, q, k) / q->area
                     : poly_softmax(s, q, k) * s.K;
}

typedef struct {
  V k, x, y, w, a, b;
} poly_bin;

INLINE poly_bin poly_find(poly s, const poly_bins *q, V v, int by_y) {
  V x = 0, y = 0, a = s.quadratic ? poly_slope_at(s, q, 0) : (V)0;
  poly_bin f;
  f.k = f.x = f.y = f.w = f.a = f.b = 0;
  for (int k = 0; k < s.K; k++) {
    const V w = poly_width(s, q, k), b = poly_slope_at(s, q, s.quadratic ? k + 1 : k);
    if (!s.quadratic) a = b;
    const clf_mask here = k == 0 ? (clf_mask)1 == (clf_mask)1 : v >= (by_y ? y : x);
    f.k = here ? (V)k : f.k;
    f.x = here ? x : f.x;
    f.y = here ? y : f.y;
    f.w = here ? w : f.w;
    f.a = here ? a : f.a;
    f.b = here ? b : f.b;
    x += w;
    y += w * (a + b) / 2;
    a = b;
  }
  return f;
}

INLINE V poly_alpha_of_x(poly_bin f, V x) { return clamp_v((x - f.x) / f.w, 0, 1); }
INLINE V poly_alpha_of_y(poly_bin f, V y) {
  const V r = (y - f.y) / f.w, square = f.a * f.a + 2 * (f.b - f.a) * r;
  return clamp_v(2 * r / (f.a + sqrt(square > 0 ? square : (V)0)), 0, 1);
}
INLINE V poly_below(poly_bin f, V alpha) { return alpha * (f.a + (f.b - f.a) * alpha / 2); }

/* ---- Values --------------------------------------------------------------------------------- */

/* The numbers of column j. */
INLINE poly_numbers poly_numbers_of(map_range q, int j, global const float *u, clf_view v) {
  const poly_numbers n = {u + v.offset + q.n * v.stride[0] + j * v.stride[1], v.stride[2],
                          v.stride[0], q.left};
  return n;
}

/* y of x, and log(dy/dx) there. */
INLINE V poly_forward(poly s, poly_numbers u, V x, V *log_slope) {
  poly_bins bins;
  poly_get(s, u, &bins);
  const V in = clamp_v(x, s.left, s.right), unit = (in - s.left) / (s.right - s.left);
  const poly_bin f = poly_find(s, &bins, unit, 0);
  const V alpha = poly_alpha_of_x(f, unit), slope = f.a + (f.b - f.a) * alpha;
  const V y = s.bottom + (s.top - s.bottom) * (f.y + f.w * poly_below(f, alpha));
  const V inner = clamp_v(y, s.bottom, s.top);
  const V L = log(slope * ((s.top - s.bottom) / (s.right - s.left)));
  const V other = s.tails ? x : inner, other_L = s.tails ? (V)0 : (V)-INFINITY;
  *log_slope = x == in ? L : other_L;
  return x == in ? inner : other;
}
/* x of y, and log(dy/dx) there. */
INLINE V poly_inverse(poly s, poly_numbers u, V y, V *log_slope) {
  poly_bins bins;
  poly_get(s, u, &bins);
  const V in = clamp_v(y, s.bottom, s.top), unit = (in - s.bottom) / (s.top - s.bottom);
  const poly_bin f = poly_find(s, &bins, unit, 1);
  const V alpha = poly_alpha_of_y(f, unit), slope = f.a + (f.b - f.a) * alpha;
  const V x = s.left + (s.right - s.left) * (f.x + f.w * alpha);
  const V inner = clamp_v(x, s.left, s.right);
  const V L = log(slope * ((s.top - s.bottom) / (s.right - s.left)));
  const V other = s.tails ? y : inner, other_L = s.tails ? (V)0 : (V)INFINITY;
  *log_slope = y == in ? L : other_L;
  return y == in ? inner : other;
}

/* All columns of a call; `inverse` is a constant. */
INLINE void poly_map(clf_in x, clf_in at, clf_in u, clf_in box, clf_out y, clf_out logdet,
                     poly call, int inverse, local float *memory) {
  const map_range q = map_range_of(x.v, at.v);
  V sum = 0;
  map_copy(q, x, y);
  FOR_COLUMNS(q, j) {
    const int c = map_column(at, q, j);
    const poly s = poly_column(call, box.at, box.v, j);
    const poly_numbers numbers = poly_numbers_of(q, j, u.at, u.v);
    const V v = map_get(x, q, c);
    V L;
    map_put(y, q, c, inverse ? poly_inverse(s, numbers, v, &L) : poly_forward(s, numbers, v, &L));
    sum += L;
  }
  map_logdet(q, sum, inverse ? -1 : 1, memory, logdet);
}
kernel BY_SAMPLE void poly_spline_fwd(CLF_IN(x), CLF_IN(at), CLF_IN(u), CLF_IN(box), CLF_OUT(y),
                                      CLF_OUT(logdet), const poly_spline_fwd_args p) {
  GROUP_MEMORY(memory);
  const poly call = POLY_OF(p);
  poly_map(IN(x), IN(at), IN(u), IN(box), OUT(y), OUT(logdet), call, 0, memory);
}
kernel BY_SAMPLE void poly_spline_inv(CLF_IN(y), CLF_IN(at), CLF_IN(u), CLF_IN(box), CLF_OUT(x),
                                      CLF_OUT(logdet), const poly_spline_inv_args p) {
  GROUP_MEMORY(memory);
  const poly call = POLY_OF(p);
  poly_map(IN(y), IN(at), IN(u), IN(box), OUT(x), OUT(logdet), call, 1, memory);
}

/* ---- Gradients ------------------------------------------------------------------------------ */

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

typedef struct {
  poly_bin f;
  poly_gradient g;
  V area, ends; /* dL by the area below the slopes, and by the ends' slope with its divisor */
} poly_back;

/* dL by the normalised slope at knot k. */
INLINE V poly_slope_gradient(poly s, const poly_bins *q, const poly_back *r, int k) {
  const V zero = 0;
  const V before = k > 0 ? (r->f.k > (V)(k - 1) ? poly_width(s, q, k - 1) : zero) : zero;
  const V behind = k < s.K ? (r->f.k > (V)k ? poly_width(s, q, k) : zero) : zero;
  return (r->f.k == (V)k ? r->g.a : zero) + (r->f.k == (V)(k - 1) ? r->g.b : zero) +
         r->g.y * (before + behind) / 2;
}

/* The widths of the bins at knot k that are among from .. to - 1. */
INLINE V poly_widths_at(poly s, const poly_bins *q, int k, int from, int to) {
  const V zero = 0;
  return (k > from && k <= to ? poly_width(s, q, k - 1) : zero) +
         (k >= from && k < to ? poly_width(s, q, k) : zero);
}

/* dL by the slope at knot k before normalisation, without its effect on the ends. */
INLINE V poly_inner_gradient(poly s, const poly_bins *q, const poly_back *r, int k) {
  return poly_slope_gradient(s, q, r, k) * (1 - s.min_height) / q->area +
         r->area * poly_widths_at(s, q, k, 0, s.K) / 2;
}

INLINE V poly_raw_gradient(poly s, const poly_bins *q, const poly_back *r, int k) {
  V share = poly_widths_at(s, q, k, 1, s.K - 1) / 2;
  if (k == 1) share += s.end_share * poly_width(s, q, 0);
  if (k == s.K - 1) share += s.end_share * poly_width(s, q, s.K - 1);
  return poly_inner_gradient(s, q, r, k) + (s.tails ? r->ends * share : (V)0);
}

/* dL by the width of bin k. */
INLINE V poly_width_gradient(poly s, const poly_bins *q, const poly_back *r, int k) {
  const V zero = 0, raw = poly_raw_slope(s, q, k) + poly_raw_slope(s, q, k + 1);
  const V corner = r->g.x + r->g.y * (poly_slope_at(s, q, k) + poly_slope_at(s, q, k + 1)) / 2;
  const V own = r->f.k > (V)k ? corner : r->f.k == (V)k ? r->g.w : zero;
  float share = k > 0 && k < s.K - 1 ? 0.5f : 0;
  if (k == 0) share += s.end_share;
  if (k == s.K - 1) share += s.end_share;
  return own + r->area * raw / 2 + (s.tails ? r->ends * share * raw : zero);
}

/* dL by what the softmax gives for k. */
INLINE V poly_softmax_gradient(poly s, const poly_bins *q, const poly_back *r, int k) {
  const V zero = 0;
  if (s.quadratic) return (1 - s.min_width * s.K) * poly_width_gradient(s, q, r, k);
  return r->f.k > (V)k ? r->g.y : r->f.k == (V)k ? s.K * (r->g.a + r->g.b) : zero;
}

INLINE poly_back poly_bins_backward(poly s, const poly_bins *q, poly_bin f, poly_gradient g) {
  poly_back r;
  r.f = f;
  r.g = g;
  r.area = r.ends = 0;
  if (!s.quadratic) return r;
  V area = 0;
  for (int k = 0; k <= s.K; k++) area -= poly_slope_gradient(s, q, &r, k) * poly_raw_slope(s, q, k);
  r.area = area * (1 - s.min_height) / (q->area * q->area);
  if (s.tails)
    r.ends = (poly_inner_gradient(s, q, &r, 0) + poly_inner_gradient(s, q, &r, s.K)) / q->rest;
  return r;
}

/* All gradients of a column, from dL/d(result) `out` and dL/dlogdet `gl`. */
INLINE void poly_column_backward(poly s, poly_numbers u, V x, V out, V gl, int inverse,
                                 map_gradients to) {
  poly_bins bins;
  poly_get(s, u, &bins);
  const V unit = (clamp_v(x, s.left, s.right) - s.left) / (s.right - s.left);
  const poly_bin f = poly_find(s, &bins, unit, 0);
  const poly_gradient g = poly_backward(s, f, x, out, gl, inverse);
  const poly_back r = poly_bins_backward(s, &bins, f, g);
  lanes_store(g.in, to.in, to.in_step, to.left);
  for (int k = 0; s.quadratic && k <= s.K; k++)
    if (poly_height(s, k) >= 0)
      map_put_number(to, poly_height(s, k),
                     s.scale * poly_raw_gradient(s, &bins, &r, k) *
                         sigmoid_v(s.scale * poly_number(u, poly_height(s, k))));
  V mean = 0;
  for (int k = 0; k < s.K; k++)
    mean += poly_softmax(s, &bins, k) * poly_softmax_gradient(s, &bins, &r, k);
  for (int k = 0; k < s.K; k++)
    map_put_number(to, k,
                   s.scale * poly_softmax(s, &bins, k) *
                       (poly_softmax_gradient(s, &bins, &r, k) - mean));
}

/* The gradients of a call: from dL/d(result) `out`, dL/d(argument) to `in`. */
INLINE void poly_map_backward(clf_in x, clf_in at, clf_in u, clf_in box, clf_in out, clf_in dl,
                              float dlogdet, clf_out in, clf_out du, poly call, int inverse) {
  const map_range q = map_range_of(out.v, at.v);
  map_copy(q, out, in);
  FOR_COLUMNS(q, j) {
    const int c = map_column(at, q, j);
    const poly s = poly_column(call, box.at, box.v, j);
    poly_column_backward(s, poly_numbers_of(q, j, u.at, u.v), map_get(x, q, c), map_get(out, q, c),
                         map_logdet_weight(q, dlogdet, dl), inverse,
                         map_gradients_of(q, in, c, du, j));
  }
}
kernel BY_SAMPLE void poly_spline_bwd(CLF_IN(x), CLF_IN(at), CLF_IN(u), CLF_IN(box), CLF_IN(dy),
                                      CLF_IN(dl), CLF_OUT(dx), CLF_OUT(du),
                                      const poly_spline_bwd_args p) {
  const poly call = POLY_OF(p);
  poly_map_backward(IN(x), IN(at), IN(u), IN(box), IN(dy), IN(dl), p.dlogdet, OUT(dx), OUT(du),
                    call, 0);
}
kernel BY_SAMPLE void poly_spline_inv_bwd(CLF_IN(x), CLF_IN(at), CLF_IN(u), CLF_IN(box), CLF_IN(dx),
                                          CLF_IN(dl), CLF_OUT(dy), CLF_OUT(du),
                                          const poly_spline_inv_bwd_args p) {
  const poly call = POLY_OF(p);
  poly_map_backward(IN(x), IN(at), IN(u), IN(box), IN(dx), IN(dl), p.dlogdet, OUT(dy), OUT(du),
                    call, 1);
}
