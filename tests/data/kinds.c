/* SPDX-License-Identifier: MIT */
/* kinds.c: labels, booleans, dates and missing values read as numbers, and written back. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tables.h"

static const clf_table_options judge = {.kinds = 1},
                               drop = {.kinds = 1, .missing = CLF_MISSING_DROP},
                               keep = {.kinds = 1, .missing = CLF_MISSING_KEEP};

static void succeeds(clf_status s) { ck_assert_msg(s == CLF_OK, "%s", s ? clf_errmsg() : ""); }

static clf_table read_as(const char *text, const clf_table_options *o) {
  clf_table t;
  write_bytes("d.csv", text, strlen(text));
  succeeds(clf_table_read_with("d.csv", o, &t));
  unlink("d.csv");
  return t;
}

static void fails(const char *text, const clf_table_options *o, clf_status want,
                  const char *message) {
  clf_table t;
  write_bytes("d.csv", text, strlen(text));
  expect(clf_table_read_with("d.csv", o, &t), want, message);
  unlink("d.csv");
}

/* What the table is as text again, line by line. */
static void lines_are(const clf_table *t, const char *want) {
  char all[4096] = "";
  for (int64_t i = -1; i < t->rows; i++) {
    char *line;
    succeeds(clf_table_line(t, i, &line));
    strcat(strcat(all, line), "\n");
    free(line);
  }
  ck_assert_str_eq(all, want);
}

static void is_column(const clf_table *t, int32_t c, clf_column_kind kind, const char *labels) {
  const clf_column *const k = &t->columns[c];
  char all[512] = "";
  for (int32_t i = 0; i < k->category_count; i++)
    strcat(strcat(all, i ? "," : ""), k->categories[i]);
  ck_assert_str_eq(clf_column_kind_name(k->kind), clf_column_kind_name(kind));
  ck_assert_str_eq(all, labels);
}

static const char penguins[] = "species,island,bill,mass,sex,tagged\n"
                               "Adelie,Torgersen,39.1,3750,male,TRUE\n"
                               "Gentoo,Biscoe,46,5400,female,FALSE\n"
                               "\"Chin, strap\",Dream,50.25,3700,female,TRUE\n";

START_TEST(labels_and_booleans) {
  clf_table t = read_as(penguins, &judge);
  expect_table(&t, 3, 6,
               (double[]){0, 2, 39.1, 3750, 1, 1, 2, 0, 46, 5400, 0, 0, 1, 1, 50.25, 3700, 0, 1});
  is_column(&t, 0, CLF_COLUMN_CATEGORY, "Adelie,Chin, strap,Gentoo");
  is_column(&t, 1, CLF_COLUMN_CATEGORY, "Biscoe,Dream,Torgersen");
  is_column(&t, 2, CLF_COLUMN_NUMBER, "");
  is_column(&t, 3, CLF_COLUMN_INTEGER, "");
  is_column(&t, 4, CLF_COLUMN_CATEGORY, "female,male");
  is_column(&t, 5, CLF_COLUMN_BOOLEAN, "FALSE,TRUE");
  ck_assert_int_eq(t.columns[2].decimals, 2);
  ck_assert_double_eq(t.columns[3].smallest, 3700);
  ck_assert_double_eq(t.columns[3].largest, 5400);
  ck_assert_str_eq(t.notes, "read as numbers: species (3 labels), island (3 labels), "
                            "sex (2 labels), tagged (boolean)");
  lines_are(&t, "species,island,bill,mass,sex,tagged\n"
                "Adelie,Torgersen,39.1,3750,male,TRUE\n"
                "Gentoo,Biscoe,46,5400,female,FALSE\n"
                "\"Chin, strap\",Dream,50.25,3700,female,TRUE\n");
  clf_table_free(&t);
}
END_TEST

START_TEST(without_kinds_text_is_refused) {
  fails(penguins, &(clf_table_options){0}, CLF_EFORMAT,
        "d.csv: line 2, column 1 (\"species\"): \"Adelie\" is not a number; --drop "
        "species,island,sex,tagged leaves the columns out");
}
END_TEST

