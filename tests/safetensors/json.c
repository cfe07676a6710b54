/* SPDX-License-Identifier: MIT */
/* json.c: the reader of headers compared with jansson: what it accepts is JSON with the same
 * contents. */
#define _XOPEN_SOURCE 700
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "files.h"
#include "safetensors_format.h"

enum { LONGEST = 512, ROUNDS = 20000 };

static const char seed[] =
    "{\"__metadata__\": {\"k\":\"v\\u00e4\\ud83d\\ude00\\n\",\"n\":\"\xe2\x82\xac\"},"
    "\"a\":{\"dtype\":\"U8\",\"shape\":[2,1],\"data_offsets\":[0,2]},\n"
    "\"b\" : {\"shape\":[ ], \"data_offsets\":[2, 3],\"dtype\":\"BOOL\"}}";

static uint32_t state = 1;
static uint32_t draw(uint32_t below) {
  state = state * 1664525 + 1013904223;
  return (uint32_t)((uint64_t)(state >> 8) * below >> 24);
}

/* Changes, inserts or removes a byte, or repeats some. */
static size_t change(char *text, size_t n) {
  static const char bytes[] = "{}[]\":,\\u0123456789eE.-+abdshmt \n\t\x01\x80\xc3\xe2\xed\xf4";
  const size_t at = draw((uint32_t)n), length = 1 + draw(12);
  switch (draw(4)) {
  case 0: text[at] = bytes[draw(sizeof bytes - 1)]; return n;
  case 1: memmove(text + at, text + at + 1, n - at - 1); return n - 1;
  case 2:
    if (n + 1 > LONGEST) return n;
    memmove(text + at + 1, text + at, n - at);
    text[at] = bytes[draw(sizeof bytes - 1)];
    return n + 1;
  default:
    if (at + length > n || n + length > LONGEST) return n;
    memmove(text + at + length, text + at, n - at);
    return n + length;
  }
}

static void same_numbers(const json_t *list, const int64_t *at, size_t n) {
  ck_assert_uint_eq(json_array_size(list), n);
  for (size_t i = 0; i < n; i++)
    ck_assert_int_eq(json_integer_value(json_array_get(list, i)), at[i]);
}

static void same(const clf__st *st, const json_t *root) {
  const json_t *meta = json_object_get(root, "__metadata__");
  ck_assert_uint_eq(json_object_size(root), (size_t)clf__st_count(st) + (meta != NULL));
  ck_assert_uint_eq(json_object_size(meta), (size_t)clf__st_meta_count(st));
  for (int i = 0; i < clf__st_meta_count(st); i++) {
    const char *value, *key = clf__st_meta_at(st, i, &value);
    ck_assert_str_eq(json_string_value(json_object_get(meta, key)), value);
    ck_assert_ptr_eq(clf__st_meta(st, key), value);
  }
  for (int i = 0; i < clf__st_count(st); i++) {
    const clf__st_entry *e = clf__st_at(st, i);
    const json_t *info = json_object_get(root, e->name);
    ck_assert_str_eq(json_string_value(json_object_get(info, "dtype")), e->dtype);
    same_numbers(json_object_get(info, "shape"), e->dim, (size_t)e->rank);
    same_numbers(json_object_get(info, "data_offsets"), (int64_t[]){e->begin, e->end}, 2);
  }
}

/* Reads the header alone, from memory. */
static clf_status parse(const char *text, size_t n) {
  clf__st *st = calloc(1, sizeof *st);
  ck_assert_ptr_nonnull(st);
  st->path = strdup(path);
  st->bytes = calloc(1, 8 + n + 1);
  ck_assert(st->path && st->bytes);
  memcpy(st->bytes + 8, text, n);
  st->header = n;
  const clf_status s = clf__st_read_header(st);
  clf__st_close(st);
  return s;
}

/* Whether it is accepted; a header with a syntax error is not JSON for jansson either. */
static int judge(const char *text, size_t n) {
  clf__st *st = NULL;
  json_error_t e;
  clf_status s = parse(text, n);
  json_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &e);
  if (s && strstr(clf_errmsg(), "header is invalid"))
    ck_assert_msg(!root, "%.*s: %s", (int)n, text, clf_errmsg());
  if (!s) {
    write_parts(text, n, "\1\1\1", 3);
    s = clf__st_open(path, &st);
  }
  ck_assert_msg(s || root, "%.*s is no JSON: %s", (int)n, text, e.text);
  if (!s) same(st, root);
  json_decref(root);
  clf__st_close(st);
  return !s;
}

START_TEST(agrees_with_jansson) {
  char text[LONGEST + 1];
  int taken = 0;
  ck_assert(judge(seed, sizeof seed - 1));
  for (int i = 0; i < ROUNDS; i++) {
    size_t n = sizeof seed - 1;
    memcpy(text, seed, n);
    for (uint32_t k = draw(3) + 1; k > 0; k--) n = change(text, n);
    taken += judge(text, n);
  }
  ck_assert_int_gt(taken, ROUNDS / 30);
  ck_assert_int_lt(taken, ROUNDS / 2);
}
END_TEST

void tests_of_json(Suite *s) {
  TCase *c = tcase_create("json");
  tcase_set_timeout(c, 120);
  tcase_add_test(c, agrees_with_jansson);
  suite_add_tcase(s, c);
}
