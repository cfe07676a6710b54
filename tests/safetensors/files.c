/* SPDX-License-Identifier: MIT */
/* files.c: see files.h. */
#include "files.h"
#include <stdlib.h>
#include <string.h>

char folder[] = "/tmp/test_safetensors_XXXXXX";
char path[64];

void write_parts(const char *header, size_t n, const void *data, size_t size) {
  unsigned char *bytes = malloc(8 + n + size);
  ck_assert_ptr_nonnull(bytes);
  for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)((uint64_t)n >> 8 * i);
  memcpy(bytes + 8, header, n);
  if (size > 0) memcpy(bytes + 8 + n, data, size);
  write_bytes(path, bytes, 8 + n + size);
  free(bytes);
}

clf__st *open_file(void) {
  clf__st *st = NULL;
  const clf_status s = clf__st_open(path, &st);
  ck_assert_msg(s == CLF_OK, "%s", clf_errmsg());
  return st;
}

const char *why(void) {
  const size_t n = strlen(path);
  ck_assert_int_eq(strncmp(clf_errmsg(), path, n), 0);
  ck_assert_int_eq(strncmp(clf_errmsg() + n, ": ", 2), 0);
  return clf_errmsg() + n + 2;
}

void refused(const char *message) {
  clf__st *st = NULL;
  ck_assert_int_eq(clf__st_open(path, &st), CLF_EFORMAT);
  ck_assert_ptr_null(st);
  ck_assert_str_eq(why(), message);
}

clf__st_writer *new_writer(void) {
  clf__st_writer *w = NULL;
  ck_assert_int_eq(clf__st_writer_new(&w), CLF_OK);
  return w;
}

void write_small(void) {
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
