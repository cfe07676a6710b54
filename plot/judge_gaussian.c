/* SPDX-License-Identifier: MIT */
/* judge_gaussian.c: the test rows under a Gaussian with full covariance, the baseline of every
 * model. */
#include "fail.h"
#include "judge.h"
#include "statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* With more columns the covariance takes too long; of more rows evenly spaced ones are fitted. */
enum { COLUMNS_MOST = 256, ROWS_MOST = 200000 };

/* A Gaussian of the context's columns followed by the flow's, so that the leading block of its
 * Cholesky factor belongs to the context: log p(x | c) = log p(c, x) - log p(c). */
typedef struct gaussian {
  const clf__facts *f;
  int64_t fitted, every;     /* number of rows, one in `every` */
  int leave_out;             /* each row is scored by a Gaussian fitted to the others */
  int32_t C, K;              /* context, and all columns */
  double *mean, *root, *row; /* root: Cholesky factor of the sum of squares */
} gaussian;

static void take(const gaussian *g, const clf_report_rows *r, int64_t i, double *row) {
  if (g->C) memcpy(row, r->given->at + i * g->C, (size_t)g->C * sizeof *row);
  memcpy(row + g->C, r->x->at + i * (g->K - g->C), (size_t)(g->K - g->C) * sizeof *row);
}

static void add_moments(gaussian *g, const clf_report_rows *r) {
  const int64_t n = g->fitted;
  for (int64_t i = 0; i < n; i++) {
    take(g, r, i * g->every, g->row);
    for (int32_t k = 0; k < g->K; k++) g->mean[k] += g->row[k] / (double)n;
  }
  for (int64_t i = 0; i < n; i++) {
    take(g, r, i * g->every, g->row);
    for (int32_t k = 0; k < g->K; k++)
      for (int32_t j = 0; j <= k; j++)
        g->root[k * g->K + j] += (g->row[k] - g->mean[k]) * (g->row[j] - g->mean[j]);
  }
}

/* In place; 0 if a column is (nearly) a linear combination of preceding ones.  Columns of the
 * context may be, such as one-hot columns: what is added to their diagonal cancels in log p(x |
 * c). */
static int factorise(gaussian *g) {
  const int32_t K = g->K;
  for (int32_t k = 0; k < K; k++) {
    const double own = g->root[k * K + k];
    if (k < g->C) g->root[k * K + k] += own > 0 ? 1e-6 * own : 1;
    for (int32_t j = 0; j <= k; j++) {
      double sum = g->root[k * K + j];
      for (int32_t i = 0; i < j; i++) sum -= g->root[k * K + i] * g->root[j * K + i];
      if (j < k)
        g->root[k * K + j] = sum / g->root[j * K + j];
      else if (sum > 1e-12 * own && sum > 0)
        g->root[k * K + k] = sqrt(sum);
      else
        return 0;
    }
  }
  return 1;
}

/* log p of the leading columns, from their part `q` of d' S^-1 d, where d is the row minus the
 * mean and S the sum of squares, and from log det S.  If the row was fitted, mean and S of the
 * others follow from the Sherman-Morrison formula. */
static double log_density(const gaussian *g, int32_t columns, double q, double log_det) {
  double n = (double)g->fitted, square = n * q;
  if (g->leave_out) {
    const double a = n / (n - 1), rest = 1 - a * q;
    if (rest <= 0) return -INFINITY;
    log_det += log(rest);
    square = (n - 1) * a * a * q / rest;
    n -= 1;
  }
  return -0.5 * (columns * (log(2 * 3.14159265358979323846) - log(n)) + log_det + square);
}

static double score(gaussian *g, const clf_report_rows *r, int64_t i) {
  double q = 0, log_det = 0, context = 0;
  take(g, r, i, g->row);
  for (int32_t k = 0; k < g->K; k++) {
    double sum = g->row[k] - g->mean[k];
    for (int32_t j = 0; j < k; j++) sum -= g->root[k * g->K + j] * g->row[j];
    g->row[k] = sum / g->root[k * g->K + k];
    q += g->row[k] * g->row[k];
    log_det += 2 * log(g->root[k * g->K + k]);
    if (k + 1 == g->C) context = log_density(g, g->C, q, log_det);
  }
  return log_density(g, g->K, q, log_det) - context;
}

static clf_status compare(gaussian *g, clf__facts *f) {
  const clf__scored *const test = &f->set[CLF__TEST];
  double *const own = malloc(2 * (size_t)test->n * sizeof *own);
  if (!own) return clf__plot_fail(CLF_ENOMEM, "no memory for a Gaussian");
  double *const gain = own + test->n;
  int64_t n = 0;
  for (int64_t i = 0; i < test->n; i++) {
    own[n] = score(g, test->rows, i);
    gain[n] = test->logp[i] - own[n];
    n += isfinite(gain[n]); /* rows of zero density are reported separately */
  }
  clf__mean_of(own, n, &f->gaussian, &f->gaussian_error);
  clf__mean_of(gain, n, &f->gain, &f->gain_error);
  free(own);
  return CLF_OK;
}

clf_status clf__judge_gaussian(clf__facts *f) {
  const int has_train = f->set[CLF__TRAIN].n > 0;
  const clf__scored *const from = &f->set[has_train ? CLF__TRAIN : CLF__TEST];
  const int64_t every = (from->n + ROWS_MOST - 1) / ROWS_MOST;
  gaussian g = {.f = f,
                .fitted = from->n / (every > 0 ? every : 1),
                .every = every,
                .leave_out = !has_train && every == 1,
                .C = f->context,
                .K = f->context + f->dim};
  f->gaussian = f->gaussian_error = f->gain = f->gain_error = NAN;
  if (g.K > COLUMNS_MOST || g.fitted < g.K + 2) return CLF_OK;
  const size_t K = (size_t)g.K;
  g.mean = calloc(K * (K + 2), sizeof *g.mean);
  if (!g.mean) return clf__plot_fail(CLF_ENOMEM, "no memory for a Gaussian");
  g.row = g.mean + K;
  g.root = g.row + K;
  add_moments(&g, from->rows);
  const clf_status s = factorise(&g) ? compare(&g, f) : CLF_OK;
  free(g.mean);
  return s;
}
