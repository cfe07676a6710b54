/* SPDX-License-Identifier: MIT */
/* rqs.c: monotonic rational-quadratic splines (Gregory and Delbourgo 1982; Durkan et al. 2019,
 * section 3): values, the inverse, and the gradients of both.
 *
 * In a bin of width w and height h, with s = h / w, slopes a and b at its ends, and theta = 0 .. 1
 * across it,
 *   y = y_k + h num / den, num = s theta^2 + a t, t = theta (1 - theta), den = s + (a + b - 2 s) t
 *   dy/dx = s^2 N / den^2, N = b theta^2 + 2 s t + a (1 - theta)^2. */
#include "maps.h"

enum { BINS = 64, NUMBERS = 3 * BINS + 1 };

/* What a call says of its splines. */
typedef struct spline {
  int K, like, ends, outside;
  const clf_tensor *u, *box, *kinds;
  real left, right, bottom, top, min_width, min_height, min_slope, end_slope;
  real scale, gain, beta, shift;
  real rate; /* like zuko: 1 / |log min_slope| */
} spline;

#define SPLINE_OF(p)                                                                               \
  {                                                                                                \
    .K = ((p)->u.dim[2] + 1 - (p)->ends) / 3, .like = (p)->like, .ends = (p)->ends,                \
    .outside = (p)->outside, .u = &(p)->u, .box = &(p)->box, .kinds = &(p)->kinds,                 \
    .left = (p)->left, .right = (p)->right, .bottom = (p)->bottom, .top = (p)->top,                \
    .min_width = (p)->min_width, .min_height = (p)->min_height, .min_slope = (p)->min_slope,       \
    .end_slope = (p)->end_slope, .scale = (p)->scale, .gain = (p)->gain, .beta = (p)->beta,        \
    .shift = (p)->shift,                                                                           \
    .rate = (p)->like == CLF_RQS_ZUKO ? 1 / real_abs(real_log((p)->min_slope)) : 0                 \
  }

/* ---- Numbers into bins ----------------------------------------------------------------------- */

/* A raw number as a softmax takes it, and the slope of that. */
static inline real squeezed(const spline *s, real u, real rate) {
  return s->like == CLF_RQS_ZUKO ? u / (1 + real_abs(u * rate)) : u * s->scale;
}
static inline real squeezed_slope(const spline *s, real u, real rate) {
  const real r = 1 / (1 + real_abs(u * rate));
  return s->like == CLF_RQS_ZUKO ? r * r : s->scale;
}

/* The slope at a knot from its raw number, and how that moves it. */
static inline real knot_slope(const spline *s, real u) {
  return s->like == CLF_RQS_ZUKO ? real_exp(squeezed(s, u, s->rate))
                                 : s->min_slope + s->gain * lane_softplus(s->beta * u + s->shift);
}
static inline real knot_slope_slope(const spline *s, real u, real slope) {
  return s->like == CLF_RQS_ZUKO ? slope * squeezed_slope(s, u, s->rate)
                                 : s->gain * s->beta * lane_sigmoid(s->beta * u + s->shift);
}

typedef struct splines {          /* of a block */
  lanes u[NUMBERS];               /* raw: K widths, K heights, slopes */
  lanes part[2 * BINS];           /* softmax of widths and of heights */
  lanes left, right, bottom, top; /* of the box */
  int kind[LANES];
} splines;

static void splines_get(const spline *s, const block *b, splines *q) {
  const int K = s->K;
  block_get_numbers(b, s->u, q->u);
  for (int l = 0; l < LANES; l++) {
    const clf_tensor *box = s->box;
    const int j = b->j[l];
    q->left[l] = box->buf ? *at(box, j, 0, 0, 0) : s->left;
    q->right[l] = box->buf ? *at(box, j, 1, 0, 0) : s->right;
    q->bottom[l] = box->buf ? *at(box, j, 2, 0, 0) : s->bottom;
    q->top[l] = box->buf ? *at(box, j, 3, 0, 0) : s->top;
    q->kind[l] = s->kinds->buf ? (int)*at(s->kinds, j, 0, 0, 0) : s->ends;
    if (s->kinds->buf && q->kind[l] == CLF_CIRCULAR_ENDS) q->u[3 * K][l] = q->u[2 * K][l];
  }
  for (int k = 0; k < 2 * K; k++) EACH_LANE q->part[k][l] = squeezed(s, q->u[k][l], 2 * s->rate);
  lane_softmax(q->part, K);
  lane_softmax(q->part + K, K);
}

