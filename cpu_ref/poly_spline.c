/* SPDX-License-Identifier: MIT */
/* poly_spline.c: monotonic splines of first and second order (Müller et al. 2019): values, the
 * inverse, and the gradients of both.
 *
 * On the unit square the slope changes linearly from a to b in each bin of width w, so that with
 * alpha = 0 .. 1 across it y = Y_k + w (a alpha + (b - a) alpha^2 / 2).  A spline of first order
 * has bins of equal width, and a = b. */
#include "spline_blocks.h"

enum { BINS = SPLINE_BINS, NUMBERS = 2 * BINS + 1 };

typedef struct spline { /* the arguments of a call */
  int K, quadratic, tails;
  const clf_tensor *u, *box;
  real left, right, bottom, top, min_width, min_height, scale, end_share;
} spline;

#define SPLINE_OF(p)                                                                               \
  {                                                                                                \
    .K = clf__poly_bins((p)->u.dim[2], (p)->order, (p)->tails), .quadratic = (p)->order == 2,      \
    .tails = (p)->tails, .u = &(p)->u, .box = &(p)->box, EXACT_OF(p, left), EXACT_OF(p, right),    \
    EXACT_OF(p, bottom), EXACT_OF(p, top), EXACT_OF(p, min_width), EXACT_OF(p, min_height),        \
    EXACT_OF(p, scale), .end_share = (p)->end_share                                                \
  }

/* ---- From parameters to bins ----------------------------------------------------------------- */

typedef struct splines { /* of a block */
  lanes u[NUMBERS];
  lanes fraction[BINS]; /* softmax: of widths, or for first order of heights */
  lanes w[BINS];        /* widths */
  lanes v[BINS + 1];    /* second order: slopes at knots before normalisation */
  lanes area;           /* under them */
  lanes rest;           /* 1 - end_share (first + last width) */
  lanes left, right, bottom, top;
} splines;

static const real least = (real)0.001; /* of slopes, before normalisation */

/* Raw height k for second order, k = 0 .. K; NULL if tails determine it. */
static lanes *raw_height(const spline *s, lanes *u, int k) {
  if (!s->tails) return &u[s->K + k];
  return k == 0 || k == s->K ? NULL : &u[s->K + k - 1];
}

/* With tails both ends have the same slope, whose normalised value is 1 if end_share is 1/2.
 * (nflows uses 1/4.) */
static void set_ends(const spline *s, splines *q) {
  const int K = s->K;
  lanes sum;
  EACH_LANE {
    sum[l] = s->end_share * (q->w[0][l] * q->v[1][l] + q->w[K - 1][l] * q->v[K - 1][l]);
    q->rest[l] = 1 - s->end_share * (q->w[0][l] + q->w[K - 1][l]);
  }
  for (int k = 1; k < K - 1; k++)
    EACH_LANE sum[l] += q->w[k][l] * (q->v[k][l] + q->v[k + 1][l]) / 2;
  EACH_LANE q->v[0][l] = q->v[K][l] = sum[l] / q->rest[l];
}

static void set_slopes(const spline *s, splines *q) {
  const int K = s->K;
  for (int k = 0; k <= K; k++) {
    lanes *raw = raw_height(s, q->u, k);
    if (raw) EACH_LANE q->v[k][l] = lane_softplus(s->scale * (*raw)[l]) + least;
  }
  if (s->tails) set_ends(s, q);
  EACH_LANE q->area[l] = 0;
  for (int k = 0; k < K; k++)
    EACH_LANE q->area[l] += q->w[k][l] * (q->v[k][l] + q->v[k + 1][l]) / 2;
}

/* The box of each lane's column. */
static void set_boxes(const spline *s, const block *b, splines *q) {
  EACH_LANE {
    q->left[l] = s->left;
    q->right[l] = s->right;
    q->bottom[l] = s->bottom;
    q->top[l] = s->top;
  }
  for (int l = 0; l < LANES && s->box->buf; l++)
    box_of(s->box, block_dimension(b, l), &q->left[l], &q->right[l], &q->bottom[l], &q->top[l]);
}

