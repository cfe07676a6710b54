/* SPDX-License-Identifier: MIT */
/* tables.c: tables in memory. */
#define _GNU_SOURCE
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "file.h"
#include "tables.h"

void expect(clf_status got, clf_status want, const char *message) {
  ck_assert_int_eq(got, want);
  ck_assert_str_eq(clf_errmsg(), message);
}

void expect_table(const clf_table *t, int64_t rows, int32_t cols, const double *at) {
  ck_assert_int_eq(t->rows, rows);
  ck_assert_int_eq(t->cols, cols);
  for (int64_t i = 0; i < rows * cols; i++)
    ck_assert_msg(!memcmp(&t->at[i], &at[i], sizeof *at), "number %d is %.17g, not %.17g", (int)i,
                  t->at[i], at[i]);
}

void csv_is(const char *text, int64_t rows, int32_t cols, const double *at,
            const char *const *names) {
  clf_table t;
  write_bytes("d.csv", text, strlen(text));
  const clf_status s = clf_table_read("d.csv", &t);
  ck_assert_msg(s == CLF_OK, "%s", s ? clf_errmsg() : "");
  expect_table(&t, rows, cols, at);
  ck_assert_int_eq(t.names != NULL, names != NULL);
  for (int32_t c = 0; names && c < cols; c++) ck_assert_str_eq(t.names[c], names[c]);
  clf_table_free(&t);
  ck_assert_ptr_null(t.at);
  ck_assert_ptr_null(t.names);
  ck_assert_int_eq(t.rows + t.cols, 0);
  unlink("d.csv");
}

void csv_fails(const char *text, size_t n, const char *message) {
  clf_table t = {.rows = -1, .cols = -2};
  write_bytes("d.csv", text, n);
  expect(clf_table_read("d.csv", &t), CLF_EFORMAT, message);
  ck_assert_int_eq(t.rows, -1);
  ck_assert_int_eq(t.cols, -2);
  unlink("d.csv");
}

void file_is(const char *path, const char *bytes, size_t n) {
  char *got;
  size_t size;
  ck_assert_int_eq(clf__file_read(path, &got, &size), CLF_OK);
  ck_assert_uint_eq(size, n);
  ck_assert_mem_eq(got, bytes, n);
  ck_assert_int_eq(got[size], 0);
  free(got);
  unlink(path);
}

START_TEST(tables) {
  clf_table t;
  static const double zeros[6] = {0};
  ck_assert_int_eq(clf_table_new(3, 2, &t), CLF_OK);
  expect_table(&t, 3, 2, zeros);
  ck_assert_ptr_null(t.names);
  clf_table_free(&t);
  clf_table_free(&t);
  clf_table_free(NULL);
  expect(clf_table_new(0, 2, &t), CLF_EINVAL,
         "a table needs at least one row and one column, not 0 x 2");
  expect(clf_table_new(2, -1, &t), CLF_EINVAL,
         "a table needs at least one row and one column, not 2 x -1");
  expect(clf_table_new(INT64_MAX, INT32_MAX, &t), CLF_ENOMEM,
         "no memory for a table of 9223372036854775807 x 2147483647 numbers");
}
END_TEST

START_TEST(moments) {
  double at[] = {1, 0.1, 1e15, 3, 0.1, 1e15 + 1, 5, 0.1, 1e15 + 2, 7, 0.1, 1e15 + 3};
  const clf_table t = {.rows = 4, .cols = 3, .at = at};
  static const int64_t index[] = {3, 0};
  double mean[3], std[3];
  clf_table_moments(&t, NULL, 0, mean, std);
  ck_assert_double_eq(mean[0], 4);
  ck_assert_double_eq(mean[1], 0.1);
  ck_assert_double_eq(mean[2], 1e15 + 1.5);
  ck_assert_double_eq(std[0], sqrt(5));
  ck_assert_double_eq(std[1], 0);
  ck_assert_double_eq(std[2], sqrt(1.25));
  clf_table_moments(&t, index, 2, mean, std);
  ck_assert_double_eq(mean[0], 4);
  ck_assert_double_eq(mean[1], 0.1);
  ck_assert_double_eq(std[0], 3);
  ck_assert_double_eq(std[1], 0);
  clf_table_moments(&t, index, 1, mean, std);
  ck_assert_double_eq(mean[0], 7);
  ck_assert_double_eq(std[0], 0);
}
END_TEST

void tests_of_tables(Suite *s) {
  TCase *c = tcase_create("tables");
  tcase_add_test(c, tables);
  tcase_add_test(c, moments);
  suite_add_tcase(s, c);
}
