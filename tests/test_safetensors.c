/* SPDX-License-Identifier: MIT */
/* test_safetensors.c: safetensors files, written and read, and every file that is refused. */
#define _XOPEN_SOURCE 700
#include <inttypes.h>
#include <jansson.h>
#include <locale.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "safetensors.h"
#include "suite.h"

static char folder[] = "/tmp/test_safetensors_XXXXXX";
static char path[64]; /* of the file that each test writes */

/* ---- Files by hand ----------------------------------------------------- */

static void write_parts(const char *header, size_t n, const void *data, size_t size) {
  unsigned char *bytes = malloc(8 + n + size);
  ck_assert_ptr_nonnull(bytes);
  for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)((uint64_t)n >> 8 * i);
  memcpy(bytes + 8, header, n);
  if (size > 0) memcpy(bytes + 8 + n, data, size);
  write_bytes(path, bytes, 8 + n + size);
  free(bytes);
}

static clf__st *open_file(void) {
  clf__st *st = NULL;
  const clf_status s = clf__st_open(path, &st);
  ck_assert_msg(s == CLF_OK, "%s", clf_errmsg());
  return st;
}

/* The message of the last failure, after "PATH: ". */
static const char *why(void) {
  const size_t n = strlen(path);
  ck_assert_int_eq(strncmp(clf_errmsg(), path, n), 0);
  ck_assert_int_eq(strncmp(clf_errmsg() + n, ": ", 2), 0);
  return clf_errmsg() + n + 2;
}

static void refused(const char *message) {
  clf__st *st = NULL;
  ck_assert_int_eq(clf__st_open(path, &st), CLF_EFORMAT);
  ck_assert_ptr_null(st);
  ck_assert_str_eq(why(), message);
}

/* ---- Reading ----------------------------------------------------------- */

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
  double x;
  ck_assert_int_eq(clf__st_get(st, clf__st_at(st, 0), &x), CLF_ENOTSUP);
  ck_assert_str_eq(why(),
                   "tensor \"w\" has dtype F8_E4M3, which is not read here: write it as F32");
  clf__st_close(st);
}
END_TEST

/* ---- Headers that are refused ------------------------------------------ */

#define W "{\"w\":{\"dtype\":\"F32\",\"shape\":"
#define ENTRY(name, n, begin, end)                                                                 \
  "\"" name "\":{\"dtype\":\"F32\",\"shape\":[" n "],\"data_offsets\":[" begin "," end "]}"
#define OFFSETS                                                                                    \
  "the data_offsets of tensor \"w\" are not two integers from 0 up, the second not below the "     \
  "first"
#define FIELDS "tensor \"w\" must have dtype, shape and data_offsets and nothing else"
#define BYTE(n) "byte " n " of its header is not as it should be: "

