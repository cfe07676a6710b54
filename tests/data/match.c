/* SPDX-License-Identifier: MIT */
/* match.c: columns of a table, matched by name. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tables.h"

static clf_table table_of(int64_t rows, int32_t cols, char *const *names) {
  clf_table t;
  ck_assert_int_eq(clf_table_new(rows, cols, &t), CLF_OK);
  for (int64_t i = 0; i < rows * cols; i++) t.at[i] = (double)i;
  if (!names) return t;
  t.names = calloc((size_t)cols, sizeof *t.names);
  for (int32_t c = 0; c < cols; c++) t.names[c] = strdup(names[c]);
  return t;
}

static void is_table(clf_table *t, int32_t cols, const double *at, char *const *names,
                     const char *notes) {
  expect_table(t, t->rows, cols, at);
  for (int32_t c = 0; names && c < cols; c++) ck_assert_str_eq(t->names[c], names[c]);
  if (notes)
    ck_assert_str_eq(t->notes ? t->notes : "(none)", notes);
  else
    ck_assert_ptr_null(t->notes);
  clf_table_free(t);
}

static char *const abc[] = {"a", "b", "c"};

START_TEST(columns_by_name) {
  clf_table t = table_of(2, 3, abc);
  ck_assert_int_eq(clf_table_match(&t, abc, 3), CLF_OK);
  is_table(&t, 3, (double[]){0, 1, 2, 3, 4, 5}, abc, NULL);
  char *const cab[] = {"c", "a", "b"}, *const b[] = {"b"}, *const ca[] = {"c", "a"};
  t = table_of(2, 3, abc);
  ck_assert_int_eq(clf_table_match(&t, cab, 3), CLF_OK);
  is_table(&t, 3, (double[]){2, 0, 1, 5, 3, 4}, cab,
           "columns are put in the model's order by name: c, a, b");
  t = table_of(3, 3, abc);
  ck_assert_int_eq(clf_table_match(&t, b, 1), CLF_OK);
  is_table(&t, 1, (double[]){1, 4, 7}, b, "left out because the model has no such column: a, c");
  t = table_of(2, 3, abc);
  ck_assert_int_eq(clf_table_match(&t, ca, 2), CLF_OK);
  is_table(&t, 2, (double[]){2, 0, 5, 3}, ca,
           "left out because the model has no such column: b\n"
           "columns are put in the model's order by name: c, a");
}
END_TEST

START_TEST(columns_by_position) {
  clf_table t = table_of(2, 3, NULL);
  ck_assert_int_eq(clf_table_match(&t, abc, 3), CLF_OK);
  ck_assert_int_eq(clf_table_match(&t, (char *[]){"x"}, 1), CLF_OK);
  is_table(&t, 3, (double[]){0, 1, 2, 3, 4, 5}, NULL, NULL);
  t = table_of(2, 3, abc);
  ck_assert_int_eq(clf_table_match(&t, NULL, 3), CLF_OK);
  is_table(&t, 3, (double[]){0, 1, 2, 3, 4, 5}, abc, NULL);
}
END_TEST

START_TEST(columns_that_are_missing) {
  clf_table t = table_of(1, 3, (char *[]){"petal length", "petal width", "id"});
#define MISSING(name, text)                                                                        \
  expect(clf_table_match(&t, (char *[]){"id", name}, 2), CLF_EINVAL,                               \
         "no column is named \"" name "\"; the " text)
  MISSING("petal_length", "nearest is: petal length");
  MISSING("petal lwidth", "nearest is: petal width");
  MISSING("petal xxxxx", "nearest is: petal width");
  MISSING("Id", "nearest is: id");
  MISSING("zz", "columns are: petal length, petal width, id");
#undef MISSING
  expect(clf_table_match(&t, (char *[]){"\x1b[2J"}, 1), CLF_EINVAL,
         "no column is named \"?[2J\"; the columns are: petal length, petal width, id");
  is_table(&t, 3, (double[]){0, 1, 2}, (char *[]){"petal length", "petal width", "id"}, NULL);
  t = table_of(1, 3, (char *[]){"a", "b", "a"});
  expect(clf_table_match(&t, (char *[]){"b"}, 1), CLF_EINVAL,
         "columns 1 and 3 are both named \"a\"");
  free(t.names[2]);
  t.names[2] = NULL;
  expect(clf_table_match(&t, (char *[]){"b"}, 1), CLF_EINVAL,
         "column 3 has no name, others have one");
  clf_table_free(&t);
}
END_TEST

/* With very many columns, time and the length of messages stay bounded. */
START_TEST(many_columns) {
  enum { MANY = 50000 };
  clf_table t = table_of(1, MANY, NULL);
  t.names = calloc(MANY, sizeof *t.names);
  char **const names = calloc(MANY, sizeof *names);
  for (int c = 0; c < MANY; c++) {
    char name[32];
    snprintf(name, sizeof name, "column %d", c);
    t.names[c] = strdup(name);
    names[MANY - 1 - c] = strdup(name);
  }
  ck_assert_int_eq(clf_table_match(&t, names, MANY), CLF_OK);
  ck_assert_double_eq(t.at[0], MANY - 1);
  ck_assert_double_eq(t.at[MANY - 1], 0);
  ck_assert_str_eq(t.notes,
                   "columns are put in the model's order by name: column 49999, column 49998, "
                   "column 49997, column 49996, column 49995, column 49994, column 49993, column "
                   "49992, column 49991, column 49990, column 49989, column 49988, column 49987, "
                   "column 49986, column 49985, column 49984 and 49984 more");
  free(names[7]);
  names[7] = strdup("something else");
  ck_assert_int_eq(clf_table_match(&t, names, MANY), CLF_EINVAL);
  for (int c = 0; c < MANY; c++) free(names[c]);
  free(names);
  clf_table_free(&t);
}
END_TEST

