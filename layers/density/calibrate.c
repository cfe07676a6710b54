/* SPDX-License-Identifier: MIT */
/* calibrate.c: rows compared with a flow's own samples, by column and by log p. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "clflow/judge.h"
#include "given.h"
#include "status.h"

/* Rows, and a column of them at a time. */
typedef struct rows {
  double *x, *c, *logp, *column;
  int64_t count;
} rows;

static void release(rows *r) {
  free(r->x);
  free(r->c);
  free(r->logp);
  free(r->column);
}

static clf_status reserve(rows *r, int64_t n, int32_t D, int32_t C) {
  const size_t room = (size_t)(n > 0 ? n : 1);
  CLF_TRY(clf__rows_fit(n, D > C ? D : C, sizeof(double)));
  r->x = malloc(room * (size_t)D * sizeof *r->x);
  r->c = malloc(room * (size_t)(C ? C : 1) * sizeof *r->c);
  r->logp = malloc(room * sizeof *r->logp);
  r->column = malloc(room * sizeof *r->column);
  if (r->x && r->c && r->logp && r->column) return CLF_OK;
  return clf__fail(CLF_ENOMEM, "no memory to compare %lld rows of %d columns", (long long)n,
                   (int)D);
}

static int is_whole(const double *x, int32_t n) {
  int32_t i = 0;
  while (i < n && !isnan(x[i])) i++;
  return i == n;
}

/* The rows without missing values. */
static clf_status take_rows(rows *r, const double *x, const double *c, int64_t n, int32_t D,
                            int32_t C) {
  CLF_TRY(reserve(r, n, D, C));
  for (int64_t i = 0; i < n; i++) {
    if (!is_whole(x + i * D, D) || (C && !is_whole(c + i * C, C))) continue;
    memcpy(r->x + r->count * D, x + i * D, (size_t)D * sizeof *x);
    if (C) memcpy(r->c + r->count * C, c + i * C, (size_t)C * sizeof *c);
    r->count++;
  }
  return r->count ? CLF_OK : clf__fail(CLF_EINVAL, "there is no row without a missing value");
}

/* As many samples as asked for; with a context that is as many for each row, or one for each of
 * that many rows, evenly spaced. */
static clf_status draw(clf_flow *f, const rows *data, uint64_t seed, int64_t samples, rows *to) {
  const int32_t D = clf_flow_get_spec(f)->dim, C = clf_flow_context(f);
  if (!C) {
    CLF_TRY(reserve(to, samples, D, C));
    to->count = samples;
    CLF_TRY(clf_sample(f, seed, 0, samples, to->x));
    return clf_log_prob(f, to->x, samples, to->logp);
  }
  const int64_t contexts = data->count < samples ? data->count : samples,
                each = (samples + contexts - 1) / contexts;
  to->count = contexts * each;
  CLF_TRY(reserve(to, to->count, D, C));
  for (int64_t i = 0; i < contexts; i++) {
    const int64_t from = (int64_t)((double)i * (double)data->count / (double)contexts);
    memcpy(to->c + i * C, data->c + from * C, (size_t)C * sizeof *to->c);
  }
  CLF_TRY(clf_sample_given(f, to->c, contexts, seed, each, to->x));
  for (int64_t i = to->count; i-- > 0;) /* from the end: each row's source is before it */
    memmove(to->c + i * C, to->c + i / each * C, (size_t)C * sizeof *to->c);
  return clf_log_prob_given(f, to->x, to->c, to->count, to->logp);
}

static const double *column_of(rows *r, int32_t d, int32_t D) {
  for (int64_t i = 0; i < r->count; i++) r->column[i] = r->x[i * D + d];
  return r->column;
}

static clf_status measure(clf_flow *f, rows *data, rows *drawn, clf_deviation *logp,
                          clf_deviation *columns) {
  const int32_t D = clf_flow_get_spec(f)->dim;
  CLF_TRY(clf_flow_context(f) ? clf_log_prob_given(f, data->x, data->c, data->count, data->logp)
                              : clf_log_prob(f, data->x, data->count, data->logp));
  CLF_TRY(clf_deviation_of(data->logp, data->count, drawn->logp, drawn->count, logp));
  for (int32_t d = 0; columns && d < D; d++)
    CLF_TRY(clf_deviation_of(column_of(data, d, D), data->count, column_of(drawn, d, D),
                             drawn->count, &columns[d]));
  return CLF_OK;
}

clf_status clf_calibrate(clf_flow *f, const double *x, const double *c, int64_t n, uint64_t seed,
                         int64_t samples, clf_deviation *logp, clf_deviation *columns) {
  CLF_GIVEN("flow, x, logp", f, x, logp);
  const int32_t D = clf_flow_get_spec(f)->dim, C = clf_flow_context(f);
  if (n < 1 || samples < 1)
    return clf__fail(CLF_EINVAL, "%lld rows and %lld samples: there must be at least 1 of each",
                     (long long)n, (long long)samples);
  if (!C != !c)
    return clf__fail(CLF_EINVAL, C ? "the flow takes a context, and c is NULL"
                                   : "the flow takes no context, and c is given");
  rows data = {0}, drawn = {0};
  clf_status s = take_rows(&data, x, c, n, D, C);
  if (!s) s = draw(f, &data, seed, samples, &drawn);
  if (!s) s = measure(f, &data, &drawn, logp, columns);
  release(&data);
  release(&drawn);
  return s;
}