static const struct bad_header {
  int size; /* of the data */
  const char *header, *message;
} bad_headers[] = {
    /* Places. */
    {8, W "[3],\"data_offsets\":[0,8]}}",
     "tensor \"w\" has 3 elements of F32 by its shape, but 8 bytes by its data_offsets"},
    {7, W "[2],\"data_offsets\":[0,7]}}",
     "tensor \"w\" has 2 elements of F32 by its shape, but 7 bytes by its data_offsets"},
    {8, W "[2,0],\"data_offsets\":[0,8]}}",
     "tensor \"w\" has 0 elements of F32 by its shape, but 8 bytes by its data_offsets"},
    {12, "{" ENTRY("a", "1", "0", "4") "," ENTRY("b", "1", "8", "12") "}",
     "4 bytes of the data before tensor \"b\" belong to no tensor"},
    {8, W "[1],\"data_offsets\":[4,8]}}",
     "4 bytes of the data before tensor \"w\" belong to no tensor"},
    {12, "{" ENTRY("b", "2", "4", "12") "," ENTRY("a", "2", "0", "8") "}",
     "tensors \"a\" and \"b\" overlap: one ends at byte 8 of the data, the other begins at byte 4"},
    {4, "{" ENTRY("b", "1", "0", "4") "," ENTRY("a", "1", "0", "4") "}",
     "tensors \"a\" and \"b\" overlap: one ends at byte 4 of the data, the other begins at byte 0"},
    {7, W "[2],\"data_offsets\":[0,8]}}",
     "cut short: tensor \"w\" ends at byte 8 of the data, which has 7 bytes"},
    {4, W "[2],\"data_offsets\":[0,9223372036854775807]}}",
     "cut short: tensor \"w\" ends at byte 9223372036854775807 of the data, which has 4 bytes"},
    {9, W "[2],\"data_offsets\":[0,8]}}", "1 bytes of the data belong to no tensor"},
    {5, "{}", "5 bytes of the data belong to no tensor"},
    {8, W "[2],\"data_offsets\":[8,0]}}", OFFSETS},
    {8, W "[2],\"data_offsets\":[-8,0]}}", OFFSETS},
    {8, W "[2],\"data_offsets\":[0,8.0]}}", OFFSETS},
    {8, W "[2],\"data_offsets\":[0]}}", OFFSETS},
    {8, W "[2],\"data_offsets\":[0,8,8]}}", OFFSETS},
    {8, W "[2],\"data_offsets\":8}}", OFFSETS},
    /* Shapes. */
    {4, W "[4194305,4194305,211106198978564],\"data_offsets\":[0,4]}}",
     "tensor \"w\" has more than 2^63 - 1 elements"},
    {4, W "[4611686018427387905],\"data_offsets\":[0,4]}}",
     "tensor \"w\" has 4611686018427387905 elements of F32 by its shape, but 4 bytes by its "
     "data_offsets"},
    {4, W "[1,-1],\"data_offsets\":[0,4]}}",
     "dimension 1 of tensor \"w\" is not an integer from 0 up"},
    {4, W "[1.0],\"data_offsets\":[0,4]}}",
     "dimension 0 of tensor \"w\" is not an integer from 0 up"},
    {4, W "[\"1\"],\"data_offsets\":[0,4]}}",
     "dimension 0 of tensor \"w\" is not an integer from 0 up"},
    {4, W "1,\"data_offsets\":[0,4]}}", "the shape of tensor \"w\" is not an array"},
    {4, W "[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}",
     "tensor \"w\" has 9 dimensions, more than 8"},
    /* Fields. */
    {0, "{\"w\":[]}", FIELDS},
    {0, "{\"w\":{}}", FIELDS},
    {0, "{\"w\":{\"dtype\":\"F32\",\"shape\":[0]}}", FIELDS},
    {0, W "[0],\"data_offsets\":[0,0],\"x\":1}}", FIELDS},
    {0, "{\"w\":{\"dtype\":32,\"shape\":[0],\"data_offsets\":[0,0]}}",
     "the dtype of tensor \"w\" is not a string"},
    {0, "{\"__metadata__\":{\"n\":1}}", "metadata \"n\" is not a string"},
    {0, "{\"__metadata__\":[]}", "its __metadata__ is not an object"},
    {0, "{\"__metadata__\":null}", "its __metadata__ is not an object"},
    /* JSON. */
    {0, "{" ENTRY("a", "0", "0", "0") "," ENTRY("a", "0", "0", "0") "}",
     BYTE("57") "duplicate object key near '\"a\"'"},
    {0, "{\"a\":}", BYTE("6") "unexpected token near '}'"},
    {0, "{} {}", BYTE("4") "end of file expected near '{'"},
    {0, "{", BYTE("1") "string or '}' expected near end of file"},
    {0, "{\"a\\u0000b\":1}",
     BYTE("11") "NUL byte in object key not supported near '\"a\\u0000b\"'"},
    {0, W "[0],\"data_offsets\":[0,9223372036854775808]}}",
     BYTE("69") "too big integer near '9223372036854775808'"},
    /* The header as a whole. */
    {0, "", "not a safetensors file: its header does not begin with '{'"},
    {0, " {}", "not a safetensors file: its header does not begin with '{'"},
    {0, "[]", "not a safetensors file: its header does not begin with '{'"},
};

START_TEST(refuses_headers) {
  static const char zeros[16];
  const struct bad_header *b = &bad_headers[_i];
  write_parts(b->header, strlen(b->header), zeros, (size_t)b->size);
  refused(b->message);
}
END_TEST

START_TEST(refuses_nul_in_the_header) {
  write_parts("{\"a\0b\":1}", 9, NULL, 0);
  refused(BYTE("3") "control character 0x0 near '\"a'");
  write_parts("{}\0\0", 4, NULL, 0);
  refused(BYTE("3") "end of file expected near end of file");
}
END_TEST

START_TEST(refuses_text_that_is_not_utf8) {
  write_parts("{\"\xff\":1}", 7, NULL, 0);
  refused(BYTE("2") "unable to decode byte 0xff near '\"'");
}
END_TEST

