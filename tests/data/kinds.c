/* SPDX-License-Identifier: MIT */
/* kinds.c: labels, booleans and dates read as numbers, and written as text. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "data/kinds.h"

const clf_table_options judge = {.kinds = 1}, drop = {.kinds = 1, .missing = CLF_MISSING_DROP},
                        keep = {.kinds = 1, .missing = CLF_MISSING_KEEP};

void succeeds(clf_status s) { ck_assert_msg(s == CLF_OK, "%s", s ? clf_errmsg() : ""); }

clf_table read_as(const char *text, const clf_table_options *o) {
  clf_table t;
  write_bytes("d.csv", text, strlen(text));
  succeeds(clf_table_read_with("d.csv", o, &t));
  unlink("d.csv");
  return t;
}

void fails(const char *text, const clf_table_options *o, clf_status want, const char *message) {
  clf_table t;
  write_bytes("d.csv", text, strlen(text));
  expect(clf_table_read_with("d.csv", o, &t), want, message);
  unlink("d.csv");
}

/* The table written as text again, line by line. */
void lines_are(const clf_table *t, const char *want) {
  char all[4096] = "";
  for (int64_t i = -1; i < t->rows; i++) {
    char *line;
    succeeds(clf_table_line(t, i, &line));
    strcat(strcat(all, line), "\n");
    free(line);
  }
  ck_assert_str_eq(all, want);
}

