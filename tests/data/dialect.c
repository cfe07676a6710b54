/* SPDX-License-Identifier: MIT */
/* dialect.c: the format of a text file: how it is detected, reported and chosen. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tables.h"

/* ---- Helpers ------------------------------------------------------------------------------ */

static const char *const ab[] = {"a", "b"};
static const double four[] = {1, 2, 3, 4};
static const double halves[] = {1.5, 2, 2.5, 3.25};
static const clf_table_options none;

/* A file with this text, read with these options, gives this table and these notes. */
static void is_with(const char *text, const clf_table_options *o, int64_t rows, int32_t cols,
                    const double *at, const char *const *names, const char *notes) {
  clf_table t;
  write_bytes("d.csv", text, strlen(text));
  const clf_status s = clf_table_read_with("d.csv", o, &t);
  ck_assert_msg(s == CLF_OK, "%s: %s", text, s ? clf_errmsg() : "");
  expect_table(&t, rows, cols, at);
  ck_assert_msg((t.names != NULL) == (names != NULL), "%s", text);
  for (int32_t c = 0; names && c < cols; c++) ck_assert_str_eq(t.names[c], names[c]);
  ck_assert_str_eq(t.notes ? t.notes : "", notes);
  clf_table_free(&t);
  unlink("d.csv");
}
static void is(const char *text, int64_t rows, int32_t cols, const double *at,
               const char *const *names, const char *notes) {
  is_with(text, &none, rows, cols, at, names, notes);
}

static void fails_with(const char *text, const clf_table_options *o, clf_status status,
                       const char *message) {
  clf_table t = {.rows = -1};
  write_bytes("d.csv", text, strlen(text));
  expect(clf_table_read_with("d.csv", o, &t), status, message);
  ck_assert_int_eq(t.rows, -1);
  unlink("d.csv");
}
#define FAILS_WITH(text, o, message) fails_with(text, o, CLF_EFORMAT, "d.csv: " message)

#define INDEX "column 1 has no name and counts the rows: it is left out"
#define HEADER "; if line 1 names the columns, say --header yes"

/* ---- The first line ------------------------------------------------------------------------ */

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

/* ---- Comments -------------------------------------------------------------------------------- */

START_TEST(comments) {
  is("# x y\n1 2\n3 4\n", 2, 2, four, (const char *const[]){"x", "y"},
     "the comment in line 1 names the columns, \"x\" and so on (--header no: it does not)");
  is("#a,b\n1,2\n3,4\n", 2, 2, four, ab,
     "the comment in line 1 names the columns, \"a\" and so on (--header no: it does not)");
  is("# made by hand, in a year of rain\n#\n# a, b\n\n1,2\n3,4\n", 2, 2, four, ab,
     "the comment in line 3 names the columns, \"a\" and so on (--header no: it does not)");
  is("# made by hand\na,b\n1,2\n# 7,8\n3,4\n", 2, 2, four, ab,
     "1 line below the first row is a comment, left out");
  is("# 0.5 0.7\n1 2\n3 4\n  # 5 6\n#\n", 2, 2, four, NULL,
     "2 lines below the first row are each a comment, left out");
  is("# one column of numbers\n1\n2\n3\n4\n", 4, 1, four, NULL, "");
  is("# x\n1\n2\n3\n4\n", 4, 1, four, (const char *const[]){"x"},
     "the comment in line 1 names the columns, \"x\" and so on (--header no: it does not)");
  is_with("# x y\n1 2\n3 4\n", &(clf_table_options){.header = CLF_HEADER_NO}, 2, 2, four, NULL, "");
  is_with("# x y\n1 2\n3 4\n", &(clf_table_options){.header = CLF_HEADER_YES}, 2, 2, four,
          (const char *const[]){"x", "y"},
          "the comment in line 1 names the columns, \"x\" and so on (--header no: it does not)");
  const clf_table_options percent = {.comment = '%'};
  is_with("% a b\n1 2 % first\n3 4%\n", &percent, 2, 2, four, ab,
          "the comment in line 1 names the columns, \"a\" and so on (--header no: it does not)");
  is_with("\"a%\",b\n1,2\n3,4\n", &percent, 2, 2, four, (const char *const[]){"a%", "b"}, "");
  is("item #,b\n1,2\n3,4\n", 2, 2, four, (const char *const[]){"item #", "b"}, "");
  FAILS_WITH(
      "1,2\n3,4 # last\n", &none,
      "line 2, column 2: \"4 # last\" is not a number; --comment '#' ignores text after a '#'");
}
END_TEST