START_TEST(refuses_deep_nesting) {
  static char header[100000];
  memset(header, '[', sizeof header);
  memcpy(header, "{\"a\":", 5);
  write_parts(header, sizeof header, NULL, 0);
  refused(BYTE("2053") "maximum parsing depth reached near '['");
}
END_TEST

/* ---- Files that are something else ------------------------------------- */

static const struct foreign {
  size_t size;
  const char *bytes, *message;
} foreign[] = {
    {0, "", "not a safetensors file: it has 0 bytes, fewer than the 8 of a header length"},
    {7, "\2\0\0\0\0\0\0",
     "not a safetensors file: it has 7 bytes, fewer than the 8 of a header length"},
    {16, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
     "not a safetensors file, or cut short: it starts with a header length of "
     "727905341920923785 bytes, but has 16 bytes"},
    {16, "PK\3\4\0\0\b\b\0\0\0\0\0\0\0\0",
     "not a safetensors file: it looks like one of torch.save; load it in Python and write its "
     "state_dict with safetensors.torch.save_file"},
    {16, "\x80\2\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.\x80",
     "not a safetensors file: it looks like one of torch.save; load it in Python and write its "
     "state_dict with safetensors.torch.save_file"},
    {10, "\3\0\0\0\0\0\0\0{}",
     "not a safetensors file, or cut short: it starts with a header length of 3 bytes, but has 10 "
     "bytes"},
    {10, "\xff\xff\xff\xff\xff\xff\xff\xff{}",
     "not a safetensors file, or cut short: it starts with a header length of "
     "18446744073709551615 bytes, but has 10 bytes"},
};

START_TEST(refuses_foreign_files) {
  write_bytes(path, foreign[_i].bytes, foreign[_i].size);
  refused(foreign[_i].message);
}
END_TEST

START_TEST(refuses_a_header_above_the_limit) {
  write_bytes(path, "\1\xe1\xf5\5\0\0\0\0{", 9);
  ck_assert_int_eq(truncate(path, 100000100), 0);
  refused("its header has 100000001 bytes, more than 100000000");
  write_bytes(path, "{}", 2);
}
END_TEST

START_TEST(refuses_a_file_that_is_not_there) {
  clf__st *st = NULL;
  unlink(path);
  ck_assert_int_eq(clf__st_open(path, &st), CLF_EIO);
  ck_assert_ptr_null(st);
}
END_TEST

/* ---- Writing ----------------------------------------------------------- */

static clf__st_writer *new_writer(void) {
  clf__st_writer *w = NULL;
  ck_assert_int_eq(clf__st_writer_new(&w), CLF_OK);
  return w;
}

#define SCALE "layers.0.\xcf\x83 \"\\\n"

static void write_small(void) {
  static const float f[] = {1, -0.0f, 0x1p-149f, 0x1.fffffep127f, 5};
  static const double d[] = {0.1, -0x1p-1074};
  clf__st_writer *w = new_writer();
  ck_assert_int_eq(clf__st_put_f32(w, "w", 2, (const int64_t[]){5, 1}, f), CLF_OK);
  ck_assert_int_eq(clf__st_put_f64(w, SCALE, 1, (const int64_t[]){2}, d), CLF_OK);
  ck_assert_int_eq(clf__st_put_f32(w, "none", 1, (const int64_t[]){0}, NULL), CLF_OK);
  ck_assert_int_eq(clf__st_put_f32(w, "one", 0, NULL, f), CLF_OK);
  ck_assert_int_eq(clf__st_put_meta(w, "kind", "%s-%d", "nvp", 2), CLF_OK);
  const clf_status s = clf__st_write(w, path, 0);
  ck_assert_msg(s == CLF_OK, "%s", clf_errmsg());
  clf__st_writer_free(w);
}

START_TEST(writes_the_documented_layout) {
  static const char header[] =
      "{\"__metadata__\":{\"clflow.crc32\":\"56161878\",\"kind\":\"nvp-2\"},"
      "\"layers.0.\xcf\x83 \\\"\\\\\\n\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,16]},"
      "\"w\":{\"dtype\":\"F32\",\"shape\":[5,1],\"data_offsets\":[16,36]},"
      "\"none\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[36,36]},"
      "\"one\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[36,40]}}";
  static const unsigned char data[40] =
      "\x9a\x99\x99\x99\x99\x99\xb9\x3f\1\0\0\0\0\0\0\x80"
      "\0\0\x80\x3f\0\0\0\x80\1\0\0\0\xff\xff\x7f\x7f\0\0\xa0\x40\0\0\x80\x3f";
  const size_t n = sizeof header - 1, padded = (n + 7) / 8 * 8;
  write_small();
  size_t size;
  char *bytes = read_file(path, &size);
  ck_assert_uint_eq(size, 8 + padded + sizeof data);
  ck_assert_uint_eq(bytes[0] | bytes[1] << 8, padded);
  ck_assert_mem_eq(bytes + 2, "\0\0\0\0\0\0", 6);
  ck_assert_mem_eq(bytes + 8, header, n);
  for (size_t i = n; i < padded; i++) ck_assert_int_eq(bytes[8 + i], ' ');
  ck_assert_mem_eq(bytes + 8 + padded, data, sizeof data);
  free(bytes);
}
END_TEST

