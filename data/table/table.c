/* SPDX-License-Identifier: MIT */
/* table.c: tables in memory: creation, columns, moments. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kinds.h"
#include "status.h"
#include "table.h"

clf_status clf_table_new(int64_t rows, int32_t cols, clf_table *t) {
  CLF_GIVEN("t", t);
  if (rows < 1 || cols < 1)
    return clf__fail(CLF_EINVAL,
                     "a table needs at least one row and one column, not %" PRId64 " x %" PRId32,
                     rows, cols);
  double *const at = (uint64_t)rows > SIZE_MAX / sizeof *at / (uint64_t)cols
                         ? NULL
                         : calloc((size_t)rows * (size_t)cols, sizeof *at);
  if (!at)
    return clf__fail(CLF_ENOMEM, "no memory for a table of %" PRId64 " x %" PRId32 " numbers", rows,
                     cols);
  *t = (clf_table){.rows = rows, .cols = cols, .at = at};
  return CLF_OK;
}

clf_status clf__table_has_rows(const clf_table *t) {
  if (!t->at || t->rows < 1 || t->cols < 1) return clf__fail(CLF_EINVAL, "the table has no rows");
  return clf__rows_fit(t->rows, t->cols, sizeof *t->at);
}

void clf_table_free(clf_table *t) {
  if (!t) return;
  for (int32_t c = 0; t->names && c < t->cols; c++) free(t->names[c]);
  free(t->names);
  clf__columns_free(t->columns, t->cols);
  for (int64_t i = 0; t->ids && i < t->rows; i++) free(t->ids[i]);
  free(t->ids);
  free(t->id_name);
  free(t->numbers);
  free(t->notes);
  free(t->at);
  *t = (clf_table){0};
}

/* ---- Notes and columns ------------------------------------------------------ */

clf_status clf__table_note(clf_table *t, const char *fmt, ...) {
  va_list ap;
  char line[1024];
  va_start(ap, fmt);
  vsnprintf(line, sizeof line, fmt, ap);
  va_end(ap);
  const size_t before = t->notes ? strlen(t->notes) + 1 : 0;
  char *const notes = realloc(t->notes, before + strlen(line) + 1);
  if (!notes) return clf__fail(CLF_ENOMEM, "no memory for a note on a table");
  if (before) notes[before - 1] = '\n';
  memcpy(notes + before, line, strlen(line) + 1);
  t->notes = notes;
  return CLF_OK;
}

/* Each name moves to its new place or is freed. */
static void pick_names(clf_table *t, char **names, const int32_t *from, int32_t count) {
  for (int32_t c = 0; c < count; c++) {
    names[c] = t->names[from[c]];
    t->names[from[c]] = NULL;
  }
  for (int32_t c = 0; c < t->cols; c++) free(t->names[c]);
  free(t->names);
  t->names = names;
}

/* The same for descriptions. */
static void pick_columns(clf_table *t, clf_column *columns, const int32_t *from, int32_t count) {
  for (int32_t c = 0; c < count; c++) {
    columns[c] = t->columns[from[c]];
    t->columns[from[c]] = (clf_column){0};
  }
  clf__columns_free(t->columns, t->cols);
  t->columns = columns;
}

/* Row by row in place, without growing: row i is written before the old row i, or at most over
 * it. */
clf_status clf__table_pick(clf_table *t, const int32_t *from, int32_t count) {
  double *const old = malloc((size_t)t->cols * sizeof *old);
  char **const names = t->names ? malloc((size_t)count * sizeof *names) : NULL;
  clf_column *const columns = t->columns ? malloc((size_t)count * sizeof *columns) : NULL;
  if (!old || (t->names && !names) || (t->columns && !columns)) {
    free(old);
    free(names);
    free(columns);
    return clf__fail(CLF_ENOMEM, "no memory to pick %" PRId32 " columns", count);
  }
  for (int64_t i = 0; i < t->rows; i++) {
    memcpy(old, t->at + i * t->cols, (size_t)t->cols * sizeof *old);
    for (int32_t c = 0; c < count; c++) t->at[i * count + c] = old[from[c]];
  }
  free(old);
  if (names) pick_names(t, names, from, count);
  if (columns) pick_columns(t, columns, from, count);
  t->cols = count;
  return CLF_OK;
}

/* ---- Moments ---------------------------------------------------------------- */

static const double *row(const clf_table *t, const int64_t *index, int64_t i) {
  return t->at + (index ? index[i] : i) * t->cols;
}

/* Sums are of differences from the first row, so that a constant column has exactly its value as
 * mean and exactly zero deviation. */
void clf_table_moments(const clf_table *t, const int64_t *index, int64_t count, double *mean,
                       double *std) {
  if (!t || !t->at || !mean || !std) return;
  const int64_t n = index ? count : t->rows;
  for (int32_t c = 0; c < t->cols; c++) mean[c] = std[c] = 0;
  if (n < 1 || clf__table_has_rows(t) != CLF_OK) return;
  const double *const first = row(t, index, 0);
  for (int64_t i = 1; i < n; i++) {
    const double *const x = row(t, index, i);
    for (int32_t c = 0; c < t->cols; c++) mean[c] += x[c] - first[c];
  }
  for (int32_t c = 0; c < t->cols; c++) mean[c] = first[c] + mean[c] / (double)n;
  for (int64_t i = 0; i < n; i++) {
    const double *const x = row(t, index, i);
    for (int32_t c = 0; c < t->cols; c++) std[c] += (x[c] - mean[c]) * (x[c] - mean[c]);
  }
  for (int32_t c = 0; c < t->cols; c++) std[c] = sqrt(std[c] / (double)n);
}
