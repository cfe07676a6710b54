/* SPDX-License-Identifier: MIT */
/* strange.c: which columns make a row unusual: the gain of log p when a single column changes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "clflow/flow.h"
#include "given.h"
#include "grid.h"
#include "status.h"

/* Values that are tried in each column of a row: quantiles of the column among the model's
 * samples, the column's values in the samples nearest to the row in all other columns, and the
 * row's own value; then REFINED values between the neighbours of the best one, ROUNDS times. */
enum { QUANTILES = 32, NEAREST = 32, TRIED = QUANTILES + NEAREST + 1, REFINED = 8, ROUNDS = 2 };
/* Samples of the model; with a context, per row. */
enum { SAMPLES = 2000, SAMPLES_GIVEN = 256 };
/* Elements that are evaluated at once, approximately. */
enum { NUMBERS = 2000000 };

typedef struct near {
  double distance;
  int64_t sample;
} near;

typedef struct work {
  clf_flow *flow;
  const clf_column_grid *grid;
  int32_t dim, context;
  int32_t block; /* columns whose values are tried at once */
  int64_t samples;
  double *sample;   /* (samples, dim) */
  double *unit;     /* (dim), the unit of distances along a column */
  double *quantile; /* (dim, QUANTILES) */
  double *sorted;   /* (samples) */
  near *near;       /* (samples) */
  double *far;      /* (samples), squared distance of each sample from the row */
  double *value;    /* (dim, TRIED), ascending for each column */
  double *rows, *given, *logp;
  double *best, *at; /* (dim), the largest log p, and the value that gives it */
} work;

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Ties are ordered by index, so that the result does not depend on the sort of the C library. */
static int nearer(const void *a, const void *b) {
  const near *p = a, *q = b;
  if (p->distance != q->distance) return p->distance < q->distance ? -1 : 1;
  return (p->sample > q->sample) - (p->sample < q->sample);
}

static void close_work(work *w) {
  free(w->sample);
  free(w->unit);
  free(w->quantile);
  free(w->sorted);
  free(w->near);
  free(w->far);
  free(w->value);
  free(w->rows);
  free(w->given);
  free(w->logp);
  free(w->best);
  free(w->at);
}

static clf_status open_work(work *w, clf_flow *flow) {
  *w = (work){.flow = flow, .grid = clf_flow_grid(flow), .dim = clf_flow_get_spec(flow)->dim};
  w->context = clf_flow_context(flow);
  w->samples = w->context ? SAMPLES_GIVEN : SAMPLES;
  const size_t D = (size_t)w->dim, S = (size_t)w->samples, C = (size_t)w->context;
  w->sample = malloc(S * D * sizeof(double));
  w->unit = malloc(D * sizeof(double));
  w->quantile = malloc(D * QUANTILES * sizeof(double));
  w->sorted = malloc(S * sizeof(double));
  w->near = malloc(S * sizeof(near));
  w->far = malloc(S * sizeof(double));
  w->value = malloc(D * TRIED * sizeof(double));
  w->block = NUMBERS / (TRIED * w->dim) > 1 ? NUMBERS / (TRIED * w->dim) : 1;
  if (w->block > w->dim) w->block = w->dim;
  const size_t rows = (size_t)w->block * TRIED;
  w->rows = malloc(rows * D * sizeof(double));
  w->given = malloc(rows * (C ? C : 1) * sizeof(double));
  w->logp = malloc(rows * sizeof(double));
  w->best = malloc(D * sizeof(double));
  w->at = malloc(D * sizeof(double));
  if (w->sample && w->unit && w->quantile && w->sorted && w->near && w->far && w->value &&
      w->rows && w->given && w->logp && w->best && w->at)
    return CLF_OK;
  close_work(w);
  return clf__fail(CLF_ENOMEM, "no memory for %lld samples of %d columns", (long long)w->samples,
                   w->dim);
}

/* Quantiles of each column of the samples.  The unit of a column is half of its interquartile
 * range; if that is 0, as for a column with few values, the whole range. */
