/* SPDX-License-Identifier: MIT */
/* importance.c: importance weights p~ / q of a flow's samples, and their statistics: log Z,
 * effective sample size. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "density.h"
#include "given.h"
#include "status.h"

/* ---- The given density ----------------------------------------------------------------------- */

static int32_t first_bad(const double *v, int32_t dim) {
  int32_t d = 0;
  while (d < dim && isfinite(v[d])) d++;
  return d;
}

/* "the log-density of sample 7 is nan, at (0.5, 1, ...)" */
static clf_status refuse(const clf_density *d, const double *x, int64_t sample, double logp,
                         const char *end) {
  char at[128] = "";
  for (int32_t k = 0; k < d->dim && k < 3; k++) {
    const size_t n = strlen(at);
    snprintf(at + n, sizeof at - n, "%s%.6g", k ? ", " : "", x[k]);
  }
  return clf__fail(CLF_ENUM, "the log-density of sample %lld is %s%s, at (%s%s)%s",
                   (long long)sample,
                   isnan(logp) ? "nan"
                   : logp > 0  ? "inf"
                               : "-inf",
                   "", at, d->dim > 3 ? ", ..." : "", end);
}

clf_status clf__density_at(const clf_density *d, const double *x, int64_t first, int64_t n,
                           int support, double *logp, double *gradient) {
  CLF_TRY(d->log_density(x, n, logp, gradient, d->context));
  for (int64_t i = 0; i < n; i++) {
    const double *here = x + i * d->dim;
    if (isnan(logp[i]) || logp[i] == INFINITY) return refuse(d, here, first + i, logp[i], "");
    if (support && !isfinite(logp[i]))
      return refuse(d, here, first + i, logp[i],
                    "; training needs a density above 0 wherever the flow may sample");
    const int32_t bad = gradient ? first_bad(gradient + i * d->dim, d->dim) : d->dim;
    if (bad < d->dim)
      return clf__fail(CLF_ENUM,
                       "the gradient of the log-density of sample %lld by column %d is %g",
                       (long long)(first + i), (int)bad + 1, gradient[i * d->dim + bad]);
  }
  return CLF_OK;
}

/* ---- Statistics of weights ------------------------------------------------------------------- */

clf_status clf_importance_score_of(const double *lw, int64_t n, clf_importance_score *out) {
  CLF_GIVEN("log_weights, score", lw, out);
  double maximum = -INFINITY, sum = 0, square = 0, mean = 0, spread = 0;
  clf_importance_score s = {.count = n};
  if (n < 1) return clf__fail(CLF_EINVAL, "%lld samples: there must be at least 1", (long long)n);
  for (int64_t i = 0; i < n; i++) {
    if (isnan(lw[i]) || lw[i] == INFINITY)
      return clf__fail(CLF_ENUM, "the log-weight of sample %lld is %g", (long long)i, lw[i]);
    s.zeros += lw[i] == -INFINITY;
    maximum = fmax(maximum, lw[i]);
    mean += lw[i] / (double)n;
  }
  for (int64_t i = 0; i < n && s.zeros < n; i++) {
    const double w = exp(lw[i] - maximum);
    sum += w;
    square += w * w;
    if (!s.zeros) spread += (lw[i] - mean) * (lw[i] - mean);
  }
  const double N = (double)n;
  const int none = s.zeros == n; /* no sample has a weight */
  s.log_z = none ? -INFINITY : maximum + log(sum / N);
  s.ess = none ? 0 : sum * sum / (N * square);
  s.top = none ? 0 : 1 / sum;
  s.log_z_error = none || n < 2 ? NAN : sqrt(fmax(0, 1 / s.ess - 1) / (N - 1));
  s.bound = s.zeros ? -INFINITY : mean;
  s.bound_error = s.zeros || n < 2 ? NAN : sqrt(spread / (N - 1) / N);
  *out = s;
  return CLF_OK;
}

/* ---- Samples and weights --------------------------------------------------------------------- */

enum { CHUNK = 1 << 14 };

/* Memory for a chunk of samples. */
typedef struct chunk {
  double *x, *logp, *logq;
} chunk;

