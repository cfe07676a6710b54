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
  is_table(&t, 1, (double[]){1, 4, 7}, b, "left out, as the model has no such column: a, c");
  t = table_of(2, 3, abc);
  ck_assert_int_eq(clf_table_match(&t, ca, 2), CLF_OK);
  is_table(&t, 2, (double[]){2, 0, 5, 3}, ca,
           "left out, as the model has no such column: b\n"
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

/* Time and messages do not grow with what does not fit on a screen. */
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

void tests_of_match(Suite *s) {
  TCase *c = tcase_create("match");
  tcase_add_test(c, columns_by_name);
  tcase_add_test(c, columns_by_position);
  tcase_add_test(c, columns_that_are_missing);
  tcase_add_test(c, many_columns);
  suite_add_tcase(s, c);
}
