/* SPDX-License-Identifier: MIT */
/* grids.c: single columns of a table: copies, sorting, and the grid of evenly spaced values. */
#include "grids.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "grid.h"
#include "status.h"
#include "table.h"

enum { MOST_STEPS = 1 << 20 }; /* steps from the first value to the last */

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

void clf__sort_column(double *v, int64_t n) { qsort(v, (size_t)n, sizeof *v, ascending); }

/* The largest step that divides all gaps between sorted values, by Euclid's algorithm; 0: none. */
static double common_step(const double *v, int64_t n, double minimum) {
  double step = 0;
  for (int64_t i = 1; i < n; i++) {
    double gap = v[i] - v[i - 1];
    if (gap == 0) continue;
    if (step == 0) step = gap;
    for (double rest; (rest = fabs(remainder(gap, step))) > 1e-3 * step; step = rest) {
      if (rest < minimum) return 0;
      gap = step;
    }
  }
  return step;
}

clf_column_grid clf__grid_of(const double *v, int64_t n) {
  const clf_column_grid none = {0};
  const double range = v[n - 1] - v[0];
  if (!(range > 0 && isfinite(range))) return none;
  clf_column_grid g = {common_step(v, n, range / MOST_STEPS), v[0], v[n - 1]};
  if (!(g.step > 0) || range / g.step > MOST_STEPS) return none;
  g.step = range / round(range / g.step); /* the mean of all steps */
  for (int64_t i = 0; i < n; i++)
    if (!clf__on_grid(&g, v[i])) return none;
  return g;
}

clf_status clf__copy_column(const clf_table *t, int32_t column, int64_t count, double **out) {
  double *v = malloc((size_t)count * sizeof *v);
  if (!v) return clf__fail(CLF_ENOMEM, "no memory for %lld numbers of a column", (long long)count);
  for (int64_t i = 0; i < count; i++) {
    const int64_t row =
        count == t->rows ? i : (int64_t)((double)i * (double)t->rows / (double)count);
    v[i] = t->at[row * t->cols + column];
  }
  *out = v;
  return CLF_OK;
}

static clf_status no_column(const clf_table *t, int32_t column) {
  return clf__fail(CLF_EINVAL, "there is no column %lld; the table has %d", (long long)column + 1,
                   (int)t->cols);
}

clf_status clf_table_grid(const clf_table *t, int32_t column, clf_column_grid *grid) {
  CLF_GIVEN("t, grid", t, grid);
  CLF_TRY(clf__table_has_rows(t));
  if (column < 0 || column >= t->cols) return no_column(t, column);
  double *v = NULL;
  CLF_TRY(clf__copy_column(t, column, t->rows, &v));
  clf__sort_column(v, t->rows);
  *grid = clf__grid_of(v, t->rows);
  free(v);
  return CLF_OK;
}

/* ---- Columns that need noise ----------------------------------------------------------------- */

/* Whether more than half of n sorted values occur at least twice. */
static int most_repeat(const double *v, int64_t n) {
  int64_t repeated = 0;
  for (int64_t i = 0, j; i < n; i = j) {
    for (j = i + 1; j < n && v[j] == v[i];) j++;
    if (j - i > 1) repeated += j - i;
  }
  return 2 * repeated > n;
}

clf_status clf_table_discrete(const clf_table *t, int32_t column, clf_column_grid *grid) {
  CLF_GIVEN("t, grid", t, grid);
  CLF_TRY(clf__table_has_rows(t));
  if (column < 0 || column >= t->cols) return no_column(t, column);
  const clf_column *const k = t->columns ? &t->columns[column] : NULL;
  const int labels = k && (k->kind == CLF_COLUMN_CATEGORY || k->kind == CLF_COLUMN_BOOLEAN);
  double *v = NULL;
  CLF_TRY(clf__copy_column(t, column, t->rows, &v));
  clf__sort_column(v, t->rows);
  *grid = (clf_column_grid){0};
  if (labels && v[0] < v[t->rows - 1])
    *grid = (clf_column_grid){1, 0, k->category_count - 1};
  else if (!labels && most_repeat(v, t->rows))
    *grid = clf__grid_of(v, t->rows);
  free(v);
  return CLF_OK;
}
