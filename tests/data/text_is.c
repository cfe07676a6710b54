/* SPDX-License-Identifier: MIT */
/* text_is.c: checks what a text is read as. */
#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>
#include "text_is.h"

const clf_table_options none;

void is_with(const char *text, const clf_table_options *o, int64_t rows, int32_t cols,
             const double *at, const char *const *names, const char *notes) {
  clf_table t;
  write_bytes("d.csv", text, strlen(text));
  const clf_status s = clf_table_read_with("d.csv", o, &t);
  ck_assert_msg(s == CLF_OK, "%s: %s", text, s ? clf_errmsg() : "");
  expect_table(&t, rows, cols, at);
  ck_assert_msg((t.names != NULL) == (names != NULL), "%s", text);
  for (int32_t c = 0; names && c < cols; c++) ck_assert_str_eq(t.names[c], names[c]);
  ck_assert_str_eq(t.notes ? t.notes : "", notes);
  clf_table_free(&t);
  unlink("d.csv");
}
void is(const char *text, int64_t rows, int32_t cols, const double *at, const char *const *names,
        const char *notes) {
  is_with(text, &none, rows, cols, at, names, notes);
}

void fails_with(const char *text, const clf_table_options *o, clf_status status,
                const char *message) {
  clf_table t = {.rows = -1};
  write_bytes("d.csv", text, strlen(text));
  expect(clf_table_read_with("d.csv", o, &t), status, message);
  ck_assert_int_eq(t.rows, -1);
  unlink("d.csv");
}
