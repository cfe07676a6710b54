/* SPDX-License-Identifier: MIT */
/* gaussians.c: log-densities of K normals by triangular factors of their covariances, gradients,
 * and samples.  Sums are in double for either `real`. */
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

CLF_REF_LOOP(gaussians_logp, 30.0 * (double)clf__count(&p->t), p->t.dim[0], n) {
  const int D = p->t.dim[2];
  for (int k = 0; k < p->t.dim[1]; k++) {
    const factor f = {&p->log_std, &p->lower, n, k, (double)p->eps};
    double logp = -0.91893853320467274178 * D;
    for (int i = 0; i < D; i++) {
      double t = (double)*at(&p->z, n, i, 0, 0) - number(&p->loc, n, k, i);
      for (int j = 0; p->lower.buf && j < i; j++)
        t -= below(&f, i, j) * (double)*at(&p->t, n, k, j, 0);
      const double std = diagonal(&f, i);
      t /= std;
      *at(&p->t, n, k, i, 0) = (real)t;
      logp -= 0.5 * t * t + log(std);
    }
    *at(&p->logps, n, k, 0, 0) = (real)logp;
  }
}

/* g = L^-T t, to dloc. */
static void solve_transposed(const clf_gaussians_bwd_args *p, const factor *f, int n, int k) {
  for (int D = p->t.dim[2], i = D - 1; i >= 0; i--) {
    double g = (double)*at(&p->t, n, k, i, 0);
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
    const double share = weight * (g * t - 1 / diagonal(f, i)) * exp(log_std_of(f, i));
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
