/* SPDX-License-Identifier: MIT */
/* dialect.c: comments, delimiters, decimal signs, columns and encodings of a text: how they are
 * detected, reported and chosen. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "text_is.h"

static const char *const ab[] = {"a", "b"};
static const double four[] = {1, 2, 3, 4};
static const double halves[] = {1.5, 2, 2.5, 3.25};

#define HEADER "; if line 1 names the columns, say --header yes"

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

/* A separator of thousands may be taken for a delimiter. */
START_TEST(separated_thousands) {
#define LIKE(line)                                                                                 \
  "lines such as \"" line                                                                          \
  "\" look like one number with a separator between thousands: remove the separators, or say "     \
  "--delimiter if they are several fields"
  FAILS_WITH("x\n1 000,2\n2 000,3\n", &none, LIKE("2 000,3"));
  FAILS_WITH("x\n999,5\n-1 000,2\n12\n", &none, LIKE("-1 000,2"));
  FAILS_WITH("1 234 567,5\n2 345 678,5\n", &none, LIKE("2 345 678,5"));
  FAILS_WITH("x\n1 000\n12 050\n", &none, LIKE("12 050"));
  FAILS_WITH("x\n1\xc2\xa0"
             "000,2\n",
             &none,
             LIKE("1\xc2\xa0"
                  "000,2"));
  FAILS_WITH("x\n1'000,2\n", &none, LIKE("1'000,2"));
  is("1 2\n3 4\n", 2, 2, four, NULL, "");
  is("100 200\n300 400\n", 2, 2, (double[]){100, 200, 300, 400}, NULL, "");
  is("a b\n1 000\n3 004\n", 2, 2, (double[]){1, 0, 3, 4}, ab, "");
  is_with("1 000,5\n3 004\n", &(clf_table_options){.delimiter = ' '}, 2, 2,
          (double[]){1, 0.5, 3, 4}, NULL, COMMA("blanks"));
#undef LIKE
}
END_TEST

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
  tcase_add_test(c, comments);
  tcase_add_test(c, separated_thousands);
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
