/* SPDX-License-Identifier: MIT */
/* recode.c: converts the values of a table to the kinds of a model's columns. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kinds.h"
#include "names.h"
#include "status.h"
#include "table.h"

static clf_status other_kind(const clf_table *t, int32_t c, const clf_column *k) {
  char holds[384];
  clf__column_holds(k, holds, sizeof holds);
  return clf__fail(CLF_EINVAL, "%s holds %s values; the model takes %s there",
                   clf__column_label(t->names, c).s, clf_column_kind_name(t->columns[c].kind),
                   holds);
}

/* The model's value for each code of the table's labels. */
static clf_status map_labels(const clf_table *t, int32_t c, const clf_column *k, double *code) {
  const clf_column *const from = &t->columns[c];
  for (int32_t i = 0; i < from->category_count; i++) {
    const char *const label = from->categories[i];
    char holds[384];
    if (clf__column_read(k, label, strlen(label), &code[i])) continue;
    clf__column_holds(k, holds, sizeof holds);
    return clf__fail(CLF_EINVAL, "%s has the label \"%s\", which is not %s",
                     clf__column_label(t->names, c).s, clf__excerpt_of(label, strlen(label)).s,
                     holds);
  }
  return CLF_OK;
}

static clf_status recode_labels(clf_table *t, int32_t c, const clf_column *k) {
  double code[CLF_CATEGORIES_MAX];
  CLF_TRY(map_labels(t, c, k, code));
  for (int64_t i = 0; i < t->rows; i++) {
    double *const v = &t->at[i * t->cols + c];
    if (isnan(*v)) continue;
    if (*v != round(*v) || *v < 0 || *v >= t->columns[c].category_count)
      return clf__fail(CLF_EINVAL, "row %" PRId64 ", %s: %g is not one of its codes", i + 1,
                       clf__column_label(t->names, c).s, *v);
    *v = code[(int)*v];
  }
  return CLF_OK;
}

/* Numbers as labels: all of a model's labels "1" and "2" may be numbers in another table. */
static clf_status recode_numbers(clf_table *t, int32_t c, const clf_column *k) {
  for (int64_t i = 0; i < t->rows; i++) {
    double *const v = &t->at[i * t->cols + c];
    char text[64], holds[384];
    if (isnan(*v)) continue;
    clf_column_text(&t->columns[c], *v, text, sizeof text);
    if (clf__column_read(k, text, strlen(text), v)) continue;
    clf__column_holds(k, holds, sizeof holds);
    return clf__fail(CLF_EINVAL, "row %" PRId64 ", %s: %s is not %s", i + 1,
                     clf__column_label(t->names, c).s, text, holds);
  }
  return CLF_OK;
}

static int has_labels(clf_column_kind kind) {
  return kind == CLF_COLUMN_CATEGORY || kind == CLF_COLUMN_BOOLEAN;
}

static clf_status recode(clf_table *t, int32_t c, const clf_column *k) {
  const clf_column *const from = &t->columns[c];
  const int plain = from->kind <= CLF_COLUMN_INTEGER;
  if (has_labels(k->kind))
    return has_labels(from->kind) ? recode_labels(t, c, k)
           : plain                ? recode_numbers(t, c, k)
                                  : other_kind(t, c, k);
  if (k->kind <= CLF_COLUMN_INTEGER)
    return plain || from->kind == CLF_COLUMN_BOOLEAN ? CLF_OK : other_kind(t, c, k);
  const int same_unit = from->unit && k->unit && strcmp(from->unit, k->unit) == 0;
  return from->kind == k->kind && same_unit ? CLF_OK : other_kind(t, c, k);
}

static clf_status recode_all(clf_table *t, const clf_column *kinds, clf_table *to) {
  memcpy(to->at, t->at, (size_t)t->rows * (size_t)t->cols * sizeof *t->at);
  to->columns = t->columns;
  to->names = t->names;
  clf_status s = CLF_OK;
  for (int32_t c = 0; c < t->cols && !s; c++) s = recode(to, c, &kinds[c]);
  to->columns = NULL;
  to->names = NULL;
  return s;
}

/* On a copy, so that a table that is refused is unchanged. */
clf_status clf_table_match_kinds(clf_table *t, const clf_column *kinds) {
  clf_table to;
  clf_columns copy = {0};
  CLF_GIVEN("t", t);
  if (!kinds || !t->columns) return CLF_OK;
  for (int32_t c = 0; c < t->cols; c++) {
    CLF_TRY(clf_column_check(&kinds[c]));
    CLF_TRY(clf_column_check(&t->columns[c]));
  }
  CLF_TRY(clf_table_new(t->rows, t->cols, &to));
  clf_status s = recode_all(t, kinds, &to);
  if (!s)
    s = clf_columns_copy(&(clf_columns){t->cols, NULL, (clf_column *)(uintptr_t)kinds}, &copy);
  if (!s) {
    clf__columns_free(t->columns, t->cols);
    t->columns = copy.at;
    memcpy(t->at, to.at, (size_t)t->rows * (size_t)t->cols * sizeof *t->at);
  }
  clf_table_free(&to);
  return s;
}
