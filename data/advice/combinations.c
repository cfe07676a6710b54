/* SPDX-License-Identifier: MIT */
/* combinations.c: the rank of a correlation matrix by pivoted Cholesky factorisation, and the
 * linear combination of a column beyond that rank. */
#include "combinations.h"

#include <math.h>
#include <stdlib.h>

#include "status.h"

/* Row k of L has the part of each column that pivot k explains. */
typedef struct factors {
  double *L, *left; /* (n, n), row-major; the unexplained variance of each column */
  int32_t *pivot;   /* columns in pivot order */
  int32_t n, rank;
} factors;

static int32_t next_pivot(const factors *f) {
  int32_t best = 0;
  for (int32_t j = 1; j < f->n; j++)
    if (f->left[j] > f->left[best]) best = j;
  return best;
}

static void take_pivot(factors *f, const double *C, int32_t p) {
  double *row = f->L + (int64_t)f->rank * f->n;
  const double root = sqrt(f->left[p]);
  for (int32_t j = 0; j < f->n; j++) {
    double v = C[(int64_t)p * f->n + j];
    for (int32_t k = 0; k < f->rank; k++)
      v -= f->L[(int64_t)k * f->n + p] * f->L[(int64_t)k * f->n + j];
    row[j] = v / root;
  }
  for (int32_t j = 0; j < f->n; j++)
    if (f->left[j] >= 0) f->left[j] = fmax(f->left[j] - row[j] * row[j], 0);
  f->left[p] = -1; /* taken */
  f->pivot[f->rank++] = p;
}

/* The coefficients of column j, in units of the columns' deviations: the pivots' part of L is
 * triangular. */
static void solve(const factors *f, int32_t j, double *beta) {
  for (int32_t k = f->rank - 1; k >= 0; k--) {
    const double *row = f->L + (int64_t)k * f->n;
    double v = row[j];
    for (int32_t i = k + 1; i < f->rank; i++) v -= row[f->pivot[i]] * beta[i];
    beta[k] = v / row[f->pivot[k]];
  }
}

static void name_terms(const factors *f, double *beta, clf__combination *out) {
  double largest = 0;
  for (int32_t k = 0; k < f->rank; k++) largest = fmax(largest, fabs(beta[k]));
  for (int32_t k = 0; k < f->rank; k++) out->terms += fabs(beta[k]) > 1e-2 * largest;
  for (int32_t i = 0; i < out->terms && i < CLF_TERMS; i++) {
    int32_t best = 0;
    for (int32_t k = 1; k < f->rank; k++)
      if (fabs(beta[k]) > fabs(beta[best])) best = k;
    out->of[i] = f->pivot[best];
    beta[best] = 0;
  }
}

static void find(factors *f, const double *C, double tolerance, double *beta,
                 clf__combination *out) {
  for (int32_t j = 0; j < f->n; j++) f->left[j] = 1;
  while (f->rank < f->n) {
    const int32_t p = next_pivot(f);
    if (f->left[p] < tolerance) break;
    take_pivot(f, C, p);
  }
  out->dependent = f->n - f->rank;
  if (!out->dependent) return;
  while (f->left[out->column] < 0) out->column++;
  solve(f, out->column, beta);
  name_terms(f, beta, out);
}

clf_status clf__find_combination(const double *C, int32_t n, double tolerance,
                                 clf__combination *out) {
  factors f = {.n = n};
  const size_t N = (size_t)n;
  f.L = malloc((N * N + 2 * N) * sizeof *f.L);
  f.pivot = malloc(N * sizeof *f.pivot);
  *out = (clf__combination){0};
  const clf_status s =
      f.L && f.pivot ? CLF_OK : clf__fail(CLF_ENOMEM, "no memory for %d columns", (int)n);
  if (!s) {
    f.left = f.L + N * N;
    find(&f, C, tolerance, f.left + N, out);
  }
  free(f.L);
  free(f.pivot);
  return s;
}