static clf_status weigh(clf_flow *f, const clf_density *d, const chunk *c, uint64_t seed,
                        int64_t first, int64_t n, double *log_weights) {
  CLF_TRY(clf_sample(f, seed, first, n, c->x));
  CLF_TRY(clf_log_prob(f, c->x, n, c->logq));
  CLF_TRY(clf__density_at(d, c->x, first, n, 0, c->logp, NULL));
  for (int64_t i = 0; i < n; i++) {
    if (!isfinite(c->logq[i]))
      return clf__fail(CLF_ENUM,
                       "sample %lld of the flow has no density under it: its inverse is "
                       "inexact there",
                       (long long)(first + i));
    log_weights[i] = c->logp[i] - c->logq[i];
  }
  return CLF_OK;
}

static clf_status weigh_all(clf_flow *f, const clf_density *d, const chunk *c, uint64_t seed,
                            int64_t first, int64_t n, double *x, double *log_weights) {
  for (int64_t at = 0, m; at < n; at += m) {
    m = n - at < CHUNK ? n - at : CHUNK;
    CLF_TRY(weigh(f, d, c, seed, first + at, m, log_weights + at));
    if (x) memcpy(x + at * d->dim, c->x, (size_t)(m * d->dim) * sizeof *x);
  }
  return CLF_OK;
}

static clf_status check(const clf_flow *f, const clf_density *d, int64_t first, int64_t n) {
  const int32_t D = clf_flow_get_spec(f)->dim;
  if (!d->log_density) return clf__fail(CLF_EINVAL, "the density has no function");
  if (d->dim != D)
    return clf__fail(CLF_ESHAPE, "the density has %d dimensions, the flow has %d", (int)d->dim,
                     (int)D);
  if (n < 1) return clf__fail(CLF_EINVAL, "%lld samples: there must be at least 1", (long long)n);
  if (first < 0)
    return clf__fail(CLF_EINVAL, "the first sample is %lld; they count from 0", (long long)first);
  return clf__rows_fit(n, D, sizeof(double));
}

/* With the flow's own density, without limits; they are set again afterwards. */
static clf_status weigh_unlimited(clf_flow *f, const clf_density *d, const chunk *c, uint64_t seed,
                                  int64_t first, int64_t n, double *x, double *log_weights) {
  const clf_column_grid *const grid = clf_flow_grid(f);
  if (!grid) return weigh_all(f, d, c, seed, first, n, x, log_weights);
  const size_t bytes = (size_t)d->dim * sizeof *grid;
  clf_column_grid *const kept = malloc(bytes);
  if (!kept) return clf__fail(CLF_ENOMEM, "no memory for the limits of %d columns", (int)d->dim);
  memcpy(kept, grid, bytes);
  clf_status s = clf_flow_remove_limits(f);
  if (!s) s = weigh_all(f, d, c, seed, first, n, x, log_weights);
  const clf_status again = clf_flow_set_grid(f, kept);
  free(kept);
  return s ? s : again;
}

clf_status clf_importance(clf_flow *f, const clf_density *d, uint64_t seed, int64_t first,
                          int64_t n, clf_importance_score *score, double *x, double *log_weights) {
  CLF_GIVEN("flow, density, score", f, d, score);
  CLF_TRY(check(f, d, first, n));
  const size_t rows = (size_t)(n < CHUNK ? n : CHUNK), D = (size_t)d->dim;
  double *memory = malloc((rows * (D + 2) + (size_t)n) * sizeof *memory);
  if (!memory)
    return clf__fail(CLF_ENOMEM, "no memory for the weights of %lld samples", (long long)n);
  double *lw = memory + rows * (D + 2);
  const chunk c = {memory, memory + rows * D, memory + rows * (D + 1)};
  clf_status s = weigh_unlimited(f, d, &c, seed, first, n, x, lw);
  if (!s) s = clf_importance_score_of(lw, n, score);
  if (!s && log_weights) memcpy(log_weights, lw, (size_t)n * sizeof *lw);
  free(memory);
  return s;
}
