/* SPDX-License-Identifier: MIT */
/* rqs.h: rational-quadratic splines, for rqs.c and the inverse of autoregressive layers.
 *
 * In a bin of width w and height h, with s = h / w, slopes a and b at its ends, and theta = 0 ..
 * 1 across it,
 *   y = y_k + h num / den, num = s theta^2 + a t, t = theta (1 - theta), den = s + (a + b - 2 s) t
 *   dy/dx = s^2 N / den^2, N = b theta^2 + 2 s t + a (1 - theta)^2. */
#ifndef CLF_REF_RQS_H
#define CLF_REF_RQS_H
#include "spline_blocks.h"

enum { BINS = SPLINE_BINS, NUMBERS = 3 * BINS + 1 };

/* The description of splines in a call. */
typedef struct spline {
  int K, like, ends, outside, turn;
  const clf_tensor *u, *box, *kinds;
  real left, right, bottom, top, min_width, min_height, min_slope, end_slope;
  real scale, gain, beta, shift;
  real rate; /* like zuko: 1 / |log min_slope| */
} spline;

/* `numbers` parameters of each spline, in a tensor or NULL. */
#define SPLINE(p, numbers, tensor)                                                                 \
  {                                                                                                \
    .K = ((numbers) + 1 - (p)->ends) / 3, .like = (p)->like, .ends = (p)->ends,                    \
    .outside = (p)->outside, .turn = (p)->turn, .u = tensor, .box = &(p)->box,                     \
    .kinds = &(p)->kinds, EXACT_OF(p, left), EXACT_OF(p, right), EXACT_OF(p, bottom),              \
    EXACT_OF(p, top), EXACT_OF(p, min_width), EXACT_OF(p, min_height), EXACT_OF(p, min_slope),     \
    EXACT_OF(p, end_slope), EXACT_OF(p, scale), EXACT_OF(p, gain), EXACT_OF(p, beta),              \
    EXACT_OF(p, shift),                                                                            \
    .rate = (p)->like == CLF_RQS_ZUKO ? 1 / real_abs(real_log(EXACT(p, min_slope))) : 0            \
  }

/* ---- From parameters to bins ----------------------------------------------------------------- */

/* A raw parameter as input of the softmax, and its slope. */
static inline real squeezed(const spline *s, real u, real rate) {
  return s->like == CLF_RQS_ZUKO ? u / (1 + real_abs(u * rate)) : u * s->scale;
}
static inline real squeezed_slope(const spline *s, real u, real rate) {
  const real r = 1 / (1 + real_abs(u * rate));
  return s->like == CLF_RQS_ZUKO ? r * r : s->scale;
}

/* The slopes at knots from their raw parameters. */
static inline void knot_slopes(const spline *s, const lanes u, lanes slope) {
  const real rate = s->rate, min = s->min_slope, gain = s->gain, beta = s->beta, shift = s->shift;
  if (s->like == CLF_RQS_ZUKO)
    EACH_LANE slope[l] = real_exp(u[l] / (1 + real_abs(u[l] * rate)));
  else
    EACH_LANE slope[l] = min + gain * lane_softplus(beta * u[l] + shift);
}

typedef struct splines {          /* of a block */
  lanes u[NUMBERS];               /* raw: K widths, K heights, slopes */
  lanes fraction[2 * BINS];       /* softmax of widths and of heights */
  lanes left, right, bottom, top; /* of the box */
  int kind[LANES];
} splines;

/* The box of lane l, for column j, if columns differ. */
static inline void spline_bound(const spline *s, splines *q, int l, int j) {
  if (s->box->buf) box_of(s->box, j, &q->left[l], &q->right[l], &q->bottom[l], &q->top[l]);
  if (!s->kinds->buf) return;
  q->kind[l] = (int)*at(s->kinds, j, 0, 0, 0);
  if (q->kind[l] == CLF_CIRCULAR_ENDS) q->u[3 * s->K][l] = q->u[2 * s->K][l];
}
/* The box of all lanes, if columns do not differ. */
static inline void splines_bound(const spline *s, splines *q) {
  for (int l = 0; l < LANES; l++) {
    q->left[l] = s->left;
    q->right[l] = s->right;
    q->bottom[l] = s->bottom;
    q->top[l] = s->top;
    q->kind[l] = s->ends;
  }
}
static inline int columns_differ(const spline *s) { return s->box->buf || s->kinds->buf; }
/* From raw parameters to sizes. */
static inline void splines_sizes(const spline *s, splines *q) {
  const int K = s->K;
  for (int k = 0; k < 2 * K; k++)
    EACH_LANE q->fraction[k][l] = squeezed(s, q->u[k][l], 2 * s->rate);
  lane_softmax(q->fraction, K);
  lane_softmax(q->fraction + K, K);
}

