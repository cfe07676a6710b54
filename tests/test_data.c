/* SPDX-License-Identifier: MIT */
/* test_data.c: tables, their files and the synthetic sets. */
#define _GNU_SOURCE
#include <dirent.h>
#include <locale.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#include "clflow/data.h"
#include "file.h"
#include "suite.h"

#define SIZE(array) (sizeof(array) / sizeof *(array))

static void expect(clf_status got, clf_status want, const char *message) {
  ck_assert_int_eq(got, want);
  ck_assert_str_eq(clf_errmsg(), message);
}

static void expect_table(const clf_table *t, int64_t rows, int32_t cols, const double *at) {
  ck_assert_int_eq(t->rows, rows);
  ck_assert_int_eq(t->cols, cols);
  for (int64_t i = 0; i < rows * cols; i++)
    ck_assert_msg(!memcmp(&t->at[i], &at[i], sizeof *at), "number %d is %.17g, not %.17g", (int)i,
                  t->at[i], at[i]);
}

/* ---- CSV ------------------------------------------------------------------ */

static void csv_is(const char *text, int64_t rows, int32_t cols, const double *at,
                   const char *const *names) {
  clf_table t;
  write_bytes("d.csv", text, strlen(text));
  const clf_status s = clf_table_read("d.csv", &t);
  ck_assert_msg(s == CLF_OK, "%s", s ? clf_errmsg() : "");
  expect_table(&t, rows, cols, at);
  ck_assert_int_eq(t.names != NULL, names != NULL);
  for (int32_t c = 0; names && c < cols; c++) ck_assert_str_eq(t.names[c], names[c]);
  clf_table_free(&t);
  ck_assert_ptr_null(t.at);
  ck_assert_ptr_null(t.names);
  ck_assert_int_eq(t.rows + t.cols, 0);
  unlink("d.csv");
}

static void csv_fails(const char *text, size_t n, const char *message) {
  clf_table t = {.rows = -1, .cols = -2};
  write_bytes("d.csv", text, n);
  expect(clf_table_read("d.csv", &t), CLF_EFORMAT, message);
  ck_assert_int_eq(t.rows, -1);
  ck_assert_int_eq(t.cols, -2);
  unlink("d.csv");
}
#define CSV_FAILS(text, message) csv_fails(text, sizeof(text) - 1, "d.csv: " message)

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
  static const char *const half[] = {"1", "b"};
  static const char *const one[] = {"a b"};
  csv_is("a,b\n1,2\n3,4\n", 2, 2, four, ab);
  csv_is("a b\n1 2\n3 4\n", 2, 2, four, ab);
  csv_is("\n a ; b \n1;2\n3;4\n", 2, 2, four, ab);
  csv_is("1,b\n1,2\n3,4\n", 2, 2, four, half);
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
  CSV_FAILS("x;y\n1,5;2\n", "line 2, column 1 (\"x\"): \"1,5\" is not a number");
  CSV_FAILS("1,5;2\n1,5;2\n", "line 2, column 1 (\"1,5\"): \"1,5\" is not a number");
  CSV_FAILS("1,2\n1,nan\n", "line 2, column 2: \"nan\" is not a finite number");
  CSV_FAILS("nan,2\n1,2\n", "line 1, column 1: \"nan\" is not a finite number");
  CSV_FAILS("1,2\n-inf,2\n", "line 2, column 1: \"-inf\" is not a finite number");
  CSV_FAILS("1,1e999\n", "line 1, column 2: \"1e999\" is too large for a double");
  CSV_FAILS("1,2\n0x10,2\n",
            "line 2, column 1: \"0x10\" is hexadecimal; numbers are read in decimals");
  CSV_FAILS("0X1p3,2\n1,2\n",
            "line 1, column 1: \"0X1p3\" is hexadecimal; numbers are read in decimals");
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
  CSV_FAILS("a,b\n1, \n", "line 2, column 2 (\"b\"): the field is empty");
  CSV_FAILS("1,2,\n3,4,\n", "line 1, column 3: the field is empty");
  CSV_FAILS("a,b,\n3,4,\n", "line 1, column 3: the field is empty");
  CSV_FAILS(",a\n3,4\n", "line 1, column 1: the field is empty");
  CSV_FAILS("1\t2\n\t\n", "line 2, column 1: the field is empty");
}
END_TEST

START_TEST(csv_bad_lines) {
  CSV_FAILS("1,2,3,4\n\n\n\n\n\n1,2,3\n", "line 7 has 3 fields, line 1 has 4");
  CSV_FAILS("\na,b\n1\n", "line 3 has 1 field, line 2 has 2");
  CSV_FAILS("1,2\n1,2,\n", "line 2 has 3 fields, line 1 has 2");
  CSV_FAILS("# x y\n1 2\n", "line 2 has 2 fields, line 1 has 3");
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
  CSV_FAILS("1\r2\r", "line 1 holds a control character; a table of numbers is text in UTF-8");
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
              "d.csv: line 1 holds bytes that are not UTF-8; a table of numbers is text in UTF-8");
}
END_TEST

/* A line of many fields, then many lines of one: memory follows the file. */
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
  csv_fails(text, 4 * FIELDS, "d.csv: line 2 has 1 field, line 1 has 300000");
  memset(text, '0', FIELDS);
  memcpy(text + FIELDS, "5\n", 3);
  csv_is(text, 1, 1, (const double[]){5}, NULL);
  free(text);
}
END_TEST

/* ---- Writing and reading back ---------------------------------------------- */

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
      {"a", "b"}, {"x,y", "a \"b\""}, {"x;y", "1"}, {"tab\there", " x"}, {"\"", "gr\xc3\xb6"}};
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

