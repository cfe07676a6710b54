/* SPDX-License-Identifier: MIT */
/* npy.c: NumPy's arrays as tables. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tables.h"

static const double four[] = {1, 2, 3, 4};

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

static const double cube[] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13,
                              14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26};

/* Rows of images of 2 x 3 pixels in 2 channels, or of 3 x 3 in 3, from an array of this shape. */
static void order_is(const char *head, size_t n, const clf_table_options *o, int channels_first) {
  clf_table t;
  const int C = o->height == 3 ? 3 : 2, pixels = o->height * 3;
  put_npy(1, head, cube, n * sizeof *cube);
  WORKS(clf_table_read_with("n.npy", o, &t));
  ck_assert_int_eq(t.cols, C * pixels);
  for (int k = 0; k < C * pixels; k++)
    ck_assert(t.at[k] == (channels_first ? cube[k % C * pixels + k / C] : cube[k]));
  clf_table_free(&t);
  suite_remove("n.npy");
}

START_TEST(npy_of_images) {
  clf_table_options o = {.height = 2, .width = 3, .channels = 2};
  clf_table t;
  order_is(HEAD("<f8", "False", "(1, 2, 3, 2)"), 12, &o, 0);
  order_is(HEAD("<f8", "False", "(1, 2, 2, 3)"), 12, &o, 1);
  order_is(HEAD("<f8", "False", "(1, 12)"), 12, &o, 0);
  o.order = CLF_ORDER_NCHW; /* the shape decides where it fits one order only */
  order_is(HEAD("<f8", "False", "(1, 2, 3, 2)"), 12, &o, 0);
  o.channels = 0;
  order_is(HEAD("<f8", "False", "(1, 2, 2, 3)"), 12, &o, 1);
  o = (clf_table_options){.height = 3, .width = 3, .channels = 3};
  order_is(HEAD("<f8", "False", "(1, 3, 3, 3)"), 27, &o, 0);
  o.order = CLF_ORDER_NHWC;
  order_is(HEAD("<f8", "False", "(1, 3, 3, 3)"), 27, &o, 0);
  o.order = CLF_ORDER_NCHW;
  order_is(HEAD("<f8", "False", "(1, 3, 3, 3)"), 27, &o, 1);
  char *first[] = {(char[]){"2"}}; /* columns are those of rows, whatever the file's order */
  o.columns = first;
  o.column_count = 1;
  put_npy(1, HEAD("<f8", "False", "(1, 3, 3, 3)"), cube, sizeof cube);
  WORKS(clf_table_read_with("n.npy", &o, &t));
  ck_assert(t.cols == 1 && t.at[0] == 9); /* the second channel of the first pixel */
  clf_table_free(&t);
  o = (clf_table_options){.height = 2, .width = 3, .channels = 2};
  put_npy(1, HEAD("<f8", "False", "(1, 3, 2, 2)"), cube, 12 * sizeof *cube);
  REFUSED(clf_table_read_with("n.npy", &o, &t), CLF_ESHAPE,
          "n.npy: the shape is (1, 3, 2, 2); images are (N, 2, 3, 2) or (N, 2, 2, 3), or rows "
          "(N, D)");
  o.channels = 0;
  put_npy(1, HEAD("<f8", "False", "(1, 3, 4)"), cube, 12 * sizeof *cube);
  REFUSED(clf_table_read_with("n.npy", &o, &t), CLF_ESHAPE,
          "n.npy: the shape is (1, 3, 4); images are (N, 2, 3), (N, 2, 3, C) or (N, C, 2, 3), or "
          "rows (N, D)");
  o.width = 0;
  REFUSED(clf_table_read_with("n.npy", &o, &t), CLF_EINVAL,
          "n.npy: there are no images of 2 x 0 x 0");
  suite_remove("n.npy");
}
END_TEST

START_TEST(image_orders) {
  double at[24], twice[24];
  for (int k = 0; k < 24; k++) at[k] = twice[k] = k;
  WORKS(clf_image_reorder(at, 2, 2, 3, 2, CLF_ORDER_NCHW)); /* two images of 2 x 3 x 2 */
  for (int k = 0; k < 24; k++) ck_assert(at[k] == k / 12 * 12 + k % 6 * 2 + k % 12 / 6);
  WORKS(clf_image_reorder(at, 2, 2, 3, 2, CLF_ORDER_NHWC));
  ck_assert_mem_eq(at, twice, sizeof at);
  REFUSED(clf_image_reorder(at, 2, 2, 0, 2, CLF_ORDER_NCHW), CLF_EINVAL,
          "images of 2 x 0 x 2 cannot be brought into the order 2");
  REFUSED(clf_image_reorder(at, 2, 2, 3, 2, CLF_ORDER_AUTO), CLF_EINVAL,
          "images of 2 x 3 x 2 cannot be brought into the order 0");
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

void tests_of_npy(Suite *s) {
  TCase *c = tcase_create("npy");
  tcase_add_test(c, npy_types);
  tcase_add_test(c, npy_shapes);
  tcase_add_test(c, npy_of_images);
  tcase_add_test(c, image_orders);
  tcase_add_test(c, npy_bad_shapes);
  tcase_add_test(c, npy_bad_types);
  tcase_add_test(c, npy_bad_headers);
  tcase_add_test(c, npy_bad_fronts);
  tcase_add_test(c, npy_not_finite);
  suite_add_tcase(s, c);
}
