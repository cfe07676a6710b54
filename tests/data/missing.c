/* SPDX-License-Identifier: MIT */
/* missing.c: missing values, ids, and columns that count the rows. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "data/kinds.h"

static const char holes[] = "a,b,c\n1,NA,red\n2,2.5,\n3,3.5,blue\n?,,red\n5,5.5,N/A\n6,6.5,red\n";

START_TEST(missing_values) {
  fails(holes, &judge, CLF_EFORMAT,
        "d.csv: line 2, column 2 (\"b\"): \"NA\" marks a missing value; --missing drop leaves such "
        "rows out");
  clf_table t = read_as(holes, &drop);
  expect_table(&t, 2, 3, (double[]){3, 3.5, 0, 6, 6.5, 1});
  ck_assert_int_eq(t.missing, 4);
  ck_assert_str_eq(t.notes, "4 of 6 rows are left out because values are missing: a 1, b 2, c 2; "
                            "--drop c would keep 2 of them\nread as numbers: c (2 labels)");
  clf_table_free(&t);
  t = read_as("7,2\n3,NA\n?,5\n6,NA\n", &drop); /* without names */
  ck_assert_str_eq(t.notes, "3 of 4 rows are left out because values are missing: column 1: 1, "
                            "column 2: 2; --drop 2 would keep 2 of them");
  clf_table_free(&t);
  clf_table_options but_first = drop; /* columns keep the numbers that they have in the file */
  but_first.drop = (char *[]){"1"};
  but_first.drop_count = 1;
  t = read_as("1,7,2\n2,3,NA\n3,?,5\n4,6,NA\n", &but_first);
  ck_assert_str_eq(t.notes, "3 of 4 rows are left out because values are missing: column 2: 1, "
                            "column 3: 2; --drop 3 would keep 2 of them");
  clf_table_free(&t);
  t = read_as(holes, &keep);
  ck_assert_int_eq(t.rows, 6);
  ck_assert_int_eq(t.missing, 4);
  static const double want[] = {1,   NAN, 1, 2, 2.5, NAN, 3, 3.5, 0,
                                NAN, NAN, 1, 5, 5.5, NAN, 6, 6.5, 1};
  for (int i = 0; i < 18; i++) ck_assert(isnan(want[i]) ? isnan(t.at[i]) : t.at[i] == want[i]);
  is_column(&t, 0, CLF_COLUMN_INTEGER, "");
  lines_are(&t, "a,b,c\n1,,red\n2,2.5,\n3,3.5,blue\n,,red\n5,5.5,\n6,6.5,red\n");
  clf_table_free(&t);
  fails(
      "a,b\n1,\n2,NA\n,3\n", &drop, CLF_EFORMAT,
      "d.csv: none of 3 rows has a value in every column; missing values: a 1, b 2; --drop b would "
      "keep 2 of them");
  fails("a,b,c,d\n1,,NA,1\n2,,,\n3,2,?,3\n4,,4,3\n5,,5,3\n", &drop, CLF_EFORMAT,
        "d.csv: none of 5 rows has a value in every column; missing values: b 4, c 3, d 1; "
        "--drop b,c would keep 4 of them");
}
END_TEST

START_TEST(marks_of_missing_values) {
  static const char *const marks[] = {"NA",   "N/A", "NaN", "nan", "null", "NULL",
                                      "None", "?",   "-",   ".",   "\"\""};
  for (size_t i = 0; i < SIZE(marks); i++) {
    char text[64];
    snprintf(text, sizeof text, "a,b\n1,2.5\n2,%s\n3,3.5\n", marks[i]);
    clf_table t = read_as(text, &drop);
    expect_table(&t, 2, 2, (double[]){1, 2.5, 3, 3.5});
    clf_table_free(&t);
  }
}
END_TEST

START_TEST(a_missing_value_alone_in_its_line) {
  clf_table t = read_as("a\n1.5\n\"\"\n2.5\n", &keep), again;
  ck_assert_int_eq(t.rows, 3);
  succeeds(clf_table_write("e.csv", &t));
  succeeds(clf_table_read_with("e.csv", &keep, &again));
  ck_assert_int_eq(again.rows, 3);
  ck_assert(isnan(again.at[1]));
  unlink("e.csv");
  clf_table_free(&t);
  clf_table_free(&again);
}
END_TEST

START_TEST(arrays_with_nan) {
  clf_table t, got;
  succeeds(clf_table_new(3, 2, &t));
  memcpy(t.at, (double[]){1, 2.5, NAN, 3.5, 3, 4.5}, 6 * sizeof *t.at);
  succeeds(clf_table_write("d.npy", &t));
  expect(clf_table_read_with("d.npy", &judge, &got), CLF_EFORMAT,
         "d.npy: row 2, column 1 (from 1): nan is not a finite number");
  succeeds(clf_table_read_with("d.npy", &drop, &got));
  expect_table(&got, 2, 2, (double[]){1, 2.5, 3, 4.5});
  ck_assert_int_eq(got.missing, 1);
  ck_assert_int_eq(got.numbers[0], 1);
  ck_assert_int_eq(got.numbers[1], 3);
  is_column(&got, 0, CLF_COLUMN_INTEGER, "");
  is_column(&got, 1, CLF_COLUMN_NUMBER, "");
  ck_assert_str_eq(got.notes, "1 of 3 rows are left out because they hold NaN");
  clf_table_free(&got);
  succeeds(clf_table_read_with("d.npy", &keep, &got));
  ck_assert_int_eq(got.rows, 3);
  ck_assert(isnan(got.at[2]) && got.at[3] == 3.5);
  unlink("d.npy");
  clf_table_free(&got);
  clf_table_free(&t);
}
END_TEST