static void file_is(const char *path, const char *bytes, size_t n) {
  char *got;
  size_t size;
  ck_assert_int_eq(clf__file_read(path, &got, &size), CLF_OK);
  ck_assert_uint_eq(size, n);
  ck_assert_mem_eq(got, bytes, n);
  ck_assert_int_eq(got[size], 0);
  free(got);
  unlink(path);
}

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
  char *numbers[] = {"1", "nan"}, *control[] = {"a", "b\nc"}, *empty[] = {"a", ""};
  char *latin[] = {"\xf6", "b"};
  clf_table t = {.rows = 1, .cols = 2, .at = at};
  expect(clf_table_write("t.txt", &t), CLF_EINVAL,
         "t.txt: cannot be written: the name of a table to write ends in .npy or .csv");
  expect(clf_table_write("moons", &t), CLF_EINVAL,
         "moons: cannot be written: the name of a table to write ends in .npy or .csv");
  expect(clf_table_write("t.csv", &(clf_table){0}), CLF_EINVAL,
         "t.csv: cannot be written: the table is empty");
  t.names = numbers;
  expect(clf_table_write("t.csv", &t), CLF_EINVAL,
         "t.csv: cannot be written: the names of all columns are numbers or blank, and a header of "
         "them would be read as a row");
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
  /* Without one of them installed this still holds the functions to leaving the
   * locale of the thread alone. */
  for (size_t i = 0; i < SIZE(commas) && !setlocale(LC_ALL, commas[i]); i++) continue;
  const locale_t before = uselocale((locale_t)0);
  ck_assert_int_eq(clf_table_write("t.csv", &t), CLF_OK);
  file_is("t.csv", text, sizeof text - 1);
  csv_is(text, 2, 2, at, NULL);
  CSV_FAILS("1,5;2\n1,5;2\n", "line 2, column 1 (\"1,5\"): \"1,5\" is not a number");
  clf_table m;
  ck_assert_int_eq(clf_table_read("moons:n=1,noise=0.5", &m), CLF_OK);
  clf_table_free(&m);
  ck_assert(uselocale((locale_t)0) == before);
  setlocale(LC_ALL, "C");
}
END_TEST

/* ---- NPY ------------------------------------------------------------------ */

/* Writes n.npy: magic, version, the length of the header, the header, data. */
static void put_npy(int version, const char *head, const void *data, size_t n) {
  char b[1024];
  const size_t front = version == 1 ? 10 : 12, length = strlen(head);
  memcpy(b, "\x93NUMPY", 6);
  b[6] = (char)version;
  memset(b + 7, 0, 5);
  b[8] = (char)(length & 255);
  b[9] = (char)(length >> 8);
  memcpy(b + front, head, length);
  if (n) memcpy(b + front + length, data, n);
  write_bytes("n.npy", b, front + length + n);
}

static void npy_fails(const char *message) {
  clf_table t = {.rows = -1};
  expect(clf_table_read("n.npy", &t), CLF_EFORMAT, message);
  ck_assert_int_eq(t.rows, -1);
  unlink("n.npy");
}

static void head_fails(const char *head, const char *message) {
  put_npy(1, head, four, sizeof four);
  npy_fails(message);
}

static void npy_is(const char *head, const void *data, size_t n, int64_t rows, int32_t cols,
                   const double *at) {
  for (int version = 1; version <= 3; version++) {
    clf_table t;
    put_npy(version, head, data, n);
    const clf_status s = clf_table_read("n.npy", &t);
    ck_assert_msg(s == CLF_OK, "%s", s ? clf_errmsg() : "");
    expect_table(&t, rows, cols, at);
    ck_assert_ptr_null(t.names);
    clf_table_free(&t);
    unlink("n.npy");
  }
}

#define HEAD(type, order, shape)                                                                   \
  "{'descr': '" type "', 'fortran_order': " order ", 'shape': " shape ", }   \n"
#define TYPE_IS(type, bytes, ...)                                                                  \
  npy_is(HEAD(type, "False", "(2,)"), bytes, sizeof(bytes) - 1, 2, 1, (const double[]){__VA_ARGS__})

START_TEST(npy_types) {
  TYPE_IS("|b1", "\0\1", 0, 1);
  TYPE_IS("|i1", "\x80\x7f", -128, 127);
  TYPE_IS("|u1", "\x80\xff", 128, 255);
  TYPE_IS("<i2", "\x01\x80\x34\x12", -32767, 4660);
  TYPE_IS(">i2", "\x80\x01\x12\x34", -32767, 4660);
  TYPE_IS("<u2", "\x01\x80\x34\x12", 32769, 4660);
  TYPE_IS(">u2", "\x80\x01\x12\x34", 32769, 4660);
  TYPE_IS("<i4", "\xfe\xff\xff\xff\x01\x02\x03\x04", -2, 67305985);
  TYPE_IS(">i4", "\xff\xff\xff\xfe\x04\x03\x02\x01", -2, 67305985);
  TYPE_IS("<u4", "\xfe\xff\xff\xff\x01\x02\x03\x04", 4294967294, 67305985);
  TYPE_IS(">u4", "\xff\xff\xff\xfe\x04\x03\x02\x01", 4294967294, 67305985);
  TYPE_IS("<i8", "\0\0\0\0\0\0\0\x80\xff\xff\xff\xff\xff\xff\xff\xff", -0x1p63, -1);
  TYPE_IS(">i8", "\x80\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x02", -0x1p63, 4294967298);
  TYPE_IS("<u8", "\0\0\0\0\0\0\0\x80\x07\0\0\0\0\0\0\0", 0x1p63, 7);
  TYPE_IS(">u8", "\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x07", 0x1p63, 7);
  TYPE_IS("<f2", "\x00\x3e\xff\xfb", 1.5, -65504);
  TYPE_IS(">f2", "\x80\x01\x80\x00", -0x1p-24, -0.0);
  TYPE_IS("<f4", "\x00\x00\xc0\x3f\xcd\xcc\xcc\x3d", 1.5, 0x1.99999ap-4);
  TYPE_IS(">f4", "\x3f\xc0\x00\x00\x80\x00\x00\x01", 1.5, -0x1p-149);
  TYPE_IS("<f8", "\x9a\x99\x99\x99\x99\x99\xb9\x3f\0\0\0\0\0\0\0\xc0", 0.1, -2);
  TYPE_IS(">f8", "\x3f\xb9\x99\x99\x99\x99\x99\x9a\xc0\0\0\0\0\0\0\0", 0.1, -2);
}
END_TEST

