/* SPDX-License-Identifier: MIT */
/* one_hot.c: categories as a column for each label, as a flow takes them in its context. */
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

static clf_status name_columns(const clf_table *t, char **names) {
  int32_t j = 0;
  for (int32_t c = 0; c < t->cols; c++)
    for (int32_t k = 0; k < width_of(&t->columns[c]); k++, j++) {
      const int category = t->columns[c].kind == CLF_COLUMN_CATEGORY;
      names[j] =
          category ? label_name(t->names[c], t->columns[c].categories[k]) : strdup(t->names[c]);
      if (!names[j]) return clf__fail(CLF_ENOMEM, "no memory for the names of a context");
    }
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

static clf_status expand(const clf_table *t, int32_t width, clf_table *to) {
  CLF_TRY(clf_table_new(t->rows, width, to));
  for (int64_t i = 0; i < t->rows; i++) fill_row(t, i, to->at + i * width);
  if (!t->names) return CLF_OK;
  to->names = calloc((size_t)width, sizeof *to->names);
  if (!to->names) return clf__fail(CLF_ENOMEM, "no memory for the names of a context");
  return name_columns(t, to->names);
}

clf_status clf_table_one_hot(clf_table *t) {
  clf_table to = {0};
  CLF_GIVEN("t", t);
  if (!t->columns) return CLF_OK;
  for (int32_t c = 0; c < t->cols; c++) {
    CLF_TRY(clf__column_check(&t->columns[c]));
    if (t->columns[c].kind == CLF_COLUMN_CATEGORY && !t->names)
      return clf__fail(CLF_EINVAL, "column %" PRId32 " is a category and has no name", c + 1);
  }
  const clf_status s = expand(t, clf_columns_one_hot_count(t->columns, t->cols), &to);
  if (s) {
    clf_table_free(&to);
    return s;
  }
  to.notes = t->notes;
  to.ids = t->ids;
  to.id_name = t->id_name;
  to.missing = t->missing;
  t->notes = t->id_name = NULL;
  t->ids = NULL;
  clf_table_free(t);
  *t = to;
  return CLF_OK;
}