/* The raw parameters of knot k = 0 .. K; arbitrary if the end is fixed. */
static inline const real *knot(const spline *s, const splines *q, int k) {
  const int K = s->K;
  if (s->ends == CLF_LINEAR_ENDS) return k == 0 || k == K ? q->u[0] : q->u[2 * K + k - 1];
  return q->u[2 * K + (s->ends == CLF_CIRCULAR_ENDS && k == K ? 0 : k)];
}

typedef struct bin {         /* per lane */
  lanes k, x, y, w, h, a, b; /* index, corner, size, slopes at its ends */
  lanes u_a, u_b;            /* raw parameters of the slopes */
  lanes fraction_w, fraction_h, sum_w,
      sum_h; /* its fractions of the total width and height; sums of those before it */
} bin;

/* Of the bins that contain v, which is x or, with by_y = 1, y: index, fractions, their sums and raw
 * parameters; the first and last one extend beyond the box. */
static inline void choose_bins(const spline *s, const splines *q, const lanes v, int by_y, bin *f) {
  const int K = s->K;
  const real min = by_y ? s->min_height : s->min_width, spare = 1 - min * (real)K;
  EACH_PART {
    const part value = PART_IN(v + l), low = PART_IN((by_y ? q->bottom : q->left) + l);
    const part size = PART_IN((by_y ? q->top : q->right) + l) - low;
    part index = {0}, sum_w = {0}, sum_h = {0}, before_w = {0}, before_h = {0};
    part w = PART_IN(q->fraction[0] + l), h = PART_IN(q->fraction[K] + l);
    part u_a = PART_IN(knot(s, q, 0) + l), u_b = PART_IN(knot(s, q, 1) + l);
    for (int k = 1; k < K; k++) {
      before_w += PART_IN(q->fraction[k - 1] + l);
      before_h += PART_IN(q->fraction[K + k - 1] + l);
      const part at_knot = low + size * (min * (real)k + spare * (by_y ? before_h : before_w));
      const part_mask here = value >= at_knot;
      index = choose(here, (part){0} + (real)k, index);
      sum_w = choose(here, before_w, sum_w);
      sum_h = choose(here, before_h, sum_h);
      w = choose(here, PART_IN(q->fraction[k] + l), w);
      h = choose(here, PART_IN(q->fraction[K + k] + l), h);
      u_a = choose(here, PART_IN(knot(s, q, k) + l), u_a);
      u_b = choose(here, PART_IN(knot(s, q, k + 1) + l), u_b);
    }
    PART_OF(f->k + l) = index;
    PART_OF(f->sum_w + l) = sum_w;
    PART_OF(f->sum_h + l) = sum_h;
    PART_OF(f->fraction_w + l) = w;
    PART_OF(f->fraction_h + l) = h;
    PART_OF(f->u_a + l) = u_a;
    PART_OF(f->u_b + l) = u_b;
  }
}

/* The bins that contain v. */
static inline void find_bins(const spline *s, const splines *q, const lanes v, int by_y, bin *f) {
  const int K = s->K;
  const real spare_w = 1 - s->min_width * (real)K, spare_h = 1 - s->min_height * (real)K;
  choose_bins(s, q, v, by_y, f);
  lanes a, b;
  const real end_slope = s->end_slope, min_width = s->min_width, min_height = s->min_height;
  const real last = (real)(K - 1);
  knot_slopes(s, f->u_a, a);
  knot_slopes(s, f->u_b, b);
  EACH_LANE {
    const int linear = q->kind[l] == CLF_LINEAR_ENDS;
    const real width = q->right[l] - q->left[l], height = q->top[l] - q->bottom[l];
    f->x[l] = q->left[l] + width * (min_width * f->k[l] + spare_w * f->sum_w[l]);
    f->y[l] = q->bottom[l] + height * (min_height * f->k[l] + spare_h * f->sum_h[l]);
    f->w[l] = width * (min_width + spare_w * f->fraction_w[l]);
    f->h[l] = height * (min_height + spare_h * f->fraction_h[l]);
    f->a[l] = (linear & (f->k[l] == 0)) ? end_slope : a[l];
    f->b[l] = (linear & (f->k[l] == last)) ? end_slope : b[l];
  }
}

/* ---- Within a bin ---------------------------------------------------------------------------- */

static inline real clamped(real v, real lo, real hi) { return v < lo ? lo : hi < v ? hi : v; }

typedef struct point { /* theta, and the terms of the formulas above */
  real theta, t, s, E, den, num, N;
} point;

