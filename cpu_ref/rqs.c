/* SPDX-License-Identifier: MIT */
/* rqs.c: monotonic rational-quadratic splines (Gregory and Delbourgo 1982; Durkan et al. 2019,
 * section 3): values, the inverse, and the gradients of both. */
#include "rqs.h"

#define SPLINE_OF(p) SPLINE(p, (p)->u.dim[2], &(p)->u)

static void splines_get(const spline *s, const block *b, splines *q) {
  block_get_numbers(b, s->u, q->u);
  splines_bound(s, q);
  for (int l = 0; l < LANES && columns_differ(s); l++) spline_bound(s, q, l, block_dimension(b, l));
  splines_sizes(s, q);
}

/* ---- Values ---------------------------------------------------------------------------------- */

SPLINE_BLOCK_VALUES(spline, splines, splines_get, splines_forward, splines_inverse)

CLF_REF_MAP(rqs_fwd, x, 400.0 + 50 * p->u.dim[2]) {
  const spline s = SPLINE_OF(p);
  spline_values(&s, block_values, 0, &p->x, &p->at, &p->y, &p->logdet, first, end);
}
CLF_REF_MAP(rqs_inv, y, 400.0 + 50 * p->u.dim[2]) {
  const spline s = SPLINE_OF(p);
  spline_values(&s, block_values, 1, &p->y, &p->at, &p->x, &p->logdet, first, end);
}

/* ---- Gradients ------------------------------------------------------------------------------- */

/* g *= the derivative of the slopes at knots by their raw parameters. */
static void knot_slopes_backward(const spline *s, const lanes u, const lanes slope, lanes g) {
  const real rate = s->rate, scale = s->gain * s->beta, beta = s->beta, shift = s->shift;
  if (s->like == CLF_RQS_ZUKO) EACH_LANE {
      const real r = 1 / (1 + real_abs(u[l] * rate));
      g[l] *= slope[l] * (r * r);
    }
  else
    EACH_LANE g[l] *= scale * lane_sigmoid(beta * u[l] + shift);
}

/* dL by the description of a bin: its corner and size, and the raw parameters of its slopes. */
typedef struct bin_gradient {
  lanes x, y, w, h, u_a, u_b;
} bin_gradient;

/* The gradient through y = f(x) and its log-determinant, in lane l; or, with `inverse`, through
 * x = f^-1(y) and its own.  With F(x, parameters) = y, implicit differentiation gives dx / dy =
 * 1 / f' and dx / dparameter = -(df / dparameter) / f', so that no root is differentiated; the
 * log-determinant is -log f'(x).  `out` is dL by the value, gl by the log-determinant.  Returns
 * dL by the argument. */
__attribute__((always_inline)) static inline real bin_backward(const splines *q, const bin *f,
                                                               int l, real x, real out, real gl,
                                                               int lines, int inverse,
                                                               bin_gradient *g) {
  const real in = clamped(x, q->left[l], q->right[l]);
  const int inside = x == in, free = q->kind[l] == CLF_FREE_ENDS;
  const int line = (!inside) & free & lines;
  const point p = point_at(f, l, theta_of_x(f, l, x));
  const real h = f->h[l], w = f->w[l], flat = 1 - 2 * p.theta, rest = 1 - p.theta;
  const real slope = slope_at(p);
  const real L_theta = inside
                           ? (2 * f->b[l] * p.theta + 2 * p.s * flat - 2 * f->a[l] * rest) / p.N -
                                 2 * p.E * flat / p.den
                           : 0;
  const real along = inverse ? (out - gl * L_theta / w) / slope : out * slope + gl * L_theta / w;
  const int moves = inside | line; /* whether the parameters have an effect */
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
  g->u_a[l] = g_a;
  g->u_b[l] = g_b;
  return moves ? along : free ? 0 : out;
}

/* dL by the K raw widths (or heights); the corner is the sum of those before bin k.  Goes
 * through sums, the affine map to sizes, the softmax, and the map of the raw parameters. */
static void sizes_backward(const spline *s, const bin *f, lanes *u, lanes *fraction, const lanes lo,
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
      du[i][l] = c[l] * fraction[i][l] * (g - mean[l]) * squeezed_slope(s, u[i][l], 2 * s->rate);
    }
}

/* dL by the raw slopes of knots k and k + 1, unless they are fixed. */
static void slopes_backward(const spline *s, const splines *q, const bin *f, const bin_gradient *g,
                            lanes *du) {
  const int K = s->K, count = K - 1 + s->ends, before = s->ends == CLF_LINEAR_ENDS;
  for (int r = 0; r < count; r++) {
    const real i = (real)(r + before), last = (real)K;
    EACH_LANE {
      const int kind = q->kind[l], free = kind != CLF_LINEAR_ENDS, same = kind == CLF_CIRCULAR_ENDS;
      const real k = f->k[l];
      const real a = ((k == i) & (free | (k > 0))) ? g->u_a[l] : 0;
      const int ends = (k + 1 == i) | (same & (i == 0) & (k + 1 == last));
      const real b = (ends & (free | (k + 1 < last)) & !(same & (i == last))) ? g->u_b[l] : 0;
      du[r][l] = a + b;
    }
  }
}

/* A whole block. */
static void block_backward(const void *call, const block *b, lanes x, const lanes out,
                           const lanes dl, int inverse, lanes in, lanes *du) {
  const spline *s = call;
  const int K = s->K, lines = s->outside == CLF_OUTSIDE_LINE;
  splines q;
  bin f;
  bin_gradient g;
  splines_get(s, b, &q);
  turn(s, &q, x);
  find_bins(s, &q, x, 0, &f);
  if (inverse)
    EACH_LANE in[l] = bin_backward(&q, &f, l, x[l], out[l], dl[l], lines, 1, &g);
  else
    EACH_LANE in[l] = bin_backward(&q, &f, l, x[l], out[l], dl[l], lines, 0, &g);
  knot_slopes_backward(s, f.u_a, f.a, g.u_a);
  knot_slopes_backward(s, f.u_b, f.b, g.u_b);
  sizes_backward(s, &f, q.u, q.fraction, q.left, q.right, s->min_width, f.sum_w, f.fraction_w, g.x,
                 g.w, du);
  sizes_backward(s, &f, q.u + K, q.fraction + K, q.bottom, q.top, s->min_height, f.sum_h,
                 f.fraction_h, g.y, g.h, du + K);
  slopes_backward(s, &q, &f, &g, du + 2 * K);
}

CLF_REF_MAP(rqs_bwd, x, 800.0 + 80 * p->u.dim[2]) {
  const spline s = SPLINE_OF(p);
  spline_backward(&s, block_backward, 0,
                  (spline_gradients){&p->x, &p->at, &p->dy, &p->dl, &p->dx, &p->du, p->dlogdet},
                  first, end);
}
CLF_REF_MAP(rqs_inv_bwd, x, 800.0 + 80 * p->u.dim[2]) {
  const spline s = SPLINE_OF(p);
  spline_backward(&s, block_backward, 1,
                  (spline_gradients){&p->x, &p->at, &p->dx, &p->dl, &p->dy, &p->du, p->dlogdet},
                  first, end);
}
