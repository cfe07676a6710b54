/* SPDX-License-Identifier: MIT */
/* judge.c: evaluates a flow on rows: checks the input and runs the steps. */
#include "judge.h"
#include "fail.h"
#include "statistics.h"
#include "view.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const set_names[CLF__SETS] = {"training", "validation", "test"};

const char *clf__name_of(const clf__facts *f, int32_t column, char name[32]) {
  char *const *const names = clf_flow_columns(f->flow);
  const clf_table *const t = f->set[CLF__TEST].rows->x;
  if (names) return names[column];
  if (t->names && t->names[column] && t->names[column][0]) return t->names[column];
  snprintf(name, 32, "x%" PRId32, column);
  return name;
}

const clf_column *clf__description_of(const clf__facts *f, int32_t column) {
  const clf_column *const kinds = clf_flow_kinds(f->flow);
  const clf_table *const t = f->set[CLF__TEST].rows->x;
  return kinds ? &kinds[column] : t->columns ? &t->columns[column] : NULL;
}

/* ---- Checks ---------------------------------------------------------------------------------- */

static clf_status check_set(const clf__facts *f, int which) {
  const clf_report_rows *const r = f->set[which].rows;
  if (!r->x || !r->x->at || r->x->rows < 1) return CLF_OK;
  CLF_TRY(clf__table_check(r->x));
  if (r->x->cols != f->dim)
    return clf__plot_fail(
        CLF_ESHAPE, "the %s rows have %" PRId32 " columns, but the flow has %" PRId32 " dimensions",
        set_names[which], r->x->cols, f->dim);
  if (!f->context) return CLF_OK;
  if (!r->given || r->given->cols != f->context || r->given->rows != r->x->rows)
    return clf__plot_fail(CLF_ESHAPE,
                          "the flow takes a context of %" PRId32
                          " columns with each of the %" PRId64 " %s rows",
                          f->context, r->x->rows, set_names[which]);
  return clf__table_check(r->given);
}

static clf_status check(const clf__facts *f) {
  const clf_report_source *const s = f->source;
  const clf_flow_spec *const spec = clf_flow_get_spec(f->flow);
  if (spec->height)
    return clf__plot_fail(CLF_ENOTSUP, "reports are for tables; this is an image flow");
  if (!s->test.x || s->test.x->rows < 1)
    return clf__plot_fail(CLF_EINVAL, "there are no test rows to judge the flow by");
  for (int i = 0; i < CLF__SETS; i++) CLF_TRY(check_set(f, i));
  for (int32_t i = 0; i < s->pair_count; i++)
    if (s->pairs[i] < 0 || s->pairs[i] >= f->dim)
      return clf__plot_fail(CLF_EINVAL, "there is no column %" PRId32 " to draw, counted from 0",
                            s->pairs[i]);
  return CLF_OK;
}

/* ---- log p of the rows ----------------------------------------------------------------------- */

static clf_status score(clf__facts *f, clf__scored *p) {
  if (!p->rows->x || p->rows->x->rows < 1) return CLF_OK;
  p->n = p->rows->x->rows;
  p->logp = malloc((size_t)p->n * sizeof *p->logp);
  if (!p->logp) return clf__plot_fail(CLF_ENOMEM, "no memory for %" PRId64 " rows", p->n);
  CLF_TRY(f->context
              ? clf_log_prob_given(f->flow, p->rows->x->at, p->rows->given->at, p->n, p->logp)
              : clf_log_prob(f->flow, p->rows->x->at, p->n, p->logp));
  const clf_score all = clf_score_of(p->logp, p->n, f->dim);
  p->mean = all.rest.mean;
  p->error = all.count - all.zeros > 1 ? all.rest.std_error : NAN;
  p->zeros = all.zeros;
  return CLF_OK;
}

/* ---- Rows for plots -------------------------------------------------------------------------- */

/* The k-th of `count` evenly spaced rows of the sets first .. test, and its set. */
static int64_t spaced(const clf__facts *f, int first, int64_t k, int64_t count, int *set) {
  int64_t all = 0;
  for (int i = first; i < CLF__SETS; i++) all += f->set[i].n;
  int64_t row = (int64_t)((double)k * (double)all / (double)count);
  for (*set = first; row >= f->set[*set].n; (*set)++) row -= f->set[*set].n;
  return row;
}