static inline point point_at(const bin *f, int l, real theta) {
  const real s = f->h[l] / f->w[l], a = f->a[l], b = f->b[l], t = theta * (1 - theta);
  const real E = a + b - 2 * s, rest = 1 - theta;
  return (point){theta,
                 t,
                 s,
                 E,
                 s + E * t,
                 s * theta * theta + a * t,
                 b * theta * theta + 2 * s * t + a * rest * rest};
}
static inline real theta_of_x(const bin *f, int l, real x) {
  return clamped((x - f->x[l]) / f->w[l], 0, 1);
}
/* The root of A theta^2 + B theta + C = 0, divided by h, in the form without cancellation. */
static inline real theta_of_y(const bin *f, int l, real y) {
  const real v = clamped((y - f->y[l]) / f->h[l], 0, 1), s = f->h[l] / f->w[l];
  const real E = f->a[l] + f->b[l] - 2 * s;
  const real A = v * E + s - f->a[l], B = f->a[l] - v * E, C = -s * v, square = B * B - 4 * A * C;
  const real root = real_sqrt(square > 0 ? square : 0);
  const real theta = clamped(B >= 0 ? -2 * C / (B + root) : (root - B) / (2 * A), 0, 1);
  return v < 1 ? theta : v; /* slopes change fast near the end of a bin */
}
/* dy/dx.  By value: compilers do not vectorise structs whose address is taken. */
static inline real slope_at(point p) { return p.s / p.den * p.N * (p.s / p.den); }

/* The log-slope outside of the box, where the spline ends with L. */
static inline real log_slope_beyond(const spline *s, int kind, real L, real refused) {
  return kind != CLF_FREE_ENDS ? 0 : s->outside == CLF_OUTSIDE_LINE ? L : refused;
}

/* The result for arguments outside of the box: `from` itself unless ends are free; else
 * according to `outside`, where `value` is the value at the border, and `steep` the slope there
 * times the distance. */
static inline void go_beyond(const spline *s, const splines *q, const lanes from, const int *out,
                             const lanes steep, real refused, lanes value, lanes log_slopes) {
  const int line = s->outside == CLF_OUTSIDE_LINE;
  EACH_LANE {
    value[l] = (line & out[l]) ? value[l] + steep[l] : value[l];
    value[l] = (out[l] & (q->kind[l] != CLF_FREE_ENDS)) ? from[l] : value[l];
  }
  for (int l = 0; l < LANES; l++)
    if (out[l]) log_slopes[l] = log_slope_beyond(s, q->kind[l], log_slopes[l], refused);
}

/* Rotates by half of the circle, which is its own inverse, if the call says so; values outside
 * do not change. */
static inline void turn(const spline *s, const splines *q, lanes x) {
  for (int l = 0; s->turn && l < LANES; l++) {
    const real left = q->left[l], right = q->right[l], half = (right - left) / 2;
    if (x[l] >= left && x[l] <= right) x[l] += x[l] < left + half ? half : -half;
  }
}

/* y from x, or x from y, and log(dy/dx) there. */
static inline void splines_forward(const spline *s, const splines *q, lanes x, lanes y,
                                   lanes logdet) {
  bin f;
  lanes steep;
  int out[LANES];
  turn(s, q, x);
  find_bins(s, q, x, 0, &f);
  EACH_LANE {
    const real in = clamped(x[l], q->left[l], q->right[l]);
    const point at_x = point_at(&f, l, theta_of_x(&f, l, x[l]));
    const real slope = slope_at(at_x);
    logdet[l] = lane_log(slope);
    y[l] = clamped(f.y[l] + f.h[l] * (at_x.num / at_x.den), q->bottom[l], q->top[l]);
    steep[l] = slope * (x[l] - in);
    out[l] = !(x[l] == in);
  }
  go_beyond(s, q, x, out, steep, -INFINITY, y, logdet);
}
static inline void splines_inverse(const spline *s, const splines *q, const lanes y, lanes x,
                                   lanes logdet) {
  bin f;
  lanes steep;
  int out[LANES];
  find_bins(s, q, y, 1, &f);
  EACH_LANE {
    const real in = clamped(y[l], q->bottom[l], q->top[l]);
    const point at_y = point_at(&f, l, theta_of_y(&f, l, y[l]));
    const real slope = slope_at(at_y);
    logdet[l] = lane_log(slope);
    x[l] = clamped(f.x[l] + f.w[l] * at_y.theta, q->left[l], q->right[l]);
    steep[l] = (y[l] - in) / slope;
    out[l] = !(y[l] == in);
  }
  turn(s, q, x); /* before values outside are set */
  go_beyond(s, q, y, out, steep, INFINITY, x, logdet);
}
#endif
