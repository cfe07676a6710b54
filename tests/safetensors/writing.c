/* SPDX-License-Identifier: MIT */
/* writing.c: files that are written, and errors of writing. */
#define _XOPEN_SOURCE 700
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "files.h"

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
  REFUSED(clf__st_put_f64(w, "a", 0, NULL, d), CLF_EINVAL, "tensor \"a\" is duplicate");
  REFUSED(clf__st_put_f32(w, "__metadata__", 0, NULL, f), CLF_EINVAL,
          "a tensor cannot have the name __metadata__");
  REFUSED(clf__st_put_f32(w, "\xff", 0, NULL, f), CLF_EINVAL,
          "the name of tensor \"\\xff\" is not UTF-8");
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
          "metadata \"clflow.crc32\" is reserved for the writer");
  REFUSED(clf__st_put_meta(w, "k", "%s", "\xff"), CLF_EINVAL,
          "metadata \"k\" is not UTF-8: \"\\xff\"");
  REFUSED(clf__st_put_meta_real(w, "k", (double)NAN), CLF_ENUM,
          "metadata \"k\" is a number that is not finite");
  ck_assert_int_eq(clf__st_write(w, path, 0), CLF_OK);
  clf__st_writer_free(w);
  clf__st *st = open_file();
  ck_assert_int_eq(clf__st_count(st), 1);
  clf__st_close(st);
}
END_TEST

/* The reader has the same limit. */
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

static long json_calls, json_fails; /* calls so far; the number of the first that fails */
static void *json_malloc(size_t n) {
  return ++json_calls >= json_fails && json_fails ? NULL : malloc(n);
}

static clf_status write_and_read(void) {
  clf__st_writer *w = NULL;
  clf__st *st = NULL;
  const float f[2] = {1, 2};
  double x = 0;
  clf_status s = clf__st_writer_new(&w);
  if (!s) s = clf__st_put_f32(w, "a", 2, (const int64_t[]){1, 2}, f);
  if (!s) s = clf__st_put_meta(w, "text", "%s", "some");
  if (!s) s = clf__st_put_meta_real(w, "real", 0.1);
  if (!s) s = clf__st_write(w, path, 0);
  if (!s) s = clf__st_open(path, &st);
  if (!s) s = clf__st_meta_real(st, "real", &x);
  if (!s) ck_assert(x == 0.1);
  clf__st_close(st);
  clf__st_writer_free(w);
  return s;
}

/* Whatever fails, the file on disk is complete and there is a message. */
START_TEST(json_without_memory) {
  json_malloc_t usual_malloc;
  json_free_t usual_free;
  json_get_alloc_funcs(&usual_malloc, &usual_free);
  json_set_alloc_funcs(json_malloc, free);
  write_small();
  clf_status s = CLF_ENOMEM;
  for (json_fails = 1; s; json_fails++) {
    json_calls = 0;
    s = write_and_read();
    const long n = json_fails;
    json_fails = 0;
    if (s) ck_assert_msg(strstr(clf_errmsg(), "memory") != NULL, "call %ld: %s", n, clf_errmsg());
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

void tests_of_writing(Suite *s) {
  TCase *c = tcase_create("writing");
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
}
