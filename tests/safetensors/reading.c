/* SPDX-License-Identifier: MIT */
/* reading.c: contents of files: layouts, and values of every dtype. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "files.h"
#include "safetensors_format.h"

START_TEST(reads_the_documented_layout) {
  static const unsigned char file[] =
      "\x72\0\0\0\0\0\0\0"
      "{\"b\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[2,10]},"
      "\"a\":{\"dtype\":\"I16\",\"shape\":[],\"data_offsets\":[0,2]}}     "
      "\xfe\xff"
      "\x00\x00\xc0\x3f"
      "\x00\x00\x00\xc0";
  write_bytes(path, file, sizeof file - 1);
  clf__st *st = open_file();
  ck_assert_int_eq(clf__st_count(st), 2);
  const clf__st_entry *a = clf__st_at(st, 0), *b = clf__st_at(st, 1);
  ck_assert_str_eq(a->name, "a");
  ck_assert_str_eq(a->dtype, "I16");
  ck_assert_int_eq(a->rank, 0);
  ck_assert_int_eq(a->count, 1);
  ck_assert_str_eq(b->name, "b");
  ck_assert_int_eq(b->rank, 2);
  ck_assert_int_eq(b->dim[0], 2);
  ck_assert_int_eq(b->dim[1], 1);
  ck_assert_int_eq(b->dim[7], 1);
  ck_assert_ptr_eq(clf__st_find(st, "a"), a);
  ck_assert_ptr_eq(clf__st_find(st, "b"), b);
  ck_assert_ptr_null(clf__st_find(st, "c"));
  ck_assert_int_eq(clf__st_width("F8_E4M3"), 0);
  ck_assert_ptr_null(clf__st_at(st, -1));
  ck_assert_ptr_null(clf__st_at(st, 2));
  ck_assert_ptr_null(clf__st_meta(st, "format"));
  double x = 0;
  ck_assert_int_eq(clf__st_get(st, a, &x), CLF_OK);
  ck_assert_double_eq(x, -2);
  float y[2];
  ck_assert_int_eq(clf__st_get_f32(st, b, y), CLF_OK);
  ck_assert_float_eq(y[0], 1.5f);
  ck_assert_float_eq(y[1], -2.0f);
  clf__st_close(st);
}
END_TEST

START_TEST(reads_a_file_without_tensors) {
  write_parts("{}", 2, NULL, 0);
  clf__st *st = open_file();
  ck_assert_int_eq(clf__st_count(st), 0);
  ck_assert_ptr_null(clf__st_find(st, "a"));
  clf__st_close(st);
}
END_TEST

/* A tensor without elements may begin where another one does, in any order of the header. */
START_TEST(orders_tensors_without_elements) {
  static const char *const headers[] = {
      "{\"w\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
      "\"n\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}",
      "{\"n\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},"
      "\"w\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}"};
  for (int i = 0; i < 2; i++) {
    double x[2] = {0};
    write_parts(headers[i], strlen(headers[i]), "\3\4", 2);
    clf__st *st = open_file();
    ck_assert_str_eq(clf__st_at(st, 0)->name, "n");
    ck_assert_int_eq(clf__st_at(st, 0)->count, 0);
    ck_assert_int_eq(clf__st_get(st, clf__st_at(st, 1), x), CLF_OK);
    ck_assert(x[0] == 3 && x[1] == 4);
    clf__st_close(st);
  }
}
END_TEST

static const struct value {
  const char *dtype;
  int width;
  uint64_t bits;
  double want;
} values[] = {
    {"F64", 8, 0x3ff0000000000001, 1.0 + 0x1p-52},
    {"F64", 8, 1, 0x1p-1074},
    {"F32", 4, 0x3f800001, 1.0 + 0x1p-23},
    {"F32", 4, 0x80000001, -0x1p-149},
    {"F16", 2, 0x3c01, 1.0 + 0x1p-10},
    {"F16", 2, 0xc000, -2},
    {"F16", 2, 0x7bff, 65504},
    {"F16", 2, 0x0400, 0x1p-14},
    {"F16", 2, 0x03ff, 0x3ffp-24},
    {"F16", 2, 0x8001, -0x1p-24},
    {"BF16", 2, 0x3f81, 1.0 + 0x1p-7},
    {"BF16", 2, 0xff7f, -0xffp120},
    {"BF16", 2, 0x0080, 0x1p-126},
    {"BF16", 2, 0x8001, -0x1p-133},
    {"I64", 8, 0xfff0000000000000, -0x1p52},
    {"I64", 8, 0x7fffffffffffffff, 0x1p63},
    {"U64", 8, 0xffffffffffffffff, 0x1p64},
    {"I32", 4, 0x80000000, -2147483648.0},
    {"U32", 4, 0x80000000, 2147483648.0},
    {"I16", 2, 0x8000, -32768},
    {"U16", 2, 0x8000, 32768},
    {"I8", 1, 0x80, -128},
    {"U8", 1, 0x80, 128},
    {"BOOL", 1, 0, 0},
    {"BOOL", 1, 1, 1},
};

