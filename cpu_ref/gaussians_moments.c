/* SPDX-License-Identifier: MIT */
/* gaussians_moments.c: moments of samples under K normals, and gradients by parameters from
 * them.  Long sums are always in double. */
#include "factors.h"

/* Samples whose products are summed in `real`; these sums are added in double. */
enum { SOME = 512, FOUR = 4 };

/* out *= x, with a separate loop for contiguous elements. */
static void multiply(real *restrict out, const real *restrict x, ptrdiff_t step, int n) {
  if (step == 1)
    for (int m = 0; m < n; m++) out[m] *= x[m];
  else
    for (int m = 0; m < n; m++) out[m] *= x[m * step];
}

/* r t[i] of some samples, or only r if i is -1. */
static void shares(const clf_gaussians_moments_args *p, int n0, int n, int k, int i, real *out) {
  for (int m = 0; m < n; m++) out[m] = 1;
  multiply(out, at(&p->resp, n0, k, 0, 0), p->resp.stride[0], n);
  if (p->weights.buf) multiply(out, at(&p->weights, n0, 0, 0, 0), p->weights.stride[0], n);
  if (i >= 0) multiply(out, at(&p->t, n0, k, i, 0), p->t.stride[0], n);
}

/* Sums of a t etc. for four columns of t at distance `next` at once, so that no sum waits for
 * another. */
static void four_products(const real *a, const real *t, ptrdiff_t next, int n, double *sum) {
  const real *t1 = t + next, *t2 = t1 + next, *t3 = t2 + next;
  real s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  CLF_PRAGMA(omp simd reduction(+ : s0, s1, s2, s3))
  for (int m = 0; m < n; m++) {
    s0 += a[m] * t[m];
    s1 += a[m] * t1[m];
    s2 += a[m] * t2[m];
    s3 += a[m] * t3[m];
  }
  sum[0] += (double)s0, sum[1] += (double)s1, sum[2] += (double)s2, sum[3] += (double)s3;
}

static double product(const real *a, const real *t, ptrdiff_t step, int n) {
  real sum = 0;
  double apart = 0;
  for (int m = 0; step != 1 && m < n; m++) apart += (double)a[m] * (double)t[m * step];
  if (step != 1) return apart;
  VECTOR_SUM(sum)
  for (int m = 0; m < n; m++) sum += a[m] * t[m];
  return (double)sum;
}

static double total(const real *a, int n) {
  real sum = 0;
  VECTOR_SUM(sum)
  for (int m = 0; m < n; m++) sum += a[m];
  return (double)sum;
}

typedef struct moments_call {
  const clf_gaussians_moments_args *p;
  double *memory; /* (K, S) */
} moments_call;

/* Adds the sums of some samples whose first factor is r t[i], in `band`, to those of normal k. */
static void add_row(const clf_gaussians_moments_args *p, int n0, int n, int k, int i,
                    const real *band, double *sum) {
  const int D = p->t.dim[2], squares = p->s.dim[1] == 1 + 2 * D;
  const real *t = at(&p->t, n0, k, 0, 0);
  const ptrdiff_t step = p->t.stride[0], next = p->t.stride[2];
  double *row = sum + 1 + D + (squares ? 0 : i * (i + 1) / 2);
  int j = squares ? i : 0;
  sum[1 + i] += total(band, n);
  for (; step == 1 && j + FOUR <= i + 1; j += FOUR)
    four_products(band, t + j * next, next, n, row + j);
  for (; j <= i; j++) row[j] += product(band, t + j * next, step, n);
}

/* Some samples at a time, so that they stay in the cache for all sums. */
CLF_LOOP(moments_of_normal, moments_call, c, k) {
  const clf_gaussians_moments_args *p = c->p;
  const int N = p->t.dim[0], D = p->t.dim[2], S = p->s.dim[1];
  double *sum = c->memory + (size_t)k * (size_t)S;
  real band[SOME];
  memset(sum, 0, (size_t)S * sizeof *sum);
  for (int n0 = 0; n0 < N; n0 += SOME) {
    const int n = N - n0 < SOME ? N - n0 : SOME;
    shares(p, n0, n, k, -1, band);
    sum[0] += total(band, n);
    for (int i = 0; i < D; i++) {
      shares(p, n0, n, k, i, band);
      add_row(p, n0, n, k, i, band, sum);
    }
  }
  for (int q = 0; q < S; q++) *at(&p->s, k, q, 0, 0) = (real)sum[q];
}

CLF_REF(gaussians_moments) {
  const int K = p->s.dim[0];
  const size_t doubles = clf__count(&p->s);
  const moments_call c = {p, doubles_of(scratch, doubles)};
  CLF_NEED(c.memory, doubles);
  in_threads(2.0 * (double)doubles * p->t.dim[0], K, moments_of_normal, &c);
  return CLF_OK;
}

/* ---- Gradients by parameters ----------------------------------------------------------------- */

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