/* The raw numbers of knot k = 0 .. K; any where the end is fixed. */
static inline const real *knot(const spline *s, const splines *q, int k) {
  const int K = s->K;
  if (s->ends == CLF_LINEAR_ENDS) return k == 0 || k == K ? q->u[0] : q->u[2 * K + k - 1];
  return q->u[2 * K + (s->ends == CLF_CIRCULAR_ENDS && k == K ? 0 : k)];
}

typedef struct bin {                  /* of each lane */
  lanes k, x, y, w, h, a, b;          /* index, corner, size, slopes at its ends */
  lanes u_a, u_b;                     /* the slopes' raw numbers */
  lanes part_w, part_h, sum_w, sum_h; /* its parts of all widths and heights, those before it */
} bin;

/* The bins in which v, which are x or with by_y = 1 y, lie; the first and last reach beyond. */
static void find_bins(const spline *s, const splines *q, const lanes v, int by_y, bin *f) {
  const int K = s->K;
  const real spare_w = 1 - s->min_width * (real)K, spare_h = 1 - s->min_height * (real)K;
  lanes sum_w, sum_h;
  EACH_LANE sum_w[l] = sum_h[l] = 0;
  for (int k = 0; k < K; k++) {
    const real *u_a = knot(s, q, k), *u_b = knot(s, q, k + 1);
    const real *part_w = q->part[k], *part_h = q->part[K + k];
    EACH_LANE {
      const real width = q->right[l] - q->left[l], height = q->top[l] - q->bottom[l];
      const real x = q->left[l] + width * (s->min_width * (real)k + spare_w * sum_w[l]);
      const real y = q->bottom[l] + height * (s->min_height * (real)k + spare_h * sum_h[l]);
      const int here = k == 0 || v[l] >= (by_y ? y : x);
      f->k[l] = here ? (real)k : f->k[l];
      f->x[l] = here ? x : f->x[l];
      f->y[l] = here ? y : f->y[l];
      f->part_w[l] = here ? part_w[l] : f->part_w[l];
      f->part_h[l] = here ? part_h[l] : f->part_h[l];
      f->sum_w[l] = here ? sum_w[l] : f->sum_w[l];
      f->sum_h[l] = here ? sum_h[l] : f->sum_h[l];
      f->u_a[l] = here ? u_a[l] : f->u_a[l];
      f->u_b[l] = here ? u_b[l] : f->u_b[l];
      sum_w[l] += part_w[l];
      sum_h[l] += part_h[l];
    }
  }
  EACH_LANE {
    const int linear = q->kind[l] == CLF_LINEAR_ENDS;
    f->w[l] = (q->right[l] - q->left[l]) * (s->min_width + spare_w * f->part_w[l]);
    f->h[l] = (q->top[l] - q->bottom[l]) * (s->min_height + spare_h * f->part_h[l]);
    const real a = knot_slope(s, f->u_a[l]), b = knot_slope(s, f->u_b[l]);
    f->a[l] = linear && f->k[l] == 0 ? s->end_slope : a;
    f->b[l] = linear && f->k[l] == (real)(K - 1) ? s->end_slope : b;
  }
}

/* ---- Within a bin ------------------------------------------------------------------------------
 */

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
/* The root of A theta^2 + B theta + C = 0, divided by h, in the form in which nothing cancels. */
static inline real theta_of_y(const bin *f, int l, real y) {
  const real v = clamped((y - f->y[l]) / f->h[l], 0, 1), s = f->h[l] / f->w[l];
  const real E = f->a[l] + f->b[l] - 2 * s;
  const real A = v * E + s - f->a[l], B = f->a[l] - v * E, C = -s * v, square = B * B - 4 * A * C;
  const real root = real_sqrt(square > 0 ? square : 0);
  const real theta = clamped(B >= 0 ? -2 * C / (B + root) : (root - B) / (2 * A), 0, 1);
  return v < 1 ? theta : v; /* slopes change fast near the end of a bin */
}
/* log(dy/dx) */
static inline real log_slope(const point *p) {
  return 2 * lane_log(p->s / p->den) + lane_log(p->N);
}

/* That outside of the box, where the spline ends with L. */
static inline real log_slope_beyond(const spline *s, int kind, real L, real refused) {
  return kind != CLF_FREE_ENDS ? 0 : s->outside == CLF_OUTSIDE_LINE ? L : refused;
}

/* ---- Values ------------------------------------------------------------------------------------
 */