/* A file with one element, of any dtype. */
static void write_value(const char *dtype, int width, uint64_t bits) {
  char header[128];
  unsigned char data[8];
  const int n =
      snprintf(header, sizeof header,
               "{\"w\":{\"dtype\":\"%s\",\"shape\":[1],\"data_offsets\":[0,%d]}}", dtype, width);
  for (int i = 0; i < width; i++) data[i] = (unsigned char)(bits >> 8 * i);
  write_parts(header, (size_t)n, data, (size_t)width);
}

START_TEST(reads_every_dtype) {
  const struct value *v = &values[_i];
  write_value(v->dtype, v->width, v->bits);
  clf__st *st = open_file();
  double x = NAN;
  ck_assert_int_eq(clf__st_get(st, clf__st_at(st, 0), &x), CLF_OK);
  ck_assert_double_eq(x, v->want);
  ck_assert_int_eq(signbit(x) != 0, signbit(v->want) != 0);
  float y = NAN;
  ck_assert_int_eq(clf__st_get_f32(st, clf__st_at(st, 0), &y), CLF_OK);
  ck_assert_float_eq(y, (float)v->want);
  clf__st_close(st);
}
END_TEST

static const struct bad_value {
  const char *dtype;
  int width;
  uint64_t bits;
  const char *message;
} bad_values[] = {
    {"F64", 8, 0x7ff0000000000000, "tensor \"w\" has inf at element 0"},
    {"F32", 4, 0xff800000, "tensor \"w\" has -inf at element 0"},
    {"F32", 4, 0x7fc00000, "tensor \"w\" has nan at element 0"},
    {"F16", 2, 0x7c00, "tensor \"w\" has inf at element 0"},
    {"F16", 2, 0x7c01, "tensor \"w\" has nan at element 0"},
    {"F16", 2, 0xfc00, "tensor \"w\" has -inf at element 0"},
    {"BF16", 2, 0x7f80, "tensor \"w\" has inf at element 0"},
    {"BF16", 2, 0x7f81, "tensor \"w\" has nan at element 0"},
};

START_TEST(refuses_values_that_are_not_finite) {
  const struct bad_value *v = &bad_values[_i];
  write_value(v->dtype, v->width, v->bits);
  clf__st *st = open_file();
  double x;
  float y;
  ck_assert_int_eq(clf__st_get(st, clf__st_at(st, 0), &x), CLF_ENUM);
  ck_assert_str_eq(why(), v->message);
  ck_assert_int_eq(clf__st_get_f32(st, clf__st_at(st, 0), &y), CLF_ENUM);
  ck_assert_str_eq(why(), v->message);
  clf__st_close(st);
}
END_TEST

START_TEST(names_the_element_that_is_no_float) {
  const char *header = "{\"w\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,16]}}";
  static const char data[] = "\x00\x00\x00\x00\x00\x00\xf0\x3f"  /* 1 */
                             "\x9c\x75\x00\x88\x3c\xe4\x37\x7e"; /* 1e300 */
  write_parts(header, strlen(header), data, sizeof data - 1);
  clf__st *st = open_file();
  double x[2];
  float y[2];
  ck_assert_int_eq(clf__st_get(st, clf__st_at(st, 0), x), CLF_OK);
  ck_assert_double_eq(x[1], 1e300);
  ck_assert_int_eq(clf__st_get_f32(st, clf__st_at(st, 0), y), CLF_ENUM);
  ck_assert_str_eq(why(), "tensor \"w\" has a number too large for float at element 1");
  clf__st_close(st);
}
END_TEST

START_TEST(keeps_an_unknown_dtype_and_refuses_its_values) {
  write_value("F8_E4M3", 1, 0x40);
  clf__st *st = open_file();
  ck_assert_str_eq(clf__st_at(st, 0)->dtype, "F8_E4M3");
  ck_assert_int_eq(clf__st_at(st, 0)->count, 1);
  static const char *const message =
      "tensor \"w\" has dtype F8_E4M3, which is not supported: write it as F32";
  double x;
  float y;
  ck_assert_int_eq(clf__st_get(st, clf__st_at(st, 0), &x), CLF_ENOTSUP);
  ck_assert_str_eq(why(), message);
  ck_assert_int_eq(clf__st_get_f32(st, clf__st_at(st, 0), &y), CLF_ENOTSUP);
  ck_assert_str_eq(why(), message);
  clf__st_close(st);
}
END_TEST

void tests_of_reading(Suite *s) {
  TCase *c = tcase_create("reading");
  tcase_add_test(c, reads_the_documented_layout);
  tcase_add_test(c, reads_a_file_without_tensors);
  tcase_add_test(c, orders_tensors_without_elements);
  LOOP(reads_every_dtype, values);
  LOOP(refuses_values_that_are_not_finite, bad_values);
  tcase_add_test(c, names_the_element_that_is_no_float);
  tcase_add_test(c, keeps_an_unknown_dtype_and_refuses_its_values);
  suite_add_tcase(s, c);
}