START_TEST(npy_shapes) {
  static const double six[] = {1, 2, 3, 4, 5, 6}, turned[] = {1, 3, 5, 2, 4, 6};
  static const char bytes[] = "\1\2\3\4\5\6";
  npy_is(HEAD("|u1", "False", "(2, 3)"), bytes, 6, 2, 3, six);
  npy_is(HEAD("|u1", "True", "(2, 3)"), bytes, 6, 2, 3, turned);
  npy_is(HEAD("|u1", "True", "(6,)"), bytes, 6, 6, 1, six);
  npy_is(HEAD("|u1", "False", "(2L, 3L)"), bytes, 6, 2, 3, six);
  /* Arrays of floats: 0, 1, 2, ... as float16. */
  static const char halves[] = "\0\0\0\x3c\0\x40\0\x42\0\x44\0\x45\0\x46\0\x47";
  const double rows[8] = {0, 1, 2, 3, 4, 5, 6, 7}, columns[8] = {0, 4, 2, 6, 1, 5, 3, 7};
  npy_is(HEAD("<f2", "False", "(2, 2, 1, 2)"), halves, 16, 2, 4, rows);
  npy_is(HEAD("<f2", "False", "(4, 1, 2)"), halves, 16, 4, 2, rows);
  npy_is(HEAD("<f2", "True", "(2, 2, 2)"), halves, 16, 2, 4, columns);
  npy_is("{\"shape\":(3,2,),\"fortran_order\":False,\"descr\":\"<u1\"}", bytes, 6, 3, 2, six);
}
END_TEST

START_TEST(npy_bad_shapes) {
#define TABLE "; a table is (N, D) or (N,), of floats also (N, H, W) or (N, H, W, C)"
  head_fails(HEAD("<f8", "False", "()"), "n.npy: the shape is ()" TABLE);
  head_fails(HEAD("<f8", "False", "(2, 1, 1, 1, 2)"), "n.npy: the shape is (2, 1, 1, 1, 2)" TABLE);
  head_fails(HEAD("<i8", "False", "(2, 1, 2)"), "n.npy: the shape is (2, 1, 2)" TABLE);
  head_fails(HEAD("|u1", "False", "(2, 1, 2)"), "n.npy: the shape is (2, 1, 2)" TABLE);
  head_fails(HEAD("<f4", "False", "(2, 0, 2)"),
             "n.npy: the shape is (2, 0, 2): there are no columns");
#undef TABLE
  head_fails(HEAD("<f8", "False", "(0, 3)"), "n.npy: the shape is (0, 3): there are no rows");
  head_fails(HEAD("<f8", "False", "(0,)"), "n.npy: the shape is (0,): there are no rows");
  head_fails(HEAD("<f8", "False", "(3, 0)"), "n.npy: the shape is (3, 0): there are no columns");
  head_fails(HEAD("<f8", "False", "(4294967296, 4294967296)"),
             "n.npy: the shape (4294967296, 4294967296) is beyond what a file can hold");
  head_fails(HEAD("<f8", "False", "(4611686018427387904, 2)"),
             "n.npy: the shape (4611686018427387904, 2) is beyond what a file can hold");
  head_fails(HEAD("<f8", "False", "(1, 2147483648)"),
             "n.npy: the shape (1, 2147483648) is beyond what a file can hold");
  head_fails(HEAD("<f8", "False", "(99999999999999999999,)"),
             "n.npy: the NPY header is damaged: a number in \"shape\" is too large");
  head_fails(HEAD("<f8", "False", "(100000000000, 2)"),
             "n.npy: shape (100000000000, 2) of dtype <f8 takes 1600000000000 bytes, the file has "
             "32");
  head_fails(HEAD("<f8", "False", "(5,)"),
             "n.npy: shape (5,) of dtype <f8 takes 40 bytes, the file has 32");
  head_fails(HEAD(">i4", "False", "(1, 3)"),
             "n.npy: shape (1, 3) of dtype >i4 takes 12 bytes, the file has 32");
}
END_TEST

#define FOREIGN(type, kind)                                                                        \
  head_fails(HEAD(type, "False", "(2,)"),                                                          \
             "n.npy: holds " kind " (dtype " type "); numbers to read are float16 to float64, "    \
             "integers or booleans")

START_TEST(npy_bad_types) {
  FOREIGN("<c8", "complex numbers");
  FOREIGN("<c16", "complex numbers");
  FOREIGN("|O", "Python objects");
  FOREIGN("|S5", "strings");
  FOREIGN("<U10", "strings");
  FOREIGN("|V8", "raw records");
  FOREIGN("<M8[ns]", "dates");
  FOREIGN("<m8[ns]", "time spans");
  FOREIGN("<f16", "numbers of an unknown type");
  FOREIGN("|f8", "numbers of an unknown type");
  FOREIGN("=f8", "numbers of an unknown type");
  FOREIGN("f8", "numbers of an unknown type");
  FOREIGN("", "numbers of an unknown type");
  head_fails("{'descr': [('x', '<f8')], 'fortran_order': False, 'shape': (2,), }",
             "n.npy: holds records with named fields (a structured dtype); numbers to read are "
             "float16 to float64, integers or booleans");
}
END_TEST

