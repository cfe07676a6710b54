/* SPDX-License-Identifier: MIT */
/* values.c: reads what the program printed and wrote. */
#include <string.h>
#include "cli/values.h"
#include "program.h"

/* A .npy file of format 1 with this header and `size` bytes of data. */
void write_npy(const char *path, const char *type, const char *shape, const void *data,
               size_t size) {
  char bytes[512] = "\x93NUMPY\x01", header[119];
  snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", type,
           shape);
  snprintf(bytes + 10, sizeof bytes - 10, "%-117s\n", header);
  bytes[8] = 118;
  memcpy(bytes + 128, data, size);
  write_bytes(path, bytes, 128 + size);
}

json_t *json_of(const char *command) {
  result r = run(command);
  expect_code(command, &r, 0);
  json_error_t error;
  json_t *json = json_loads(r.out, JSON_DECODE_ANY, &error);
  ck_assert_msg(json != NULL, "clflow %s: %s:\n%s", command, error.text, r.out);
  release(r);
  return json;
}

json_int_t integer_at(const json_t *object, const char *key) {
  ck_assert_msg(json_is_integer(json_object_get(object, key)), "%s is no integer", key);
  return json_integer_value(json_object_get(object, key));
}

double real_at(const json_t *object, const char *key) {
  ck_assert_msg(json_is_real(json_object_get(object, key)), "%s is no real number", key);
  return json_real_value(json_object_get(object, key));
}

int lines(const char *text) {
  int count = 0;
  for (; *text; text++) count += *text == '\n';
  return count;
}

void is_png(const char *path) {
  size_t size;
  char *bytes = read_file(path, &size);
  ck_assert_uint_gt(size, 100);
  ck_assert_mem_eq(bytes, "\x89PNG\r\n\x1a\n", 8);
  free(bytes);
}
