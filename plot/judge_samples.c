/* SPDX-License-Identifier: MIT */
/* judge_samples.c: ranks of test rows among the model's samples: each column, and log p. */
#include "fail.h"
#include "judge.h"
#include "statistics.h"
#include "view.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Total numbers in all samples, and bounds on the resulting number of samples. */
enum { NUMBERS = 640000, SAMPLES_LEAST = 2000, SAMPLES_MOST = 10000 };
/* For conditional models: rows that are compared, and samples for each. */
enum { ROWS_MOST = 2000, DRAWS_LEAST = 20, DRAWS_MOST = 100, NUMBERS_GIVEN = 4000000 };

/* Sorts t->u and computes the rest; `family`: number of such tests that are made together. */
static void finish_test(clf__test *t, int family) {
  clf__sort(t->u, t->n);
  t->mean = 0;
  for (int64_t i = 0; i < t->n; i++) t->mean += t->u[i] / (double)t->n;
  t->distance = clf__ks_distance(t->u, t->n);
  t->probability = clf__ks_probability(t->distance, t->rows);
  t->band = clf__ks_band(CLF__ALPHA / family, t->rows);
  t->level = t->distance <= t->band     ? CLF__FITS
             : t->distance < CLF__CLEAR ? CLF__SLIGHT
                                        : CLF__CLEARLY;
}

static int64_t within(int64_t v, int64_t lo, int64_t hi) { return v < lo ? lo : v > hi ? hi : v; }

/* ---- Drawing ------------------------------------------------------------------------------ */

static clf_status no_memory(int64_t n) {
  return clf__plot_fail(CLF_ENOMEM, "no memory to compare rows with %" PRId64 " samples", n);
}

/* Which test rows are compared: all, or evenly spaced ones if there are many. */
static clf_status choose_judged(clf__facts *f) {
  const int64_t n = f->set[CLF__TEST].n;
  f->judged = f->context && n > ROWS_MOST ? ROWS_MOST : n;
  f->judge = malloc((size_t)f->judged * sizeof *f->judge);
  if (!f->judge) return no_memory(f->judged);
  for (int64_t k = 0; k < f->judged; k++)
    f->judge[k] = (int64_t)((double)k * (double)n / (double)f->judged);
  return CLF_OK;
}

static clf_status make_room(clf__facts *f) {
  f->draws = f->context ? within(NUMBERS_GIVEN / (f->judged * f->dim), DRAWS_LEAST, DRAWS_MOST) : 0;
  f->samples =
      f->context ? f->judged * f->draws : within(NUMBERS / f->dim, SAMPLES_LEAST, SAMPLES_MOST);
  f->sample = malloc((size_t)f->samples * (size_t)f->dim * sizeof *f->sample);
  f->sample_logp = malloc((size_t)f->samples * sizeof *f->sample_logp);
  return f->sample && f->sample_logp ? CLF_OK : no_memory(f->samples);
}

static clf_status draw_given(clf__facts *f) {
  const int64_t C = f->context;
  double *const c = malloc((size_t)f->samples * (size_t)C * sizeof *c);
  if (!c) return no_memory(f->samples);
  for (int64_t k = 0; k < f->judged; k++)
    memcpy(c + k * C, f->set[CLF__TEST].rows->given->at + f->judge[k] * C, (size_t)C * sizeof *c);
  clf_status s = clf_sample_given(f->flow, c, f->judged, f->source->seed, f->draws, f->sample);
  for (int64_t k = f->samples - 1; k >= 0; k--) /* backwards, because both use the same memory */
    memmove(c + k * C, c + k / f->draws * C, (size_t)C * sizeof *c);
  if (!s) s = clf_log_prob_given(f->flow, f->sample, c, f->samples, f->sample_logp);
  free(c);
  return s;
}

/* Appends samples first .. first + n.  If the flow refuses some as not finite, they are bisected
 * until the rest is a single one, which is left out, or accepted. */