START_TEST(words_of_booleans) {
  static const struct {
    const char *first, *second, *words;
  } is[] = {{"true", "false", "false,true"},
            {"True", "False", "False,True"},
            {"yes", "no", "no,yes"},
            {"No", "Yes", "No,Yes"},
            {"t", "f", "f,t"},
            {"T", "F", "F,T"},
            {"YES", "YES", "NO,YES"}};
  for (size_t i = 0; i < SIZE(is); i++) {
    char text[64];
    snprintf(text, sizeof text, "a,b\n1.5,%s\n2.5,%s\n", is[i].first, is[i].second);
    clf_table t = read_as(text, &judge);
    is_column(&t, 1, CLF_COLUMN_BOOLEAN, is[i].words);
    char word[8];
    ck_assert_uint_eq(clf_column_text(&t.columns[1], t.at[1], word, sizeof word),
                      strlen(is[i].first));
    ck_assert_str_eq(word, is[i].first);
    clf_table_free(&t);
  }
  clf_table t = read_as("a,b\n1.5,yes\n2.5,true\n", &judge); /* of two pairs */
  is_column(&t, 1, CLF_COLUMN_CATEGORY, "true,yes");
  clf_table_free(&t);
}
END_TEST

/* ---- Dates ---------------------------------------------------------------------------- */

START_TEST(dates_and_times) {
  static const struct {
    const char *first, *second, *form;
    double value; /* of the first */
  } is[] = {
      {"2024-05-01", "1969-12-31", "%Y-%m-%d", 19844},
      {"2000-02-29", "1900-03-01", "%Y-%m-%d", 11016},
      {"2024/5/1", "2024/11/30", "%Y/%-m/%-d", 19844},
      {"13/05/2024", "01/05/2024", "%d/%m/%Y", 19856},
      {"05/13/2024", "05/01/2024", "%m/%d/%Y", 19856},
      {"01.05.2024", "02.05.2024", "%d.%m.%Y", 19844},
      {"5/13/24", "5/1/24", "%-m/%-d/%y", 19856},
      {"Jan 1 2000", "Dec 31 1999", "%b %-d %Y", 10957},
      {"01-Jan-2000", "31-Dec-1999", "%d-%b-%Y", 10957},
      {"2000-03", "2001-11", "%Y-%m", 11017},
      {"2024-05-01T12:30:00", "2024-05-01T00:00:59", "%Y-%m-%dT%H:%M:%S", 1714566600},
      {"2024-05-01 12:30", "2024-05-01 00:00", "%Y-%m-%d %H:%M", 1714566600},
      {"2024-05-01T12:30:00Z", "2024-05-01T00:00:59Z", "%Y-%m-%dT%H:%M:%SZ", 1714566600},
      {"2024-05-01T14:30:00+00:00", "2024-05-01T00:00:59+00:00", "%Y-%m-%dT%H:%M:%S%z", 1714573800},
      {"2024-05-01 12:30:00.250", "2024-05-01 00:00:59.125", "%Y-%m-%d %H:%M:%S%3f", 1714566600.25},
      {"12:30", "23:59", "%H:%M", 45000},
      {"9:05:30", "23:59:01", "%-H:%M:%S", 32730},
  };
  for (size_t i = 0; i < SIZE(is); i++) {
    char text[128], both[128];
    snprintf(text, sizeof text, "a,when\n1,%s\n2,%s\n", is[i].first, is[i].second);
    clf_table t = read_as(text, &judge);
    const clf_column *const k = &t.columns[1];
    ck_assert_str_eq(k->form, is[i].form);
    ck_assert_double_eq(t.at[1], is[i].value);
    ck_assert_int_eq(k->kind,
                     strstr(is[i].form, "%d") || strchr(is[i].form, 'Y') || strchr(is[i].form, 'y')
                         ? CLF_COLUMN_DATE
                         : CLF_COLUMN_TIME);
    clf_column_text(k, t.at[1], both, sizeof both);
    ck_assert_str_eq(both, is[i].first);
    clf_column_text(k, t.at[3], both, sizeof both);
    ck_assert_str_eq(both, is[i].second);
    clf_table_free(&t);
  }
  clf_table t =
      read_as("a,when\n1,2024-05-01T14:30:00+02:00\n2,2024-05-01T12:30:00-0130\n", &judge);
  ck_assert_double_eq(t.at[1], 1714566600);
  ck_assert_double_eq(t.at[3], 1714566600 + 5400);
  ck_assert_str_eq(t.columns[1].unit, "seconds since 1970-01-01 00:00 UTC");
  clf_table_free(&t);
}
END_TEST

