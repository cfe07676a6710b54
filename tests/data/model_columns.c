/* SPDX-License-Identifier: MIT */
/* model_columns.c: columns that a model describes, single values, and one-hot columns. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "data/kinds.h"

static const char model_data[] = "sex,day,b,flag,k\n"
                                 "f,13/05/2024,2.5,yes,1\n"
                                 "m,01/05/2024,3.5,no,2\n"
                                 "x,02/05/2024,1.5,no,3\n";

/* The model's table describes the columns; those of the file are read accordingly. */
START_TEST(read_like_a_model) {
  clf_table t = read_as(model_data, &judge);
  const clf_columns like = {.count = 5, .names = t.names, .at = t.columns};
  clf_table_options o = {.like = &like, .missing = CLF_MISSING_KEEP};
  clf_table got = read_as("name,k,flag,b,day,sex\nann,1.0,YES,2,01/02/2024,m\n"
                          "bob,2,0,NA,2024-02-01,x\ncat,7,1,1,03/02/2024,\n",
                          &o);
  ck_assert_int_eq(got.cols, 5);
  static const double want[] = {1, 1, 2, 19754, 1, 2, 0, NAN, 19754, 2, 7, 1, 1, 19756, NAN};
  for (int i = 0; i < 15; i++) ck_assert(isnan(want[i]) ? isnan(got.at[i]) : got.at[i] == want[i]);
  is_column(&got, 4, CLF_COLUMN_CATEGORY, "f,m,x");
  is_column(&got, 2, CLF_COLUMN_NUMBER, "");
  ck_assert_str_eq(got.notes, "left out because the model has no such column: name\n"
                              "2 of 3 rows lack values: b 1, sex 1");
  clf_table_free(&got);
  static const char *const bad[][2] = {
      {"sex,day,b,flag,k\ny,01/02/2024,1,no,1\n", "d.csv: line 2, column 1 (\"sex\"): \"y\" is not "
                                                  "one of f, m, x, which the model was trained "
                                                  "on"},
      {"sex,day,b,flag,k\nm,5,1,no,1\n",
       "d.csv: line 2, column 2 (\"day\"): \"5\" is not a date, written as 13/05/2024, which the "
       "model was trained on"},
      {"sex,day,b,flag,k\nm,01/02/2024,1,maybe,1\n",
       "d.csv: line 2, column 4 (\"flag\"): \"maybe\" is not no or yes, which the model was "
       "trained "
       "on"},
      {"sex,day,b,flag,k\nm,01/02/2024,red,no,1\nm,01/02/2024,blue,no,1\n",
       "d.csv: line 2, column 3 (\"b\"): \"red\" is not a number; the model was trained on numbers "
       "in this column"}};
  for (size_t i = 0; i < SIZE(bad); i++) fails(bad[i][0], &o, CLF_EFORMAT, bad[i][1]);
  fails("Sex,day,b,flag,k\nm,01/02/2024,1,no,1\n", &o, CLF_ESHAPE,
        "no column is named \"sex\"; the nearest is: Sex");
  clf_table_free(&t);
}
END_TEST

START_TEST(a_mark_that_is_a_label) {
  const clf_columns like = {.count = 1,
                            .names = (char *[]){"s"},
                            .at = &(clf_column){.kind = CLF_COLUMN_CATEGORY,
                                                .category_count = 2,
                                                .categories = (char *[]){"none", "some"}}};
  clf_table t = read_as("s,b\nnone,1\nsome,2\nNA,3\n",
                        &(clf_table_options){.like = &like, .missing = CLF_MISSING_KEEP});
  ck_assert(t.at[0] == 0 && t.at[1] == 1 && isnan(t.at[2]));
  clf_table_free(&t);
}
END_TEST

