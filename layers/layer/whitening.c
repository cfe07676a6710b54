/* SPDX-License-Identifier: MIT */
/* whitening.c: the triangular matrix that gives rows mean 0 and covariance I, by Cholesky
 * decomposition of their shrunk covariance, on the host in double. */
#include "whitening.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "backend.h"

enum { BLOCK = 256 }; /* rows that are read at once */

/* Sums over rows, relative to `origin`: (D) and (D, D), only the lower triangle. */
typedef struct sums {
  int32_t dim;
  double *origin, *first, *second;
  double weight, squares; /* of the rows' weights, and of their squares */
} sums;

static void add_row(sums *s, const double *x, double weight) {
  const int32_t D = s->dim;
  s->weight += weight;
  s->squares += weight * weight;
  for (int32_t i = 0; i < D; i++) {
    const double xi = weight * (x[i] - s->origin[i]);
    s->first[i] += xi;
    for (int32_t j = 0; j <= i; j++) s->second[(int64_t)i * D + j] += xi * (x[j] - s->origin[j]);
  }
}

static clf_status check_row(const double *x, int32_t D) {
  for (int32_t i = 0; i < D; i++)
    if (!isfinite(x[i]))
      return clf__fail(CLF_ENUM,
                       "column %d of the input of a layer with whiten=1 is %g in a training row",
                       (int)i, x[i]);
  return CLF_OK;
}

/* Rows first .. first + n - 1; host: room for BLOCK rows and their weights. */
static clf_status add_block(sums *s, const clf__pass *p, clf_tensor x, int32_t first, int32_t n,
                            double *host) {
  double *const weights = host + (int64_t)BLOCK * s->dim;
  for (int32_t i = 0; i < n; i++) weights[i] = 1;
  CLF_TRY(clf_read64(p->dev, clf_slice(x, 0, first, first + n), host));
  if (p->each.buf) CLF_TRY(clf_read64(p->dev, clf_slice(p->each, 0, first, first + n), weights));
  if (first == 0) memcpy(s->origin, host, (size_t)s->dim * sizeof *host);
  for (int32_t i = 0; i < n; i++) {
    CLF_TRY(check_row(host + (int64_t)i * s->dim, s->dim));
    add_row(s, host + (int64_t)i * s->dim, weights[i]);
  }
  return CLF_OK;
}

/* ---- From sums to the matrix ----------------------------------------------------------------- */

/* Turns `first` into the mean and `second` into the covariance; a column that is constant to
 * rounding gets variance 1 and covariance 0. */
static void finish_moments(sums *s) {
  const int32_t D = s->dim;
  for (int32_t i = 0; i < D; i++) s->first[i] /= s->weight;
  for (int32_t i = 0; i < D; i++)
    for (int32_t j = 0; j <= i; j++) {
      double *const c = &s->second[(int64_t)i * D + j];
      *c = *c / s->weight - s->first[i] * s->first[j];
    }
  for (int32_t i = 0; i < D; i++) s->first[i] += s->origin[i];
  for (int32_t i = 0; i < D; i++) {
    double *const variance = &s->second[(int64_t)i * (D + 1)];
    if (sqrt(fmax(*variance, 0)) > 1e-6 * (1 + fabs(s->first[i]))) continue;
    for (int32_t j = 0; j < i; j++) s->second[(int64_t)i * D + j] = 0;
    for (int32_t j = i + 1; j < D; j++) s->second[(int64_t)j * D + i] = 0;
    *variance = 1;
  }
}

/* Divides by the standard deviations, which are written to `std`. */
static void to_correlations(int32_t D, double *m, double *std) {
  for (int32_t i = 0; i < D; i++) std[i] = sqrt(m[(int64_t)i * (D + 1)]);
  for (int32_t i = 0; i < D; i++)
    for (int32_t j = 0; j <= i; j++) m[(int64_t)i * D + j] /= std[i] * std[j];
}

