/* SPDX-License-Identifier: MIT */
/* columns.c: checks the values of the columns, and decides how the head of every architecture
 * treats each column. */
#define _POSIX_C_SOURCE 200809L
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "fit_private.h"
#include "flow_private.h"
#include "json_text.h"
#include "names.h"
#include "table.h"
#include "table_rows.h"

/* ---- Checks -------------------------------------------------------------------------------- */

static clf_status check_finite(const clf_table *t, const char *of) {
  for (int64_t i = 0; i < t->rows * t->cols; i++)
    if (!isfinite(t->at[i]))
      return clf__fail(CLF_ENUM, "row %lld, %s%s is %g", (long long)(i / t->cols) + 1,
                       clf__column_label(t->names, (int32_t)(i % t->cols)).s, of, t->at[i]);
  return CLF_OK;
}

clf_status clf__fit_check_data(const clf__fit *f) {
  const clf_fit_data *d = f->data;
  if (d->given && d->given->rows != d->x->rows)
    return clf__fail(CLF_ESHAPE, "the context has %lld rows, the data have %lld",
                     (long long)d->given->rows, (long long)d->x->rows);
  CLF_TRY(check_finite(d->x, ""));
  if (d->given) CLF_TRY(check_finite(d->given, " of the context"));
  return clf__check_weights(d->weights, d->x->rows, "", "rows");
}

/* A column with a single value has no density, and carries no information.  If another value is
 * among the test rows only, the noise of its grid gives it a density. */
static clf_status check_constant(const clf__fit *f) {
  const clf_table *x = &f->learn.x;
  clf__name_list list = {0};
  int32_t constant = 0, columns = 0;
  for (int32_t d = 0; d < x->cols; d++) {
    if (!clf__table_is_constant(x, d)) continue;
    constant++;
    if (f->grid[d].step > 0) continue;
    clf__name_list_add_column(&list, x->names, d);
    columns++;
  }
  if (constant == x->cols)
    return clf__fail(CLF_ENUM, "all rows are equal: there is no density to fit");
  if (columns == 0) return CLF_OK;
  return clf__fail(
      CLF_ENUM,
      "%s: the same in every row to learn from, so that there is no density: leave %s out "
      "(--drop)",
      clf__name_list_text(&list), columns == 1 ? "the column" : "these columns");
}

/* ---- Treatment ----------------------------------------------------------------------------- */

static clf_status say_grids(clf__fit *f, int columns, clf__name_list *list) {
  if (columns == 0) return CLF_OK;
  return clf__fit_note(
      f,
      "%s %s few values, all on a grid: noise of one step is added in training, and "
      "samples are rounded to the grid",
      clf__name_list_text(list), columns == 1 ? "has" : "have");
}

static clf_status find_grids(clf__fit *f) {
  const int32_t D = f->data->x->cols;
  clf__name_list list = {0};
  int columns = 0;
  f->grid = calloc((size_t)D, sizeof *f->grid);
  if (!f->grid) return clf__fail(CLF_ENOMEM, "no memory for the grids of columns");
  for (int32_t d = 0; d < D; d++) {
    CLF_TRY(clf_table_discrete(f->data->x, d, &f->grid[d]));
    if (!(f->grid[d].step > 0)) continue;
    clf__name_list_add_column(&list, f->data->x->names, d);
    columns++;
  }
  return say_grids(f, columns, &list);
}

static double *copy(const double *from, size_t n) {
  double *to = from ? malloc(n * sizeof *to) : NULL;
  if (to) memcpy(to, from, n * sizeof *to);
  return to;
}

/* All candidates share the scaling of the training and validation rows, so that a blend of them
 * has one head. */
