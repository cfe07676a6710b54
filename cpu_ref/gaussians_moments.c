/* SPDX-License-Identifier: MIT */
/* gaussians_moments.c: moments of samples under K normals, and gradients by parameters from them.
 * Sums are in double for either `real`. */
#include "factors.h"

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

/* ---- Gradients by parameters ------------------------------------------------------------------
 */

/* Row i, column j of the second moments. */
static double second(const clf_gaussians_gradients_args *p, int k, int i, int j) {
  const int D = p->dloc.dim[2], high = i > j ? i : j, low = i > j ? j : i;
  if (p->lower.buf) return number(&p->s, k, 1 + D + high * (high + 1) / 2 + low, 0);
  return i == j ? number(&p->s, k, 1 + D + i, 0) : 0;
}

/* L^-T v, in place, down to element `end`. */
static void solve_down(const clf_gaussians_gradients_args *p, const factor *f, int end, double *v) {
  const int D = p->dloc.dim[2];
  for (int i = D - 1; i >= end; i--) {
    for (int j = i + 1; p->lower.buf && j < D; j++) v[i] -= below(f, j, i) * v[j];
    v[i] /= diagonal(f, i);
  }
}

static void add(const clf_tensor *t, int k, int i, double v) {
  if (t->buf) *at(t, 0, k, i, 0) += (real)v;
}

typedef struct gradients_call {
  const clf_gaussians_gradients_args *p;
  double *memory; /* (K, D) */
} gradients_call;

/* Column j of L^-T S gives the gradients by the factor's column j. */
CLF_LOOP(gradients_of_normal, gradients_call, c, k) {
  const clf_gaussians_gradients_args *p = c->p;
  const int D = p->dloc.dim[2], one = p->log_std.buf && p->log_std.dim[2] == 1;
  const factor f = {&p->log_std, &p->lower, 0, k, (double)p->eps};
  const double count = number(&p->s, k, 0, 0);
  double *v = c->memory + (size_t)k * (size_t)D, sum = 0;
  for (int i = 0; i < D; i++) v[i] = i < p->first ? 0 : number(&p->s, k, 1 + i, 0);
  solve_down(p, &f, 0, v);
  for (int i = 0; i < D; i++) add(&p->dloc, k, i, v[i]);
  for (int j = 0; j < D; j++) {
    for (int i = j; i < D; i++) v[i] = i < p->first ? 0 : second(p, k, i, j);
    solve_down(p, &f, j, v);
    const double own = j < p->first ? 0 : count / diagonal(&f, j);
    const double share = (v[j] - own) * exp(log_std_of(&f, j));
    sum += share;
    if (!one) add(&p->dlog_std, k, j, share);
    for (int i = j + 1; i < D; i++) add(&p->dlower, k, i * (i - 1) / 2 + j, v[i]);
  }
  if (one) add(&p->dlog_std, k, 0, sum);
}

CLF_REF(gaussians_gradients) {
  const int K = p->dloc.dim[1], D = p->dloc.dim[2];
  const size_t doubles = (size_t)K * (size_t)D;
  const gradients_call c = {p, doubles_of(scratch, doubles)};
  CLF_NEED(c.memory, doubles);
  in_threads((30.0 + (p->lower.buf ? D : 0)) * K * D * D, K, gradients_of_normal, &c);
  return CLF_OK;
}
