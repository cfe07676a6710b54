/* SPDX-License-Identifier: MIT */
/* table.c: tables in memory: made, freed, measured. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "clflow/data.h"
#include "status.h"

clf_status clf_table_new(int64_t rows, int32_t cols, clf_table *t) {
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

void clf_table_free(clf_table *t) {
  if (!t) return;
  for (int32_t c = 0; t->names && c < t->cols; c++) free(t->names[c]);
  free(t->names);
  free(t->at);
  *t = (clf_table){0};
}

static const double *row(const clf_table *t, const int64_t *index, int64_t i) {
  return t->at + (index ? index[i] : i) * t->cols;
}

/* Sums are of differences to the first row, so that a constant column has
 * exactly its constant for a mean and exactly zero for a deviation. */
void clf_table_moments(const clf_table *t, const int64_t *index, int64_t count, double *mean,
                       double *std) {
  const int64_t n = index ? count : t->rows;
  for (int32_t c = 0; c < t->cols; c++) mean[c] = std[c] = 0;
  if (n < 1) return;
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
