/* SPDX-License-Identifier: MIT */
/* column_base.c: densities by column, their gradients, and samples.
 *
 * Always computed in double: the gamma functions and the tails require it. */
#include "philox.h"
#include "ref.h"

static double number(const clf_tensor *t, int n, int d) {
  return t->buf ? (double)*at(t, n, d, 0, 0) : 0;
}
static void put(const clf_tensor *t, int n, int d, double v) {
  if (t->buf) *at(t, n, d, 0, 0) = (real)v;
}

/* ---- Student's t ------------------------------------------------------------------------- */

/* v = log(1 + exp shape) is kept above 0, so that no division by 0 occurs. */
static double degrees(int kind, double shape) {
  if (kind != CLF_COLUMN_student_free) return shape;
  const double v = fmax(shape, 0) + log1p(exp(-fabs(shape)));
  return v > 1e-30 ? v : v == v ? 1e-30 : v;
}
static double degrees_slope(int kind, double shape) { /* dv / dshape */
  return kind == CLF_COLUMN_student_free ? 1 / (1 + exp(-shape)) : 1;
}

/* log C(v) = log Gamma(x + 1/2) - log Gamma(x) - log(pi v) / 2 with x = v / 2, and its
 * derivative by v.  Using Gamma(x + 1) = x Gamma(x), x is increased in steps of 1 to a y at
 * which the asymptotic series is exact: log C = log prod x_i / (x_i + 1/2) + log(y / (2 pi x)) /
 * 2 + S(y).  This avoids subtracting two large numbers, as log Gamma would. */
typedef struct student {
  double log_constant, slope;
} student;
static student student_of(double v) {
  static const double s[] = {-1 / 8.0,     1 / 192.0,     -1 / 640.0,
                             17 / 14336.0, -31 / 18432.0, 691 / 180224.0};
  const double x = v / 2;
  double y = x, ratio = 1, sum = 0;
  for (; y < 16; y++) {
    ratio *= y / (y + 0.5);
    sum += 0.5 / (y * (y + 0.5));
  }
  const double square = 1 / (y * y);
  double series = 0, slope = 0;
  for (int i = 5; i >= 0; i--) {
    series = series * square + s[i];
    slope = slope * square - (2 * i + 1) * s[i];
  }
  return (student){log(ratio * sqrt(y / (6.283185307179586477 * x))) + series / y,
                   0.5 * (0.5 * (1 / y - 1 / x) + slope * square + sum)};
}

/* ---- Densities at scale 1 -------------------------------------------------------------------- */

/* log p(t), -d log p / dt, and d log p / dv. */
typedef struct point {
  double value, slope, by_df;
} point;

static point student_at(double t, double v, double log_tail, student c) {
  /* (v + 1) t / (v + t^2), without overflow for large t */
  const double slope = (v + 1) / (t + v / t);
  return (point){c.log_constant - (v + 1) / 2 * log_tail, slope,
                 c.slope - log_tail / 2 + t * slope / (2 * v)};
}

static point point_of(int kind, double t, double v) {
  const double a = fabs(t), e = exp(-a), sign = t < 0 ? -1 : t > 0 ? 1 : t;
  switch (kind) {
  case CLF_COLUMN_normal: return (point){-0.5 * t * t - 0.91893853320467274178, t, 0};
  case CLF_COLUMN_logistic: return (point){-a - 2 * log1p(e), sign * (1 - e) / (1 + e), 0};
  case CLF_COLUMN_laplace: return (point){-a - 0.69314718055994530942, sign, 0};
  default: return student_at(t, v, log1p(t * t / v), student_of(v));
  }
}

static double box_logp(double z, double lo, double hi) {
  return z < lo || z > hi ? -INFINITY : 0 * z - log(hi - lo); /* NaN stays NaN */
}

#define LOC number(&p->loc, n, d)
#define LOG_SCALE number(&p->log_scale, n, d)
#define SHAPE number(&p->shape, n, d)

CLF_REF_LOOP(column_logp, 60.0 * (double)clf__count(&p->z), p->z.dim[0], n) {
  double sum = number(&p->logdet, n, 0);
  for (int d = 0; d < p->z.dim[1]; d++) {
    const double z = number(&p->z, n, d);
    if (p->kind == CLF_COLUMN_box) {
      sum += box_logp(z, LOC, SHAPE);
      continue;
    }
    const double t = (z - LOC) * exp(-LOG_SCALE);
    sum += point_of(p->kind, t, degrees(p->kind, SHAPE)).value - LOG_SCALE;
  }
  real *logp = at(&p->logp, n, 0, 0, 0);
  *logp = (real)(p->beta != 0 ? sum + (double)p->beta * (double)*logp : sum);
}

