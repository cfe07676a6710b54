/* SPDX-License-Identifier: MIT */
/* gaussians.c: log-densities of K normals by triangular factors of their covariances, gradients,
 * samples and moments.  Sums are in double for either `real`. */
#include "ref.h"

static double number(const clf_tensor *t, int n, int k, int d) {
  return t->buf ? (double)*at(t, n, k, d, 0) : 0;
}

/* The factor L of normal k of sample n: its diagonal, and L[i][j] for j < i. */
typedef struct factor {
  const clf_tensor *log_std, *lower;
  int n, k;
  double eps;
} factor;
static double log_std_of(const factor *f, int i) {
  return number(f->log_std, f->n, f->k, f->log_std->dim[2] == 1 ? 0 : i);
}
static double diagonal(const factor *f, int i) { return exp(log_std_of(f, i)) + f->eps; }
static double below(const factor *f, int i, int j) {
  return number(f->lower, f->n, f->k, i * (i - 1) / 2 + j);
}

/* Samples that are solved for side by side, where they share the parameters. */
enum { SIDE = 64 };

/* t of `side` samples, [D][side], from z - loc in its place: forward substitution. */
static void solve(const factor *f, int D, int side, const double *diagonals, double *t) {
  for (int i = 0; i < D; i++) {
    double *restrict ti = t + (size_t)i * (size_t)side;
    for (int j = 0; f->lower->buf && j < i; j++) {
      const double l = below(f, i, j), *restrict tj = t + (size_t)j * (size_t)side;
      for (int m = 0; m < side; m++) ti[m] -= l * tj[m];
    }
    for (int m = 0; m < side; m++) ti[m] /= diagonals[i];
  }
}

/* Their t, and log p under normal f->k; n of them exist. */
static void put_logps(const clf_gaussians_logp_args *p, const factor *f, int side, int n,
                      double log_det, const double *t) {
  const ptrdiff_t step = p->t.stride[0];
  const int D = p->t.dim[2], counted = D - p->first;
  double square[SIDE] = {0};
  for (int i = 0; i < D; i++, t += side) {
    real *to = at(&p->t, f->n, f->k, i, 0);
    for (int m = 0; i >= p->first && m < side; m++) square[m] += t[m] * t[m];
    if (step == 1)
      for (int m = 0; m < n; m++) to[m] = (real)t[m];
    else
      for (int m = 0; m < n; m++) to[m * step] = (real)t[m];
  }
  for (int m = 0; m < n; m++)
    *at(&p->logps, f->n + m, f->k, 0, 0) =
        (real)(-0.91893853320467274178 * counted - 0.5 * square[m] - log_det);
}

typedef struct logp_call {
  const clf_gaussians_logp_args *p;
  int side;
  double *memory; /* of each block of `side` samples: t, then the diagonal of a factor */
} logp_call;

CLF_LOOP(logp_block, logp_call, c, block) {
  const clf_gaussians_logp_args *p = c->p;
  const int D = p->t.dim[2], side = c->side, n0 = block * side, left = p->t.dim[0] - n0;
  const int n = left < side ? left : side;
  double *t = c->memory + (size_t)block * (size_t)D * (size_t)(side + 1);
  double *diagonals = t + (size_t)D * (size_t)side;
  for (int k = 0; k < p->t.dim[1]; k++) {
    const factor f = {&p->log_std, &p->lower, n0, k, (double)p->eps};
    double log_det = 0;
    for (int i = 0; i < D; i++) {
      const double loc = number(&p->loc, n0, k, i);
      diagonals[i] = diagonal(&f, i);
      if (i >= p->first) log_det += log(diagonals[i]);
      for (int m = 0; m < side; m++)
        t[i * side + m] = m < n ? (double)*at(&p->z, n0 + m, i, 0, 0) - loc : 0;
    }
    solve(&f, D, side, diagonals, t);
    put_logps(p, &f, side, n, log_det, t);
  }
}

static int shared(const clf_tensor *t) { return !t->buf || t->stride[0] == 0; }

CLF_REF(gaussians_logp) {
  const int N = p->t.dim[0], K = p->t.dim[1], D = p->t.dim[2];
  const int side = shared(&p->loc) && shared(&p->log_std) && shared(&p->lower) ? SIDE : 1;
  const int blocks = (N - 1) / side + 1;
  const size_t doubles = (size_t)blocks * (size_t)D * (size_t)(side + 1);
  const logp_call c = {
      p, side, (double *)(void *)clf_scratch_get(scratch, doubles * sizeof(double) / sizeof(real))};
  CLF_NEED(c.memory, doubles);
  in_threads((30.0 + (p->lower.buf ? D : 0)) * N * K * D, blocks, logp_block, &c);
  return CLF_OK;
}

/* g = L^-T t, to dloc. */
static void solve_transposed(const clf_gaussians_bwd_args *p, const factor *f, int n, int k) {
  for (int D = p->t.dim[2], i = D - 1; i >= 0; i--) {
    double g = i < p->first ? 0 : (double)*at(&p->t, n, k, i, 0);
    for (int j = i + 1; p->lower.buf && j < D; j++)
      g -= below(f, j, i) * (double)*at(&p->dloc, n, k, j, 0);
    *at(&p->dloc, n, k, i, 0) = (real)(g / diagonal(f, i));
  }
}