static clf_status draw_finite(clf__facts *f, int64_t first, int64_t n) {
  const clf_status s =
      clf_sample(f->flow, f->source->seed, first, n, f->sample + f->samples * f->dim);
  if (!s) f->samples += n;
  if (s != CLF_ENUM || n == 1) return s == CLF_ENUM ? CLF_OK : s;
  CLF_TRY(draw_finite(f, first, n / 2));
  return draw_finite(f, first + n / 2, n - n / 2);
}

static clf_status draw(clf__facts *f) {
  CLF_TRY(choose_judged(f));
  CLF_TRY(make_room(f));
  if (f->context) return draw_given(f);
  const int64_t wanted = f->samples;
  f->samples = 0;
  CLF_TRY(draw_finite(f, 0, wanted));
  f->lost = wanted - f->samples;
  if (!f->samples)
    return clf__plot_fail(CLF_ENUM, "all of %" PRId64 " samples of the flow overflow", wanted);
  return clf_log_prob(f->flow, f->sample, f->samples, f->sample_logp);
}

/* ---- Comparing ------------------------------------------------------------------------------ */

/* The share of n ascending samples below v, with ties broken at random: uniform if v is one more
 * sample. */
static double fraction_below(const double *sorted, int64_t n, double v, double uniform) {
  int64_t below, equal;
  clf__count_below(sorted, n, v, &below, &equal);
  return ((double)below + uniform * (double)(equal + 1)) / (double)(n + 1);
}

/* One value for each judged row (`stride` apart by test row) among one for each sample. */
static clf_status compare(clf__facts *f, const double *value, int32_t stride, double *among,
                          uint64_t stream, int family, clf__test *t) {
  const int64_t pool = f->draws ? f->draws : f->samples;
  t->u = malloc((size_t)f->judged * sizeof *t->u);
  if (!t->u) return no_memory(f->judged);
  t->n = f->judged;
  t->rows =
      f->draws ? (double)t->n : (double)t->n * (double)f->samples / (double)(t->n + f->samples);
  if (!f->draws) clf__sort(among, pool);
  for (int64_t k = 0; k < f->judged; k++) {
    double *const own = f->draws ? among + k * pool : among;
    if (f->draws) clf__sort(own, pool);
    const double uniform = clf__hash_uniform(f->source->seed, (uint64_t)f->judge[k], stream);
    t->u[k] = fraction_below(own, pool, value[f->judge[k] * stride], uniform);
  }
  finish_test(t, family);
  return CLF_OK;
}

static clf_status compare_columns(clf__facts *f) {
  double *const among = malloc((size_t)f->samples * sizeof *among);
  clf_status s = among ? CLF_OK : no_memory(f->samples);
  for (int32_t d = 0; d < f->dim && !s; d++) {
    for (int64_t i = 0; i < f->samples; i++) among[i] = f->sample[i * f->dim + d];
    s = compare(f, f->set[CLF__TEST].rows->x->at + d, f->dim, among, (uint64_t)d + 1, f->dim + 1,
                &f->column[d]);
  }
  free(among);
  return s;
}

/* Insertion sort by decreasing distance keeps equal ones in the table's order. */
static void sort_worst(clf__facts *f) {
  for (int32_t d = 0; d < f->dim; d++) {
    int32_t at = d;
    while (at > 0 && f->column[f->worst[at - 1]].distance < f->column[d].distance) {
      f->worst[at] = f->worst[at - 1];
      at--;
    }
    f->worst[at] = d;
  }
}

/* The probability of at least `count` for a Poisson distribution with mean `expected`. */
static double poisson_tail(int64_t count, double expected) {
  return count < 1 ? 1 : clf__gamma_p((double)count, expected);
}

/* Rows less probable than every sample: a test of the whole distribution of log p overlooks them
 * because they are few, but a mean does not. */