void is_column(const clf_table *t, int32_t c, clf_column_kind kind, const char *labels) {
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
  t = read_as("a,when\n1,2024-05-01T14:30:00+24:00\n2,2024-05-01T14:30:00+01:60\n", &judge);
  is_column(&t, 1, CLF_COLUMN_CATEGORY, "2024-05-01T14:30:00+01:60,2024-05-01T14:30:00+24:00");
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

START_TEST(dates_that_are_ambiguous) {
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

/* Of a table with the columns name and a. */
static void expect_left_out(clf_table *t, const char *which) {
  char note[128];
  snprintf(note, sizeof note, "left out, with too many different texts to be categories: %s",
           which);
  ck_assert_str_eq(t->notes, note);
  ck_assert_int_eq(t->cols, 1);
  ck_assert_str_eq(t->names[0], "a");
  clf_table_free(t);
}

START_TEST(texts_that_are_no_labels) {
  char text[2048] = "name,a\n", many[65536] = "name,a\n";
  for (int i = 0; i < 20; i++) sprintf(text + strlen(text), "n%d,%d.5\n", i ? i : 1, i);
  clf_table t = read_as(text, &judge);
  expect_left_out(&t, "name (19 in 20 rows)");
  for (int i = 0; i < 1000; i++) sprintf(many + strlen(many), "n%d,%d.5\n", i % 300, i);
  t = read_as(many, &judge);
  expect_left_out(&t, "name (more than 256 in 1000 rows)");
  strcpy(text, "name\n");
  for (int i = 0; i < 20; i++) sprintf(text + strlen(text), "n%d\n", i ? i : 1);
  fails(text, &judge, CLF_EFORMAT, /* no column would be left */
        "d.csv: column 1 (\"name\"): 19 different texts in 20 rows are not categories; --drop name "
        "leaves the column out");
}
END_TEST

/* A column of texts of which no two are equal becomes the id; a second one is left out. */
START_TEST(texts_that_name_the_rows) {
  char text[65536] = "a,name,b,mail\n";
  for (int i = 0; i < 400; i++)
    sprintf(text + strlen(text), "%d.5,\"n %d\",%d,m%d@x\n", i, i, 400 - i, i);
  clf_table t = read_as(text, &judge);
  ck_assert_int_eq(t.cols, 2);
  ck_assert_str_eq(t.names[0], "a");
  ck_assert_str_eq(t.names[1], "b");
  ck_assert_str_eq(t.id_name, "name");
  ck_assert_str_eq(t.ids[0], "n 0");
  ck_assert_str_eq(t.ids[399], "n 399");
  ck_assert(t.at[0] == 0.5 && t.at[1] == 400 && t.at[2 * 399] == 399.5 && t.at[2 * 399 + 1] == 1);
  ck_assert_str_eq(t.notes,
                   "column 2 has another text in every row: it names the rows, as --id name does\n"
                   "left out, with another text in every row: mail");
  clf_table_free(&t);
  clf_table_options o = judge;
  o.id = "mail";
  t = read_as(text, &o);
  ck_assert_int_eq(t.cols, 2);
  ck_assert_str_eq(t.id_name, "mail");
  clf_table_free(&t);
  char *const columns[] = {"a", "name"};
  o = judge;
  o.columns = columns;
  o.column_count = 2;
  fails(text, &o, CLF_EFORMAT,
        "d.csv: column 2 (\"name\"): more than 256 different texts in 400 rows are not "
        "categories; --drop name leaves the column out");
  strcpy(text, "name,a\n");
  for (int i = 0; i < 20; i++) sprintf(text + strlen(text), i == 7 ? ",7\n" : "n%d,%d\n", i, i);
  t = read_as(text, &judge);
  expect_left_out(&t, "name (19 in 19 rows)");
}
END_TEST

/* They would leave no row in the table. */
START_TEST(columns_without_values) {
  static const char text[] = "a,b,c,d\n1,,2,NA\n2,,3,NA\n3,,,\n";
  clf_table_options o = judge;
  o.missing = CLF_MISSING_DROP;
  clf_table t = read_as(text, &o);
  ck_assert_int_eq(t.cols, 2);
  ck_assert_int_eq(t.rows, 2);
  ck_assert_str_eq(t.names[1], "c");
  ck_assert(t.at[0] == 1 && t.at[1] == 2 && t.at[2] == 2 && t.at[3] == 3);
  ck_assert_str_eq(t.notes, "left out, as no row has a value there: b, d\n1 of 3 rows are left out "
                            "because values are missing: c 1; --drop c would keep 1 of them");
  clf_table_free(&t);
  char *const columns[] = {"a", "b"};
  o.columns = columns;
  o.column_count = 2;
  fails(
      text, &o, CLF_EFORMAT,
      "d.csv: none of 3 rows has a value in every column; missing values: b 3; --drop b would keep "
      "3 of them");
  o = judge;
  o.missing = CLF_MISSING_DROP;
  fails("a,b\n,\n,NA\n", &o, CLF_EFORMAT,
        "d.csv: none of 2 rows has a value in every column; missing values: a 2, b 2");
}
END_TEST

START_TEST(columns_that_never_change) {
  clf_table t = read_as("k,a,w\nx,1,2\nx,2,2\nx,3,2\n", &judge);
  ck_assert_int_eq(clf_table_drop_constant(&t), CLF_OK);
  ck_assert_int_eq(t.cols, 1);
  ck_assert_str_eq(t.names[0], "a");
  ck_assert(t.at[0] == 1 && t.at[1] == 2 && t.at[2] == 3);
  ck_assert_ptr_nonnull(strstr(t.notes, "left out, as every row has the same value there: k, w"));
  clf_table_free(&t);
  t = read_as("a,b\n1,2\n1,2\n", &judge);
  ck_assert_int_eq(clf_table_drop_constant(&t), CLF_OK);
  ck_assert_int_eq(t.cols, 2); /* the caller refuses such a table */
  clf_table_free(&t);
}
END_TEST

START_TEST(misspelt_numbers_are_refused) {
  fails("a,b\n1,2.5\n2,O.5\n3,1.5\n", &judge, CLF_EFORMAT,
        "d.csv: line 3, column 2 (\"b\"): \"O.5\" is not a number");
  fails("a,b\n1,2.5\n2,red\n3,1.5\n", &judge, CLF_EFORMAT,
        "d.csv: line 3, column 2 (\"b\"): \"red\" is not a number; --drop b leaves the column out");
  fails(
      "a,b\n1,50%\n2,25%\n", &judge, CLF_EFORMAT,
      "d.csv: line 2, column 2 (\"b\"): \"50%\" is not a number; remove the percent sign; --drop b "
      "leaves the column out");
  fails("a,b\nm,s\n2,2.5\n3,1.5\n", &judge, CLF_EFORMAT,
        "d.csv: line 2, column 1 (\"a\"): \"m\" is not a number; if line 2 belongs to the header, "
        "remove it; --drop a leaves the column out");
  static const struct {
    const char *field, *what;
  } drawn[] = {
      {"\xe2\x88\x92%d", "its minus sign is U+2212: write '-'; --drop b leaves the column out"},
      {"1.%dD+00",
       "write its exponent with E, not with Fortran's D; --drop b leaves the column out"},
      {"%dD3", "write its exponent with E, not with Fortran's D; --drop b leaves the column out"},
      {"%d 234,5", "remove thousands separators; --drop b leaves the column out"},
      {"'%d'", "remove the single quotes; --drop b leaves the column out"},
      {"%d # checked", "--comment '#' ignores text after a '#'"},
      {"(%d)", "--drop b leaves the column out"},
      {"$%d", "--drop b leaves the column out"}};
  for (size_t i = 0; i < SIZE(drawn); i++) {
    char text[512] = "a,b\n", field[64], message[256];
    for (int k = 0; k < 12; k++) { /* few enough to be labels */
      snprintf(field, sizeof field, drawn[i].field, k % 3);
      snprintf(text + strlen(text), sizeof text - strlen(text), "%d.5,\"%s\"\n", k, field);
    }
    snprintf(field, sizeof field, drawn[i].field, 0);
    snprintf(message, sizeof message, "d.csv: line 2, column 2 (\"b\"): \"%s\" is not a number; %s",
             field, drawn[i].what);
    fails(text, &judge, CLF_EFORMAT, message);
  }
  clf_table t = read_as("a,ages,stage\n1,25-34,1\n2,75+,IIa\n3,25-34,IIb\n", &judge);
  is_column(&t, 1, CLF_COLUMN_CATEGORY, "25-34,75+");
  is_column(&t, 2, CLF_COLUMN_CATEGORY, "1,IIa,IIb"); /* texts prevail */
  clf_table_free(&t);
  t = read_as("a,site,well\n1,E1,1D3\n2,E2,2A3\n3,E1,1B3\n", &judge); /* no exponents */
  is_column(&t, 1, CLF_COLUMN_CATEGORY, "E1,E2");
  is_column(&t, 2, CLF_COLUMN_CATEGORY, "1B3,1D3,2A3");
  clf_table_free(&t);
  t = read_as("a,key,form\n1,C#,2D\n2,F #,3D\n3,C#,3D\n", &judge);
  is_column(&t, 1, CLF_COLUMN_CATEGORY, "C#,F #");
  is_column(&t, 2, CLF_COLUMN_CATEGORY, "2D,3D");
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
  tcase_add_test(c, dates_that_are_ambiguous);
  tcase_add_test(c, texts_that_are_no_labels);
  tcase_add_test(c, texts_that_name_the_rows);
  tcase_add_test(c, columns_without_values);
  tcase_add_test(c, columns_that_never_change);
  tcase_add_test(c, misspelt_numbers_are_refused);
  suite_add_tcase(s, c);
}
