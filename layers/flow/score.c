/* SPDX-License-Identifier: MIT */
/* score.c: means of log-densities. */
#include <math.h>
#include <stdlib.h>
#include "blocks.h"
#include "chunk.h"

/* Mean and standard error of the finite ones among n numbers, of which there are `count`. */
static void mean_of(const double *logp, int64_t n, int64_t count, double *mean, double *error) {
  double sum = 0, square = 0;
  for (int64_t i = 0; i < n; i++) sum += isfinite(logp[i]) ? logp[i] : 0;
  *mean = count ? sum / (double)count : NAN;
  for (int64_t i = 0; i < n; i++)
    square += isfinite(logp[i]) ? (logp[i] - *mean) * (logp[i] - *mean) : 0;
  const double variance = count > 1 ? square / (double)(count - 1) : 0;
  *error = count ? sqrt(variance / (double)count) : NAN;
}

clf_score clf_score_of(const double *logp, int64_t n, int32_t dim) {
  clf_score s = {.count = logp && n > 0 ? n : 0};
  n = s.count;
  for (int64_t i = 0; i < n; i++) s.zeros += !isfinite(logp[i]);
  mean_of(logp, n, n - s.zeros, &s.rest.mean, &s.rest.std_error);
  s.rest.bits_per_dim = -s.rest.mean / (dim * log(2));
  s.mean = s.zeros ? -INFINITY : s.rest.mean;
  s.std_error = s.zeros ? NAN : s.rest.std_error;
  s.bits_per_dim = s.zeros ? INFINITY : s.rest.bits_per_dim;
  return s;
}

clf_status clf_evaluate(clf_flow *f, const double *x, int64_t n, clf_score *score) {
  CLF_GIVEN("flow, x, score", f, x, score);
  CLF_TRY(clf__rows_fit(n, f->spec.dim, sizeof(double)));
  double *logp = n > 0 ? malloc((size_t)n * sizeof *logp) : NULL;
  if (n > 0 && !logp)
    return clf__fail(CLF_ENOMEM, "no memory for %lld log-densities", (long long)n);
  const clf_status s = clf_log_prob(f, x, n, logp);
  if (!s) *score = clf_score_of(logp, n, f->spec.dim);
  free(logp);
  return s;
}

clf_status clf_evaluate_given(clf_flow *f, const double *x, const double *c, int64_t n,
                              clf_score *score) {
  CLF_GIVEN("flow, x, c, score", f, x, c, score);
  CLF_TRY(clf__rows_fit(n, f->spec.dim, sizeof(double)));
  double *logp = n > 0 ? malloc((size_t)n * sizeof *logp) : NULL;
  if (n > 0 && !logp)
    return clf__fail(CLF_ENOMEM, "no memory for %lld log-densities", (long long)n);
  const clf_status s = clf_log_prob_given(f, x, c, n, logp);
  if (!s) *score = clf_score_of(logp, n, f->spec.dim);
  free(logp);
  return s;
}

/* Samples on the device, and what each counts. */
typedef struct samples {
  clf_tensor x, c;
  const double *weights; /* on the host; NULL: all the same */
} samples;

static samples part_of(const samples *all, int32_t from, int32_t to) {
  return (samples){clf_slice(all->x, 0, from, to),
                   all->c.buf ? clf_slice(all->c, 0, from, to) : all->c,
                   all->weights ? all->weights + from : NULL};
}

/* Adds weights times log p, and weights; log p is -inf where it is not finite. */
static clf_status sum_logp(clf_flow *f, samples s, double *host, double sum[2]) {
  const int32_t n = s.x.dim[0];
  const clf_tensor out = clf__rows(f->ws.logp, n);
  if (f->context) CLF_TRY(clf_do(f->dev, copy, .x = s.c, .y = clf__rows(f->ws.c, n)));
  CLF_TRY(clf__flow_embed(f, n, CLF_EVAL));
  CLF_TRY(clf__flow_evaluate(f, s.x, out));
  CLF_TRY(clf_read64(f->dev, out, host));
  for (int32_t i = 0; i < n; i++) {
    const double weight = s.weights ? s.weights[i] : 1;
    if (weight > 0) sum[0] += weight * (isfinite(host[i]) ? host[i] : -INFINITY);
    sum[1] += weight;
  }
  return CLF_OK;
}

clf_status clf__flow_mean_logp(clf_flow *f, clf_tensor x, clf_tensor c, const double *weights,
                               double *mean) {
  const int32_t rows = x.dim[0], most = clf__flow_chunk(f) < rows ? clf__flow_chunk(f) : rows;
  const samples all = {x, c, weights};
  CLF_TRY(clf__flow_reserve(f, most, CLF_VALUES));
  double *host = malloc((size_t)most * sizeof *host), sum[2] = {0, 0};
  clf_status s = host ? CLF_OK : clf__fail(CLF_ENOMEM, "no memory for %d log-densities", (int)most);
  for (int32_t at = 0; at < rows && !s; at += most)
    s = sum_logp(f, part_of(&all, at, rows - at < most ? rows : at + most), host, sum);
  free(host);
  if (!s) *mean = sum[0] / sum[1];
  return s;
}
