/* SPDX-License-Identifier: MIT */
/* array_kinds.c: kinds of columns in an array, and rows with NaN. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kinds.h"
#include "status.h"
#include "table.h"

/* ---- Missing values ------------------------------------------------------------- */

static int is_whole_row(const clf_table *t, int64_t row) {
  for (int32_t c = 0; c < t->cols; c++)
    if (isnan(t->at[row * t->cols + c])) return 0;
  return 1;
}

static clf_status leave_out(const char *path, const clf_table_options *o, clf_table *t) {
  const int64_t total = t->rows;
  int64_t left = 0;
  if (o->missing == CLF_MISSING_DROP) {
    t->numbers = malloc((size_t)total * sizeof *t->numbers);
    if (!t->numbers)
      return clf__fail(CLF_ENOMEM, "%s: no memory for %" PRId64 " rows", path, total);
  }
  for (int64_t i = 0; i < total; i++) {
    const int whole = is_whole_row(t, i);
    t->missing += !whole;
    if (!whole && o->missing == CLF_MISSING_DROP) continue;
    if (left != i)
      memcpy(t->at + left * t->cols, t->at + i * t->cols, (size_t)t->cols * sizeof *t->at);
    if (t->numbers) t->numbers[left] = i + 1;
    left++;
  }
  if (!t->missing) {
    free(t->numbers);
    t->numbers = NULL;
    return CLF_OK;
  }
  if (left == 0) return clf__fail(CLF_EFORMAT, "%s: every row holds a NaN", path);
  t->rows = left;
  return clf__table_note(t, "%" PRId64 " of %" PRId64 " rows %s NaN", t->missing, total,
                         o->missing == CLF_MISSING_DROP ? "are left out because they hold"
                                                        : "hold");
}

/* ---- Kinds ---------------------------------------------------------------------- */

static void describe(const clf_table *t, int32_t c, clf_column *k) {
  int whole = 1;
  for (int64_t i = 0; i < t->rows; i++) {
    const double v = t->at[i * t->cols + c];
    if (isnan(v)) continue;
    clf__column_sees(k, v);
    whole &= v == round(v) && fabs(v) <= 9007199254740992.0;
  }
  if (whole && k->kind == CLF_COLUMN_NUMBER) k->kind = CLF_COLUMN_INTEGER;
  if (whole) k->decimals = 0;
}

/* Checks the codes of the model's categories and booleans. */
static clf_status check_codes(const char *path, const clf_table *t, int32_t c) {
  const clf_column *const k = &t->columns[c];
  if (k->kind != CLF_COLUMN_CATEGORY && k->kind != CLF_COLUMN_BOOLEAN) return CLF_OK;
  for (int64_t i = 0; i < t->rows; i++) {
    const double v = t->at[i * t->cols + c];
    if (isnan(v) || (v == round(v) && v >= 0 && v < k->category_count)) continue;
    return clf__fail(
        CLF_EFORMAT,
        "%s: row %" PRId64 ", column %" PRId32
        " (from 1): %g is not a code of the %s that the model has there, 0 to %" PRId32,
        path, i + 1, c + 1, v, clf_column_kind_name(k->kind), k->category_count - 1);
  }
  return CLF_OK;
}

static clf_status copy_like(const char *path, const clf_columns *like, clf_table *t) {
  for (int32_t c = 0; c < t->cols; c++) {
    CLF_TRY(clf_column_check(&like->at[c]));
    CLF_TRY(clf_column_copy(&like->at[c], &t->columns[c]));
    t->columns[c].smallest = t->columns[c].largest = NAN;
    CLF_TRY(check_codes(path, t, c));
  }
  return CLF_OK;
}

clf_status clf__array_describe(const char *path, const clf_table_options *o, clf_table *t) {
  if (o->missing != CLF_MISSING_REFUSE) CLF_TRY(leave_out(path, o, t));
  if (!o->kinds && !o->like) return CLF_OK;
  CLF_TRY(clf__columns_new(t->cols, &t->columns));
  if (o->like && o->like->at && o->like->count == t->cols) CLF_TRY(copy_like(path, o->like, t));
  for (int32_t c = 0; c < t->cols; c++) describe(t, c, &t->columns[c]);
  return CLF_OK;
}
