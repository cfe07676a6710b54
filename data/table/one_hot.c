/* SPDX-License-Identifier: MIT */
/* one_hot.c: one-hot encoding of categories, for the context of a flow. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kinds.h"
#include "status.h"
#include "table.h"

static int32_t width_of(const clf_column *k) {
  return k->kind == CLF_COLUMN_CATEGORY ? k->category_count : 1;
}

int32_t clf_columns_one_hot_count(const clf_column *columns, int32_t count) {
  int32_t width = 0;
  for (int32_t c = 0; columns && c < count; c++) width += width_of(&columns[c]);
  return columns ? width : count;
}

/* "class=setosa" */
static char *label_name(const char *column, const char *label) {
  char *const name = malloc(strlen(column) + strlen(label) + 2);
  if (name) strcat(strcat(strcpy(name, column), "="), label);
  return name;
}

static clf_status name_columns(const clf_columns *k, char **names) {
  int32_t j = 0;
  for (int32_t c = 0; c < k->count; c++) {
    const clf_column plain = {0}, *const column = k->at ? &k->at[c] : &plain;
    const int category = column->kind == CLF_COLUMN_CATEGORY;
    for (int32_t i = 0; i < width_of(column); i++, j++) {
      names[j] = category ? label_name(k->names[c], column->categories[i]) : strdup(k->names[c]);
      if (!names[j]) return clf__fail(CLF_ENOMEM, "no memory for the names of a context");
    }
  }
  return CLF_OK;
}

static clf_status check(const clf_columns *k) {
  for (int32_t c = 0; k->at && c < k->count; c++) {
    CLF_TRY(clf_column_check(&k->at[c]));
    if (k->at[c].kind == CLF_COLUMN_CATEGORY && !k->names)
      return clf__fail(CLF_EINVAL, "column %" PRId32 " is a category and has no name", c + 1);
  }
  return CLF_OK;
}

clf_status clf_columns_one_hot(const clf_columns *columns, clf_columns *expanded) {
  clf_columns to = {0};
  CLF_GIVEN("columns, expanded", columns, expanded);
  CLF_TRY(check(columns));
  to.count = clf_columns_one_hot_count(columns->at, columns->count);
  if (columns->names && to.count > 0) {
    to.names = calloc((size_t)to.count, sizeof *to.names);
    const clf_status s = to.names ? name_columns(columns, to.names)
                                  : clf__fail(CLF_ENOMEM, "no memory for the names of a context");
    if (s) {
      clf_columns_free(&to);
      return s;
    }
  }
  *expanded = to;
  return CLF_OK;
}

static void fill_row(const clf_table *t, int64_t row, double *to) {
  for (int32_t c = 0; c < t->cols; c++) {
    const double v = t->at[row * t->cols + c];
    if (t->columns[c].kind != CLF_COLUMN_CATEGORY) {
      *to++ = v;
      continue;
    }
    for (int32_t k = 0; k < t->columns[c].category_count; k++) *to++ = isnan(v) ? NAN : v == k;
  }
}

clf_status clf_table_one_hot(clf_table *t) {
  clf_table to = {0};
  CLF_GIVEN("t", t);
  if (!t->columns) return CLF_OK;
  clf_columns names;
  CLF_TRY(clf_columns_one_hot(&(clf_columns){t->cols, t->names, t->columns}, &names));
  const clf_status s = clf_table_new(t->rows, names.count, &to);
  if (s) {
    clf_columns_free(&names);
    return s;
  }
  for (int64_t i = 0; i < t->rows; i++) fill_row(t, i, to.at + i * to.cols);
  to.names = names.names;
  to.notes = t->notes;
  to.ids = t->ids;
  to.numbers = t->numbers;
  to.id_name = t->id_name;
  to.missing = t->missing;
  t->notes = t->id_name = NULL;
  t->ids = NULL;
  t->numbers = NULL;
  clf_table_free(t);
  *t = to;
  return CLF_OK;
}