static void by_factor(const clf_gaussians_bwd_args *p, const factor *f, int n, int k) {
  const double weight = (double)*at(&p->dlogps, n, k, 0, 0);
  const int one = p->dlog_std.dim[2] == 1;
  double sum = 0;
  for (int i = 0; i < p->t.dim[2]; i++) {
    const double g = (double)*at(&p->dloc, n, k, i, 0), t = (double)*at(&p->t, n, k, i, 0);
    const double inverse = i < p->first ? 0 : 1 / diagonal(f, i);
    const double share = weight * (g * t - inverse) * exp(log_std_of(f, i));
    sum = one ? sum + share : share;
    if (p->dlog_std.buf) *at(&p->dlog_std, n, k, one ? 0 : i, 0) = (real)sum;
    for (int j = 0; p->dlower.buf && j < i; j++)
      *at(&p->dlower, n, k, i * (i - 1) / 2 + j, 0) =
          (real)(weight * g * (double)*at(&p->t, n, k, j, 0));
  }
}

CLF_REF_LOOP(gaussians_bwd, 40.0 * (double)clf__count(&p->t), p->t.dim[0], n) {
  const int K = p->t.dim[1], D = p->t.dim[2];
  for (int k = 0; k < K; k++) {
    const factor f = {&p->log_std, &p->lower, n, k, (double)p->eps};
    solve_transposed(p, &f, n, k);
    by_factor(p, &f, n, k);
  }
  for (int i = 0; i < D; i++) {
    double sum = 0;
    for (int k = 0; k < K; k++)
      sum += (double)(*at(&p->dloc, n, k, i, 0) *= *at(&p->dlogps, n, k, 0, 0));
    *at(&p->dz, n, i, 0, 0) = (real)-sum;
  }
}

CLF_REF_LOOP(gaussians_place, 30.0 * (double)clf__count(&p->z), p->z.dim[0], n) {
  const int k = p->index.buf ? (int)*at(&p->index, n, 0, 0, 0) : 0;
  const factor f = {&p->log_std, &p->lower, n, k, (double)p->eps};
  for (int i = 0; i < p->z.dim[1]; i++) {
    double z = number(&p->loc, n, k, i) + diagonal(&f, i) * (double)*at(&p->e, n, i, 0, 0);
    for (int j = 0; p->lower.buf && j < i; j++)
      z += below(&f, i, j) * (double)*at(&p->e, n, j, 0, 0);
    *at(&p->z, n, i, 0, 0) = (real)z;
  }
}

CLF_REF_LOOP(gaussians_place_bwd, 30.0 * (double)clf__count(&p->e), p->e.dim[0], n) {
  const int one = p->log_std.dim[2] == 1;
  double sum = 0;
  for (int i = 0; i < p->e.dim[1]; i++) {
    const double dz = number(&p->dz, n, i, 0), e = number(&p->e, n, i, 0);
    const double share = dz * e * exp(number(&p->log_std, n, 0, one ? 0 : i));
    sum = one ? sum + share : share;
    *at(&p->dloc, n, 0, i, 0) = (real)dz;
    *at(&p->dlog_std, n, 0, one ? 0 : i, 0) = (real)sum;
    for (int j = 0; p->dlower.buf && j < i; j++)
      *at(&p->dlower, n, 0, i * (i - 1) / 2 + j, 0) = (real)(dz * number(&p->e, n, j, 0));
  }
}

/* ---- Moments -------------------------------------------------------------------------------- */

/* r t[i] of some samples, in double, or r alone where i is -1. */
enum { SOME = 256 };
static void shares(const clf_gaussians_moments_args *p, int n0, int n, int k, int i, double *out) {
  const real *resp = at(&p->resp, n0, k, 0, 0), *t = at(&p->t, n0, k, i < 0 ? 0 : i, 0);
  const real *weights = p->weights.buf ? at(&p->weights, n0, 0, 0, 0) : NULL;
  const ptrdiff_t r_step = p->resp.stride[0], t_step = p->t.stride[0],
                  w_step = p->weights.stride[0];
  for (int m = 0; m < n; m++) out[m] = (double)resp[m * r_step];
  for (int m = 0; weights && m < n; m++) out[m] *= (double)weights[m * w_step];
  for (int m = 0; i >= 0 && m < n; m++) out[m] *= (double)t[m * t_step];
}

/* The sum of a t, with a loop of its own where elements lie side by side. */
static double product(const double *a, const real *t, ptrdiff_t step, int n) {
  double sum = 0;
  if (step != 1) {
    for (int m = 0; m < n; m++) sum += a[m] * (double)t[m * step];
    return sum;
  }
  VECTOR_SUM(sum)
  for (int m = 0; m < n; m++) sum += a[m] * (double)t[m];
  return sum;
}

static void put(const clf_tensor *s, int k, int q, double sum, int add) {
  real *y = at(s, k, q, 0, 0);
  *y = (real)(add ? sum + (double)*y : sum);
}

/* The sums of normal k that have t[i] as their first factor, or for i = -1 the sum of r: each in
 * bands of samples, which are added up in order. */
CLF_REF_LOOP(gaussians_moments, 2.0 * (double)clf__count(&p->s) * p->t.dim[0],
             p->t.dim[1] * (p->t.dim[2] + 1), g) {
  const int N = p->t.dim[0], D = p->t.dim[2], k = g / (D + 1), i = g % (D + 1) - 1;
  const int squares = p->s.dim[1] == 1 + 2 * D, j0 = squares && i > 0 ? i : 0;
  const int at0 = 1 + D + (squares ? 0 : i * (i + 1) / 2);
  double band[SOME];
  for (int n0 = 0; n0 < N; n0 += SOME) {
    const int n = N - n0 < SOME ? N - n0 : SOME;
    double sum = 0;
    shares(p, n0, n, k, i, band);
    for (int m = 0; m < n; m++) sum += band[m];
    put(&p->s, k, 1 + i, sum, n0 > 0);
    for (int j = j0; j <= i; j++)
      put(&p->s, k, at0 + j, product(band, at(&p->t, n0, k, j, 0), p->t.stride[0], n), n0 > 0);
  }
}