START_TEST(dates_are_rounded_as_they_are_written) {
  clf_table t = read_as("day,at,time\n2024-05-01,2024-05-01 12:30:00.5,23:59\n"
                        "2024-05-02,2024-05-01 12:30:01.5,00:00\n",
                        &judge);
  static const struct {
    int32_t c;
    double value;
    const char *text;
  } is[] = {{0, 19844.4, "2024-05-01"},
            {0, 19844.6, "2024-05-02"},
            {0, 1e12, "9999-12-31"},
            {0, -1e12, "0000-01-01"},
            {0, -719468, "0000-03-01"},
            {1, 1714566600.04, "2024-05-01 12:30:00.0"},
            {1, 1714566599.96, "2024-05-01 12:30:00.0"},
            {1, 1714521599.99, "2024-05-01 00:00:00.0"},
            {1, -0.1, "1969-12-31 23:59:59.9"},
            {2, 86399, "00:00"},
            {2, 86400 + 61, "00:01"},
            {2, -60, "23:59"}};
  for (size_t i = 0; i < SIZE(is); i++) {
    char text[64];
    clf_column_text(&t.columns[is[i].c], is[i].value, text, sizeof text);
    ck_assert_str_eq(text, is[i].text);
  }
  clf_table_free(&t);
}
END_TEST

START_TEST(dates_that_may_be_two) {
  fails("a,when\n1,01/05/2024\n2,03/04/2024\n", &judge, CLF_EFORMAT,
        "d.csv: column 2 (\"when\"): the order of days and months in dates such as \"01/05/2024\" "
        "is ambiguous; write them as 2024-05-31, or leave the column out: --drop when");
  clf_table t = read_as("a,when\n1,05/05/2024\n2,03/03/2024\n", &judge); /* both are the same */
  ck_assert_double_eq(t.at[1], 19848);
  clf_table_free(&t);
  t = read_as("a,when\n1,2024-02-30\n2,2024-02-28\n3,2024-02-28\n", &judge); /* no such day */
  is_column(&t, 1, CLF_COLUMN_CATEGORY, "2024-02-28,2024-02-30");
  clf_table_free(&t);
  t = read_as("a,year\n1,1999\n2,2004\n", &judge);
  is_column(&t, 1, CLF_COLUMN_INTEGER, "");
  clf_table_free(&t);
}
END_TEST

/* ---- Text that is no kind ------------------------------------------------------------------ */

START_TEST(texts_that_are_no_labels) {
  char text[1024] = "name,a\n", many[65536] = "name,a\n";
  for (int i = 0; i < 20; i++) sprintf(text + strlen(text), "n%d,%d.5\n", i, i);
  fails(text, &judge, CLF_EFORMAT,
        "d.csv: column 1 (\"name\"): 20 different texts in 20 rows are not categories; --id name "
        "keeps them as names of the rows, --drop name leaves the column out");
  fails("a,b\n\"x\ty\",1\nz,2\n", &judge, CLF_EFORMAT,
        "d.csv: column 1 (\"a\"): label 1 has a control character");
  for (int i = 0; i < 1000; i++) sprintf(many + strlen(many), "n%d,%d.5\n", i % 300, i);
  fails(many, &judge, CLF_EFORMAT,
        "d.csv: column 1 (\"name\"): more than 256 different texts in 1000 rows are not "
        "categories; --id name keeps them as names of the rows, --drop name leaves the column out");
}
END_TEST

START_TEST(misspelt_numbers_are_refused) {
  fails("a,b\n1,2.5\n2,O.5\n3,1.5\n", &judge, CLF_EFORMAT,
        "d.csv: line 3, column 2 (\"b\"): \"O.5\" is not a number");
  fails("a,b\n1,2.5\n2,red\n3,1.5\n", &judge, CLF_EFORMAT,
        "d.csv: line 3, column 2 (\"b\"): \"red\" is not a number");
  fails(
      "a,b\n1,50%\n2,25%\n", &judge, CLF_EFORMAT,
      "d.csv: line 2, column 2 (\"b\"): \"50%\" is not a number; remove the percent sign; --drop b "
      "leaves the column out");
  clf_table t = read_as("a,ages,stage\n1,25-34,1\n2,75+,IIa\n3,25-34,IIb\n", &judge);
  is_column(&t, 1, CLF_COLUMN_CATEGORY, "25-34,75+");
  is_column(&t, 2, CLF_COLUMN_CATEGORY, "1,IIa,IIb"); /* texts prevail */
  clf_table_free(&t);
}
END_TEST

/* ---- Missing values ----------------------------------------------------------------------- */

static const char holes[] = "a,b,c\n1,NA,red\n2,2.5,\n3,3.5,blue\n?,,red\n5,5.5,N/A\n6,6.5,red\n";

