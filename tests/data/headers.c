/* SPDX-License-Identifier: MIT */
/* headers.c: the first line of a text: names of columns, or numbers. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "text_is.h"

static const double four[] = {1, 2, 3, 4};

#define HEADER "; if line 1 names the columns, say --header yes"

/* None of these is a header. */
START_TEST(first_rows_that_are_refused) {
  static const struct {
    const char *field, *message;
  } list[] = {
      {"NA", "column 2: \"NA\" marks a missing value; fill it in or remove the row" HEADER},
      {"n/a", "column 2: \"n/a\" marks a missing value; fill it in or remove the row" HEADER},
      {"?", "column 2: \"?\" marks a missing value; fill it in or remove the row" HEADER},
      {"-", "column 2: \"-\" marks a missing value; fill it in or remove the row" HEADER},
      {"null", "column 2: \"null\" marks a missing value; fill it in or remove the row" HEADER},
      {"", "column 2: the field is empty" HEADER},
      {"nan", "column 2: \"nan\" is not a finite number"},
      {"inf", "column 2: \"inf\" is not a finite number"},
      {"0x1", "column 2: \"0x1\" is hexadecimal; numbers must be decimal"},
      {"1e999", "column 2: \"1e999\" is too large for a double"},
      {"50%", "column 2: \"50%\" is not a number; remove the percent sign" HEADER},
      {"\"1,234\"", "column 2: \"1,234\" has a comma, but other numbers have a decimal point; "
                    "remove it if it separates thousands" HEADER},
      {"\"1,234,567\"",
       "column 2: \"1,234,567\" is not a number; remove thousands separators" HEADER},
      {"O.5", "column 2: \"O.5\" is not a number" HEADER},
      {"1.2.3", "column 2: \"1.2.3\" looks like a date, not a number" HEADER},
      {"2026-01-31", "column 2: \"2026-01-31\" looks like a date, not a number" HEADER},
      {"$5", "column 2: \"$5\" is not a number" HEADER},
      {"b", "column 2: \"b\" is not a number" HEADER},
      {"2 # first",
       "column 2: \"2 # first\" is not a number" HEADER "; --comment '#' ignores text after a '#'"},
  };
  for (size_t i = 0; i < SIZE(list); i++) {
    char text[128], message[256];
    snprintf(text, sizeof text, "1.5,%s,2.5\n1.5,2,3\n2,3,4.5\n", list[i].field);
    snprintf(message, sizeof message, "d.csv: line 1, %s", list[i].message);
    fails_with(text, &none, CLF_EFORMAT, message);
  }
  FAILS_WITH(
      "#N/A,1\n0.5,2\n", &none,
      "line 1, column 1: \"#N/A\" marks a missing value; fill it in or remove the row" HEADER);
  FAILS_WITH("0.5,2\n#DIV/0!,2\n", &none, "line 2, column 1: \"#DIV/0!\" is not a number");
  FAILS_WITH("O.5\n0.5\n0.7\n", &none, "line 1, column 1: \"O.5\" is not a number" HEADER);
  FAILS_WITH("NA,?\n0.5,1\n0.7,2\n", &none,
             "line 1, column 1: \"NA\" marks a missing value; fill it in or remove the row" HEADER);
  FAILS_WITH("\"1,234\",\"5,678\"\n100,200\n300,400\n", &none,
             "line 1, column 1: \"1,234\" may be a decimal number or have a separator of "
             "thousands; say --decimal , or remove the commas");
  FAILS_WITH("\n# c\n1,NA\n", &none,
             "line 3, column 2: \"NA\" marks a missing value; fill it in or remove the row; if "
             "line 3 names the columns, say --header yes");
}
END_TEST

START_TEST(headers_of_all_kinds) {
  static const char *const length[] = {"petal length"};
  static const char *const quoted[] = {"2019", "2020"};
  static const char *const quartiles[] = {"min", "50%"};
  is("petal length\n1\n2\n3\n4\n", 4, 1, four, length, "");
  is("petal length\r\n1\r\n2\r\n3\r\n4\r\n", 4, 1, four, length, "");
  is("\"2019\",\"2020\"\n1,2\n3,4\n", 2, 2, four, quoted, "");
  is("min,50%\n1,2\n3,4\n", 2, 2, four, quartiles,
     "line 1 is read as a header that names column 2 \"50%\" (--header no: as a row)");
  FAILS_WITH("2026-01-31,2026-02-28\n1,2\n3,4\n", &none,
             "line 1, column 1: \"2026-01-31\" looks like a date, not a number" HEADER);
  is("\"1\",\"2\"\n\"3\",\"4\"\n", 2, 2, four, NULL, "");
  FAILS_WITH("a,b,a\n1,2,3\n", &none,
             "line 1: columns 1 and 3 are both named \"a\"; rename one, or leave one out by its "
             "number: --drop N");
}
END_TEST