CLF_REF_MAP(rqs_fwd, x, 400.0 + 50 * p->u.dim[2]) {
  const spline s = SPLINE_OF(p);
  copy_samples(&p->x, &p->y, first, end);
  MAP_BLOCKS(x, b) {
    splines q;
    bin f;
    lanes x, y, logdet;
    block_get(&b, &p->x, x);
    splines_get(&s, &b, &q);
    find_bins(&s, &q, x, 0, &f);
    EACH_LANE {
      const real in = clamped(x[l], q.left[l], q.right[l]);
      const point at_x = point_at(&f, l, theta_of_x(&f, l, x[l]));
      const real L = log_slope(&at_x);
      const real inner = clamped(f.y[l] + f.h[l] * (at_x.num / at_x.den), q.bottom[l], q.top[l]);
      const real line = inner + real_exp(L) * (x[l] - in);
      const int out = !(x[l] == in);
      y[l] = out && q.kind[l] != CLF_FREE_ENDS ? x[l]
             : s.outside == CLF_OUTSIDE_LINE   ? line
                                               : inner;
      logdet[l] = !out ? L : log_slope_beyond(&s, q.kind[l], L, -INFINITY);
    }
    block_put(&b, &p->y, y);
    block_add(&b, &p->logdet, 1, logdet);
  }
}

CLF_REF_MAP(rqs_inv, y, 400.0 + 50 * p->u.dim[2]) {
  const spline s = SPLINE_OF(p);
  copy_samples(&p->y, &p->x, first, end);
  MAP_BLOCKS(y, b) {
    splines q;
    bin f;
    lanes x, y, logdet;
    block_get(&b, &p->y, y);
    splines_get(&s, &b, &q);
    find_bins(&s, &q, y, 1, &f);
    EACH_LANE {
      const real in = clamped(y[l], q.bottom[l], q.top[l]);
      const point at_y = point_at(&f, l, theta_of_y(&f, l, y[l]));
      const real L = log_slope(&at_y);
      const real inner = clamped(f.x[l] + f.w[l] * at_y.theta, q.left[l], q.right[l]);
      const real line = inner + (y[l] - in) * real_exp(-L);
      const int out = !(y[l] == in);
      x[l] = out && q.kind[l] != CLF_FREE_ENDS ? y[l]
             : s.outside == CLF_OUTSIDE_LINE   ? line
                                               : inner;
      logdet[l] = !out ? L : log_slope_beyond(&s, q.kind[l], L, INFINITY);
    }
    block_put(&b, &p->x, x);
    block_add(&b, &p->logdet, -1, logdet);
  }
}

/* ---- Gradients
 * ----------------------------------------------------------------------------------- */

/* dL by what a bin is made of: its corner and size, and the raw numbers of its slopes. */
typedef struct bin_gradient {
  lanes x, y, w, h, u_a, u_b;
} bin_gradient;

/* The gradient through y = f(x) and its log-determinant, in lane l; or, with `inverse`, through
 * x = f^-1(y) and its own.  With F(x, numbers) = y implicit differentiation gives
 * dx / dy = 1 / f' and dx / dnumber = -(df / dnumber) / f', so that no root is differentiated;
 * the log-determinant is -log f'(x).  `out` is dL by the value, gl by the log-determinant.  Returns
 * dL by what was put in. */
static inline real bin_backward(const spline *s, const splines *q, const bin *f, int l, real x,
                                real out, real gl, int inverse, bin_gradient *g) {
  const real in = clamped(x, q->left[l], q->right[l]);
  const int inside = x == in, free = q->kind[l] == CLF_FREE_ENDS;
  const int line = !inside && free && s->outside == CLF_OUTSIDE_LINE;
  const point p = point_at(f, l, theta_of_x(f, l, x));
  const real h = f->h[l], w = f->w[l], flat = 1 - 2 * p.theta, rest = 1 - p.theta;
  const real slope = p.s / p.den * (p.s / p.den) * p.N;
  const real L_theta = inside
                           ? (2 * f->b[l] * p.theta + 2 * p.s * flat - 2 * f->a[l] * rest) / p.N -
                                 2 * p.E * flat / p.den
                           : 0;
  const real along = inverse ? (out - gl * L_theta / w) / slope : out * slope + gl * L_theta / w;
  const int moves = inside || line; /* the numbers have a say */
  const real gy = !moves ? 0 : inverse ? -along : out;
  const real gL = !moves ? 0 : (inverse ? -gl : gl) + (line ? gy * slope * (x - in) : 0);
  const real g_theta = inside ? gy * h * p.s * p.N / (p.den * p.den) + gL * L_theta : 0;
  const real g_s = gy * h * (p.theta * p.theta * p.den - p.num * (1 - 2 * p.t)) / (p.den * p.den) +
                   gL * (2 / p.s + 2 * p.t / p.N - 2 * (1 - 2 * p.t) / p.den);
  const real g_a =
      gy * h * p.t * (p.den - p.num) / (p.den * p.den) + gL * (rest * rest / p.N - 2 * p.t / p.den);
  const real g_b =
      -gy * h * p.t * p.num / (p.den * p.den) + gL * (p.theta * p.theta / p.N - 2 * p.t / p.den);
  g->x[l] = -g_theta / w;
  g->w[l] = -(g_theta * p.theta + g_s * p.s) / w;
  g->y[l] = gy;
  g->h[l] = gy * p.num / p.den + g_s / w;
  g->u_a[l] = g_a * knot_slope_slope(s, f->u_a[l], f->a[l]);
  g->u_b[l] = g_b * knot_slope_slope(s, f->u_b[l], f->b[l]);
  return moves ? along : free ? 0 : out;
}