START_TEST(npy_bad_headers) {
  static const struct {
    const char *head, *why;
  } cases[] = {
      {"", "it is not a dictionary"},
      {"[1]", "it is not a dictionary"},
      {"{'descr' '<f8'}", "it is not a dictionary"},
      {"{'descr': '<f8'", "it is not a dictionary"},
      {"{'descr': '<f8' 'shape': (4,)}", "it is not a dictionary"},
      {"{'descr': '<f8}", "\"descr\" is not a string"},
      {"{'descr': '<\xc3\xb6'}", "\"descr\" is not a string"},
      {"{'descr': 8}", "\"descr\" is not a string"},
      {"{'fortran_order': 1}", "\"fortran_order\" is neither True nor False"},
      {"{'shape': 4}", "\"shape\" is not a tuple of numbers"},
      {"{'shape': (4)}", "\"shape\" is not a tuple of numbers"},
      {"{'shape': (,)}", "\"shape\" is not a tuple of numbers"},
      {"{'shape': (4,,)}", "\"shape\" is not a tuple of numbers"},
      {"{'shape': (-4,)}", "\"shape\" is not a tuple of numbers"},
      {"{'shape': (2, 2", "\"shape\" is not a tuple of numbers"},
      {"{'descr': '<f8', 'descr': '<f8'}", "a key is given twice"},
      {"{'sort': 1}", "it has a key other than descr, fortran_order and shape"},
      {"{'descr': '<f8', 'shape': (4,)}", "one of descr, fortran_order and shape is missing"},
      {"{}", "one of descr, fortran_order and shape is missing"},
      {HEAD("<f8", "False", "(4,)") "x", "text follows the dictionary"},
  };
  for (size_t i = 0; i < SIZE(cases); i++) {
    char message[128];
    snprintf(message, sizeof message, "n.npy: the NPY header is damaged: %s", cases[i].why);
    head_fails(cases[i].head, message);
  }
}
END_TEST

START_TEST(npy_bad_fronts) {
  write_bytes("n.npy", "1,2\n", 4);
  npy_fails("n.npy: this is not an NPY file");
  write_bytes("n.npy", "", 0);
  npy_fails("n.npy: this is not an NPY file");
  write_bytes("n.npy", "\x93NUMPX\x01\0\0\0", 10);
  npy_fails("n.npy: this is not an NPY file");
  write_bytes("n.npy", "\x93NUMPY\x04\0\0\0", 10);
  npy_fails("n.npy: NPY version 4.0 is unknown; 1.0, 2.0 and 3.0 are read");
  write_bytes("n.npy", "\x93NUMPY\x01\1\0\0", 10);
  npy_fails("n.npy: NPY version 1.1 is unknown; 1.0, 2.0 and 3.0 are read");
  write_bytes("n.npy", "\x93NUMPY\x01\0\x01\0", 10);
  npy_fails("n.npy: the NPY header is damaged: the file ends within it");
  write_bytes("n.npy", "\x93NUMPY\x02\0\0\0", 10);
  npy_fails("n.npy: the NPY header is damaged: the file ends within it");
  write_bytes("n.npy", "\x93NUMPY\x03\0\xff\xff\xff\xff{}", 14);
  npy_fails("n.npy: the NPY header is damaged: the file ends within it");
}
END_TEST

START_TEST(npy_not_finite) {
  put_npy(1, HEAD("<f4", "False", "(2, 2)"), "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xc0\x7f", 16);
  npy_fails("n.npy: row 2, column 2 (from 1): nan is not a finite number");
  put_npy(1, HEAD("<f4", "True", "(2, 2)"), "\0\0\0\0\0\0\x80\xff\0\0\0\0\0\0\0\0", 16);
  npy_fails("n.npy: row 2, column 1 (from 1): -inf is not a finite number");
  put_npy(1, HEAD(">f2", "False", "(2,)"), "\x7c\x00\x7c\x01", 4);
  npy_fails("n.npy: row 1, column 1 (from 1): inf is not a finite number");
  put_npy(1, HEAD(">f2", "False", "(2,)"), "\x00\x00\x7c\x01", 4);
  npy_fails("n.npy: row 2, column 1 (from 1): nan is not a finite number");
}
END_TEST

/* ---- Synthetic sets -------------------------------------------------------- */

#define EACH_SET(name) for (const char *const *name = clf_synthetic(); *name; name++)

START_TEST(synthetic_names) {
  static const char *const names[] = {"moons",    "circles", "checkerboard", "spirals", "gaussians",
                                      "pinwheel", NULL};
  for (size_t i = 0; i < SIZE(names); i++) {
    const char *const name = clf_synthetic()[i];
    if (names[i])
      ck_assert_str_eq(name, names[i]);
    else
      ck_assert_ptr_null(name);
  }
}
END_TEST

/* In units of 2^-20: samples 0, 1 and 9999 with seed 1, sample 0 with seed 2,
 * computed from the formulas by another program. */
START_TEST(synthetic_values) {
  static const int want[][8] = {
      {-1014612, 274119, 1454953, -410174, 1119252, 336598, 1075644, 256167},
      {1000867, -274898, -366513, -340975, 957538, 638360, 967501, 512525},
      {1978798, -4099393, 1313376, 517924, -3975370, -2127464, 2274805, -330909},
      {3119180, 1031285, 1006862, -2340308, 1312556, 100121, 1011625, 332819},
      {175265, 5086108, 12523, -3867388, 5459967, -11700, -2326004, 2769751},
      {-653596, -2241535, -665396, 2008893, 602732, -3565362, -1831434, -2204504}};
  EACH_SET(name) {
    const int *const w = want[name - clf_synthetic()];
    char other[32];
    clf_table t;
    ck_assert_int_eq(clf_table_read(*name, &t), CLF_OK);
    ck_assert_int_eq(t.rows, 10000);
    ck_assert_int_eq(t.cols, 2);
    for (int k = 0; k < 4; k++) ck_assert_double_eq(t.at[k] * 0x1p20, w[k]);
    for (int k = 0; k < 2; k++) ck_assert_double_eq(t.at[19998 + k] * 0x1p20, w[4 + k]);
    clf_table_free(&t);
    snprintf(other, sizeof other, "%s:seed=2,n=1", *name);
    ck_assert_int_eq(clf_table_read(other, &t), CLF_OK);
    ck_assert_int_eq(t.rows, 1);
    for (int k = 0; k < 2; k++) ck_assert_double_eq(t.at[k] * 0x1p20, w[6 + k]);
    clf_table_free(&t);
  }
}
END_TEST