/* ---- Delimiters and decimal signs ------------------------------------------------------------ */

#define COMMA(delimiter) "fields are separated by " delimiter ", and ',' is the decimal sign"

START_TEST(decimal_commas) {
  is("a;b\n1,5;2\n2,5;3,25\n", 2, 2, halves, ab, COMMA("';'"));
  is("1,5;2\n2,5;3,25\n", 2, 2, halves, NULL, COMMA("';'"));
  is("1,5\t2\n2,5\t3,25\n", 2, 2, halves, NULL, COMMA("tabs"));
  is("1,5 2\n2,5 3,25\n", 2, 2, halves, NULL, COMMA("blanks"));
  is("\"1,5\",2\n\"2,5\",\"3,25\"\n", 2, 2, halves, NULL, COMMA("','"));
  is("1;2\n3;4\n", 2, 2, four, NULL, "");
  is("1,5e1;-,5\n", 1, 2, (double[]){15, -0.5}, NULL, COMMA("';'"));
  is_with("1,5\n2\n2,5\n3,25\n", &(clf_table_options){.decimal = ',', .delimiter = ';'}, 4, 1,
          halves, NULL, COMMA("';'"));
  is_with("1,234;5,678\n", &(clf_table_options){.decimal = ','}, 1, 2, (double[]){1.234, 5.678},
          NULL, COMMA("';'"));
  is("0,234;5,678\n", 1, 2, (double[]){0.234, 5.678}, NULL, COMMA("';'"));
  FAILS_WITH("1,234;5,678\n2;3\n", &none,
             "line 1, column 1: \"1,234\" may be a decimal number or have a separator of "
             "thousands; say --decimal , or remove the commas");
  FAILS_WITH("1,5;2\n1.5;2\n", &none,
             "line 2, column 1: \"1.5\" has a point, but ',' is the decimal sign; remove it if it "
             "separates thousands");
  FAILS_WITH(
      "1.5;2\n1,5;2\n", &none,
      "line 2, column 1: \"1,5\" has a comma, but other numbers have a decimal point; remove "
      "it if it separates thousands");
  FAILS_WITH("1,5;2\n1.234,5;2\n", &none,
             "line 2, column 1: \"1.234,5\" has a point, but ',' is the decimal sign; remove it if "
             "it separates thousands");
  FAILS_WITH("x;y\n1;2\n1,5;2\n", &((clf_table_options){.decimal = '.'}),
             "line 3, column 1 (\"x\"): \"1,5\" has a decimal comma, but --decimal is '.'");
}
END_TEST

/* Decimal commas may come late, so the first lines do not decide. */
START_TEST(commas_beyond_the_lines_judged) {
  enum { ROWS = 3000 };
  char *const text = malloc(16 * ROWS + 16);
  double *const at = calloc(2 * ROWS, sizeof *at);
  size_t n = 0;
  for (int i = 0; i < ROWS; i++) {
    const int last = i == ROWS - 1;
    n += (size_t)sprintf(text + n, "%d;%d%s\n", i % 7 + 3, i % 5, last ? ",5" : "");
    at[2 * i] = i % 7 + 3;
    at[2 * i + 1] = i % 5 + (last ? 0.5 : 0);
  }
  is(text, ROWS, 2, at, NULL, COMMA("';'"));
  free(text);
  free(at);
}
END_TEST

START_TEST(delimiters) {
  is("1|2\n3|4\n", 2, 2, four, NULL, "");
  is("a b;c\n1;2\n3;4\n", 2, 2, four, (const char *const[]){"a b", "c"}, "");
  is("\"a;b\",c\n1,2\n3,4\n", 2, 2, four, (const char *const[]){"a;b", "c"}, "");
  is("sep=;\na;b\n1;2\n3;4\n", 2, 2, four, ab, "");
  is("sep=,\r\na,b\r\n1,2\r\n3,4\r\n", 2, 2, four, ab, "");
  is_with("a/b\n1/2\n3/4\n", &(clf_table_options){.delimiter = '/'}, 2, 2, four, ab, "");
  is_with("a  b\n1 2\n3   4\n", &(clf_table_options){.delimiter = ' '}, 2, 2, four, ab, "");
  is_with("a\tb\n1\t2\n3\t4\n", &(clf_table_options){.delimiter = '\t'}, 2, 2, four, ab, "");
  FAILS_WITH(
      "a;b\n1\n2\n3\n", &none,
      "line 2 has 1 field, line 1 has 2; if the text begins with a title, --skip 1 skips it");
}
END_TEST