static void count_beyond(clf__facts *f) {
  const int64_t pool = f->draws ? f->draws : f->samples;
  for (int64_t k = 0; k < f->judged; k++)
    f->beyond += f->set[CLF__TEST].logp[f->judge[k]] < f->sample_logp[f->draws ? k * pool : 0];
  f->beyond_expected = (double)f->judged / (double)(pool + 1);
  const double p = poisson_tail(f->beyond, f->beyond_expected);
  f->beyond_level = p > CLF__ALPHA                                 ? CLF__FITS
                    : (double)f->beyond < 0.02 * (double)f->judged ? CLF__SLIGHT
                                                                   : CLF__CLEARLY;
}

/* ---- |z|^2 --------------------------------------------------------------------------- */

/* Whether the base is an untrained normal, and all columns are continuous. */
static int is_chi_square(const clf__facts *f) {
  const clf_arch *const arch = clf_flow_arch(f->flow);
  const clf_column_grid *const grid = clf_flow_grid(f->flow);
  for (int32_t d = 0; grid && d < f->dim; d++)
    if (grid[d].step > 0) return 0;
  if (!arch) return 1; /* the presets with a kind end in N(0, I) */
  json_t *const json = json_loads(clf_arch_json(arch), 0, NULL);
  const json_t *const base = json_object_get(json, "base");
  const char *const kind = json_string_value(json_object_get(base, "kind"));
  const json_t *const trained = json_object_get(base, "trained");
  const int fixed = kind && strcmp(kind, "normal") == 0 && !json_is_true(trained) &&
                    !json_object_get(base, "net");
  json_decref(json);
  return fixed;
}

/* z of the judged rows; NaN where the flow overflows. */
static clf_status latents(clf__facts *f, double *x, double *c, double *z) {
  const clf_report_rows *const r = f->set[CLF__TEST].rows;
  const int64_t D = f->dim, C = f->context;
  for (int64_t k = 0; k < f->judged; k++) {
    memcpy(x + k * D, r->x->at + f->judge[k] * D, (size_t)D * sizeof *x);
    if (C) memcpy(c + k * C, r->given->at + f->judge[k] * C, (size_t)C * sizeof *c);
  }
  return C ? clf_transform_given(f->flow, x, c, f->judged, z, NULL)
           : clf__apply(f->flow, clf_transform, f->dim, x, f->judged, z, NULL);
}

static clf_status compare_lengths(clf__facts *f) {
  const int64_t D = f->dim, n = f->judged;
  double *const x = malloc((size_t)n * (size_t)(2 * D + f->context) * sizeof *x);
  f->chi = (clf__test){.n = n, .rows = (double)n, .u = malloc((size_t)n * sizeof *f->chi.u)};
  if (!x || !f->chi.u) {
    free(x);
    return no_memory(n);
  }
  double *const z = x + n * D;
  const clf_status s = latents(f, x, z + n * D, z);
  for (int64_t k = 0; k < n && !s; k++) {
    double square = 0;
    for (int64_t d = 0; d < D; d++) square += z[k * D + d] * z[k * D + d];
    f->chi.u[k] = isnan(square) ? 1 : clf__gamma_p((double)D / 2, square / 2);
  }
  free(x);
  if (!s) finish_test(&f->chi, 1);
  return s;
}

clf_status clf__judge_samples(clf__facts *f) {
  CLF_TRY(draw(f));
  f->column = calloc((size_t)f->dim, sizeof *f->column);
  f->worst = malloc((size_t)f->dim * sizeof *f->worst);
  if (!f->column || !f->worst) return no_memory(f->dim);
  CLF_TRY(compare_columns(f));
  sort_worst(f);
  CLF_TRY(compare(f, f->set[CLF__TEST].logp, 1, f->sample_logp, 0, f->dim + 1, &f->rank));
  count_beyond(f);
  return is_chi_square(f) ? compare_lengths(f) : CLF_OK;
}
