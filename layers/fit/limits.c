/* SPDX-License-Identifier: MIT */
/* limits.c: which continuous columns have limits that samples must not exceed. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include "fit_private.h"
#include "grid.h"
#include "names.h"

static const clf_column_grid none = {0, 0, 0}, positive = {0, 0, DBL_MAX},
                             negative = {0, -DBL_MAX, 0}, day = {0, 0, 86399 /* seconds */};

/* Usual limits of shares, percentages and correlations.  Of many values some come near the upper
 * one, within a part of it. */
static const struct { double low, high, near; } usual[] = {{0, 1, 0.1}, {0, 100, 1}, {-1, 1, 0.1}};
enum { MANY = 100 };

/* The usual limits of a column, or those of its logit; other columns stay on their side of 0. */
static clf_column_grid seen_of(const clf_table *x, int32_t d, const clf_treatment *t) {
  double low = INFINITY, high = -INFINITY;
  for (int64_t i = 0; i < x->rows; i++) {
    low = fmin(low, x->at[i * x->cols + d]);
    high = fmax(high, x->at[i * x->cols + d]);
  }
  for (size_t i = 0; i < sizeof usual / sizeof *usual && x->rows >= MANY; i++)
    if (low >= usual[i].low && high <= usual[i].high && high > usual[i].high - usual[i].near &&
        (usual[i].low == 0 || low < usual[i].low + usual[i].near))
      return (clf_column_grid){0, usual[i].low, usual[i].high};
  if (t->kind == CLF_TREAT_LOGIT && low >= t->a && high <= t->b)
    return (clf_column_grid){0, low >= 0 ? fmax(t->a, 0) : t->a, high <= 0 ? fmin(t->b, 0) : t->b};
  return low >= 0 ? positive : high <= 0 ? negative : none;
}

static clf_column_grid limits_of(const clf_table *x, int32_t d, const clf_treatment *t) {
  const clf_column_kind kind = x->columns ? x->columns[d].kind : CLF_COLUMN_NUMBER;
  return kind == CLF_COLUMN_TIME   ? day
         : kind == CLF_COLUMN_DATE ? none /* 1970 is no limit */
                                   : seen_of(x, d, t);
}

/* "x between 0 and 1", "x at or above 0" */
static void describe(const clf_column_grid *g, char *text, size_t size) {
  if (g->last == DBL_MAX)
    snprintf(text, size, "at or above %.6g", g->first);
  else if (g->first == -DBL_MAX)
    snprintf(text, size, "at or below %.6g", g->last);
  else
    snprintf(text, size, "between %.6g and %.6g", g->first, g->last);
}

static int same(const clf_column_grid *a, const clf_column_grid *b) {
  return a->step == 0 && b->step == 0 && a->first == b->first && a->last == b->last;
}

/* A sentence for all columns with the limits of column d, if it is the first of them. */
static clf_status say(clf__fit *f, int32_t d) {
  const clf_table *const x = f->data->x;
  clf__name_list list = {0};
  char text[64];
  for (int32_t c = 0; c < d; c++)
    if (same(&f->grid[c], &f->grid[d])) return CLF_OK;
  for (int32_t c = d; c < x->cols; c++)
    if (same(&f->grid[c], &f->grid[d])) clf__name_list_add_column(&list, x->names, c);
  describe(&f->grid[d], text, sizeof text);
  return clf__fit_note(f, "%s: all values are %s, and samples will be", clf__name_list_text(&list),
                       text);
}

clf_status clf__fit_find_limits(clf__fit *f) {
  for (int32_t d = 0; d < f->data->x->cols; d++)
    if (f->grid[d].step == 0) f->grid[d] = limits_of(f->data->x, d, &f->treatments.column[d]);
  for (int32_t d = 0; d < f->data->x->cols; d++)
    if (clf__has_limits(&f->grid[d])) CLF_TRY(say(f, d));
  return CLF_OK;
}
