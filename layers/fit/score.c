/* SPDX-License-Identifier: MIT */
/* score.c: log-likelihoods of rows, their means and standard errors. */
#include <math.h>
#include <stdlib.h>
#include "fit_private.h"
#include "flow_private.h"

static clf_status log_prob(clf_flow *flow, const double *x, const clf__fit_rows *rows,
                           double *logp) {
  return rows->given.at ? clf_log_prob_given(flow, x, rows->given.at, rows->x.rows, logp)
                        : clf_log_prob(flow, x, rows->x.rows, logp);
}

enum { NOISE = 5 }; /* a seed, so that all candidates are scored on the same rows */

clf_status clf__fit_log_prob(clf_flow *flow, const clf__fit_rows *rows, double *logp) {
  if (!rows->x.rows) return CLF_OK;
  if (!clf__flow_is_discrete(flow)) return log_prob(flow, rows->x.at, rows, logp);
  double *noisy = malloc((size_t)rows->x.rows * (size_t)rows->x.cols * sizeof *noisy);
  if (!noisy) return clf__fail(CLF_ENOMEM, "no memory for %lld rows", (long long)rows->x.rows);
  clf_status s = clf__add_noise(flow, &rows->x, NOISE, noisy);
  if (!s) s = log_prob(flow, noisy, rows, logp);
  free(noisy);
  return s;
}

/* The standard error of a weighted mean: sqrt(sum w^2 (v - mean)^2) / sum w, with the correction
 * n / (n - 1) of the unweighted case. */
clf__fit_score clf__fit_difference(const double *v, const double *minus, const double *weights,
                                   int64_t n) {
  double sum = 0, weight = 0, squares = 0;
  if (!n) return (clf__fit_score){NAN, NAN};
  for (int64_t i = 0; i < n; i++) {
    const double w = weights ? weights[i] : 1;
    if (w > 0) sum += w * (v[i] - (minus ? minus[i] : 0));
    weight += w;
  }
  const double mean = sum / weight;
  for (int64_t i = 0; i < n; i++) {
    const double w = weights ? weights[i] : 1, d = v[i] - (minus ? minus[i] : 0) - mean;
    if (w > 0) squares += w * w * d * d;
  }
  const double error = n > 1 ? sqrt(squares * (double)n / (double)(n - 1)) / weight : NAN;
  return (clf__fit_score){mean, isfinite(mean) ? error : NAN};
}

clf__fit_score clf__fit_score_of(const double *logp, const double *weights, int64_t n) {
  return clf__fit_difference(logp, NULL, weights, n);
}

/* a and b are logarithms. */
static double log_add(double a, double b) {
  const double maximum = fmax(a, b);
  return maximum == -INFINITY ? maximum : maximum + log1p(exp(fmin(a, b) - maximum));
}

clf_status clf__fit_mean_density(const clf__fit_candidate *c, int splits, const clf__fit_rows *rows,
                                 double *logp) {
  const int64_t n = rows->x.rows;
  CLF_TRY(clf__fit_log_prob(c->flow[0], rows, logp));
  if (splits == 1) return CLF_OK;
  double *other = malloc((size_t)n * sizeof *other);
  if (!other && n)
    return clf__fail(CLF_ENOMEM, "no memory for the densities of %lld rows", (long long)n);
  clf_status s = CLF_OK;
  for (int k = 1; k < splits && !s; k++) {
    s = clf__fit_log_prob(c->flow[k], rows, other);
    for (int64_t i = 0; i < n && !s; i++) logp[i] = log_add(logp[i], other[i]);
  }
  for (int64_t i = 0; i < n; i++) logp[i] -= log(splits);
  free(other);
  return s;
}