START_TEST(ids) {
  clf_table_options o = {.kinds = 1, .id = "name", .missing = CLF_MISSING_DROP};
  clf_table t = read_as("name,a,b\nx,1,2.5\n\"y \"\"1\"\"\",NA,3.5\nz,3,4.5\n", &o);
  expect_table(&t, 2, 2, (double[]){1, 2.5, 3, 4.5});
  ck_assert_str_eq(t.id_name, "name");
  ck_assert_str_eq(t.ids[0], "x");
  ck_assert_str_eq(t.ids[1], "z");
  ck_assert_int_eq(t.numbers[0], 1);
  ck_assert_int_eq(t.numbers[1], 3);
  lines_are(&t, "name,a,b\nx,1,2.5\nz,3,4.5\n");
  clf_table_free(&t);
  t = read_as("name,a,b\nx,1,2.5\n", &o);
  ck_assert_ptr_null(t.numbers); /* no row was left out */
  clf_table_free(&t);
  o.missing = CLF_MISSING_KEEP;
  t = read_as("name,a,b\nx,1,2.5\n\"y \"\"1\"\"\",NA,3.5\nz,3,4.5\n", &o);
  ck_assert_str_eq(t.ids[1], "y \"1\"");
  lines_are(&t, "name,a,b\nx,1,2.5\n\"y \"\"1\"\"\",,3.5\nz,3,4.5\n");
  clf_table_free(&t);
  fails(
      "name,a\nx,1\ny,2\nx,3\n", &o, CLF_EFORMAT,
      "d.csv: column 1 (\"name\"): the id \"x\" occurs twice; give a column that differs in every "
      "row, or leave --id out");
  fails("name,a\nx,1\n,2\n", &o, CLF_EFORMAT,
        "d.csv: line 3, column 1 (\"name\"): the field is empty; --id needs a name in each row");
  fails("nam,a\nx,1\n", &o, CLF_EINVAL, "d.csv: no column is named \"name\"; the nearest is: nam");
  fails("name\nx\ny\n", &o, CLF_EFORMAT, "d.csv: no column is left but the id");
}
END_TEST

START_TEST(columns_that_count_the_rows) {
  static const char *const names[] = {"id", "ID", "index", "rownames", "Unnamed: 0", ""};
  for (size_t i = 0; i < SIZE(names); i++) {
    char text[64];
    snprintf(text, sizeof text, "%s,b,c\n1,2.5,x\n2,3.5,y\n3,4.5,x\n", names[i]);
    clf_table t = read_as(text, &judge);
    expect_table(&t, 3, 2, (double[]){2.5, 0, 3.5, 1, 4.5, 0});
    clf_table_free(&t);
  }
  static const char *const both[] = {"id", "idcase", "PassengerId", "obs"}; /* below names of R */
  for (size_t i = 0; i < SIZE(both); i++) {
    char text[96], note[256];
    snprintf(text, sizeof text, ",%s,b\n\"1\",1,2.5\n\"2\",2,3.5\n\"3\",3,4.5\n", both[i]);
    snprintf(note, sizeof note,
             "left out, as counters of the rows (--columns keeps them): %s\n"
             "column 1 has no name and counts the rows: it is left out (--id 1 keeps it)",
             both[i]);
    clf_table t = read_as(text, &judge);
    expect_table(&t, 3, 1, (double[]){2.5, 3.5, 4.5});
    ck_assert_str_eq(t.notes, note);
    clf_table_free(&t);
  }
  clf_table t = read_as(",time,id\na,1,1\nb,2,3\nc,3,4\n", &judge); /* no counter, no name of one */
  expect_table(&t, 3, 2, (double[]){1, 1, 2, 3, 3, 4});
  clf_table_free(&t);
  t = read_as("\"\",\"b\"\n\"1962.25\",2.5\n\"1962.5\",3.5\n", &judge); /* names of R */
  expect_table(&t, 2, 1, (double[]){2.5, 3.5});
  clf_table_free(&t);
  fails("\"\",\"b\"\n\"1962.25\",\"2.5\"\n\"1962.5\",\"3.5\"\n", &judge, CLF_EFORMAT,
        "d.csv: line 1, column 1: the name is empty; --drop 1 leaves the column out");
  t = read_as("id,b\n1,2.5\n2,3.5\n4,4.5\n", &judge); /* it skips 3 */
  expect_table(&t, 3, 2, (double[]){1, 2.5, 2, 3.5, 4, 4.5});
  clf_table_free(&t);
  t = read_as("id,b\n1,2.5\n2,3.5\n",
              &(clf_table_options){0}); /* without kinds it is an ordinary column */
  expect_table(&t, 2, 2, (double[]){1, 2.5, 2, 3.5});
  clf_table_free(&t);
  t = read_as("id,b\n1,NA\n2,3.5\n3,4.5\n", &drop);
  expect_table(&t, 2, 1, (double[]){3.5, 4.5});
  ck_assert_str_eq(t.notes,
                   "column 1 (\"id\") counts the rows: it is left out (--columns keeps it)\n"
                   "1 of 3 rows are left out because values are missing: b 1");
  clf_table_free(&t);
}
END_TEST

void tests_of_missing(Suite *s) {
  TCase *c = tcase_create("missing values");
  tcase_add_test(c, missing_values);
  tcase_add_test(c, marks_of_missing_values);
  tcase_add_test(c, a_missing_value_alone_in_its_line);
  tcase_add_test(c, arrays_with_nan);
  tcase_add_test(c, ids);
  tcase_add_test(c, columns_that_count_the_rows);
  suite_add_tcase(s, c);
}