START_TEST(synthetic_specs) {
  clf_table t, u;
  ck_assert_int_eq(clf_table_read("moons:n=7,noise=5e-2,seed=1", &t), CLF_OK);
  ck_assert_int_eq(t.rows, 7);
  ck_assert_int_eq(clf_table_read("moons:seed=18446744073709551615,n=7", &u), CLF_OK);
  ck_assert_double_ne(t.at[0], u.at[0]);
  clf_table_free(&u);
  ck_assert_int_eq(clf_table_read("moons", &u), CLF_OK);
  expect_table(&t, 7, 2, u.at);
  clf_table_free(&u);
  clf_table_free(&t);
}
END_TEST

/* Draws NAME:n=20000,noise=0 and calls `holds` on each point. */
static void every_point(const char *name, int (*holds)(double x, double y)) {
  char source[64];
  clf_table t;
  snprintf(source, sizeof source, "%s:n=20000,noise=0", name);
  ck_assert_int_eq(clf_table_read(source, &t), CLF_OK);
  for (int64_t i = 0; i < t.rows; i++)
    ck_assert_msg(holds(t.at[2 * i], t.at[2 * i + 1]), "%s: (%.17g, %.17g)", name, t.at[2 * i],
                  t.at[2 * i + 1]);
  clf_table_free(&t);
}

static int near(double a, double b) { return fabs(a - b) < 4e-6; }

static int on_moon(double x, double y) {
  return (near(hypot(x, y), 1) && y >= 0) || (near(hypot(x - 1, y - 0.5), 1) && y <= 0.5);
}

static int on_circle(double x, double y) { return near(hypot(x, y), 1) || near(hypot(x, y), 0.5); }

static int on_board(double x, double y) {
  const int column = (int)floor(x / 2), row = (int)floor(y / 2);
  return (column + row) % 2 == 0 && fabs(x) < 4 && fabs(y) < 4;
}

static int on_spiral(double x, double y) {
  const double t = 3 * hypot(x, y);
  const double u = -t * cos(t) / 3, v = t * sin(t) / 3;
  return t < 3 * 3.1416 &&
         ((fabs(x - u) < 1e-4 && fabs(y - v) < 1e-4) || (fabs(x + u) < 1e-4 && fabs(y + v) < 1e-4));
}

static int on_centre(double x, double y) {
  return near(hypot(x, y), 4) && near(sin(4 * atan2(y, x)), 0);
}

static int on_arm(double x, double y) {
  const double f = hypot(x, y) / 2, turns = (atan2(-y, x) - exp(f) / 4) * 5 / 6.283185307179586;
  /* Beyond the centre the arm goes on at negative f, for a sample in 2300. */
  const double back = (atan2(y, -x) - exp(-f) / 4) * 5 / 6.283185307179586;
  return f < 0.01 || fabs(turns - nearbyint(turns)) < 1e-3 || fabs(back - nearbyint(back)) < 1e-3;
}

START_TEST(synthetic_shapes) {
  every_point("moons", on_moon);
  every_point("circles", on_circle);
  every_point("checkerboard", on_board);
  every_point("spirals", on_spiral);
  every_point("gaussians", on_centre);
  every_point("pinwheel", on_arm);
}
END_TEST

/* The bounds are five standard errors of the mean of 100000 samples. */
START_TEST(synthetic_moments) {
  clf_table t;
  double mean[2], std[2];
  ck_assert_int_eq(clf_table_read("moons:n=100000,noise=0", &t), CLF_OK);
  clf_table_moments(&t, NULL, 0, mean, std);
  ck_assert_double_eq_tol(mean[0], 0.5, 0.014);
  ck_assert_double_eq_tol(mean[1], 0.25, 0.008);
  ck_assert_double_eq_tol(std[0], sqrt(0.75), 0.01);
  for (int64_t i = 0; i < 2 * t.rows; i++)
    ck_assert(i % 2 ? fabs(t.at[i] - 0.25) <= 0.75 : fabs(t.at[i] - 0.5) <= 1.5);
  clf_table_free(&t);
  ck_assert_int_eq(clf_table_read("checkerboard:n=100000", &t), CLF_OK);
  clf_table_moments(&t, NULL, 0, mean, std);
  for (int c = 0; c < 2; c++) {
    ck_assert_double_eq_tol(mean[c], 0, 0.037);
    ck_assert_double_eq_tol(std[c], sqrt(16.0 / 3), 0.02);
  }
  clf_table_free(&t);
  ck_assert_int_eq(clf_table_read("gaussians:n=100000", &t), CLF_OK);
  clf_table_moments(&t, NULL, 0, mean, std);
  for (int c = 0; c < 2; c++) {
    ck_assert_double_eq_tol(mean[c], 0, 0.046);
    ck_assert_double_eq_tol(std[c], sqrt(8.25), 0.02);
  }
  clf_table_free(&t);
}
END_TEST

START_TEST(synthetic_refusals) {
  static const struct {
    const char *source, *message;
  } cases[] = {
      {"moons:", "moons:: \"\" is no key; there are n, noise and seed"},
      {"moons:n=5,", "moons:n=5,: \"\" is no key; there are n, noise and seed"},
      {"moons:N=5", "moons:N=5: \"N\" is no key; there are n, noise and seed"},
      {"moons:n", "moons:n: n has no value; it takes a whole number from 1 to 100000000, as in "
                  "n=1"},
      {"moons:n=1,n=2", "moons:n=1,n=2: n is given twice"},
      {"moons:n=", "moons:n=: n must be a whole number from 1 to 100000000, not \"\""},
      {"moons:n=0", "moons:n=0: n must be a whole number from 1 to 100000000, not \"0\""},
      {"moons:n=1e3", "moons:n=1e3: n must be a whole number from 1 to 100000000, not \"1e3\""},
      {"moons:n=100000001,seed=1",
       "moons:n=100000001,seed=1: n must be a whole number from 1 to 100000000, not \"100000001\""},
      {"moons:noise=-0.1", "moons:noise=-0.1: noise must be a number from 0 to 100, not \"-0.1\""},
      {"moons:noise=nan", "moons:noise=nan: noise must be a number from 0 to 100, not \"nan\""},
      {"moons:noise=0x1", "moons:noise=0x1: noise must be a number from 0 to 100, not \"0x1\""},
      {"moons:noise=1e999",
       "moons:noise=1e999: noise must be a number from 0 to 100, not \"1e999\""},
      {"moons:seed=-1",
       "moons:seed=-1: seed must be a whole number from 0 to 18446744073709551615, not \"-1\""},
      {"moons:seed=18446744073709551616",
       "moons:seed=18446744073709551616: seed must be a whole number from 0 to "
       "18446744073709551615, not \"18446744073709551616\""}};
  for (size_t i = 0; i < SIZE(cases); i++) {
    clf_table t = {.rows = -1};
    expect(clf_table_read(cases[i].source, &t), CLF_EINVAL, cases[i].message);
    ck_assert_int_eq(t.rows, -1);
  }
}
END_TEST

