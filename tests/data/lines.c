/* SPDX-License-Identifier: MIT */
/* lines.c: line ends in quoted fields of a text. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "kinds.h"
#include "text_is.h"

static const double four[] = {1, 2, 3, 4};
static const char *const names[] = {"Weight (kg)", "b"};

START_TEST(lines_of_names) {
  csv_is("\"Weight\n(kg)\",b\n1,2\n3,4\n", 2, 2, four, names);
  csv_is("\"Weight\r\n(kg)\",b\r\n1,2\r\n3,4\r\n", 2, 2, four, names);
  csv_is("\"Weight\r(kg)\",b\r1,2\r3,4\r", 2, 2, four, names);
  csv_is("\"Weight\n(kg)\";b\n1;2\n3;4\n", 2, 2, four, names);
  csv_is("\"Weight\n(kg)\"\tb\n1\t2\n3\t4\n", 2, 2, four, names);
  csv_is("\"Weight\n(kg)\"|b\n1|2\n3|4\n", 2, 2, four, names);
  csv_is("\"Weight\n(kg)\" b\n1 2\n3 4\n", 2, 2, four, names);
  csv_is(" \t\"Weight\n(kg)\" \t, b \n1,2\n3,4\n", 2, 2, four, names);
  csv_is("\"Weight\n(kg)\"\n1\n2\n3\n4\n", 4, 1, four, names);
}
END_TEST

/* Delimiters, quotes, '#' and blank lines within a field. */
START_TEST(lines_of_texts) {
  static const char *const texts[] = {"two\nlines, or more", "\n\n# x\n",  "say \"\"a\"\"\n",
                                      "\n\"\"a\"\" said",    "\"\"\n\"\"", "\n"};
  for (size_t i = 0; i < SIZE(texts); i++) {
    char text[256];
    sprintf(text, "a,text,b\n1,\"%s\",2\n3, \"%s\" ,4\n", texts[i], texts[i]);
    is_with(text, &(clf_table_options){.drop = (char *[]){"text"}, .drop_count = 1}, 2, 2, four,
            (const char *[]){"a", "b"}, "");
  }
}
END_TEST

START_TEST(lines_around_numbers) { csv_is("\"1\n\",\"\r\n2\"\n3,\"\n4\n\"\n", 2, 2, four, NULL); }
END_TEST

/* Messages name the first line of a row as the file counts its lines. */
START_TEST(lines_are_counted) {
  const clf_table_options skip = {.skip = 1}, drop_b = {.drop = (char *[]){"b"}, .drop_count = 1};
  CSV_FAILS("\"a\n1\",b\n1,2\n3,x\n", "line 4, column 2 (\"b\"): \"x\" is not a number");
  CSV_FAILS("\"a\r\n1\",b\r\n1,2\r\n3,x\r\n", "line 4, column 2 (\"b\"): \"x\" is not a number");
  CSV_FAILS("a,b\n1,\"2\n\n\"\n\n3,x\n", "line 6, column 2 (\"b\"): \"x\" is not a number");
  CSV_FAILS("a,b\n1,2\n\"x\n\",\"\n2\n\"\n", "line 3, column 1 (\"a\"): \"x?\" is not a number");
  FAILS_WITH("a,b\n1,\"2\n\n\"\n3,x,5\n", &drop_b, "line 5 has 3 fields, line 1 has 2");
  FAILS_WITH("a\n\"b\nc\",d\n1,2\n3,x\n", &skip, "line 5, column 2 (\"d\"): \"x\" is not a number");
  CSV_FAILS("\"a long\ntitle\"\na,b\n1,2\n3,4\n",
            "line 3 has 2 fields, line 1 has 1; if the text begins with a title, --skip 2 skips "
            "it; if ',' is the decimal sign, say --decimal ,");
  CSV_FAILS("a,b\n1,\"2\n\a\n\"\n",
            "line 3 holds a control character; a table of numbers is text in UTF-8");
}
END_TEST

/* A quote that nothing closes does not swallow the lines below it. */
START_TEST(quotes_that_stay_open) {
  CSV_FAILS("a,b\n1,\"2\n3,4\n5,6\n", "line 2, column 2 (\"b\"): the quote is not closed");
  CSV_FAILS("a,b\n1,\"2\n3,\"x\"\n5,6\n", "line 2, column 2 (\"b\"): the quote is not closed");
  CSV_FAILS("a,b\n1,\"2\n\"\"\n5,6\n", "line 2, column 2 (\"b\"): the quote is not closed");
  CSV_FAILS("a,b\n1,2\n3,\"", "line 3, column 2 (\"b\"): the quote is not closed");
  CSV_FAILS("a,b\n1,2\n3,\"4\"\"\n", "line 3, column 2 (\"b\"): the quote is not closed");
  CSV_FAILS("a,b\n\"1\n\",\"2\n3,4\n", "line 2, column 2 (\"b\"): the quote is not closed");
  CSV_FAILS("a,b\n1,\"2\n\"x,3\n", "line 2, column 2 (\"b\"): the quote is not closed");
  CSV_FAILS("a b\n1 \"2\n\"x 3\n", "line 2, column 2 (\"b\"): the quote is not closed");
  CSV_FAILS("a,b\n1,5\"\n2,6\"\n",
            "line 2, column 2 (\"b\"): \"5\"\" is not a number; --drop b leaves the column out");
}
END_TEST