/* ---- Kinds --------------------------------------------------------------------------- */

static clf_column labels(int32_t n, char **at) {
  return (clf_column){.kind = CLF_COLUMN_CATEGORY, .category_count = n, .categories = at};
}

/* A table of one column "a" with these values. */
static clf_table column_of(const clf_column *k, int64_t rows, const double *at) {
  clf_table t = table_of(rows, 1, abc);
  memcpy(t.at, at, (size_t)rows * sizeof *at);
  t.columns = calloc(1, sizeof *t.columns);
  ck_assert_int_eq(clf_column_copy(k, t.columns), CLF_OK);
  return t;
}

static void recodes(const clf_column *from, const double *at, const clf_column *to,
                    const double *want, const char *message) {
  clf_table t = column_of(from, 2, at);
  const clf_status s = clf_table_match_kinds(&t, to);
  if (message)
    expect(s, CLF_EINVAL, message);
  else
    ck_assert_int_eq(s, CLF_OK);
  expect_table(&t, 2, 1, message ? at : want);
  ck_assert_int_eq(t.columns->kind, message ? from->kind : to->kind);
  clf_table_free(&t);
}

START_TEST(columns_by_kind) {
  const clf_column number = {.decimals = -1}, integer = {.kind = CLF_COLUMN_INTEGER},
                   mf = labels(2, (char *[]){"f", "m"}), mfx = labels(3, (char *[]){"a", "f", "m"}),
                   digits = labels(2, (char *[]){"1", "2"}), more = labels(1, (char *[]){"z"}),
                   yes = {.kind = CLF_COLUMN_BOOLEAN,
                          .category_count = 2,
                          .categories = (char *[]){"no", "yes"}},
                   day = {.kind = CLF_COLUMN_DATE,
                          .form = (char[]){"%Y-%m-%d"},
                          .unit = (char[]){"days since 1970-01-01"}},
                   second = {.kind = CLF_COLUMN_DATE,
                             .form = (char[]){"%Y-%m-%dT%H:%M"},
                             .unit = (char[]){"seconds since 1970-01-01 00:00 UTC"}};
  const double at[] = {0, 1}, up[] = {1, 2};
  recodes(&mf, at, &mf, at, NULL);
  recodes(&mf, at, &mfx, up, NULL);
  recodes(&integer, up, &digits, at, NULL);
  recodes(&yes, at, &yes, at, NULL);
  recodes(&yes, at, &integer, at, NULL);
  recodes(&integer, at, &number, at, NULL);
  recodes(&integer, at, &yes, at, NULL);
  recodes(&day, at, &day, at, NULL);
  recodes(&more, (double[]){0, 0}, &mf, NULL,
          "column 1 (\"a\") has the label \"z\", which is not one of f, m");
  recodes(&integer, up, &yes, NULL, "row 2, column 1 (\"a\"): 2 is not no or yes");
  recodes(&mf, at, &number, NULL,
          "column 1 (\"a\") holds category values; the model takes a number there");
  recodes(&number, at, &day, NULL,
          "column 1 (\"a\") holds number values; the model takes a date, written as 1970-01-01 "
          "there");
  recodes(
      &second, at, &day, NULL,
      "column 1 (\"a\") holds date values; the model takes a date, written as 1970-01-01 there");
  recodes(&mf, up, &mfx, NULL, "row 2, column 1 (\"a\"): 2 is not one of its codes");
}
END_TEST

void tests_of_match(Suite *s) {
  TCase *c = tcase_create("match");
  tcase_add_test(c, columns_by_name);
  tcase_add_test(c, columns_by_position);
  tcase_add_test(c, columns_that_are_missing);
  tcase_add_test(c, many_columns);
  tcase_add_test(c, columns_by_kind);
  suite_add_tcase(s, c);
}