START_TEST(reads_back_what_it_wrote) {
  write_small();
  clf__st *st = open_file();
  ck_assert_int_eq(clf__st_count(st), 4);
  ck_assert_str_eq(clf__st_at(st, 0)->name, SCALE);
  ck_assert_str_eq(clf__st_at(st, 1)->name, "w");
  ck_assert_str_eq(clf__st_meta(st, "kind"), "nvp-2");
  ck_assert_int_eq(clf__st_find(st, "none")->count, 0);
  double d[5];
  ck_assert_int_eq(clf__st_get(st, clf__st_find(st, SCALE), d), CLF_OK);
  ck_assert_double_eq(d[0], 0.1);
  ck_assert_double_eq(d[1], -0x1p-1074);
  float f[5];
  ck_assert_int_eq(clf__st_get_f32(st, clf__st_find(st, "w"), f), CLF_OK);
  ck_assert_mem_eq(f, ((const float[]){1, -0.0f, 0x1p-149f, 0x1.fffffep127f, 5}), sizeof f);
  ck_assert_int_eq(clf__st_get(st, clf__st_find(st, "w"), d), CLF_OK);
  ck_assert_double_eq(d[3], 0x1.fffffep127);
  clf__st_close(st);
}
END_TEST

START_TEST(writes_again_after_more_was_put) {
  const float x = 1;
  clf__st_writer *w = new_writer();
  ck_assert_int_eq(clf__st_write(w, path, 0), CLF_OK);
  clf__st *st = open_file();
  ck_assert_int_eq(clf__st_count(st), 0);
  clf__st_close(st);
  ck_assert_int_eq(clf__st_put_f32(w, "x", 0, NULL, &x), CLF_OK);
  ck_assert_int_eq(clf__st_write(w, path, 0), CLF_OK);
  ck_assert_int_eq(clf__st_put_f64(w, "y", 0, NULL, &(const double){2}), CLF_OK);
  ck_assert_int_eq(clf__st_write(w, path, 0), CLF_OK);
  clf__st_writer_free(w);
  st = open_file();
  ck_assert_str_eq(clf__st_at(st, 0)->name, "y");
  ck_assert_int_eq(clf__st_find(st, "x")->begin, 8);
  clf__st_close(st);
}
END_TEST

START_TEST(finds_each_of_many_tensors) {
  char name[32];
  clf__st_writer *w = new_writer();
  for (int i = 0; i < 10000; i++) {
    const float x = (float)i;
    snprintf(name, sizeof name, "layers.%d.weight", i * 7919 % 10000);
    ck_assert_int_eq(clf__st_put_f32(w, name, 0, NULL, &x), CLF_OK);
  }
  ck_assert_int_eq(clf__st_write(w, path, 0), CLF_OK);
  clf__st_writer_free(w);
  clf__st *st = open_file();
  ck_assert_int_eq(clf__st_count(st), 10000);
  for (int i = 0; i < 10000; i++) {
    float x = -1;
    snprintf(name, sizeof name, "layers.%d.weight", i * 7919 % 10000);
    ck_assert_ptr_eq(clf__st_find(st, name), clf__st_at(st, i));
    ck_assert_int_eq(clf__st_get_f32(st, clf__st_at(st, i), &x), CLF_OK);
    ck_assert_float_eq(x, (float)i);
  }
  clf__st_close(st);
}
END_TEST