START_TEST(unknown_sources) {
  static const char sets[] =
      "\"moon\" is no synthetic set; there are moons, circles, checkerboard, spirals, gaussians "
      "and pinwheel, and files ending in .csv, .tsv, .txt or .npy";
  clf_table t;
  expect(clf_table_read("moon", &t), CLF_EINVAL, sets);
  expect(clf_table_read("moon:noise=0.1", &t), CLF_EINVAL, sets);
  expect(clf_table_read("d.dat", &t), CLF_EINVAL,
         "d.dat: cannot be read: the name of a file of numbers ends in .csv, .tsv, .txt or .npy");
  expect(clf_table_read("./moons", &t), CLF_EINVAL,
         "./moons: cannot be read: the name of a file of numbers ends in .csv, .tsv, .txt or .npy");
  expect(clf_table_read("moons.csv", &t), CLF_EIO,
         "moons.csv: cannot be read: No such file or directory");
  expect(clf_table_read("gone/a:b.npy", &t), CLF_EIO,
         "gone/a:b.npy: cannot be read: No such file or directory");
  expect(clf_table_read(NULL, &t), CLF_EINVAL, "a table to read has no name");
}
END_TEST

/* ---- Tables ---------------------------------------------------------------- */

START_TEST(tables) {
  clf_table t;
  static const double zeros[6] = {0};
  ck_assert_int_eq(clf_table_new(3, 2, &t), CLF_OK);
  expect_table(&t, 3, 2, zeros);
  ck_assert_ptr_null(t.names);
  clf_table_free(&t);
  clf_table_free(&t);
  clf_table_free(NULL);
  expect(clf_table_new(0, 2, &t), CLF_EINVAL,
         "a table needs at least one row and one column, not 0 x 2");
  expect(clf_table_new(2, -1, &t), CLF_EINVAL,
         "a table needs at least one row and one column, not 2 x -1");
  expect(clf_table_new(INT64_MAX, INT32_MAX, &t), CLF_ENOMEM,
         "no memory for a table of 9223372036854775807 x 2147483647 numbers");
}
END_TEST

START_TEST(moments) {
  double at[] = {1, 0.1, 1e15, 3, 0.1, 1e15 + 1, 5, 0.1, 1e15 + 2, 7, 0.1, 1e15 + 3};
  const clf_table t = {.rows = 4, .cols = 3, .at = at};
  static const int64_t index[] = {3, 0};
  double mean[3], std[3];
  clf_table_moments(&t, NULL, 0, mean, std);
  ck_assert_double_eq(mean[0], 4);
  ck_assert_double_eq(mean[1], 0.1);
  ck_assert_double_eq(mean[2], 1e15 + 1.5);
  ck_assert_double_eq(std[0], sqrt(5));
  ck_assert_double_eq(std[1], 0);
  ck_assert_double_eq(std[2], sqrt(1.25));
  clf_table_moments(&t, index, 2, mean, std);
  ck_assert_double_eq(mean[0], 4);
  ck_assert_double_eq(mean[1], 0.1);
  ck_assert_double_eq(std[0], 3);
  ck_assert_double_eq(std[1], 0);
  clf_table_moments(&t, index, 1, mean, std);
  ck_assert_double_eq(mean[0], 7);
  ck_assert_double_eq(std[0], 0);
}
END_TEST

/* ---- Files ----------------------------------------------------------------- */

START_TEST(unreadable) {
  clf_table t;
  mkdir("folder.csv", 0777);
  expect(clf_table_read("folder.csv", &t), CLF_EIO, "folder.csv: cannot be read: it is a folder");
  rmdir("folder.csv");
  POSIX_ONLY;
  mkfifo("pipe.npy", 0666);
  expect(clf_table_read("pipe.npy", &t), CLF_EIO,
         "pipe.npy: cannot be read: it is not a regular file");
  unlink("pipe.npy");
}
END_TEST

START_TEST(unwritable) {
  const clf_table t = {.rows = 1, .cols = 1, .at = (double[]){1}};
  expect(clf_table_write("out/m.npy", &t), CLF_EIO,
         "out/m.npy: cannot be written: the folder \"out\" does not exist");
  expect(clf_path_writable("out/m.pt"), CLF_EIO,
         "out/m.pt: cannot be written: the folder \"out\" does not exist");
  expect(clf_path_writable(""), CLF_EIO, "\"\" cannot be written: it names no file");
  expect(clf_path_writable("new/"), CLF_EIO, "\"new/\" cannot be written: it names no file");
  expect(clf_path_writable("."), CLF_EIO, ".: cannot be written: it is a folder");
  expect(clf_path_writable("/dev/null"), CLF_EIO,
         "/dev/null: cannot be written: it is not a regular file");
  expect(clf_path_writable(NULL), CLF_EINVAL, "a file to write has no name");
  write_bytes("plain", "x", 1);
  expect(clf_path_writable("plain/m.npy"), CLF_EIO,
         "plain/m.npy: cannot be written: \"plain\" is not a folder");
  expect(clf_path_writable("plain/x/m.npy"), CLF_EIO,
         "plain/x/m.npy: cannot be written: Not a directory");
  ck_assert_int_eq(clf_path_writable("plain"), CLF_OK);
  clf__file *f;
  expect(clf__file_begin(NULL, &f), CLF_EINVAL, "a file to write has no name");
  unlink("plain");
  ck_assert_int_eq(clf_path_writable("m.safetensors"), CLF_OK);
  ck_assert_int_eq(clf_path_writable("./m.png"), CLF_OK);
  ck_assert_int_eq(clf_path_writable("/tmp/m.jsonl"), CLF_OK);
  if (access("/", W_OK) == 0) ck_assert_int_eq(clf_path_writable("/m.jsonl"), CLF_OK);
  ck_assert_int_eq(suite_entries("."), 0);
}
END_TEST