START_TEST(values_and_texts) {
  clf_table t = read_as(model_data, &judge);
  double v = 0;
  succeeds(clf_column_value(&t.columns[0], "m", &v));
  ck_assert_double_eq(v, 1);
  expect(clf_column_value(&t.columns[0], "2", &v), CLF_EINVAL, "\"2\" is not one of f, m, x");
  succeeds(clf_column_value(&t.columns[1], "2024-05-13", &v));
  ck_assert_double_eq(v, 19856);
  succeeds(clf_column_value(&t.columns[2], "-1e3", &v));
  ck_assert_double_eq(v, -1000);
  succeeds(clf_column_value(&t.columns[3], "YES", &v));
  ck_assert_double_eq(v, 1);
  expect(clf_column_value(&t.columns[3], "2", &v), CLF_EINVAL, "\"2\" is not no or yes");
  expect(clf_column_value(&t.columns[2], "red", &v), CLF_EINVAL, "\"red\" is not a finite number");
  static const struct {
    int32_t c;
    double value;
    const char *text;
  } is[] = {{0, 1.4, "m"},     {0, -3, "f"},      {0, 99, "x"},   {0, NAN, ""},
            {3, 0.6, "yes"},   {4, 2.6, "3"},     {4, -0.2, "0"}, {2, 0.1 + 0.2, "0.3"},
            {2, 1.25, "1.25"}, {2, 1e20, "1e+20"}};
  for (size_t i = 0; i < SIZE(is); i++) {
    char text[64];
    clf_column_text(&t.columns[is[i].c], is[i].value, text, sizeof text);
    ck_assert_str_eq(text, is[i].text);
  }
  char cut[3];
  ck_assert_uint_eq(clf_column_text(&t.columns[3], 1, cut, sizeof cut), 3);
  ck_assert_str_eq(cut, "ye");
  clf_table_free(&t);
}
END_TEST

START_TEST(descriptions_that_make_no_sense) {
  const struct {
    clf_column k;
    const char *message;
  } bad[] = {
      {{.kind = CLF_COLUMN_KINDS}, "there is no kind 6 of columns"},
      {{.kind = CLF_COLUMN_CATEGORY}, "a category has 1 to 256 labels, not 0"},
      {{.kind = CLF_COLUMN_CATEGORY, .category_count = 2, .categories = (char *[]){"b", "a"}},
       "the labels of a category are not in byte order: \"a\""},
      {{.kind = CLF_COLUMN_CATEGORY, .category_count = 1, .categories = (char *[]){""}},
       "label 1 has no character"},
      {{.kind = CLF_COLUMN_BOOLEAN, .category_count = 1, .categories = (char *[]){"a"}},
       "a boolean has 2 labels, not 1"},
      {{.kind = CLF_COLUMN_DATE, .form = (char[8]){"%Y-%q"}},
       "\"%Y-%q\" is not a format of a date"},
      {{.kind = CLF_COLUMN_DATE, .form = (char[8]){"%H:%M"}},
       "\"%H:%M\" is not a format of a date"},
      {{.kind = CLF_COLUMN_TIME}, "\"\" is not a format of a time of day"}};
  for (size_t i = 0; i < SIZE(bad); i++) {
    double v;
    expect(clf_column_value(&bad[i].k, "a", &v), CLF_EINVAL, bad[i].message);
  }
}
END_TEST

START_TEST(one_hot_columns) {
  clf_table t = read_as("sex,b,flag\nm,2.5,yes\nf,1.5,no\n,3.5,no\n", &keep);
  ck_assert_int_eq(clf_columns_one_hot_count(t.columns, 3), 4);
  ck_assert_int_eq(clf_columns_one_hot_count(NULL, 3), 3);
  succeeds(clf_table_one_hot(&t));
  static const double want[] = {0, 1, 2.5, 1, 1, 0, 1.5, 0, NAN, NAN, 3.5, 0};
  for (int i = 0; i < 12; i++) ck_assert(isnan(want[i]) ? isnan(t.at[i]) : t.at[i] == want[i]);
  static const char *const names[] = {"sex=f", "sex=m", "b", "flag"};
  for (int c = 0; c < 4; c++) ck_assert_str_eq(t.names[c], names[c]);
  ck_assert_ptr_null(t.columns);
  ck_assert_int_eq(t.missing, 1);
  succeeds(clf_table_one_hot(&t)); /* a second call changes nothing */
  ck_assert_int_eq(t.cols, 4);
  clf_table_free(&t);
}
END_TEST

void tests_of_model_columns(Suite *s) {
  TCase *c = tcase_create("columns of a model");
  tcase_add_test(c, read_like_a_model);
  tcase_add_test(c, a_mark_that_is_a_label);
  tcase_add_test(c, values_and_texts);
  tcase_add_test(c, descriptions_that_make_no_sense);
  tcase_add_test(c, one_hot_columns);
  suite_add_tcase(s, c);
}