START_TEST(headers_that_count) {
  static const char *const from0[] = {"0", "1", "2"}, *const from1[] = {"1", "2", "3"};
  static const double at[] = {0.5, 1.5, 2.5, 3.5, 4.5, 1e-3};
  static const double row[] = {0, 1, 2, 0.5, 1.5, 2.5, 3.5, 4.5, 1e-3};
  static const char text[] = "0,1,2\n0.5,1.5,2.5\n3.5,4.5,1e-3\n";
  const clf_table_options no = {.header = CLF_HEADER_NO}, yes = {.header = CLF_HEADER_YES};
  is(text, 2, 3, at, from0,
     "line 1 counts its columns; it is read as a header (--header no: as a row)");
  is_with(text, &no, 3, 3, row, NULL, "");
  is_with(text, &yes, 2, 3, at, from0, "");
  is("1\t2\t3\n0.5\t1.5\t2.5\n3.5\t4.5\t1e-3\n", 2, 3, at, from1,
     "line 1 counts its columns; it is read as a header (--header no: as a row)");
  is("1,2\n3,4\n", 2, 2, four, NULL, ""); /* goes on */
  is("0,1,2\n3,4,5\n", 2, 3, (double[]){0, 1, 2, 3, 4, 5}, NULL, "");
  is("1\n2\n3\n4\n", 4, 1, four, NULL, "");
  is("1,2\n0.5,4\n", 2, 2, (double[]){1, 2, 0.5, 4}, NULL,
     "line 1 counts its columns; it is read as a row (--header yes: as a header)");
#define COUNTS(n)                                                                                  \
  "line 1 counts its columns from " n                                                              \
  ": say --header yes if it names them, --header no if it is a "                                   \
  "row"
  FAILS_WITH("0,1,2\n5,3,9\n", &none, COUNTS("0"));
  FAILS_WITH("1,2,3\n3,1,2\n", &none, COUNTS("1"));
  FAILS_WITH("0,1\n0.5,0.25\n", &none, COUNTS("0"));
  FAILS_WITH("0\n0.5\n0.25\n", &none, COUNTS("0"));
  is_with("0\n0.5\n0.25\n", &no, 3, 1, (double[]){0, 0.5, 0.25}, NULL, "");
}
END_TEST

/* Years above ten lines of numbers with points; not above fewer, nor if one number is whole. */
START_TEST(headers_of_whole_numbers) {
  static const char *const years[] = {"2019", "2020", "2024"};
  static const char *const firsts[] = {"2019,2020,2024", "2019,2024,2020", "2019,2020,2024"};
  static const char *const lasts[] = {"1.5,2.5,0.5", "1.5,2.5,0.5", "1.5,2,0.5"};
  for (int i = 0; i < 3; i++)
    for (int lines = 9; lines <= 10; lines++) {
      const int is_header = i == 0 && lines == 10;
      char text[512];
      clf_table t;
      size_t n = (size_t)sprintf(text, "%s\n", firsts[i]);
      for (int k = 1; k < lines; k++) n += (size_t)sprintf(text + n, "0.5,%d.25,1.5\n", k);
      sprintf(text + n, "%s\n", lasts[i]);
      write_bytes("d.csv", text, strlen(text));
      WORKS(clf_table_read_with("d.csv", &none, &t));
      ck_assert_int_eq(t.rows, lines + !is_header);
      for (int c = 0; is_header && c < 3; c++) ck_assert_str_eq(t.names[c], years[c]);
      ck_assert_str_eq(t.notes ? t.notes : "",
                       is_header ? "line 1 alone has whole numbers; it is read as a header "
                                   "(--header no: as a row)"
                                 : "");
      clf_table_free(&t);
    }
  unlink("d.csv");
}
END_TEST

/* A line of years above ten lines, with a text before it, or none. */
static clf_table read_years(const char *text, const char *const first[2], int step) {
  char all[1024];
  size_t n = (size_t)sprintf(all, "%s%s2001,%d,%d,%d,%d\n", text, *text ? "," : "", 2001 + step,
                             2001 + 2 * step, 2001 + 3 * step, 2001 + 4 * step);
  for (int i = 0; i < 10; i++)
    n += (size_t)sprintf(all + n, "%s%s%d,2,7,%d,4\n", first[i % 2], *text ? "," : "", i, i * i);
  clf_table t;
  const clf_table_options o = {.kinds = 1};
  write_bytes("d.csv", all, n);
  WORKS(clf_table_read_with("d.csv", &o, &t));
  unlink("d.csv");
  return t;
}