/* dL by the K raw widths (or heights), of which the corner sums up those before bin k: through
 * sums, the affine map to sizes, the softmax, and the map of the raw numbers. */
static void sizes_backward(const spline *s, const bin *f, lanes *u, lanes *part, const lanes lo,
                           const lanes hi, real min, const lanes sum, const lanes own,
                           const lanes g_corner, const lanes g_size, lanes *du) {
  const real spare = 1 - min * (real)s->K;
  lanes mean, c;
  EACH_LANE {
    mean[l] = sum[l] * g_corner[l] + own[l] * g_size[l];
    c[l] = (hi[l] - lo[l]) * spare;
  }
  for (int i = 0; i < s->K; i++) EACH_LANE {
      const real k = f->k[l], g = (real)i < k ? g_corner[l] : (real)i == k ? g_size[l] : 0;
      du[i][l] = c[l] * part[i][l] * (g - mean[l]) * squeezed_slope(s, u[i][l], 2 * s->rate);
    }
}

/* dL by the raw slopes: those of knots k and k + 1, unless they are fixed. */
static void slopes_backward(const spline *s, const splines *q, const bin *f, const bin_gradient *g,
                            lanes *du) {
  const int K = s->K, count = K - 1 + s->ends, before = s->ends == CLF_LINEAR_ENDS;
  for (int r = 0; r < count; r++) {
    const real i = (real)(r + before), last = (real)K;
    EACH_LANE {
      const int kind = q->kind[l], free = kind != CLF_LINEAR_ENDS, same = kind == CLF_CIRCULAR_ENDS;
      const real k = f->k[l];
      const real a = k == i && (free || k > 0) ? g->u_a[l] : 0;
      const real ends = k + 1 == i || (same && i == 0 && k + 1 == last);
      const real b = ends != 0 && (free || k + 1 < last) && !(same && i == last) ? g->u_b[l] : 0;
      du[r][l] = a + b;
    }
  }
}

/* All of a block. */
static void block_backward(const spline *s, const block *b, const lanes x, const lanes out,
                           const lanes dl, int inverse, lanes in, lanes *du) {
  const int K = s->K;
  splines q;
  bin f;
  bin_gradient g;
  splines_get(s, b, &q);
  find_bins(s, &q, x, 0, &f);
  EACH_LANE in[l] = bin_backward(s, &q, &f, l, x[l], out[l], dl[l], inverse, &g);
  sizes_backward(s, &f, q.u, q.part, q.left, q.right, s->min_width, f.sum_w, f.part_w, g.x, g.w,
                 du);
  sizes_backward(s, &f, q.u + K, q.part + K, q.bottom, q.top, s->min_height, f.sum_h, f.part_h, g.y,
                 g.h, du + K);
  slopes_backward(s, &q, &f, &g, du + 2 * K);
}

CLF_REF_MAP(rqs_bwd, x, 800.0 + 80 * p->u.dim[2]) {
  const spline s = SPLINE_OF(p);
  copy_samples(&p->dy, &p->dx, first, end);
  MAP_BLOCKS(x, b) {
    lanes x, dl, dy, dx, du[NUMBERS];
    block_get(&b, &p->x, x);
    block_get(&b, &p->dy, dy);
    block_get_dl(&b, &p->dl, p->dlogdet, dl);
    block_backward(&s, &b, x, dy, dl, 0, dx, du);
    block_put(&b, &p->dx, dx);
    block_put_numbers(&b, &p->du, du);
  }
}

CLF_REF_MAP(rqs_inv_bwd, x, 800.0 + 80 * p->u.dim[2]) {
  const spline s = SPLINE_OF(p);
  copy_samples(&p->dx, &p->dy, first, end);
  MAP_BLOCKS(x, b) {
    lanes x, dl, dy, dx, du[NUMBERS];
    block_get(&b, &p->x, x);
    block_get(&b, &p->dx, dx);
    block_get_dl(&b, &p->dl, p->dlogdet, dl);
    block_backward(&s, &b, x, dx, dl, 1, dy, du);
    block_put(&b, &p->dy, dy);
    block_put_numbers(&b, &p->du, du);
  }
}