START_TEST(trailing_delimiters) {
  is("1,2,\n3,4,\n", 2, 2, four, NULL, "lines end with ',', which no column follows");
  is("a,b,\n1,2,\n3,4,\n", 2, 2, four, ab, "lines end with ',', which no column follows");
  is("a,b\n1,2,\n3,4,\n", 2, 2, four, ab, "lines end with ',', which no column follows");
  is("1;2;\n3;4\n", 2, 2, four, NULL, "lines end with ';', which no column follows");
  is("1,2, \n3,4,\t\n1,2,\n", 3, 2, (double[]){1, 2, 3, 4, 1, 2}, NULL,
     "lines end with ',', which no column follows");
  FAILS_WITH("1,2,\n3,4,\n5,6,7\n", &none, "line 1, column 3: the field is empty" HEADER);
  FAILS_WITH("1,2,\n3,4,5\n", &none, "line 1, column 3: the field is empty" HEADER);
}
END_TEST

/* ---- Columns -----------------------------------------------------------------------------------
 */

#define KEEP " (--id 1 keeps it)"
static const clf_table_options kinds = {.kinds = 1};

START_TEST(columns_that_number_rows) {
  is(",a,b\n0,1,2\n1,3,4\n", 2, 2, four, ab, INDEX);
  is("\"\",\"a\",\"b\"\n\"1\",1,2\n\"2\",3,4\n", 2, 2, four, ab, INDEX);
  is("Unnamed: 0,a,b\n0,1,2\n1,3,4\n", 2, 2, four, ab, INDEX);
  is(",0,1\n0,1.5,2\n1,2.5,3.25\n", 2, 2, halves, (const char *const[]){"0", "1"},
     "line 1 counts its columns; it is read as a header\n" INDEX);
  is_with(",0,1\n0,1.5,2\n1,2.5,3.25\n", &kinds, 2, 2, halves, (const char *const[]){"0", "1"},
          "line 1 counts its columns; it is read as a header\n" INDEX KEEP);
  is_with(",0\n0,1.5\n1,2.5\n", &kinds, 2, 1, (double[]){1.5, 2.5}, (const char *const[]){"0"},
          "line 1 counts its columns; it is read as a header\n" INDEX KEEP);
  is_with(",a,b\n7,1,2\n9,3,4\n", &kinds, 2, 2, four, ab,
          "column 1 has no name and names the rows: it is left out" KEEP);
  fails_with(",a,b\n0.5,1,2\n7.25,3,4\n", &kinds, CLF_EFORMAT,
             "d.csv: line 1, column 1: the name is empty; --drop 1 leaves the column out");
  is("a b\n1 1 2\n2 3 4\n", 2, 2, four, ab, INDEX); /* R's write.table() */
  is("a b\n\"x y\" 1 2\nz 3 4\n", 2, 2, four, ab,
     "column 1 has no name and names the rows: it is left out");
  is("id,a\n1,2\n3,4\n", 2, 2, four, (const char *const[]){"id", "a"}, "");
  FAILS_WITH(",a,b\n5,1,2\n9,3,4\n", &none,
             "line 1, column 1: the name is empty; --drop 1 leaves the column out");
  char *text = malloc(64 * 2000);
  size_t n = (size_t)sprintf(text, ",a,b\n");
  for (int i = 0; i < 1500; i++) n += (size_t)sprintf(text + n, "%d,1,2\n", i == 1400 ? 7 : i);
  FAILS_WITH(text, &none,
             "line 1402, column 1: \"7\" does not number the row, and the column has no name; "
             "--drop 1 leaves it out, a name in the header keeps it");
  free(text);
}
END_TEST

