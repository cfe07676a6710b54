/* SPDX-License-Identifier: MIT */
/* writing.c: tables and arrays, written and read back. */
#define _GNU_SOURCE
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tables.h"

static const double awkward[] = {0.1,    1.0 / 3, -0.0,   5e-324, 1.7976931348623157e308,
                                 -1e-17, 1e22,    123456, -1,     2.2250738585072014e-308};

static void round_trip(const char *path, char **names) {
  clf_table t = {.rows = 5, .cols = 2, .at = (double *)awkward, .names = names}, u;
  ck_assert_int_eq(clf_table_write(path, &t), CLF_OK);
  ck_assert_int_eq(clf_table_read(path, &u), CLF_OK);
  expect_table(&u, 5, 2, awkward);
  for (int c = 0; u.names && c < 2; c++) ck_assert_str_eq(u.names[c], names[c]);
  clf_table_free(&u);
  unlink(path);
}

START_TEST(round_trips) {
  static char *const sets[][2] = {
      {"a", "b"},   {"x,y", "a \"b\""}, {"x;y", "1"}, {"tab\there", " x"}, {"\"", "gr\xc3\xb6"},
      {"1", "nan"}, {"2019", "2020"},   {"#a", "b"},  {"-", "50%"},        {" ", "a|b"}};
  round_trip("t.npy", NULL);
  round_trip("t.NPY", NULL);
  round_trip("t.csv", NULL);
  for (size_t i = 0; i < SIZE(sets); i++) round_trip("t.csv", (char **)sets[i]);
}
END_TEST

START_TEST(round_trip_of_many) {
  clf_table t, u;
  ck_assert_int_eq(clf_table_read("moons:n=5000", &t), CLF_OK);
  for (int64_t i = 0; i < 10000; i++) t.at[i] /= 3;
  for (int k = 0; k < 2; k++) {
    const char *const path = k ? "t.npy" : "t.csv";
    ck_assert_int_eq(clf_table_write(path, &t), CLF_OK);
    ck_assert_int_eq(clf_table_read(path, &u), CLF_OK);
    expect_table(&u, 5000, 2, t.at);
    clf_table_free(&u);
    unlink(path);
  }
  clf_table_free(&t);
}
END_TEST

START_TEST(written_bytes) {
  char *names[] = {"a", "b,c"};
  double at[] = {0.1, 2, -NAN, -INFINITY};
  clf_table t = {.rows = 2, .cols = 2, .at = at, .names = names};
  static const char csv[] = "a,\"b,c\"\n0.10000000000000001,2\nnan,-inf\n";
  ck_assert_int_eq(clf_table_write("t.csv", &t), CLF_OK);
  file_is("t.csv", csv, sizeof csv - 1);

  char npy[128 + 16];
  memset(npy, ' ', 128);
  memcpy(npy, "\x93NUMPY\x01\x00\x76\x00", 10);
  memcpy(npy + 10, "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2), }", 59);
  npy[127] = '\n';
  memcpy(npy + 128, "\x9a\x99\x99\x99\x99\x99\xb9\x3f\0\0\0\0\0\0\0\x40", 16);
  t.rows = 1;
  ck_assert_int_eq(clf_table_write("t.npy", &t), CLF_OK);
  file_is("t.npy", npy, sizeof npy);
}
END_TEST

START_TEST(write_refusals) {
  double at[] = {1, 2};
  char *control[] = {"a", "b\nc"}, *empty[] = {"a", ""};
  char *latin[] = {"\xf6", "b"};
  clf_table t = {.rows = 1, .cols = 2, .at = at};
  expect(clf_table_write("t.txt", &t), CLF_EINVAL,
         "t.txt: cannot be written: the name of a table to write ends in .npy or .csv");
  expect(clf_table_write("moons", &t), CLF_EINVAL,
         "moons: cannot be written: the name of a table to write ends in .npy or .csv");
  expect(clf_table_write("t.csv", &(clf_table){0}), CLF_EINVAL,
         "t.csv: cannot be written: the table is empty");
  t.names = control;
  expect(clf_table_write("t.csv", &t), CLF_EINVAL,
         "t.csv: cannot be written: the name of column 2 holds a control character");
  t.names = empty;
  expect(clf_table_write("t.csv", &t), CLF_EINVAL,
         "t.csv: cannot be written: the name of column 2 holds no character");
  t.names = latin;
  expect(clf_table_write("t.csv", &t), CLF_EINVAL,
         "t.csv: cannot be written: the name of column 1 holds bytes that are not UTF-8");
  ck_assert_int_eq(suite_entries("."), 0);
}
END_TEST

START_TEST(locales) {
  static const char *const commas[] = {"de_DE.UTF-8", "de_DE.utf8",  "fr_FR.UTF-8",
                                       "pl_PL.UTF-8", "ru_RU.UTF-8", "nl_NL.UTF-8"};
  static const char text[] = "1.5,2.25\n-0.125,4\n";
  double at[] = {1.5, 2.25, -0.125, 4};
  const clf_table t = {.rows = 2, .cols = 2, .at = at};
  /* Even if none of them is installed, this checks that the functions do not change the locale of
   * the thread. */
  for (size_t i = 0; i < SIZE(commas) && !setlocale(LC_ALL, commas[i]); i++) continue;
  const locale_t before = uselocale((locale_t)0);
  ck_assert_int_eq(clf_table_write("t.csv", &t), CLF_OK);
  file_is("t.csv", text, sizeof text - 1);
  csv_is(text, 2, 2, at, NULL);
  csv_is("1,5;2,25\n-0,125;4\n", 2, 2, at, NULL);
  clf_table m;
  ck_assert_int_eq(clf_table_read("moons:n=1,noise=0.5", &m), CLF_OK);
  clf_table_free(&m);
  ck_assert(uselocale((locale_t)0) == before);
  setlocale(LC_ALL, "C");
}
END_TEST

void tests_of_writing(Suite *s) {
  TCase *c = tcase_create("writing");
  tcase_add_test(c, round_trips);
  tcase_add_test(c, round_trip_of_many);
  tcase_add_test(c, written_bytes);
  tcase_add_test(c, write_refusals);
  tcase_add_test(c, locales);
  suite_add_tcase(s, c);
}