static void survey(work *w) {
  for (int32_t d = 0; d < w->dim; d++) {
    for (int64_t i = 0; i < w->samples; i++) w->sorted[i] = w->sample[i * w->dim + d];
    qsort(w->sorted, (size_t)w->samples, sizeof *w->sorted, ascending);
    for (int k = 0; k < QUANTILES; k++)
      w->quantile[d * QUANTILES + k] = w->sorted[(2 * k + 1) * w->samples / (2 * QUANTILES)];
    const double middle = (w->sorted[3 * w->samples / 4] - w->sorted[w->samples / 4]) / 2;
    const double whole = w->sorted[w->samples - 1] - w->sorted[0];
    w->unit[d] = middle > 0 ? middle : whole > 0 ? whole : 1;
  }
}

/* Squared distance along column d; subtracting it removes that column from the sum. */
static double apart(const work *w, const double *x, int64_t i, int32_t d) {
  const double far = (w->sample[i * w->dim + d] - x[d]) / w->unit[d];
  return far * far;
}

/* Chooses the values to try in column d of row x. */
static void choose_values(work *w, const double *x, int32_t d) {
  double *const value = w->value + (size_t)d * TRIED;
  for (int64_t i = 0; i < w->samples; i++) w->near[i] = (near){w->far[i] - apart(w, x, i, d), i};
  qsort(w->near, (size_t)w->samples, sizeof *w->near, nearer);
  for (int k = 0; k < NEAREST; k++) value[k] = w->sample[w->near[k].sample * w->dim + d];
  memcpy(value + NEAREST, w->quantile + (size_t)d * QUANTILES, QUANTILES * sizeof *value);
  value[TRIED - 1] = x[d];
  qsort(value, TRIED, sizeof *value, ascending);
}

/* log p of the row with each of `count` values in each of the columns from .. to, TRIED of them
 * per column; records the best. */
static clf_status try_block(work *w, const double *x, const double *c, int count, int32_t from,
                            int32_t to) {
  const int64_t n = (int64_t)(to - from) * count;
  for (int64_t r = 0; r < n; r++) {
    const int64_t d = from + r / count;
    double *const row = w->rows + r * w->dim;
    memcpy(row, x, (size_t)w->dim * sizeof *row);
    row[d] = w->value[d * TRIED + r % count];
    if (c) memcpy(w->given + r * w->context, c, (size_t)w->context * sizeof *c);
  }
  CLF_TRY(c ? clf_log_prob_given(w->flow, w->rows, w->given, n, w->logp)
            : clf_log_prob(w->flow, w->rows, n, w->logp));
  for (int64_t r = 0; r < n; r++) {
    const int64_t d = from + r / count;
    if (!(w->logp[r] > w->best[d])) continue;
    w->best[d] = w->logp[r];
    w->at[d] = w->rows[r * w->dim + d];
  }
  return CLF_OK;
}

static clf_status try_values(work *w, const double *x, const double *c, int count) {
  for (int32_t d = 0; d < w->dim; d += w->block)
    CLF_TRY(try_block(w, x, c, count, d, d + w->block < w->dim ? d + w->block : w->dim));
  return CLF_OK;
}

/* The value that column d can have which is nearest to v. */
static double on_grid(const work *w, int32_t d, double v) {
  return w->grid ? clf__grid_value(&w->grid[d], v) : v;
}

/* The next values to try: evenly spaced between the two neighbours of the best one among `count`
 * ascending values of column d. */
static void refine(work *w, int32_t d, int count) {
  double *const value = w->value + (size_t)d * TRIED;
  double lo = w->at[d], hi = w->at[d];
  for (int k = 0; k < count; k++)
    if (value[k] < w->at[d]) lo = value[k];
  for (int k = count - 1; k >= 0; k--)
    if (value[k] > w->at[d]) hi = value[k];
  for (int k = 0; k < REFINED; k++)
    value[k + 1] = on_grid(w, d, lo + (hi - lo) * (k + 1) / (REFINED + 1));
  value[0] = lo;
  value[REFINED + 1] = hi;
}

