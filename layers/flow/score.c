/* SPDX-License-Identifier: MIT */
/* score.c: means of log-densities. */
#include <math.h>
#include <stdlib.h>
#include "blocks.h"
#include "chunk.h"

/* Mean and standard error of the finite ones among n numbers; `count` of them are finite. */
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

/* Samples on the device with their weights. */
typedef struct samples {
  clf_tensor x, c;
  const double *weights; /* on the host; NULL: all equal */
} samples;

static samples part_of(const samples *all, int32_t from, int32_t to) {
  return (samples){clf_slice(all->x, 0, from, to),
                   all->c.buf ? clf_slice(all->c, 0, from, to) : all->c,
                   all->weights ? all->weights + from : NULL};
}

/* Copies log p of samples to the host. */
static clf_status read_logp(clf_flow *f, samples s, double *host) {
  const int32_t n = s.x.dim[0];
  const clf_tensor out = clf__rows(f->ws.logp, n);
  if (f->context) CLF_TRY(clf_do(f->dev, copy, .x = s.c, .y = clf__rows(f->ws.c, n)));
  CLF_TRY(clf__flow_embed(f, n, CLF_EVAL));
  CLF_TRY(clf__flow_evaluate(f, s.x, out));
  return clf_read64(f->dev, out, host);
}

/* The mean by weights; log p is -inf where it is not finite. */
static double weighted_mean(const double *logp, const double *weights, int32_t n) {
  double sum[2] = {0, 0};
  for (int32_t i = 0; i < n; i++) {
    const double weight = weights ? weights[i] : 1;
    if (weight > 0) sum[0] += weight * (isfinite(logp[i]) ? logp[i] : -INFINITY);
    sum[1] += weight;
  }
  return sum[0] / sum[1];
}

clf_status clf__flow_mean_logp(clf_flow *f, clf_tensor x, clf_tensor c, const double *weights,
                               double *mean) {
  const int32_t rows = x.dim[0], maximum = clf__flow_chunk(f) < rows ? clf__flow_chunk(f) : rows;
  const samples all = {x, c, weights};
  int64_t begin, end;
  clf__flow_own_rows(f, rows, &begin, &end);
  clf_status s = clf__flow_reserve(f, maximum, CLF_VALUES);
  double *host = malloc((size_t)rows * sizeof *host);
  if (!host && !s) s = clf__fail(CLF_ENOMEM, "no memory for %d log-densities", (int)rows);
  for (int32_t at = (int32_t)begin, to; at < end && !s; at = to) {
    to = end - at < maximum ? (int32_t)end : at + maximum;
    s = read_logp(f, part_of(&all, at, to), host + at);
  }
  s = clf__flow_gather_rows(f, rows, s, host);
  if (!s) *mean = weighted_mean(host, weights, rows);
  free(host);
  return s;
}
