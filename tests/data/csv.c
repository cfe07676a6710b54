/* SPDX-License-Identifier: MIT */
/* csv.c: tables of text. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tables.h"

static const double four[] = {1, 2, 3, 4};
static const char *const ab[] = {"a", "b"};

START_TEST(csv_delimiters) {
  csv_is("1,2\n3,4\n", 2, 2, four, NULL);
  csv_is("1;2\n3;4", 2, 2, four, NULL);
  csv_is("1\t2\n3\t4\n", 2, 2, four, NULL);
  csv_is("  1   2 \n3 \t 4\t\n", 2, 2, four, NULL);
  csv_is(" 1 , 2\n3,\t4 \n", 2, 2, four, NULL);
  csv_is("1\n2\n3\n4\n", 4, 1, four, NULL);
  csv_is("1\n", 1, 1, four, NULL);
}
END_TEST

START_TEST(csv_layout) {
  csv_is("\xef\xbb\xbf"
         "1,2\r\n3,4\r\n",
         2, 2, four, NULL);
  csv_is("\n  \r\n1,2\n\n \t\n3,4\n\n", 2, 2, four, NULL);
  csv_is("\"1\",2\n 3 , \" 4 \" \n", 2, 2, four, NULL);
  csv_is("\"1\" \"2\"\n3 \"4\"\n", 2, 2, four, NULL);
  csv_is("+1,2.\n.3e1,400E-2\n", 2, 2, four, NULL);
}
END_TEST

START_TEST(csv_headers) {
  static const char *const odd[] = {" say \"hi\", you", "gr\xc3\xb6\xc3\x9f"
                                                        "e; x"};
  static const char *const one[] = {"a b"};
  csv_is("a,b\n1,2\n3,4\n", 2, 2, four, ab);
  csv_is("a b\n1 2\n3 4\n", 2, 2, four, ab);
  csv_is("\n a ; b \n1;2\n3;4\n", 2, 2, four, ab);
  csv_is("\" say \"\"hi\"\", you\",\"gr\xc3\xb6\xc3\x9f"
         "e; x\"\n1,2\n3,4\n",
         2, 2, four, odd);
  csv_is("\"a b\"\n1\n2\n3\n4\n", 4, 1, four, one);
}
END_TEST

START_TEST(csv_numbers) {
  static const double exact[] = {0.1, -1.7976931348623157e308, 5e-324, -0.0, 0, 1e22};
  csv_is("0.1,-1.7976931348623157e308,5e-324\n-0,1e-999,1e22\n", 2, 3, exact, NULL);
}
END_TEST

START_TEST(csv_suffixes) {
  static const char *const paths[] = {"d.tsv", "d.txt", "D.CSV"};
  for (size_t i = 0; i < SIZE(paths); i++) {
    clf_table t;
    write_bytes(paths[i], "1 2\n3 4\n", 8);
    ck_assert_int_eq(clf_table_read(paths[i], &t), CLF_OK);
    expect_table(&t, 2, 2, four);
    clf_table_free(&t);
    unlink(paths[i]);
  }
}
END_TEST

START_TEST(csv_bad_fields) {
  CSV_FAILS("a,b\n1,2\n1,abc\n", "line 3, column 2 (\"b\"): \"abc\" is not a number");
  CSV_FAILS("1,2\nabc,2\n", "line 2, column 1: \"abc\" is not a number");
  CSV_FAILS("1,2\n1,1 2\n", "line 2, column 2: \"1 2\" is not a number");
  CSV_FAILS("1,2\n1,--2\n", "line 2, column 2: \"--2\" is not a number");
  CSV_FAILS("1,2\n1,nan\n", "line 2, column 2: \"nan\" is not a finite number");
  CSV_FAILS("nan,2\n1,2\n", "line 1, column 1: \"nan\" is not a finite number");
  CSV_FAILS("1,2\n-inf,2\n", "line 2, column 1: \"-inf\" is not a finite number");
  CSV_FAILS("1,1e999\n", "line 1, column 2: \"1e999\" is too large for a double");
  CSV_FAILS("1,2\n0x10,2\n", "line 2, column 1: \"0x10\" is hexadecimal; numbers must be decimal");
  CSV_FAILS("0X1p3,2\n1,2\n",
            "line 1, column 1: \"0X1p3\" is hexadecimal; numbers must be decimal");
  CSV_FAILS("1\n0123456789012345678901234567890123456789x\n",
            "line 2, column 1: \"0123456789012345678901234567890123456789...\" is not a number");
  CSV_FAILS("1\n"
            "012345678901234567890123456789012345678\xc3\xb6\n",
            "line 2, column 1: \"012345678901234567890123456789012345678...\" is not a number");
}
END_TEST

START_TEST(csv_empty_fields) {
  CSV_FAILS("1,2\n,2\n", "line 2, column 1: the field is empty");
  CSV_FAILS("1,2\n1,\"\"\n", "line 2, column 2: the field is empty");
  CSV_FAILS("a,b\n1, \n",
            "line 2, column 2 (\"b\"): the field is empty; --drop b leaves the column out");
  CSV_FAILS(",a\n3,4\n", "line 1, column 1: the name is empty; --drop 1 leaves the column out");
  CSV_FAILS("a,b,c\n3,4,\n5,6,\n",
            "line 2, column 3 (\"c\"): the field is empty; --drop c leaves the column out");
  CSV_FAILS("1\t2\n\t\n", "line 2, column 1: the field is empty");
}
END_TEST

START_TEST(csv_bad_lines) {
  CSV_FAILS("1,2,3,4\n\n\n\n\n\n1,2,3\n", "line 7 has 3 fields, line 1 has 4");
  CSV_FAILS("\na,b\n1\n", "line 3 has 1 field, line 2 has 2");
  CSV_FAILS("1,2\n1,2,\n", "line 2 has 3 fields, line 1 has 2");
  CSV_FAILS(
      "a,b,c\n1,2\n3,4\n",
      "line 2 has 2 fields, line 1 has 3; if the text begins with a title, --skip 1 skips it");
  CSV_FAILS("Title\n\n1,2\n3,4\n", "line 3 has 2 fields, line 1 has 1; if the text begins with a "
                                   "title, --skip 1 skips it; if ',' "
                                   "is the decimal sign, say --decimal ,");
  CSV_FAILS("1,2\n1,\"2\n", "line 2, column 2: the quote is not closed");
  CSV_FAILS("1,2\n1,2,\"3\n", "line 2, column 3: the quote is not closed");
  CSV_FAILS("\"a,b\n1,2\n", "line 1, column 1: the quote is not closed");
  CSV_FAILS("a,b\n\"1\"0,2\n", "line 2, column 1 (\"a\"): text follows the quotes");
  CSV_FAILS("1 2\n\"1\"0 2\n", "line 2, column 1: text follows the quotes");
}
END_TEST

START_TEST(csv_nothing) {
  CSV_FAILS("", "the file is empty");
  CSV_FAILS("\xef\xbb\xbf", "the file is empty");
  CSV_FAILS(" \n\n", "the file is empty");
  CSV_FAILS("a,b\n\n", "a header and no row of numbers below it");
}
END_TEST

START_TEST(csv_binary) {
  CSV_FAILS("1,2\n1\0,2\n", "line 2 holds a NUL byte; a table of numbers is text in UTF-8");
  CSV_FAILS("1\a\n", "line 1 holds a control character; a table of numbers is text in UTF-8");
  CSV_FAILS("1\n\x7f\n", "line 2 holds a control character; a table of numbers is text in UTF-8");
  static const char *const broken[] = {"gr\xf6\xdf,b\n1,2\n",
                                       "\x80\n",
                                       "\xc0\xaf\n",
                                       "\xe0\x9f\xbf\n",
                                       "\xed\xa0\x80\n",
                                       "\xf0\x8f\xbf\xbf\n",
                                       "\xf4\x90\x80\x80\n",
                                       "\xf5\x80\x80\x80\n",
                                       "\xe2\x82"};
  for (size_t i = 0; i < SIZE(broken); i++)
    csv_fails(broken[i], strlen(broken[i]),
              "d.csv: line 1 holds bytes that are not UTF-8; a table of numbers is text in UTF-8 "
              "(Excel: \"CSV UTF-8\"; or iconv -f WINDOWS-1252 -t UTF-8)");
}
END_TEST

/* A line of many fields, then many lines of one: memory stays in proportion to the file. */
START_TEST(csv_huge) {
  enum { FIELDS = 300000 };
  char *const text = malloc(4 * FIELDS + 1);
  clf_table t;
  for (int i = 0; i < FIELDS; i++) memcpy(text + 2 * i, "7,", 2);
  text[2 * FIELDS - 1] = '\n';
  write_bytes("d.csv", text, 2 * FIELDS);
  ck_assert_int_eq(clf_table_read("d.csv", &t), CLF_OK);
  ck_assert_int_eq(t.rows, 1);
  ck_assert_int_eq(t.cols, FIELDS);
  ck_assert_double_eq(t.at[FIELDS - 1], 7);
  clf_table_free(&t);
  for (int i = FIELDS; i < 2 * FIELDS; i++) memcpy(text + 2 * i, "7\n", 2);
  csv_fails(text, 4 * FIELDS,
            "d.csv: line 2 has 1 field, line 1 has 300000; if the text begins with a title, --skip "
            "1 skips it");
  memset(text, '0', FIELDS);
  memcpy(text + FIELDS, "5\n", 3);
  csv_is(text, 1, 1, (const double[]){5}, NULL);
  free(text);
}
END_TEST

void tests_of_csv(Suite *s) {
  TCase *c = tcase_create("csv");
  tcase_add_test(c, csv_delimiters);
  tcase_add_test(c, csv_layout);
  tcase_add_test(c, csv_headers);
  tcase_add_test(c, csv_numbers);
  tcase_add_test(c, csv_suffixes);
  tcase_add_test(c, csv_bad_fields);
  tcase_add_test(c, csv_empty_fields);
  tcase_add_test(c, csv_bad_lines);
  tcase_add_test(c, csv_nothing);
  tcase_add_test(c, csv_binary);
  tcase_add_test(c, csv_huge);
  suite_add_tcase(s, c);
}