START_TEST(missing_values) {
  fails(holes, &judge, CLF_EFORMAT,
        "d.csv: line 2, column 2 (\"b\"): \"NA\" marks a missing value; --missing drop leaves such "
        "rows out");
  clf_table t = read_as(holes, &drop);
  expect_table(&t, 2, 3, (double[]){3, 3.5, 0, 6, 6.5, 1});
  ck_assert_int_eq(t.missing, 4);
  ck_assert_str_eq(t.notes, "4 of 6 rows are left out, as values are missing: a 1, b 2, c 2; "
                            "--drop c would keep 2 of them\nread as numbers: c (2 labels)");
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
      "a,b\n1,\n2,NA\n", &drop, CLF_EFORMAT,
      "d.csv: no row has a value in every column; missing values: b 2; --drop b leaves that column "
      "out");
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
  ck_assert_str_eq(got.notes, "1 of 3 rows are left out, as they hold NaN");
  clf_table_free(&got);
  succeeds(clf_table_read_with("d.npy", &keep, &got));
  ck_assert_int_eq(got.rows, 3);
  ck_assert(isnan(got.at[2]) && got.at[3] == 3.5);
  unlink("d.npy");
  clf_table_free(&got);
  clf_table_free(&t);
}
END_TEST

/* ---- Ids and indices ----------------------------------------------------------------------- */

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
  clf_table t = read_as("id,b\n1,2.5\n2,3.5\n4,4.5\n", &judge); /* it does not count */
  expect_table(&t, 3, 2, (double[]){1, 2.5, 2, 3.5, 4, 4.5});
  clf_table_free(&t);
  t = read_as("id,b\n1,2.5\n2,3.5\n", &(clf_table_options){0}); /* as it was read before */
  expect_table(&t, 2, 2, (double[]){1, 2.5, 2, 3.5});
  clf_table_free(&t);
  t = read_as("id,b\n1,NA\n2,3.5\n3,4.5\n", &drop);
  expect_table(&t, 2, 1, (double[]){3.5, 4.5});
  ck_assert_str_eq(t.notes,
                   "column 1 (\"id\") counts the rows: it is left out (--columns keeps it)\n"
                   "1 of 3 rows are left out, as values are missing: b 1");
  clf_table_free(&t);
}
END_TEST

/* ---- As a model's ---------------------------------------------------------------------------- */

static const char model_data[] = "sex,day,b,flag,k\n"
                                 "f,13/05/2024,2.5,yes,1\n"
                                 "m,01/05/2024,3.5,no,2\n"
                                 "x,02/05/2024,1.5,no,3\n";

/* Columns are described by the model's table, whatever those of the file look like. */
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
  ck_assert_str_eq(got.notes, "left out, as the model has no such column: name\n"
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

/* ---- Single values ----------------------------------------------------------------------------
 */

START_TEST(values_and_texts) {
  clf_table t = read_as(model_data, &judge);
  double v = 0;
  succeeds(clf_column_value(&t.columns[0], "m", &v));
  ck_assert_double_eq(v, 1);
  succeeds(clf_column_value(&t.columns[0], "2", &v)); /* the code of x */
  ck_assert_double_eq(v, 2);
  succeeds(clf_column_value(&t.columns[1], "2024-05-13", &v));
  ck_assert_double_eq(v, 19856);
  succeeds(clf_column_value(&t.columns[2], "-1e3", &v));
  ck_assert_double_eq(v, -1000);
  succeeds(clf_column_value(&t.columns[3], "YES", &v));
  ck_assert_double_eq(v, 1);
  expect(clf_column_value(&t.columns[0], "3", &v), CLF_EINVAL, "\"3\" is not one of f, m, x");
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
       "a boolean has 2 to 2 labels, not 1"},
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

/* ---- One-hot ------------------------------------------------------------------------------------
 */

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
  succeeds(clf_table_one_hot(&t)); /* nothing is left to do */
  ck_assert_int_eq(t.cols, 4);
  clf_table_free(&t);
}
END_TEST

void tests_of_kinds(Suite *s) {
  TCase *c = tcase_create("kinds");
  tcase_add_test(c, labels_and_booleans);
  tcase_add_test(c, without_kinds_text_is_refused);
  tcase_add_test(c, words_of_booleans);
  tcase_add_test(c, dates_and_times);
  tcase_add_test(c, dates_are_rounded_as_they_are_written);
  tcase_add_test(c, dates_that_may_be_two);
  tcase_add_test(c, texts_that_are_no_labels);
  tcase_add_test(c, misspelt_numbers_are_refused);
  tcase_add_test(c, missing_values);
  tcase_add_test(c, marks_of_missing_values);
  tcase_add_test(c, a_missing_value_alone_in_its_line);
  tcase_add_test(c, arrays_with_nan);
  tcase_add_test(c, ids);
  tcase_add_test(c, columns_that_count_the_rows);
  tcase_add_test(c, read_like_a_model);
  tcase_add_test(c, a_mark_that_is_a_label);
  tcase_add_test(c, values_and_texts);
  tcase_add_test(c, descriptions_that_make_no_sense);
  tcase_add_test(c, one_hot_columns);
  suite_add_tcase(s, c);
}