/* Root may write anywhere; access() asks for the real user, so root is another one for a while. */
START_TEST(protected) {
  POSIX_ONLY;
  enum { NOBODY = 65534 };
  const int root = getuid() == 0 && geteuid() == 0;
  if (root) {
    ck_assert_int_eq(chmod(".", 0755), 0);
    ck_assert_int_eq(setreuid(NOBODY, 0), 0);
  }
  mkdir("locked", 0555);
  expect(clf_path_writable("locked/m.npy"), CLF_EIO,
         "locked/m.npy: cannot be written: the folder \"locked\": Permission denied");
  rmdir("locked");
  write_bytes("m.npy", "x", 1);
  chmod("m.npy", 0444);
  expect(clf_path_writable("m.npy"), CLF_EIO, "m.npy: cannot be written: Permission denied");
  unlink("m.npy");
  if (root) ck_assert_int_eq(setreuid(0, 0), 0);
}
END_TEST

static mode_t mode_of(const char *path) {
  struct stat st;
  ck_assert_int_eq(lstat(path, &st), 0);
  return st.st_mode & 07777;
}

START_TEST(permissions) {
  POSIX_ONLY;
  const clf_table t = {.rows = 1, .cols = 1, .at = (double[]){1}};
  const mode_t before = umask(027);
  ck_assert_int_eq(clf_table_write("t.csv", &t), CLF_OK);
  ck_assert_int_eq(mode_of("t.csv"), 0640);
  chmod("t.csv", 0606);
  ck_assert_int_eq(clf_table_write("t.csv", &t), CLF_OK);
  ck_assert_int_eq(mode_of("t.csv"), 0606);
  umask(before);
  file_is("t.csv", "1\n", 2);
}
END_TEST

START_TEST(links) {
  POSIX_ONLY;
  const clf_table t = {.rows = 1, .cols = 1, .at = (double[]){1}};
  struct stat st;
  mkdir("there", 0777);
  write_bytes("there/real", "old", 3);
  ck_assert_int_eq(symlink("there/real", "link.csv"), 0);
  ck_assert_int_eq(clf_table_write("link.csv", &t), CLF_OK);
  ck_assert_int_eq(lstat("link.csv", &st), 0);
  ck_assert(S_ISLNK(st.st_mode));
  file_is("there/real", "1\n", 2);
  unlink("link.csv");
  ck_assert_int_eq(rmdir("there"), 0);
}
END_TEST

/* A limit on the size of files stands for a full disk. */
START_TEST(disk_full) {
  POSIX_ONLY;
  struct rlimit limit, small;
  clf_table t;
  ck_assert_int_eq(clf_table_read("moons:n=20000", &t), CLF_OK);
  signal(SIGXFSZ, SIG_IGN);
  ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
  small = limit;
  small.rlim_cur = 100000;
  for (int k = 0; k < 2; k++) {
    const char *const path = k ? "t.npy" : "t.csv";
    write_bytes(path, "old", 3);
    setrlimit(RLIMIT_FSIZE, &small);
    const clf_status s = clf_table_write(path, &t);
    setrlimit(RLIMIT_FSIZE, &limit);
    expect(s, CLF_EIO,
           k ? "t.npy: write failed: File too large" : "t.csv: write failed: File too large");
    ck_assert_int_eq(suite_entries("."), 1);
    file_is(path, "old", 3);
  }
  clf_table_free(&t);
}
END_TEST

START_TEST(whole_or_not_at_all) {
  clf__file *f, *g;
  write_bytes("m", "old", 3);
  ck_assert_int_eq(clf__file_begin("m", &f), CLF_OK);
  ck_assert_int_eq(clf__file_begin("m", &g), CLF_OK);
  ck_assert_int_eq(suite_entries("."), 3);
  ck_assert_int_eq(clf__file_put(f, "new", 3), CLF_OK);
  ck_assert_int_eq(clf__file_put(f, "", 0), CLF_OK);
  file_is("m", "old", 3);
  clf__file_abort(g);
  clf__file_abort(NULL);
  ck_assert_int_eq(clf__file_commit(f), CLF_OK);
  ck_assert_int_eq(suite_entries("."), 1);
  file_is("m", "new", 3);
}
END_TEST

static void write_kept(const char *text) {
  clf__file *f;
  ck_assert_int_eq(clf__file_begin("m", &f), CLF_OK);
  clf__file_keep(f);
  ck_assert_int_eq(clf__file_put(f, text, strlen(text)), CLF_OK);
  ck_assert_int_eq(clf__file_commit(f), CLF_OK);
}

START_TEST(keeps_the_one_before) {
  write_kept("first");
  ck_assert_int_eq(suite_entries("."), 1);
  write_kept("second");
  ck_assert_int_eq(suite_entries("."), 2);
  file_is("m.previous", "first", 5);
  write_kept("third");
  ck_assert_int_eq(suite_entries("."), 2);
  file_is("m.previous", "second", 6);
  file_is("m", "third", 5);
}
END_TEST

/* No process has so large a number; this one's own files, fresh ones and others' names stay. */
START_TEST(removes_what_was_left) {
  const struct utimbuf old = {.actime = 1000000, .modtime = 1000000};
  char own[64];
  snprintf(own, sizeof own, ".clflow-%ld-77.tmp", (long)getpid());
  enum { GONE = 2, FRESH = 2, ALL = 5 };
  const char *const names[ALL] = {".clflow-2000000000-1.tmp", ".clflow-2000000000-1.tmp~",
                                  ".clflow-2000000000-2.tmp", own, ".clflow-2000000000-1.tmp.txt"};
  for (int i = 0; i < ALL; i++) write_bytes(names[i], "half", 4);
  for (int i = 0; i < ALL; i++)
    if (i != FRESH) ck_assert_int_eq(utime(names[i], &old), 0);
  write_kept("new");
  for (int i = 0; i < GONE; i++) ck_assert_msg(access(names[i], F_OK), "%s is there", names[i]);
  for (int i = GONE; i < ALL; i++) file_is(names[i], "half", 4);
  file_is("m", "new", 3);
}
END_TEST