START_TEST(refuses_to_put) {
  const float f[2] = {1, NAN};
  const double d[2] = {1, -(double)INFINITY};
  const int64_t two = 2, negative[] = {1, -1}, huge[] = {INT64_MAX / 2, 8};
  clf__st_writer *w = new_writer();
  ck_assert_int_eq(clf__st_put_f32(w, "a", 0, NULL, f), CLF_OK);
  REFUSED(clf__st_put_f64(w, "a", 0, NULL, d), CLF_EINVAL, "tensor \"a\" is there twice");
  REFUSED(clf__st_put_f32(w, "__metadata__", 0, NULL, f), CLF_EINVAL,
          "a tensor cannot have the name __metadata__");
  REFUSED(clf__st_put_f32(w, "\xff", 0, NULL, f), CLF_EINVAL,
          "the name of tensor \"\xff\" is not UTF-8, or memory is short");
  REFUSED(clf__st_put_f32(w, "b", 9, NULL, f), CLF_EINVAL,
          "tensor \"b\" has 9 dimensions, not 0 to 8");
  REFUSED(clf__st_put_f32(w, "b", -1, NULL, f), CLF_EINVAL,
          "tensor \"b\" has -1 dimensions, not 0 to 8");
  REFUSED(clf__st_put_f64(w, "b", 0, NULL, &(double){(double)INFINITY}), CLF_ENUM,
          "tensor \"b\" has inf at element 0");
  REFUSED(clf__st_put_f32(w, "b", 2, negative, f), CLF_EINVAL,
          "dimension 1 of tensor \"b\" is -1: out of range");
  REFUSED(clf__st_put_f64(w, "b", 2, huge, d), CLF_EINVAL,
          "dimension 0 of tensor \"b\" is 4611686018427387903: out of range");
  REFUSED(clf__st_put_f32(w, "b", 1, &two, f), CLF_ENUM, "tensor \"b\" has nan at element 1");
  REFUSED(clf__st_put_f64(w, "b", 1, &two, d), CLF_ENUM, "tensor \"b\" has -inf at element 1");
  REFUSED(clf__st_put_meta(w, "clflow.crc32", "%s", "0"), CLF_EINVAL,
          "metadata \"clflow.crc32\" is the writer's own");
  REFUSED(clf__st_put_meta(w, "k", "%s", "\xff"), CLF_EINVAL,
          "metadata \"k\" is not UTF-8, or memory is short: \"\xff\"");
  REFUSED(clf__st_put_meta_real(w, "k", (double)NAN), CLF_ENUM,
          "metadata \"k\" is a number that is not finite");
  ck_assert_int_eq(clf__st_write(w, path, 0), CLF_OK);
  clf__st_writer_free(w);
  clf__st *st = open_file();
  ck_assert_int_eq(clf__st_count(st), 1);
  clf__st_close(st);
}
END_TEST

/* The limit is the reader's, too. */
START_TEST(refuses_to_write_a_header_above_the_limit) {
  const size_t n = 100000000;
  char *text = malloc(n + 1);
  ck_assert_ptr_nonnull(text);
  memset(text, 'x', n);
  text[n] = 0;
  clf__st_writer *w = new_writer();
  ck_assert_int_eq(clf__st_put_meta(w, "k", "%s", text), CLF_OK);
  unlink(path);
  ck_assert_int_eq(clf__st_write(w, path, 0), CLF_EINVAL);
  ck_assert_str_eq(why(), "its header would have 100000056 bytes, more than 100000000");
  ck_assert_int_ne(access(path, F_OK), 0);
  clf__st_writer_free(w);
  free(text);
}
END_TEST

START_TEST(names_the_file_before) {
  char kept[80];
  clf__st_writer *w = new_writer();
  snprintf(kept, sizeof kept, "%s.previous", path);
  ck_assert_int_eq(clf__st_write(w, path, 1), CLF_OK);
  ck_assert_int_eq(clf__st_write(w, path, 1), CLF_OK);
  clf__st_writer_free(w);
  write_bytes(path, "damaged!", 8);
  clf__st *st = NULL;
  ck_assert_int_eq(clf__st_open(path, &st), CLF_EFORMAT);
  ck_assert_msg(strstr(clf_errmsg(), "; the file before it is ") != NULL, "%s", clf_errmsg());
  ck_assert_str_eq(strstr(clf_errmsg(), " is /tmp") + 4, kept);
  unlink(kept);
}
END_TEST

/* ---- JSON without memory ------------------------------------------------- */

static long json_calls, json_fails; /* so many were made; this one and all after it fail */
static void *json_malloc(size_t n) {
  return ++json_calls >= json_fails && json_fails ? NULL : malloc(n);
}