START_TEST(columns_that_are_chosen) {
  char *const b_a[] = {"b", "a"}, *const by_number[] = {"3", "1"}, *const day[] = {"day"};
  char *const one[] = {"1"}, *const wrong[] = {"q"}, *const twice[] = {"a", "1"};
  char *const beyond[] = {"4"};
  static const char text[] = "a,day,b\n2,2026-01-31,1\n4,2026-02-28,3\n";
  const clf_table_options ba = {.columns = b_a, .column_count = 2};
  const clf_table_options drop = {.drop = day, .drop_count = 1};
  is_with(text, &ba, 2, 2, four, (const char *const[]){"b", "a"}, "");
  is_with(text, &(clf_table_options){.columns = by_number, .column_count = 2}, 2, 2, four,
          (const char *const[]){"b", "a"}, "");
  is_with(text, &drop, 2, 2, (double[]){2, 1, 4, 3}, (const char *const[]){"a", "b"}, "");
  is_with("x,1,2\ny,3,4\n", &(clf_table_options){.drop = one, .drop_count = 1}, 2, 2, four, NULL,
          "");
  is_with(",a,b\n7,1,2\n7,3,4\n", &(clf_table_options){.drop = one, .drop_count = 1}, 2, 2, four,
          ab, "");
  /* A name takes precedence over an index. */
  is_with("0,1,2\n0.5,1.5,2.5\n", &(clf_table_options){.columns = one, .column_count = 1}, 1, 1,
          (double[]){1.5}, (const char *const[]){"1"},
          "line 1 counts its columns; it is read as a header (--header no: as a row)");
  is_with("1990,1991\n1.5,2\n2.5,3.25\n",
          &(clf_table_options){
              .columns = (char *[]){"1990", "1991"}, .column_count = 2, .header = CLF_HEADER_YES},
          2, 2, halves, (const char *const[]){"1990", "1991"}, "");
  is_with("a,b,a\n1,2,9\n3,4,9\n",
          &(clf_table_options){.columns = (char *[]){"1", "2"}, .column_count = 2}, 2, 2, four, ab,
          "");
  FAILS_WITH(text, &none,
             "line 2, column 2 (\"day\"): \"2026-01-31\" looks like a date, not a number; --drop "
             "day leaves the column out");
  FAILS_WITH("5.1,setosa\n4.9,setosa\n", &none,
             "line 1, column 2: \"setosa\" is not a number" HEADER "; --drop 2 leaves the column "
             "out");
  /* The message lists all columns of text, except those that are left out already. */
  FAILS_WITH("kind,a,b,my sex\nx,1,2,f\ny,3,4,m\n", &none,
             "line 2, column 1 (\"kind\"): \"x\" is not a number; --drop kind,4 leaves the columns "
             "out");
  FAILS_WITH("kind,a,b,sex\nx,1,2,f\ny,3,4,m\n",
             (&(clf_table_options){.drop = (char *[]){"kind"}, .drop_count = 1}),
             "line 2, column 4 (\"sex\"): \"f\" is not a number; --drop sex leaves the column out");
  fails_with(text, &(clf_table_options){.columns = wrong, .column_count = 1}, CLF_EINVAL,
             "d.csv: no column is named \"q\"; the columns are: a, day, b");
  fails_with(text, &(clf_table_options){.drop = beyond, .drop_count = 1}, CLF_EINVAL,
             "d.csv: --drop: there is no column \"4\"; there are 3, counted from 1");
  fails_with("1,2\n", &(clf_table_options){.drop = wrong, .drop_count = 1}, CLF_EINVAL,
             "d.csv: --drop: there is no column \"q\"; there are 2, counted from 1, without names");
  fails_with(text, &(clf_table_options){.columns = twice, .column_count = 2}, CLF_EINVAL,
             "d.csv: --columns: column \"1\" is given twice");
  fails_with("1\n", &(clf_table_options){.drop = one, .drop_count = 1}, CLF_EINVAL,
             "d.csv: --drop leaves no column");
}
END_TEST

START_TEST(columns_of_other_sources) {
  clf_table t, all;
  char *const two_one[] = {"2", "1"}, *const two[] = {"2"};
  const clf_table_options swap = {.columns = two_one, .column_count = 2};
  ck_assert_int_eq(clf_table_read("moons:n=3", &all), CLF_OK);
  ck_assert_int_eq(clf_table_read_with("moons:n=3", &swap, &t), CLF_OK);
  ck_assert_double_eq(t.at[0], all.at[1]);
  ck_assert_double_eq(t.at[5], all.at[4]);
  clf_table_free(&t);
  all.at[1] = all.at[3] = all.at[5] =
      (double)NAN; /* columns that are left out may have any contents */
  ck_assert_int_eq(clf_table_write("t.npy", &all), CLF_OK);
  ck_assert_int_eq(
      clf_table_read_with("t.npy", &(clf_table_options){.drop = two, .drop_count = 1}, &t), CLF_OK);
  expect_table(&t, 3, 1, (double[]){all.at[0], all.at[2], all.at[4]});
  expect(clf_table_read_with("t.npy", &(clf_table_options){.skip = 1}, &t), CLF_EINVAL,
         "t.npy: --skip is for text; this is an NPY file");
  expect(clf_table_read_with("moons", &(clf_table_options){.header = CLF_HEADER_NO}, &t),
         CLF_EINVAL, "moons: --header is for text; this is a synthetic set");
  clf_table_free(&t);
  clf_table_free(&all);
  unlink("t.npy");
}
END_TEST

