/* SPDX-License-Identifier: MIT */
/* calibrate.c: compares rows with a flow's own samples, by column and by log p. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "density.h"
#include "given.h"
#include "philox.h"
#include "status.h"

/* Rows, with memory for one column at a time. */
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

/* Takes the rows without missing values. */
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

static const double *column_of(rows *r, int32_t d, int32_t D) {
  for (int64_t i = 0; i < r->count; i++) r->column[i] = r->x[i * D + d];
  return r->column;
}

/* ---- The same samples for every row ---------------------------------------------------------- */

static clf_status measure(clf_flow *f, rows *data, rows *drawn, uint64_t seed, int64_t samples,
                          clf_deviation *logp, clf_deviation *columns) {
  const int32_t D = clf_flow_get_spec(f)->dim;
  CLF_TRY(reserve(drawn, samples, D, 0));
  drawn->count = samples;
  CLF_TRY(clf_sample(f, seed, 0, samples, drawn->x));
  CLF_TRY(clf_log_prob(f, drawn->x, samples, drawn->logp));
  CLF_TRY(clf_log_prob(f, data->x, data->count, data->logp));
  CLF_TRY(clf_deviation_of(data->logp, data->count, drawn->logp, drawn->count, logp));
  for (int32_t d = 0; columns && d < D; d++)
    CLF_TRY(clf_deviation_of(column_of(data, d, D), data->count, column_of(drawn, d, D),
                             drawn->count, &columns[d]));
  return CLF_OK;
}

/* ---- Samples for each row's context ---------------------------------------------------------- */

enum { ROWS_MOST = 2000, EACH_LEAST = 20 };

/* Thins the rows to be judged, evenly, if there are many. */
static void thin(rows *data, int32_t D, int32_t C) {
  const int64_t n = data->count;
  if (n <= ROWS_MOST) return;
  for (int64_t i = 0; i < ROWS_MOST; i++) {
    const int64_t from = i * n / ROWS_MOST; /* at least i */
    memmove(data->x + i * D, data->x + from * D, (size_t)D * sizeof *data->x);
    memmove(data->c + i * C, data->c + from * C, (size_t)C * sizeof *data->c);
  }
  data->count = ROWS_MOST;
}

static clf_status draw_each(clf_flow *f, const rows *data, uint64_t seed, int64_t each, rows *to) {
  const int32_t D = clf_flow_get_spec(f)->dim, C = clf_flow_context(f);
  to->count = data->count * each;
  CLF_TRY(reserve(to, to->count, D, C));
  CLF_TRY(clf_sample_given(f, data->c, data->count, seed, each, to->x));
  for (int64_t i = 0; i < to->count; i++)
    memcpy(to->c + i * C, data->c + i / each * C, (size_t)C * sizeof *to->c);
  return clf_log_prob_given(f, to->x, to->c, to->count, to->logp);
}

/* The rank of each row's value among its own `each` samples, which is uniform in 0 .. 1 if the
 * row has the same distribution; ties are broken at random. */
static clf_status compare_each(const double *value, int64_t n, const double *own, int64_t each,
                               uint64_t seed, int32_t stream, clf_deviation *out) {
  double *const u = malloc((size_t)n * sizeof *u);
  if (!u) return clf__fail(CLF_ENOMEM, "no memory for %lld ranks", (long long)n);
  for (int64_t i = 0; i < n; i++) {
    int64_t below = 0, equal = 0;
    for (int64_t k = i * each; k < (i + 1) * each; k++) {
      below += own[k] < value[i];
      equal += own[k] == value[i];
    }
    const double random = clf__uniform(clf__philox_at(0, (uint64_t)i, (uint32_t)stream, seed).v[0]);
    u[i] = ((double)below + random * (double)(equal + 1)) / (double)(each + 1);
  }
  const clf_status s = clf__deviation_of_uniform(u, n, out);
  out->m = each;
  free(u);
  return s;
}

static clf_status measure_given(clf_flow *f, rows *data, rows *drawn, uint64_t seed,
                                int64_t samples, clf_deviation *logp, clf_deviation *columns) {
  const int32_t D = clf_flow_get_spec(f)->dim;
  thin(data, D, clf_flow_context(f));
  const int64_t n = data->count, share = samples / n,
                each = share > EACH_LEAST ? share : EACH_LEAST;
  CLF_TRY(draw_each(f, data, seed, each, drawn));
  CLF_TRY(clf_log_prob_given(f, data->x, data->c, n, data->logp));
  CLF_TRY(compare_each(data->logp, n, drawn->logp, each, seed, D, logp));
  for (int32_t d = 0; columns && d < D; d++)
    CLF_TRY(
        compare_each(column_of(data, d, D), n, column_of(drawn, d, D), each, seed, d, &columns[d]));
  return CLF_OK;
}

/* ---- All ------------------------------------------------------------------------ */

clf_status clf_calibrate(clf_flow *f, const double *x, const double *c, int64_t n, uint64_t seed,
                         int64_t samples, clf_deviation *logp, clf_deviation *columns) {
  CLF_GIVEN("flow, x, logp", f, x, logp);
  CLF_TRY(clf__check_sampling(f, c, n, samples));
  const int32_t D = clf_flow_get_spec(f)->dim, C = clf_flow_context(f);
  rows data = {0}, drawn = {0};
  clf_status s = take_rows(&data, x, c, n, D, C);
  if (!s) s = (C ? measure_given : measure)(f, &data, &drawn, seed, samples, logp, columns);
  release(&data);
  release(&drawn);
  return s;
}