static clf_status write_and_read(int *written) {
  clf__st_writer *w = NULL;
  clf__st *st = NULL;
  const float f[2] = {1, 2};
  double x = 0;
  clf_status s = clf__st_writer_new(&w);
  if (!s) s = clf__st_put_f32(w, "a", 2, (const int64_t[]){1, 2}, f);
  if (!s) s = clf__st_put_meta(w, "text", "%s", "some");
  if (!s) s = clf__st_put_meta_real(w, "real", 0.1);
  if (!s) s = clf__st_write(w, path, 0);
  *written = !s;
  if (!s) s = clf__st_open(path, &st);
  if (!s) s = clf__st_meta_real(st, "real", &x);
  if (!s) ck_assert(x == 0.1);
  clf__st_close(st);
  clf__st_writer_free(w);
  return s;
}

/* Whatever is not to be had, the file on disk is whole, and the sentence is there; as a file is
 * read, jansson may blame the text. */
START_TEST(json_without_memory) {
  json_malloc_t usual_malloc;
  json_free_t usual_free;
  json_get_alloc_funcs(&usual_malloc, &usual_free);
  json_set_alloc_funcs(json_malloc, free);
  write_small();
  clf_status s = CLF_ENOMEM;
  for (json_fails = 1; s; json_fails++) {
    json_calls = 0;
    int written = 0;
    s = write_and_read(&written);
    const long n = json_fails;
    json_fails = 0;
    if (s)
      ck_assert_msg(strstr(clf_errmsg(), "memory") ||
                        (written && strstr(clf_errmsg(), "is not as it should be")),
                    "call %ld: %s", n, clf_errmsg());
    clf__st_close(open_file());
    json_fails = n;
  }
  ck_assert_int_gt(json_fails, 30);
  json_fails = 0;
  json_set_alloc_funcs(usual_malloc, usual_free);
}
END_TEST

/* A limit on the size of files makes writing fail for root too. */
START_TEST(a_failing_write_leaves_the_old_file) {
  POSIX_ONLY;
  static const float big[5000];
  write_small();
  size_t before, after;
  char *old = read_file(path, &before);
  clf__st_writer *w = new_writer();
  ck_assert_int_eq(clf__st_put_f32(w, "big", 1, (const int64_t[]){5000}, big), CLF_OK);
  struct rlimit limit, small;
  ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
  small = limit;
  small.rlim_cur = 10000;
  signal(SIGXFSZ, SIG_IGN);
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
  const clf_status s = clf__st_write(w, path, 0);
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
  signal(SIGXFSZ, SIG_DFL);
  ck_assert_int_eq(s, CLF_EIO);
  char *now = read_file(path, &after);
  ck_assert_uint_eq(after, before);
  ck_assert_mem_eq(now, old, before);
  ck_assert_int_eq(clf__st_write(w, "/nonexistent/folder/m.safetensors", 0), CLF_EIO);
  ck_assert_int_eq(clf__st_write(w, path, 0), CLF_OK);
  clf__st_writer_free(w);
  free(now);
  free(old);
}
END_TEST

/* ---- Metadata ---------------------------------------------------------- */

static const double reals[] = {0.1,   -0.0,       1,       1e20,
                               1e300, -0x1p-1074, 1.0 / 3, 0x1.fffffffffffffp1023};
#define REALS ((int)(sizeof reals / sizeof *reals))

static void real_metadata_survives(void) {
  char key[8];
  clf__st_writer *w = new_writer();
  for (int i = 0; i < REALS; i++) {
    snprintf(key, sizeof key, "%d", i);
    ck_assert_int_eq(clf__st_put_meta_real(w, key, reals[i]), CLF_OK);
  }
  ck_assert_int_eq(clf__st_write(w, path, 0), CLF_OK);
  clf__st_writer_free(w);
  clf__st *st = open_file();
  for (int i = 0; i < REALS; i++) {
    double x = NAN;
    snprintf(key, sizeof key, "%d", i);
    ck_assert_int_eq(clf__st_meta_real(st, key, &x), CLF_OK);
    ck_assert_mem_eq(&x, &reals[i], sizeof x);
    ck_assert_ptr_null(strchr(clf__st_meta(st, key), ','));
  }
  clf__st_close(st);
}