START_TEST(quotes_in_comments) {
  const clf_table_options semicolon = {.comment = ';'},
                          some = {.comment = ';', .columns = (char *[]){"a"}, .column_count = 1};
  is("# say \"a\n1,2\n# b\"\n3,4\n", 2, 2, four, NULL,
     "1 line below the first row is a comment, left out");
  is_with("1,2 ; say \"a\n3,4 ; b\"\n", &semicolon, 2, 2, four, NULL, "");
  is_with("1,2 ;,\"\n3,4\n", &semicolon, 2, 2, four, NULL, "");
  is_with("1,\"2\n\" ; say \"\n3,\"4\n\";\"\n", &semicolon, 2, 2, four, NULL, "");
  FAILS_WITH("a,b,c\n1,5\",\"2 ; c\n3\",4,5\n", &some,
             "line 2, column 3 (\"c\"): the quote is not closed");
  is_with("\"a\n; b\",c;\n1,2\n3,4\n", &semicolon, 2, 2, four, (const char *[]){"a ; b", "c"}, "");
}
END_TEST

/* They are written in quotes, and read back as they were. */
START_TEST(lines_of_ids) {
  static const char text[] = "\"who\r\nis it\",a\n\"n \"\"1\"\"\n\",1\n\"#\r\n,\",2\n";
  clf_table_options o = judge;
  o.id = "who is it";
  clf_table t = read_as(text, &o), u;
  ck_assert_int_eq(t.cols, 1);
  ck_assert_str_eq(t.id_name, "who is it");
  ck_assert_str_eq(t.ids[0], "n \"1\"\n");
  ck_assert_str_eq(t.ids[1], "#\r\n,");
  lines_are(&t, "\"who is it\",a\n\"n \"\"1\"\"\n\",1\n\"#\r\n,\",2\n");
  succeeds(clf_table_write("t.csv", &t));
  succeeds(clf_table_read_with("t.csv", &o, &u));
  for (int i = 0; i < 2; i++) ck_assert_str_eq(u.ids[i], t.ids[i]);
  expect_table(&u, 2, 1, t.at);
  clf_table_free(&t);
  clf_table_free(&u);
  unlink("t.csv");
}
END_TEST

/* Labels are parts of names: line ends and tabs become blanks, also where a model reads them. */
START_TEST(lines_of_labels) {
  clf_table t = read_as("a,b\n\"x\ny\",1\n\"x\r\ny\",2\nx\ty,3\n\"z \"\"\n\"\"\",4\n", &judge);
  is_column(&t, 0, CLF_COLUMN_CATEGORY, "x y,z \" \"");
  lines_are(&t, "a,b\n\"x y\",1\n\"x y\",2\n\"x y\",3\n\"z \"\" \"\"\",4\n");
  const clf_columns like = {.names = t.names, .at = t.columns, .count = t.cols};
  clf_table u =
      read_as("b,a\n5,\"z \"\"\r\"\"\"\n6,\"x\ny\"\n7,x y\n", &(clf_table_options){.like = &like});
  lines_are(&u, "b,a\n5,\"z \"\" \"\"\"\n6,\"x y\"\n7,\"x y\"\n");
  clf_table_free(&u);
  clf_table_free(&t);
}
END_TEST

/* Headers are matched by their names as read. */
START_TEST(lines_of_known_names) {
  const clf_columns like = {.names = (char *[]){"Weight (kg)", "2019"}, .count = 2};
  const clf_table_options model = {.like = &like},
                          chosen = {.columns = (char *[]){"a 1"}, .column_count = 1};
  is_with("\"Weight\n(kg)\",2019\n1,2\n3,4\n", &model, 2, 2, four,
          (const char *[]){"Weight (kg)", "2019"},
          "line 1 is read as a header that names column 2 \"2019\" (--header no: as a row)");
  is_with("\"a\r\n1\",2\n1,2\n3,4\n", &chosen, 2, 1, (double[]){1, 3}, (const char *[]){"a 1"},
          "line 1 is read as a header that names column 2 \"2\" (--header no: as a row)");
}
END_TEST

/* Texts that are too long for labels, few as they are, are left out, or refused with a remedy. */
START_TEST(lines_of_long_texts) {
  char text[8192] = "text,a\n", line[1200];
  clf_table_options o = judge;
  o.columns = (char *[]){"text"};
  o.column_count = 1;
  memset(line, 'x', sizeof line);
  for (int i = 0; i < 4; i++)
    sprintf(text + strlen(text), "\"%.*s\n%d\",%d\n", 1100, line, i / 2, i);
  clf_table t = read_as(text, &judge);
  ck_assert_int_eq(t.cols, 1);
  ck_assert_str_eq(t.notes, "left out, with texts too long to be categories: text (2 in 4 rows)");
  clf_table_free(&t);
  fails(text, &o, CLF_EFORMAT,
        "d.csv: column 1 (\"text\"): texts of more than 1024 bytes are not categories; --drop "
        "text leaves the column out");
}
END_TEST

void tests_of_lines(Suite *s) {
  TCase *c = tcase_create("lines");
  tcase_add_test(c, lines_of_names);
  tcase_add_test(c, lines_of_texts);
  tcase_add_test(c, lines_around_numbers);
  tcase_add_test(c, lines_are_counted);
  tcase_add_test(c, quotes_that_stay_open);
  tcase_add_test(c, quotes_in_comments);
  tcase_add_test(c, lines_of_ids);
  tcase_add_test(c, lines_of_labels);
  tcase_add_test(c, lines_of_known_names);
  tcase_add_test(c, lines_of_long_texts);
  suite_add_tcase(s, c);
}