/* ---- Text
 * ---------------------------------------------------------------------------------------- */

START_TEST(line_ends) {
  is("a,b\r1,2\r3,4\r", 2, 2, four, ab, "");
  is("a,b\r1,2\n\r3,4\r\n", 2, 2, four, ab, "");
  FAILS_WITH("a,b\r1,2\r3,x\r", &none, "line 3, column 2 (\"b\"): \"x\" is not a number");
}
END_TEST

START_TEST(encodings) {
#define UTF16                                                                                      \
  "d.csv: the text is UTF-16; save it as UTF-8 (Excel: \"CSV UTF-8\"; or iconv -f UTF-16 -t "      \
  "UTF-8)"
  csv_fails("\xff\xfe"
            "1\0,\0002\0\n",
            9, UTF16);
  csv_fails("\xfe\xff\0001\0,\0002\0\n", 10, UTF16);
  csv_fails("1\0,\0002\0\n\0", 8, UTF16);
  csv_fails("\0001\0,\0002\0\n", 8, UTF16);
}
END_TEST

START_TEST(lines_to_skip) {
  const clf_table_options two = {.skip = 2};
  is_with("Title\r\n\xff,of,it\r\na,b\r\n1,2\r\n3,4\r\n", &two, 2, 2, four, ab, "");
  is_with("x\ry\r1,2\r3,4\r", &two, 2, 2, four, NULL, "");
  FAILS_WITH("x\ny\n1,2\n3,x\n", &two, "line 4, column 2: \"x\" is not a number");
  FAILS_WITH("x\n", &two, "--skip 2 skips all of its 1 lines");
  FAILS_WITH("x\ny\n", &two, "the file is empty");
}
END_TEST

START_TEST(options_that_are_refused) {
  const struct {
    clf_table_options o;
    const char *message;
  } list[] = {
      {{.header = (clf_header)3}, "header 3 is not auto, yes or no"},
      {{.delimiter = '.'}, "'.' cannot separate fields (--delimiter)"},
      {{.delimiter = 'x'}, "'x' cannot separate fields (--delimiter)"},
      {{.delimiter = '"'}, "'\"' cannot separate fields (--delimiter)"},
      {{.delimiter = '\n'}, "'?' cannot separate fields (--delimiter)"},
      {{.decimal = ';'}, "a decimal sign is '.' or ',' (--decimal)"},
      {{.comment = '-'}, "'-' cannot begin a comment (--comment)"},
      {{.comment = ';', .delimiter = ';'}, "';' cannot begin a comment (--comment)"},
      {{.skip = -1}, "skip is -1 lines"},
      {{.column_count = 1}, "a list of columns is missing"},
      {{.drop_count = -1}, "a list of columns is missing"},
      {{.columns = (char *[]){"1"}, .column_count = 1, .drop = (char *[]){"1"}, .drop_count = 1},
       "--columns and --drop exclude each other"},
  };
  for (size_t i = 0; i < SIZE(list); i++) {
    char message[128];
    snprintf(message, sizeof message, "d.csv: %s", list[i].message);
    fails_with("1,2\n", &list[i].o, CLF_EINVAL, message);
  }
}
END_TEST

void tests_of_dialect(Suite *s) {
  TCase *c = tcase_create("dialect");
  tcase_add_test(c, first_rows_that_are_refused);
  tcase_add_test(c, headers_of_all_kinds);
  tcase_add_test(c, headers_that_count);
  tcase_add_test(c, headers_of_whole_numbers);
  tcase_add_test(c, headers_that_a_model_knows);
  tcase_add_test(c, one_column_of_commas);
  tcase_add_test(c, headers_that_are_chosen);
  tcase_add_test(c, comments);
  tcase_add_test(c, decimal_commas);
  tcase_add_test(c, commas_beyond_the_lines_judged);
  tcase_add_test(c, delimiters);
  tcase_add_test(c, trailing_delimiters);
  tcase_add_test(c, columns_that_number_rows);
  tcase_add_test(c, columns_that_are_chosen);
  tcase_add_test(c, columns_of_other_sources);
  tcase_add_test(c, line_ends);
  tcase_add_test(c, encodings);
  tcase_add_test(c, lines_to_skip);
  tcase_add_test(c, options_that_are_refused);
  suite_add_tcase(s, c);
}