/* What only looks like it: no process, no name of ours, no file, a process of another user. */
START_TEST(leaves_what_is_not_its_own) {
  POSIX_ONLY; /* no folder can be made to look old */
  const struct utimbuf old = {.actime = 1000000, .modtime = 1000000};
  static const char *const names[] = {".clflow-0-1.tmp", ".clflow--5-1.tmp", ".clflow-7.tmp",
                                      ".clflow-2000000000-1.tm", ".clflow-1-1.tmp"};
  const int root = geteuid() == 0;
  for (size_t i = 0; i < SIZE(names); i++) {
    write_bytes(names[i], "half", 4);
    ck_assert_int_eq(utime(names[i], &old), 0);
  }
  mkdir(".clflow-2000000000-3.tmp", 0777);
  ck_assert_int_eq(utime(".clflow-2000000000-3.tmp", &old), 0);
  write_kept("new");
  for (size_t i = 0; i < SIZE(names); i++) file_is(names[i], "half", 4);
  ck_assert_int_eq(rmdir(".clflow-2000000000-3.tmp"), 0);
  write_bytes(".clflow-1-1.tmp", "half", 4);
  ck_assert_int_eq(utime(".clflow-1-1.tmp", &old), 0);
  clf__file *f;
  ck_assert_int_eq(clf__file_begin("m", &f), CLF_OK);
  if (root) ck_assert_int_eq(seteuid(65534), 0); /* whom process 1 does not answer */
  clf__file_keep(f);
  if (root) ck_assert_int_eq(seteuid(0), 0);
  clf__file_abort(f);
  file_is(".clflow-1-1.tmp", "half", 4);
  file_is("m", "new", 3);
}
END_TEST

/* Names that are taken are passed over, a thousand of them and no more. */
START_TEST(names_that_are_taken) {
  enum { MANY = 4000 };
  char name[64];
  clf__file *f;
  for (int i = 0; i < MANY; i++) {
    snprintf(name, sizeof name, ".clflow-%ld-%d.tmp", (long)getpid(), i);
    write_bytes(name, "", 0);
  }
  expect(clf__file_begin("m", &f), CLF_EIO, "m: cannot be written: File exists");
  ck_assert_int_eq(access("m", F_OK), -1);
  ck_assert_int_eq(suite_entries("."), MANY);
  for (int i = 0; i < MANY; i++) {
    snprintf(name, sizeof name, ".clflow-%ld-%d.tmp", (long)getpid(), i);
    unlink(name);
  }
  write_kept("new");
  file_is("m", "new", 3);
}
END_TEST

/* The folder goes away while a file in it is written. */
START_TEST(a_folder_that_is_gone) {
  clf__file *f;
  mkdir("here", 0777);
  ck_assert_int_eq(clf__file_begin("here/m", &f), CLF_OK);
  ck_assert_int_eq(rename("here", "there"), 0);
  clf__file_keep(f);
  ck_assert_int_eq(clf__file_put(f, "new", 3), CLF_OK);
  expect(clf__file_commit(f), CLF_EIO, "here/m: write failed: No such file or directory");
  DIR *d = opendir("there");
  ck_assert_ptr_nonnull(d);
  for (const struct dirent *e; (e = readdir(d));)
    if (e->d_name[0] == '.' && e->d_name[1] == 'c') unlinkat(dirfd(d), e->d_name, 0);
  closedir(d);
  ck_assert_int_eq(rmdir("there"), 0);
}
END_TEST

START_TEST(failed_rename) {
  clf__file *f;
  ck_assert_int_eq(clf__file_begin("m", &f), CLF_OK);
  mkdir("m", 0777);
  expect(clf__file_commit(f), CLF_EIO, "m: write failed: Is a directory");
  ck_assert_int_eq(suite_entries("."), 1);
  rmdir("m");
}
END_TEST

static Suite *suite(void) {
  const TTest *const tests[] = {csv_delimiters,
                                csv_layout,
                                csv_headers,
                                csv_numbers,
                                csv_suffixes,
                                csv_bad_fields,
                                csv_empty_fields,
                                csv_bad_lines,
                                csv_nothing,
                                csv_binary,
                                csv_huge,
                                round_trips,
                                round_trip_of_many,
                                written_bytes,
                                write_refusals,
                                locales,
                                npy_types,
                                npy_shapes,
                                npy_bad_shapes,
                                npy_bad_types,
                                npy_bad_headers,
                                npy_bad_fronts,
                                npy_not_finite,
                                synthetic_names,
                                synthetic_values,
                                synthetic_specs,
                                synthetic_shapes,
                                synthetic_moments,
                                synthetic_refusals,
                                unknown_sources,
                                tables,
                                moments,
                                unreadable,
                                unwritable,
                                protected,
                                permissions,
                                links,
                                disk_full,
                                whole_or_not_at_all,
                                keeps_the_one_before,
                                removes_what_was_left,
                                leaves_what_is_not_its_own,
                                names_that_are_taken,
                                a_folder_that_is_gone,
                                failed_rename};
  Suite *const s = suite_create("data");
  TCase *const c = tcase_create("data");
  for (size_t i = 0; i < SIZE(tests); i++) tcase_add_test(c, tests[i]);
  suite_add_tcase(s, c);
  return s;
}

int main(void) {
  char folder[] = "/tmp/clflow-data-XXXXXX";
  if (!mkdtemp(folder) || chdir(folder)) return 1;
  const int failed = suite_run(suite());
  if (chdir("/") || rmdir(folder)) return 1;
  return failed;
}