static clf_status no_memory(int64_t n) {
  return clf__plot_fail(CLF_ENOMEM, "no memory for %" PRId64 " rows", n);
}

/* For conditional models: samples for the contexts of the shown rows, the same number for each. */
static clf_status draw_shadows(clf__facts *f, int first) {
  enum { ENOUGH = 4000 };
  const int64_t each = (ENOUGH + f->shown - 1) / f->shown, C = f->context;
  f->shadows = each * f->shown;
  f->shadow = malloc((size_t)f->shadows * (size_t)f->dim * sizeof *f->shadow);
  double *const c = malloc((size_t)f->shown * (size_t)C * sizeof *c);
  if (!f->shadow || !c) {
    free(c);
    return no_memory(f->shadows);
  }
  for (int64_t k = 0; k < f->shown; k++) {
    int set;
    const int64_t row = spaced(f, first, k, f->shown, &set);
    memcpy(c + k * C, f->set[set].rows->given->at + row * C, (size_t)C * sizeof *c);
  }
  const clf_status s = clf_sample_given(f->flow, c, f->shown, f->source->seed + 1, each, f->shadow);
  free(c);
  return s;
}

/* The test rows, or all rows if there are few test rows; evenly spaced ones if there are many. */
static clf_status choose_shown(clf__facts *f) {
  enum { ENOUGH = 500, MOST = 10000 };
  const int first = f->set[CLF__TEST].n >= ENOUGH ? CLF__TEST : CLF__TRAIN;
  int64_t all = 0;
  for (int i = first; i < CLF__SETS; i++) all += f->set[i].n;
  f->shows_all = first != CLF__TEST;
  f->shown = all < MOST ? all : MOST;
  f->show = malloc((size_t)f->shown * (size_t)f->dim * sizeof *f->show);
  if (!f->show) return no_memory(f->shown);
  for (int64_t k = 0; k < f->shown; k++) {
    int set;
    const int64_t row = spaced(f, first, k, f->shown, &set);
    memcpy(f->show + k * f->dim, f->set[set].rows->x->at + row * f->dim,
           (size_t)f->dim * sizeof *f->show);
  }
  if (f->draws) return draw_shadows(f, first);
  f->shadows = f->samples;
  f->shadow = f->sample;
  return CLF_OK;
}

/* ---- The whole evaluation -------------------------------------------------------------------- */

static void compare_sets(clf__facts *f) {
  const clf__scored *const train = &f->set[CLF__TRAIN], *const test = &f->set[CLF__TEST];
  f->gap = f->gap_error = NAN;
  if (!train->n) return;
  f->gap = train->mean - test->mean;
  f->gap_error = hypot(train->error, test->error);
}

static clf_status judge(clf__facts *f) {
  CLF_TRY(check(f));
  CLF_TRY(clf__record_read(&f->record, f->flow));
  for (int i = 0; i < CLF__SETS; i++) CLF_TRY(score(f, &f->set[i]));
  compare_sets(f);
  CLF_TRY(clf__judge_samples(f));
  CLF_TRY(clf__judge_gaussian(f));
  CLF_TRY(choose_shown(f));
  return clf__judge_strange(f);
}

clf_status clf__judge(clf__facts *f, const clf_report_source *source) {
  *f = (clf__facts){.source = source, .flow = source->flow};
  f->dim = clf_flow_get_spec(f->flow)->dim;
  f->context = clf_flow_context(f->flow);
  f->set[CLF__TRAIN].rows = &source->train;
  f->set[CLF__VALID].rows = &source->valid;
  f->set[CLF__TEST].rows = &source->test;
  const clf_status s = judge(f);
  if (s) clf__judge_free(f);
  return s;
}

void clf__judge_free(clf__facts *f) {
  for (int i = 0; i < CLF__SETS; i++) free(f->set[i].logp);
  for (int32_t d = 0; f->column && d < f->dim; d++) free(f->column[d].u);
  free(f->column);
  free(f->worst);
  free(f->rank.u);
  free(f->chi.u);
  free(f->judge);
  if (f->shadow != f->sample) free(f->shadow);
  free(f->sample);
  free(f->sample_logp);
  free(f->show);
  free(f->strange_numbers);
  clf__record_free(&f->record);
  *f = (clf__facts){0};
}