static void splines_get(const spline *s, const block *b, splines *q) {
  const int K = s->K;
  const real spare = 1 - s->min_width * (real)K;
  set_boxes(s, b, q);
  block_get_numbers(b, s->u, q->u);
  for (int k = 0; k < K; k++) EACH_LANE q->fraction[k][l] = s->scale * q->u[k][l];
  lane_softmax(q->fraction, K);
  for (int k = 0; k < K; k++)
    EACH_LANE q->w[k][l] = s->quadratic ? s->min_width + spare * q->fraction[k][l] : 1 / (real)K;
  if (s->quadratic) set_slopes(s, q);
}

/* The normalised slope at knot k; for first order that of bin k. */
static inline real slope_at(const spline *s, const splines *q, int k, int l) {
  return s->quadratic ? s->min_height + (1 - s->min_height) * q->v[k][l] / q->area[l]
                      : q->fraction[k][l] * (real)s->K;
}

typedef struct bin { /* per lane */
  lanes k, x, y, w, a, b;
} bin;

/* The bins that contain v of the unit interval, which is x or, with by_y = 1, y. */
static void find_bins(const spline *s, const splines *q, const lanes v, int by_y, bin *f) {
  lanes x, y;
  EACH_LANE x[l] = y[l] = 0;
  for (int k = 0; k < s->K; k++) EACH_LANE {
      const real w = q->w[k][l], a = slope_at(s, q, k, l);
      const real b = s->quadratic ? slope_at(s, q, k + 1, l) : a;
      const int here = k == 0 || v[l] >= (by_y ? y[l] : x[l]);
      f->k[l] = here ? (real)k : f->k[l];
      f->x[l] = here ? x[l] : f->x[l];
      f->y[l] = here ? y[l] : f->y[l];
      f->w[l] = here ? w : f->w[l];
      f->a[l] = here ? a : f->a[l];
      f->b[l] = here ? b : f->b[l];
      x[l] += w;
      y[l] += w * (a + b) / 2;
    }
}

static inline real clamped(real v, real lo, real hi) { return v < lo ? lo : hi < v ? hi : v; }
/* Maps v from lo .. hi to the unit interval. */
static inline real unit_of(real v, real lo, real hi) {
  return (clamped(v, lo, hi) - lo) / (hi - lo);
}
static inline real alpha_of_x(const bin *f, int l, real x) {
  return clamped((x - f->x[l]) / f->w[l], 0, 1);
}
/* The root of (b - a) alpha^2 / 2 + a alpha = r, in the form without cancellation. */
static inline real alpha_of_y(const bin *f, int l, real y) {
  const real r = (y - f->y[l]) / f->w[l], a = f->a[l];
  const real square = a * a + 2 * (f->b[l] - a) * r;
  return clamped(2 * r / (a + real_sqrt(square > 0 ? square : 0)), 0, 1);
}
static inline real below(const bin *f, int l, real alpha) { /* of y within the bin, divided by w */
  return alpha * (f->a[l] + (f->b[l] - f->a[l]) * alpha / 2);
}

/* ---- Values ---------------------------------------------------------------------------------- */

static void forward(const spline *s, const splines *q, const lanes x, lanes y, lanes logdet) {
  bin f;
  lanes unit;
  EACH_LANE unit[l] = unit_of(x[l], q->left[l], q->right[l]);
  find_bins(s, q, unit, 0, &f);
  EACH_LANE {
    const real height = q->top[l] - q->bottom[l], width = q->right[l] - q->left[l];
    const int in = x[l] >= q->left[l] && x[l] <= q->right[l];
    const real alpha = alpha_of_x(&f, l, unit[l]), slope = f.a[l] + (f.b[l] - f.a[l]) * alpha;
    const real inner = q->bottom[l] + height * (f.y[l] + f.w[l] * below(&f, l, alpha));
    y[l] = in || !s->tails ? clamped(inner, q->bottom[l], q->top[l]) : x[l];
    logdet[l] = in ? lane_log(slope * height / width) : s->tails ? 0 : -INFINITY;
  }
}

static void inverse_of(const spline *s, const splines *q, const lanes y, lanes x, lanes logdet) {
  bin f;
  lanes unit;
  EACH_LANE unit[l] = unit_of(y[l], q->bottom[l], q->top[l]);
  find_bins(s, q, unit, 1, &f);
  EACH_LANE {
    const real height = q->top[l] - q->bottom[l], width = q->right[l] - q->left[l];
    const int in = y[l] >= q->bottom[l] && y[l] <= q->top[l];
    const real alpha = alpha_of_y(&f, l, unit[l]), slope = f.a[l] + (f.b[l] - f.a[l]) * alpha;
    const real inner = q->left[l] + width * (f.x[l] + f.w[l] * alpha);
    x[l] = in || !s->tails ? clamped(inner, q->left[l], q->right[l]) : y[l];
    logdet[l] = in ? lane_log(slope * height / width) : s->tails ? 0 : INFINITY;
  }
}