static void box_bwd(const clf_column_bwd_args *p, int n, int d, double weight) {
  const double z = number(&p->z, n, d), lo = LOC, hi = SHAPE;
  const double share = z < lo || z > hi ? 0 : weight / (hi - lo);
  put(&p->dz, n, d, 0);
  put(&p->dloc, n, d, share);
  put(&p->dlog_scale, n, d, 0);
  put(&p->dshape, n, d, -share);
}

CLF_REF_LOOP(column_bwd, 80.0 * (double)clf__count(&p->z), p->z.dim[0], n) {
  const double weight = (double)p->dlogdet * (p->dl.buf ? number(&p->dl, n, 0) : 1);
  for (int d = 0; d < p->z.dim[1]; d++) {
    if (p->kind == CLF_COLUMN_box) {
      box_bwd(p, n, d, weight);
      continue;
    }
    const double inverse = exp(-LOG_SCALE), t = (number(&p->z, n, d) - LOC) * inverse;
    const point q = point_of(p->kind, t, degrees(p->kind, SHAPE));
    put(&p->dz, n, d, -weight * q.slope * inverse);
    put(&p->dloc, n, d, weight * q.slope * inverse);
    put(&p->dlog_scale, n, d, weight * (t * q.slope - 1));
    put(&p->dshape, n, d, weight * q.by_df * degrees_slope(p->kind, SHAPE));
  }
}

/* ---- Samples ------------------------------------------------------------------------------ */

static int leading_zeros(uint32_t word) {
  int n = 0;
  while (n < 32 && !(word >> (31 - n) & 1)) n++;
  return n;
}

/* sqrt(v (u^(-2/v) - 1)). */
static double student_radius(double v, double log_u) {
  const double a = -log_u / v;
  return sqrt(v) * (a < 30 ? sqrt(expm1(2 * a)) : exp(a < 80 ? a : 80));
}

/* The derivative of its logarithm by v. */
static double student_radius_slope(double v, double log_u) {
  const double a = -log_u / v;
  return (0.5 - (a < 1e-6 ? 0.5 + a / 2 : a < 80 ? a / -expm1(-2 * a) : 0)) / v;
}

/* cos(2 pi w) with the relative precision of w: w is q quarter turns and a remainder. */
static double cos_of_turn(double w) {
  const double q = floor(4 * w + 0.5), rest = 6.283185307179586477 * (w - q / 4);
  return q == 1 ? -sin(rest) : q == 2 ? -cos(rest) : q == 3 ? sin(rest) : cos(rest);
}

static double uniform_of(clf__words k) {
  return ldexp(1 + ((k.v[1] >> 10) + 0.5) * 0x1p-22, -1 - leading_zeros(k.v[0]));
}

CLF_REF_LOOP(column_noise, 100.0 * (double)clf__count(&p->y), p->y.dim[0], n) {
  for (int d = 0; d < p->y.dim[1]; d++) {
    const clf__words k = CLF_WORDS(p, d, n);
    const double u = uniform_of(k);
    const double sign = k.v[2] >> 31 ? -1 : 1;
    const double v = degrees(p->kind, SHAPE);
    put(&p->y, n, d,
        p->kind == CLF_COLUMN_logistic ? sign * (log1p(-u / 2) - log(u / 2))
        : p->kind == CLF_COLUMN_laplace
            ? sign * -log(u)
            : student_radius(v, log(u)) * cos_of_turn(clf__uniform(k.v[2])));
  }
}

CLF_REF_LOOP(column_place, 20.0 * (double)clf__count(&p->z), p->z.dim[0], n) {
  for (int d = 0; d < p->z.dim[1]; d++) {
    const double e = number(&p->e, n, d);
    const double in_box = LOC + (SHAPE - LOC) * e;
    put(&p->z, n, d,
        p->kind != CLF_COLUMN_box ? LOC + exp(LOG_SCALE) * e
        : in_box < SHAPE          ? in_box
                                  : SHAPE);
  }
}

CLF_REF_LOOP(column_place_bwd, 80.0 * (double)clf__count(&p->z), p->z.dim[0], n) {
  for (int d = 0; d < p->z.dim[1]; d++) {
    const double dz = number(&p->dz, n, d), by_scale = dz * (number(&p->z, n, d) - LOC);
    put(&p->dloc, n, d, dz);
    put(&p->dlog_scale, n, d, by_scale);
    if (p->kind != CLF_COLUMN_student_free) {
      put(&p->dshape, n, d, 0);
      continue;
    }
    const double log_u = log(uniform_of(CLF_WORDS(p, d, n))), v = degrees(p->kind, SHAPE);
    put(&p->dshape, n, d,
        by_scale * student_radius_slope(v, log_u) * degrees_slope(p->kind, SHAPE));
  }
}