/* How much correlations of n rows are shrunk.  With the factor 1 instead of 8, a spline flow
 * after the whitening loses 14 nats on the digits (64 columns, 1257 rows), and none on the
 * diamonds (7 columns, 37740 rows). */
static double shrinkage(int32_t D, double n) {
  const double share = pow(8 * D / n, 2);
  return share > 1 ? 1 : fmax(share, 1e-6);
}

/* m = C C^T, in place. */
static void decompose(int32_t D, double *m) {
  for (int32_t i = 0; i < D; i++)
    for (int32_t j = 0; j <= i; j++) {
      const double *const a = m + (int64_t)i * D, *const b = m + (int64_t)j * D;
      double sum = a[j];
      for (int32_t k = 0; k < j; k++) sum -= a[k] * b[k];
      m[(int64_t)i * D + j] = i == j ? sqrt(sum) : sum / b[j];
    }
}

/* Replaces C by its inverse, column by column. */
static void invert(int32_t D, double *m) {
  for (int32_t j = 0; j < D; j++) {
    m[(int64_t)j * (D + 1)] = 1 / m[(int64_t)j * (D + 1)];
    for (int32_t i = j + 1; i < D; i++) {
      const double *const row = m + (int64_t)i * D;
      double sum = 0;
      for (int32_t k = j; k < i; k++) sum += row[k] * m[(int64_t)k * D + j];
      m[(int64_t)i * D + j] = -sum / row[i];
    }
  }
}

/* From W = C^-1 diag(1 / std): U is its diagonal, L the rest divided by that of its column. */
static void split(const double *m, const double *std, const double *mean, clf__whitening *w) {
  const int32_t D = w->dim;
  for (int32_t i = 0, at = 0; i < D; i++) {
    const double *const row = m + (int64_t)i * D;
    double shift = row[i] / std[i] * mean[i];
    w->diagonal[i] = row[i] / std[i];
    for (int32_t j = 0; j < i; j++) {
      w->lower[at++] = row[j] / m[(int64_t)j * (D + 1)];
      shift += row[j] / std[j] * mean[j];
    }
    w->bias[i] = -shift;
  }
}

static clf_status whiten(sums *s, const clf__pass *p, clf_tensor x, double *host, double *std,
                         clf__whitening *w) {
  const int32_t D = s->dim;
  for (int32_t at = 0; at < x.dim[0]; at += BLOCK)
    CLF_TRY(add_block(s, p, x, at, x.dim[0] - at < BLOCK ? x.dim[0] - at : BLOCK, host));
  if (!(s->weight > 0)) return clf__fail(CLF_ENUM, "the weights of all rows to whiten are 0");
  finish_moments(s);
  to_correlations(D, s->second, std);
  const double rho = shrinkage(D, s->weight * s->weight / s->squares);
  for (int32_t i = 0; i < D; i++)
    for (int32_t j = 0; j < i; j++) s->second[(int64_t)i * D + j] *= 1 - rho;
  decompose(D, s->second);
  invert(D, s->second);
  split(s->second, std, s->first, w);
  return CLF_OK;
}

clf_status clf__whitening_of(const clf__pass *p, clf_tensor x, clf__whitening *w) {
  const size_t D = (size_t)x.dim[1], triangle = D * (D - 1) / 2;
  const size_t rows = BLOCK * (D + 1), of_sums = 3 * D + D * D;
  double *own = calloc(triangle + 2 * D, sizeof *own);
  double *room = calloc(rows + of_sums, sizeof *room);
  clf_status s = own && room
                     ? CLF_OK
                     : clf__fail(CLF_ENOMEM, "no memory for the covariance of %zu columns", D);
  if (!s) {
    double *const at = room + rows;
    sums moments = {(int32_t)D, at, at + D, at + 3 * D, 0, 0};
    *w = (clf__whitening){(int32_t)D, own + 2 * D, own, own + D};
    s = whiten(&moments, p, x, room, at + 2 * D, w);
  }
  free(room);
  if (s) free(own);
  return s;
}

void clf__whitening_free(clf__whitening *w) { free(w->diagonal); }
