/* SPDX-License-Identifier: MIT */
/* percentiles.c: percentile ranks of log-densities among those of a flow's own samples. */
#include <stdlib.h>
#include <string.h>
#include "density.h"
#include "given.h"
#include "status.h"

/* A row with its context, for sorting. */
typedef struct row {
  const double *c;
  int64_t number;
  int32_t context;
} row;

static int by_context(const void *a, const void *b) {
  const row *p = a, *q = b;
  for (int32_t i = 0; i < p->context; i++)
    if (p->c[i] != q->c[i]) return p->c[i] < q->c[i] ? -1 : 1;
  return (p->number > q->number) - (p->number < q->number);
}

typedef struct room {
  row *rows;
  double *x, *c, *drawn, *logp, *percent;
} room;

static void release(room *r) {
  free(r->rows);
  free(r->x);
  free(r->c);
  free(r->drawn);
  free(r->logp);
  free(r->percent);
}

static clf_status reserve(room *r, int64_t n, int64_t samples, int32_t D, int32_t C) {
  CLF_TRY(clf__rows_fit(samples, D > C ? D : C, sizeof(double)));
  CLF_TRY(clf__rows_fit(n, 1, sizeof(row)));
  const size_t S = (size_t)samples, N = (size_t)n;
  r->rows = malloc(N * sizeof *r->rows);
  r->x = malloc(S * (size_t)D * sizeof *r->x);
  r->c = malloc(S * (size_t)(C ? C : 1) * sizeof *r->c);
  r->drawn = malloc(S * sizeof *r->drawn);
  r->logp = malloc(N * sizeof *r->logp);
  r->percent = malloc(N * sizeof *r->percent);
  if (r->rows && r->x && r->c && r->drawn && r->logp && r->percent) return CLF_OK;
  return clf__fail(CLF_ENOMEM, "no memory for %lld samples of %d columns", (long long)samples,
                   (int)D);
}

/* log p of samples of the flow, under the context c if it has one. */
static clf_status draw(clf_flow *f, const double *c, uint64_t seed, int64_t samples, room *r) {
  const int32_t C = clf_flow_context(f);
  if (!C) {
    CLF_TRY(clf_sample(f, seed, 0, samples, r->x));
    return clf_log_prob(f, r->x, samples, r->drawn);
  }
  CLF_TRY(clf_sample_given(f, c, 1, seed, samples, r->x));
  for (int64_t i = 0; i < samples; i++) memcpy(r->c + i * C, c, (size_t)C * sizeof *c);
  return clf_log_prob_given(f, r->x, r->c, samples, r->drawn);
}

/* Rows first .. end - 1 of the sorted ones, which have the same context. */
static clf_status rank_block(clf_flow *f, const double *logp, int64_t first, int64_t end,
                             uint64_t seed, int64_t samples, room *r, double *percent) {
  CLF_TRY(draw(f, r->rows[first].c, seed, samples, r));
  for (int64_t i = first; i < end; i++) r->logp[i - first] = logp[r->rows[i].number];
  CLF_TRY(clf_percentiles(r->logp, end - first, r->drawn, samples, r->percent));
  for (int64_t i = first; i < end; i++) percent[r->rows[i].number] = r->percent[i - first];
  return CLF_OK;
}

static int same_context(const row *a, const row *b) {
  int32_t i = 0;
  while (i < a->context && a->c[i] == b->c[i]) i++;
  return i == a->context;
}

/* Rows without log p need no samples: they may lack a context, too. */
static int64_t sort_rows(const double *c, int32_t C, const double *logp, int64_t n, room *r,
                         double *percent) {
  int64_t count = 0;
  for (int64_t i = 0; i < n; i++) {
    percent[i] = logp[i]; /* keeps NaN */
    if (logp[i] == logp[i]) r->rows[count++] = (row){c ? c + i * C : NULL, i, C};
  }
  qsort(r->rows, (size_t)count, sizeof *r->rows, by_context);
  return count;
}

clf_status clf__check_sampling(const clf_flow *f, const double *c, int64_t n, int64_t samples) {
  const int32_t C = clf_flow_context(f);
  if (n < 1 || samples < 1)
    return clf__fail(CLF_EINVAL, "%lld rows and %lld samples: there must be at least 1 of each",
                     (long long)n, (long long)samples);
  if (!C == !c) return CLF_OK;
  return clf__fail(CLF_EINVAL, C ? "the flow takes a context, and c is NULL"
                                 : "the flow takes no context, and c is given");
}

clf_status clf_model_percentiles(clf_flow *f, const double *c, const double *logp, int64_t n,
                                 uint64_t seed, int64_t samples, double *percent) {
  CLF_GIVEN("flow, logp, percent", f, logp, percent);
  CLF_TRY(clf__check_sampling(f, c, n, samples));
  const int32_t D = clf_flow_get_spec(f)->dim, C = clf_flow_context(f);
  room r = {0};
  clf_status s = reserve(&r, n, samples, D, C);
  const int64_t count = s ? 0 : sort_rows(c, C, logp, n, &r, percent);
  for (int64_t first = 0, end; first < count && !s; first = end) {
    for (end = first + 1; end < count && same_context(&r.rows[first], &r.rows[end]);) end++;
    s = rank_block(f, logp, first, end, seed, samples, &r, percent);
  }
  release(&r);
  return s;
}