SPLINE_BLOCK_VALUES(spline, splines, splines_get, forward, inverse_of)

CLF_REF_MAP(poly_spline_fwd, x, 200.0 + 40 * p->u.dim[2]) {
  const spline s = SPLINE_OF(p);
  spline_values(&s, block_values, 0, &p->x, &p->at, &p->y, &p->logdet, first, end);
}
CLF_REF_MAP(poly_spline_inv, y, 200.0 + 40 * p->u.dim[2]) {
  const spline s = SPLINE_OF(p);
  spline_values(&s, block_values, 1, &p->y, &p->at, &p->x, &p->logdet, first, end);
}

/* ---- Gradients ------------------------------------------------------------------------------- */

/* dL by a bin's corner, width, and slopes. */
typedef struct bin_gradient {
  lanes x, y, w, a, b;
} bin_gradient;

/* As in rqs.c: through f, or through its inverse at x. */
static inline real bin_backward(const spline *s, const splines *q, const bin *f, int l, real x,
                                real unit, real out, real gl, int inverse, bin_gradient *g) {
  const real width = q->right[l] - q->left[l], height = q->top[l] - q->bottom[l];
  const int in = x >= q->left[l] && x <= q->right[l];
  const real alpha = alpha_of_x(f, l, unit), w = f->w[l], more = f->b[l] - f->a[l];
  const real slope = f->a[l] + more * alpha, L_alpha = more / slope;
  const real f_x = slope * height / width, L_x = L_alpha / (w * width);
  const real along = inverse ? (out - gl * L_x) / f_x : out * f_x + gl * L_x;
  const real gy = !in ? 0 : height * (inverse ? -along : out);
  const real gL = !in ? 0 : inverse ? -gl : gl;
  const real g_alpha = gy * w * slope + gL * L_alpha;
  g->x[l] = -g_alpha / w;
  g->w[l] = gy * below(f, l, alpha) - g_alpha * alpha / w;
  g->y[l] = gy;
  g->a[l] = gy * w * (alpha - alpha * alpha / 2) + gL * (1 - alpha) / slope;
  g->b[l] = gy * w * alpha * alpha / 2 + gL * alpha / slope;
  return in ? along : s->tails ? out : 0;
}

/* dL by raw parameters of a softmax, from dL by its fractions. */
static void softmax_backward(const spline *s, lanes *fraction, lanes *dpart, lanes *du) {
  lanes mean;
  EACH_LANE mean[l] = 0;
  for (int k = 0; k < s->K; k++) EACH_LANE mean[l] += fraction[k][l] * dpart[k][l];
  for (int k = 0; k < s->K; k++)
    EACH_LANE du[k][l] = s->scale * fraction[k][l] * (dpart[k][l] - mean[l]);
}

/* First order: slope k is K times the fraction, and y the sum of the fractions before. */
static void linear_backward(const spline *s, splines *q, const bin *f, const bin_gradient *g,
                            lanes *du) {
  lanes dpart[BINS];
  for (int i = 0; i < s->K; i++) EACH_LANE {
      const real k = f->k[l], own = (real)s->K * (g->a[l] + g->b[l]);
      dpart[i][l] = (real)i < k ? g->y[l] : (real)i == k ? own : 0;
    }
  softmax_backward(s, q->fraction, dpart, du);
}

/* Adds to dv, dL by the slopes before normalisation, and to dw the part through their area, for
 * which dL is `darea`. */
static void area_backward(const spline *s, splines *q, const lanes darea, int from, int to,
                          lanes *dv, lanes *dw) {
  (void)s;
  for (int k = from; k < to; k++) EACH_LANE {
      dv[k][l] += darea[l] * q->w[k][l] / 2;
      dv[k + 1][l] += darea[l] * q->w[k][l] / 2;
      dw[k][l] += darea[l] * (q->v[k][l] + q->v[k + 1][l]) / 2;
    }
}