/* Years above whole numbers are names if they count by one. */
START_TEST(headers_that_count_by_one) {
  static const char *const none_first[] = {"", ""}, *const labels[] = {"north", "south"};
  for (int step = 1; step <= 2; step++)
    for (int text = 0; text < 2; text++) {
      clf_table t = read_years(text ? "region" : "", text ? labels : none_first, step);
      ck_assert_int_eq(t.rows, step == 1 ? 10 : 11);
      ck_assert_int_eq(t.cols, 5 + text);
      if (step == 1) {
        ck_assert_str_eq(t.names[0], text ? "region" : "2001");
        ck_assert_str_eq(t.names[text + 4], "2005");
        ck_assert_ptr_nonnull(strstr(t.notes, "line 1 alone counts by one; it is read as a header "
                                              "(--header no: as a row)"));
      }
      clf_table_free(&t);
    }
}
END_TEST

/* The names that a model has are names wherever they appear, whatever they look like. */
START_TEST(headers_that_a_model_knows) {
  char *names[] = {"2019", "-3"};
  clf_columns like = {.count = 2, .names = names};
  const clf_table_options o = {.like = &like};
  is_with("2019,-3\n1,2\n3,4\n", &o, 2, 2, four, (const char *const[]){"2019", "-3"},
          "line 1 is read as a header that names column 1 \"2019\" (--header no: as a row)");
  is_with("2019,4,-3\n1,9,2\n3,8,4\n", &o, 2, 2, four, (const char *const[]){"2019", "-3"},
          "left out because the model has no such column: 4");
  is_with("1,2\n3,4\n", &o, 2, 2, four, NULL,
          "no header names the columns; they are taken as the model's: 2019, -3");
  fails_with("% by hand\n1,2\n3,4\n", &o, CLF_EFORMAT,
             "d.csv: line 2 has 2 fields, line 1 has 1; if the text begins with a title, --skip 1 "
             "skips it; if ',' is the decimal sign, say --decimal ,");
}
END_TEST

/* One column, where the comma is no delimiter. */
START_TEST(one_column_of_commas) {
  static const char *const x[] = {"x"};
  static const double at[] = {1.5, 2.25, -0.125};
  const clf_table_options comma = {.decimal = ','};
  is_with("x\n1,5\n2,25\n-0,125\n", &comma, 3, 1, at, x, "',' is the decimal sign");
  is_with("1,5\n2,25\n-0,125\n", &comma, 3, 1, at, NULL, "',' is the decimal sign");
  FAILS_WITH("x\n1,5\n2,25\n-0,125\n", &none,
             "line 2 has 2 fields, line 1 has 1; if the text begins with a title, --skip 1 skips "
             "it; if ',' is the decimal sign, say --decimal ,");
  is("x\n1,5\n2,7\n", 2, 1, (double[]){5, 7}, x, INDEX); /* R's write.table() */
  is("1,05\n2,25\n", 2, 2, (double[]){1, 5, 2, 25}, NULL,
     "column 2 has numbers that begin with 0; if ',' is the decimal sign, say --decimal ,");
  is("1,0\n2,25\n", 2, 2, (double[]){1, 0, 2, 25}, NULL, "");
}
END_TEST

START_TEST(headers_that_are_chosen) {
  const clf_table_options no = {.header = CLF_HEADER_NO}, yes = {.header = CLF_HEADER_YES};
  static const char *const na[] = {"1", "NA"};
  is_with("1,NA\n1,2\n3,4\n", &yes, 2, 2, four, na, "");
  is_with("1,2\n3,4\n", &no, 2, 2, four, NULL, "");
  FAILS_WITH("a,b\n1,2\n", &no, "line 1, column 1: \"a\" is not a number");
  FAILS_WITH("a,b\n", &yes, "a header and no row of numbers below it");
}
END_TEST

void tests_of_headers(Suite *s) {
  TCase *c = tcase_create("headers");
  tcase_add_test(c, first_rows_that_are_refused);
  tcase_add_test(c, headers_of_all_kinds);
  tcase_add_test(c, headers_that_count);
  tcase_add_test(c, headers_of_whole_numbers);
  tcase_add_test(c, headers_that_count_by_one);
  tcase_add_test(c, headers_that_a_model_knows);
  tcase_add_test(c, one_column_of_commas);
  tcase_add_test(c, headers_that_are_chosen);
  suite_add_tcase(s, c);
}