START_TEST(real_metadata_survives_in_any_locale) {
  real_metadata_survives();
  const char *const with_comma[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE"};
  for (int i = 0; i < 3; i++)
    if (setlocale(LC_ALL, with_comma[i]) != NULL) real_metadata_survives();
  setlocale(LC_ALL, "C");
}
END_TEST

START_TEST(integer_metadata_survives) {
  clf__st_writer *w = new_writer();
  ck_assert_int_eq(clf__st_put_meta(w, "min", "%" PRId64, INT64_MIN), CLF_OK);
  ck_assert_int_eq(clf__st_put_meta(w, "max", "%" PRIu64, UINT64_MAX), CLF_OK);
  ck_assert_int_eq(clf__st_put_meta(w, "twice", "%d", 1), CLF_OK);
  ck_assert_int_eq(clf__st_put_meta(w, "twice", "%d", 2), CLF_OK);
  ck_assert_int_eq(clf__st_write(w, path, 0), CLF_OK);
  clf__st_writer_free(w);
  clf__st *st = open_file();
  int64_t i = 0;
  uint64_t u = 0;
  double x = 0;
  ck_assert_int_eq(clf__st_meta_int(st, "min", &i), CLF_OK);
  ck_assert_int_eq(i, INT64_MIN);
  ck_assert_int_eq(clf__st_meta_uint(st, "max", &u), CLF_OK);
  ck_assert_uint_eq(u, UINT64_MAX);
  ck_assert_int_eq(clf__st_meta_int(st, "twice", &i), CLF_OK);
  ck_assert_int_eq(i, 2);
  ck_assert_int_eq(clf__st_meta_real(st, "max", &x), CLF_OK);
  ck_assert_double_eq(x, 0x1p64);
  clf__st_close(st);
}
END_TEST

static const char *const not_integers[] = {
    "", "-", " 1", "1 ", "+1", "1x", "0x10", "1.0", "9223372036854775808"};
static const char *const not_counts[] = {"", "-1", " 1", "18446744073709551616"};
static const char *const not_reals[] = {"", "nan", "inf", "1,5", "1.5x", "1e999", "\"1\"", "[1]"};

static clf__st *with_metadata(const char *text) {
  clf__st_writer *w = new_writer();
  ck_assert_int_eq(clf__st_put_meta(w, "n", "%s", text), CLF_OK);
  ck_assert_int_eq(clf__st_write(w, path, 0), CLF_OK);
  clf__st_writer_free(w);
  return open_file();
}

static void not_a_number(clf_status s, const char *text, const char *kind) {
  char message[128];
  snprintf(message, sizeof message, "metadata \"n\" is \"%s\", which is not %s", text, kind);
  ck_assert_int_eq(s, CLF_EFORMAT);
  ck_assert_str_eq(why(), message);
}

START_TEST(refuses_metadata_that_is_no_number) {
  int64_t i = 77;
  uint64_t u = 77;
  double x = 77;
  for (size_t k = 0; k < sizeof not_integers / sizeof *not_integers; k++) {
    clf__st *st = with_metadata(not_integers[k]);
    not_a_number(clf__st_meta_int(st, "n", &i), not_integers[k], "an integer of 64 bits");
    clf__st_close(st);
  }
  for (size_t k = 0; k < sizeof not_counts / sizeof *not_counts; k++) {
    clf__st *st = with_metadata(not_counts[k]);
    not_a_number(clf__st_meta_uint(st, "n", &u), not_counts[k], "an integer of 64 bits from 0 up");
    clf__st_close(st);
  }
  for (size_t k = 0; k < sizeof not_reals / sizeof *not_reals; k++) {
    clf__st *st = with_metadata(not_reals[k]);
    not_a_number(clf__st_meta_real(st, "n", &x), not_reals[k], "a finite number");
    ck_assert_int_eq(clf__st_meta_real(st, "m", &x), CLF_EFORMAT);
    ck_assert_str_eq(why(), "metadata \"m\" is missing");
    clf__st_close(st);
  }
  ck_assert_int_eq(i, 77);
  ck_assert_uint_eq(u, 77);
  ck_assert_double_eq(x, 77);
}
END_TEST

/* ---- Damage ------------------------------------------------------------ */

START_TEST(every_flipped_bit_is_detected) {
  size_t n;
  write_small();
  char *bytes = read_file(path, &n);
  for (size_t bit = 0; bit < 8 * n; bit++) {
    clf__st *st = NULL;
    bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    write_bytes(path, bytes, n);
    ck_assert_msg(clf__st_open(path, &st) == CLF_EFORMAT, "bit %zu", bit);
    bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
  }
  free(bytes);
}
END_TEST

START_TEST(every_truncation_is_refused) {
  size_t n;
  write_small();
  char *bytes = read_file(path, &n);
  for (size_t length = 0; length < n; length++) {
    clf__st *st = NULL;
    write_bytes(path, bytes, length);
    ck_assert_msg(clf__st_open(path, &st) == CLF_EFORMAT, "%zu bytes", length);
  }
  free(bytes);
}
END_TEST

START_TEST(damage_is_told_with_both_checksums) {
  size_t n;
  write_small();
  char *bytes = read_file(path, &n);
  bytes[n - 1] ^= 1;
  write_bytes(path, bytes, n);
  free(bytes);
  refused(
      "checksum is 211128ee, the file says 56161878: the file is damaged, or was rewritten by a "
      "program that must drop the metadata \"clflow.crc32\"");
}
END_TEST

#define META(text) "{\"__metadata__\":{" text "}}"
#define NO_CRC(text)                                                                               \
  "metadata \"clflow.crc32\" is \"" text "\", which is not a checksum of 8 hexadecimal digits"

static const struct checksum {
  const char *header, *message; /* NULL: read */
} checksums[] = {
    {META("\"clflow.crc32\":\"123\""), NO_CRC("123")},
    {META("\"clflow.crc32\":\"\\u0031234567\""), NO_CRC("1234567")},
    {META("\"clflow.crc32\":\"\\u00312345678\""), NO_CRC("12345678")},
    {META("\"clflow.crc3\\u0032\":\"12345678\""), NO_CRC("12345678")},
    {META("\"clflow.Crc32\":\"12345678\""),
     "metadata \"clflow.Crc32\" must be \"clflow.crc32\": the file is damaged"},
    {META("\"clflow.seeds\":\"12345678\""), NULL},
    {META("\"x\":\"\\\"clflow.crc32\\\":\\\"12345678\\\"\""), NULL},
    /* Blanks around the colon, and the key as a value and as a tensor, lead nobody astray. */
    {"{\"clflow.crc32\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},"
     "\"__metadata__\":{\"x\":\"clflow.crc32\", \"clflow.crc32\" : \"f403739c\"}}",
     NULL},
};

START_TEST(finds_the_checksum) {
  const struct checksum *c = &checksums[_i];
  write_parts(c->header, strlen(c->header), NULL, 0);
  if (c->message != NULL)
    refused(c->message);
  else
    clf__st_close(open_file());
}
END_TEST

/* ---- The suite --------------------------------------------------------- */

#define LOOP(test, array) tcase_add_loop_test(c, test, 0, (int)(sizeof array / sizeof *array))

static Suite *suite(void) {
  Suite *s = suite_create("safetensors");
  TCase *c = tcase_create("reading");
  tcase_add_test(c, reads_the_documented_layout);
  tcase_add_test(c, reads_a_file_without_tensors);
  LOOP(reads_every_dtype, values);
  LOOP(refuses_values_that_are_not_finite, bad_values);
  tcase_add_test(c, names_the_element_that_is_no_float);
  tcase_add_test(c, keeps_an_unknown_dtype_and_refuses_its_values);
  LOOP(refuses_headers, bad_headers);
  tcase_add_test(c, refuses_nul_in_the_header);
  tcase_add_test(c, refuses_text_that_is_not_utf8);
  tcase_add_test(c, refuses_deep_nesting);
  LOOP(refuses_foreign_files, foreign);
  tcase_add_test(c, refuses_a_header_above_the_limit);
  tcase_add_test(c, refuses_a_file_that_is_not_there);
  suite_add_tcase(s, c);
  c = tcase_create("writing");
  tcase_add_test(c, writes_the_documented_layout);
  tcase_add_test(c, reads_back_what_it_wrote);
  tcase_add_test(c, writes_again_after_more_was_put);
  tcase_add_test(c, finds_each_of_many_tensors);
  tcase_add_test(c, refuses_to_put);
  tcase_add_test(c, a_failing_write_leaves_the_old_file);
  tcase_add_test(c, refuses_to_write_a_header_above_the_limit);
  tcase_add_test(c, names_the_file_before);
  tcase_add_test(c, json_without_memory);
  suite_add_tcase(s, c);
  c = tcase_create("metadata");
  tcase_add_test(c, real_metadata_survives_in_any_locale);
  tcase_add_test(c, integer_metadata_survives);
  tcase_add_test(c, refuses_metadata_that_is_no_number);
  suite_add_tcase(s, c);
  c = tcase_create("damage");
  tcase_add_test(c, every_flipped_bit_is_detected);
  tcase_add_test(c, every_truncation_is_refused);
  tcase_add_test(c, damage_is_told_with_both_checksums);
  LOOP(finds_the_checksum, checksums);
  suite_add_tcase(s, c);
  return s;
}

int main(void) {
  if (mkdtemp(folder) == NULL) return EXIT_FAILURE;
  snprintf(path, sizeof path, "%s/m.safetensors", folder);
  const int failed = suite_run(suite());
  suite_remove(folder);
  return failed;
}