static void ends_backward(const spline *s, splines *q, lanes *dv, lanes *dw) {
  const int K = s->K;
  const real e = s->end_share;
  lanes dsum;
  EACH_LANE {
    dsum[l] = (dv[0][l] + dv[K][l]) / q->rest[l];
    dw[0][l] += dsum[l] * e * (q->v[1][l] + q->v[0][l]);
    dw[K - 1][l] += dsum[l] * e * (q->v[K - 1][l] + q->v[K][l]);
    dv[1][l] += dsum[l] * e * q->w[0][l];
  }
  EACH_LANE dv[K - 1][l] += dsum[l] * e * q->w[K - 1][l];
  area_backward(s, q, dsum, 1, K - 1, dv, dw);
}

/* dL by the normalised slopes to dv, and by widths to dw, before the backward pass of the
 * normalisation. */
static void bins_backward(const spline *s, const splines *q, const bin *f, const bin_gradient *g,
                          lanes *dv, lanes *dw) {
  const int K = s->K;
  for (int i = 0; i <= K; i++) EACH_LANE {
      const real k = f->k[l], at = (real)i;
      const real before = i > 0 && at - 1 < k ? q->w[i - 1][l] : 0;
      const real behind = i < K && at < k ? q->w[i < K ? i : 0][l] : 0;
      dv[i][l] =
          (at == k ? g->a[l] : 0) + (at == k + 1 ? g->b[l] : 0) + g->y[l] * (before + behind) / 2;
    }
  for (int i = 0; i < K; i++) EACH_LANE {
      const real k = f->k[l], at = (real)i;
      const real mean = (slope_at(s, q, i, l) + slope_at(s, q, i + 1, l)) / 2;
      dw[i][l] = at < k ? g->x[l] + g->y[l] * mean : at == k ? g->w[l] : 0;
    }
}

static void quadratic_backward(const spline *s, splines *q, const bin *f, const bin_gradient *g,
                               lanes *du) {
  const int K = s->K;
  const real spare = 1 - s->min_width * (real)K;
  lanes dv[BINS + 1], dw[BINS], darea;
  bins_backward(s, q, f, g, dv, dw);
  EACH_LANE darea[l] = 0;
  for (int k = 0; k <= K; k++) EACH_LANE {
      const real to = (1 - s->min_height) / q->area[l];
      darea[l] -= dv[k][l] * to * q->v[k][l] / q->area[l];
      dv[k][l] *= to;
    }
  area_backward(s, q, darea, 0, K, dv, dw);
  if (s->tails) ends_backward(s, q, dv, dw);
  for (int k = 0; k <= K; k++) {
    lanes *raw = raw_height(s, q->u, k), *to = raw_height(s, du, k);
    if (raw) EACH_LANE(*to)[l] = s->scale * dv[k][l] * lane_sigmoid(s->scale * (*raw)[l]);
  }
  for (int k = 0; k < K; k++) EACH_LANE dw[k][l] *= spare;
  softmax_backward(s, q->fraction, dw, du);
}

static void block_backward(const void *call, const block *b, lanes x, const lanes out,
                           const lanes dl, int inverse, lanes in, lanes *du) {
  const spline *s = call;
  splines q;
  bin f;
  bin_gradient g;
  lanes unit;
  splines_get(s, b, &q);
  EACH_LANE unit[l] = unit_of(x[l], q.left[l], q.right[l]);
  find_bins(s, &q, unit, 0, &f);
  EACH_LANE in[l] = bin_backward(s, &q, &f, l, x[l], unit[l], out[l], dl[l], inverse, &g);
  if (s->quadratic)
    quadratic_backward(s, &q, &f, &g, du);
  else
    linear_backward(s, &q, &f, &g, du);
}

CLF_REF_MAP(poly_spline_bwd, x, 400.0 + 80 * p->u.dim[2]) {
  const spline s = SPLINE_OF(p);
  spline_backward(&s, block_backward, 0,
                  (spline_gradients){&p->x, &p->at, &p->dy, &p->dl, &p->dx, &p->du, p->dlogdet},
                  first, end);
}
CLF_REF_MAP(poly_spline_inv_bwd, x, 400.0 + 80 * p->u.dim[2]) {
  const spline s = SPLINE_OF(p);
  spline_backward(&s, block_backward, 1,
                  (spline_gradients){&p->x, &p->at, &p->dx, &p->dl, &p->dy, &p->du, p->dlogdet},
                  first, end);
}