static clf_status fit_scaling(clf__fit *f) {
  const clf_train_data d = clf__fit_train_data(&f->learn, NULL);
  const size_t D = (size_t)f->data->x->cols, C = f->data->given ? (size_t)f->data->given->cols : 0;
  const clf_mixture_options o = clf_mixture_options_default();
  clf_flow *flow = NULL;
  clf__fit_candidate c;
  CLF_TRY(clf__fit_begin(f, "scaling", "", "normal(trained, cov=full)", "", &c));
  clf_status s = clf__fit_flow(f, &c, 0, &flow);
  if (!s) s = clf_mixture_fit(flow, &d, &o, NULL);
  if (!s) {
    clf__fit_head *const h = &f->head;
    h->mean = copy(flow->mean, D), h->std = copy(flow->std, D);
    h->c_mean = copy(flow->c_mean, C), h->c_std = copy(flow->c_std, C);
    if (!h->mean != !flow->mean || !h->std != !flow->std || !h->c_mean != !flow->c_mean ||
        !h->c_std != !flow->c_std)
      s = clf__fail(CLF_ENOMEM, "no memory for the scaling of columns");
  }
  clf_flow_free(flow);
  clf__fit_candidate_free(&c);
  return s;
}

clf_status clf__fit_set_scaling(const clf__fit *f, clf_flow *flow) {
  const clf__fit_head *const h = &f->head;
  if (h->mean) CLF_TRY(clf_flow_set_scaling(flow, h->mean, h->std));
  return h->c_mean ? clf__flow_set_context_scaling(flow, h->c_mean, h->c_std) : CLF_OK;
}

static const char *const names[] = {
    [CLF_TREAT_LOG] = "log", [CLF_TREAT_LOGIT] = "logit", [CLF_TREAT_ASINH] = "asinh"};

static clf_status add_treated(clf__fit *f, int32_t d, const clf_treatment *t) {
  const clf__label label = clf__column_label(f->data->x->names, d);
  const char *const name = f->data->x->names ? f->data->x->names[d] : label.s;
  json_t *const entry = json_pack("{s:o, s:s, s:o}", "name", clf__json_text(name), "treatment",
                                  names[t->kind], "sentence", clf__json_text(t->sentence));
  if (json_array_append_new(f->columns, entry))
    return clf__fail(CLF_ENOMEM, "no memory for the record of a fit");
  clf__fit_say(f, t->sentence);
  return CLF_OK;
}

clf_status clf__fit_say_treatments(clf__fit *f) {
  const clf_treatments *const t = &f->treatments;
  for (int32_t d = 0; d < t->cols; d++)
    if (t->column[d].kind != CLF_TREAT_NONE) CLF_TRY(add_treated(f, d, &t->column[d]));
  return CLF_OK;
}

int clf__fit_has_treatments(const clf__fit *f) {
  for (int32_t d = 0; d < f->treatments.cols; d++)
    if (f->treatments.column[d].kind != CLF_TREAT_NONE) return 1;
  return 0;
}

void clf__fit_head_free(clf__fit_head *h) {
  free(h->layers);
  free(h->mean);
  free(h->std);
  free(h->c_mean);
  free(h->c_std);
  *h = (clf__fit_head){0};
}

clf_status clf__fit_set_head(clf__fit *f, int treated) {
  clf__fit_head_free(&f->head);
  f->head.layers = strdup(treated ? f->treatments.head : "standardize");
  return f->head.layers ? fit_scaling(f) : clf__fail(CLF_ENOMEM, "no memory for an architecture");
}

/* Reports problems that no treatment solves. */
static clf_status say_advice(clf__fit *f) {
  clf_advice *advice = NULL;
  int count = 0;
  clf_status s = clf_table_advise(&f->learn.x, 1, f->grid, &advice, &count);
  for (int i = 0; i < count && !s; i++)
    if (advice[i].kind == CLF_ADVICE_FEW_VALUES || advice[i].kind == CLF_ADVICE_POINT_MASS ||
        advice[i].kind == CLF_ADVICE_COLLINEAR)
      s = clf__fit_note(f, "%s", advice[i].sentence);
  free(advice);
  return s;
}

clf_status clf__fit_look(clf__fit *f) {
  CLF_TRY(find_grids(f));
  CLF_TRY(check_constant(f));
  CLF_TRY(say_advice(f));
  CLF_TRY(clf_table_treat(&f->learn.x, NULL, 0, f->grid, &f->treatments));
  return clf__fit_find_limits(f);
}