static clf_status polish(work *w, const double *x, const double *c) {
  for (int round = 0; round < ROUNDS; round++) {
    for (int32_t d = 0; d < w->dim; d++) refine(w, d, round ? REFINED + 2 : TRIED);
    CLF_TRY(try_values(w, x, c, REFINED + 2));
  }
  return CLF_OK;
}

static clf_status judge_row(work *w, const double *x, const double *c, double *gain,
                            double *instead) {
  double own;
  CLF_TRY(c ? clf_log_prob_given(w->flow, x, c, 1, &own) : clf_log_prob(w->flow, x, 1, &own));
  for (int64_t i = 0; i < w->samples; i++) {
    w->far[i] = 0;
    for (int32_t d = 0; d < w->dim; d++) w->far[i] += apart(w, x, i, d);
  }
  for (int32_t d = 0; d < w->dim; d++) {
    choose_values(w, x, d);
    w->best[d] = own;
    w->at[d] = x[d];
  }
  CLF_TRY(try_values(w, x, c, TRIED));
  CLF_TRY(polish(w, x, c));
  for (int32_t d = 0; d < w->dim; d++) {
    gain[d] = w->best[d] > own ? w->best[d] - own : 0;
    if (instead) instead[d] = w->at[d];
  }
  return CLF_OK;
}

/* Appends samples first .. first + n; leaves out those that overflow. */
static clf_status draw_finite(work *w, uint64_t seed, int64_t first, int64_t n) {
  const clf_status s = clf_sample(w->flow, seed, first, n, w->sample + w->samples * w->dim);
  if (!s) w->samples += n;
  if (s != CLF_ENUM) return s;
  if (n == 1) return CLF_OK;
  CLF_TRY(draw_finite(w, seed, first, n / 2));
  return draw_finite(w, seed, first + n / 2, n - n / 2);
}

static clf_status draw(work *w, uint64_t seed) {
  w->samples = 0;
  CLF_TRY(draw_finite(w, seed, 0, SAMPLES));
  return w->samples >= NEAREST
             ? CLF_OK
             : clf__fail(CLF_ENUM, "all but %lld of %d samples of the flow overflow",
                         (long long)w->samples, (int)SAMPLES);
}

static clf_status judge_rows(work *w, const double *x, const double *c, int64_t n, uint64_t seed,
                             double *gain, double *instead) {
  const int64_t D = w->dim, C = w->context;
  clf_status s = C ? CLF_OK : draw(w, seed);
  if (!s && !C) survey(w);
  for (int64_t i = 0; i < n && !s; i++) {
    const double *const given = C ? c + i * C : NULL;
    if (C) s = clf_sample_given(w->flow, given, 1, seed, w->samples, w->sample);
    if (!s && C) survey(w);
    clf_flow_set_first_row(w->flow, i); /* for messages */
    if (!s) s = judge_row(w, x + i * D, given, gain + i * D, instead ? instead + i * D : NULL);
  }
  clf_flow_set_first_row(w->flow, 0);
  return s;
}

clf_status clf_strange_columns(clf_flow *flow, const double *x, const double *c, int64_t n,
                               uint64_t seed, double *gain, double *instead) {
  CLF_GIVEN("flow, x, gain", flow, x, gain);
  work w;
  if (n < 1) return clf__fail(CLF_EINVAL, "%lld rows: there must be at least 1", (long long)n);
  if (clf_flow_context(flow) && !c)
    return clf__fail(CLF_EINVAL, "the flow takes a context of %d columns: give it with the rows",
                     clf_flow_context(flow));
  if (c && !clf_flow_context(flow))
    return clf__fail(CLF_EINVAL, "the flow takes no context: leave it out");
  CLF_TRY(clf__rows_fit(n, clf_flow_get_spec(flow)->dim, sizeof *x));
  CLF_TRY(open_work(&w, flow));
  const clf_status s = judge_rows(&w, x, c, n, seed, gain, instead);
  close_work(&w);
  return s;
}
