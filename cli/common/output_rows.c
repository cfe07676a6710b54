/* SPDX-License-Identifier: MIT */
/* output_rows.c: tables that hold texts and numbers. */
#define _POSIX_C_SOURCE 200809L
#include "cli.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Text ------------------------------------------------------------------- */

typedef struct text {
  char *at;
  size_t used, room;
  int failed; /* 1: out of memory */
} text;

static void put(text *t, const char *from, size_t n) {
  if (t->used + n > t->room && !t->failed) {
    const size_t room = 2 * (t->room + n);
    char *const more = realloc(t->at, room);
    t->failed = !more;
    if (more) t->at = more;
    if (more) t->room = room;
  }
  if (t->failed) return;
  memcpy(t->at + t->used, from, n);
  t->used += n;
}

static void put_quoted(text *t, const char *word) {
  put(t, "\"", 1);
  for (; *word; word++) put(t, *word == '"' ? "\"\"" : word, *word == '"' ? 2 : 1);
  put(t, "\"", 1);
}

/* Quotes a word wherever a reader could take it for something other than one field. */
static void put_word(text *t, const char *word, const char *not_first) {
  const size_t plain = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789_.-");
  if (*word && !word[plain] && !strchr(not_first, *word))
    put(t, word, plain);
  else
    put_quoted(t, word);
}

static void put_number(text *t, const cli_column *c, double number) {
  char label[1100]; /* a label has up to 1024 bytes */
  if (c->kind) {
    clf_column_text(c->kind, number, label, sizeof label);
    if (*label) put_word(t, label, "");
    return;
  }
  if (isnan(number)) return;
  snprintf(label, sizeof label, "%.*g", c->digits ? c->digits : 17, number);
  put(t, label, strlen(label));
}

/* alone: the line has no other field; without quotes it would be blank, and readers skip blank
 * lines. */
static void put_field(text *t, const cli_column *c, int64_t row, int alone) {
  const size_t before = t->used;
  char whole[32];
  if (c->texts) {
    put_word(t, c->texts[row] ? c->texts[row] : "", "");
  } else if (c->whole) {
    if (c->whole[row] == 0 && c->from_1) return;
    snprintf(whole, sizeof whole, "%" PRId64, c->whole[row]);
    put(t, whole, strlen(whole));
  } else {
    put_number(t, c, c->numbers[row * c->stride]);
  }
  if (alone && t->used == before) put(t, "\"\"", 2);
}

static int put_csv(const char *path, const cli_column *columns, int count, const int64_t *order,
                   int64_t rows) {
  text t = {0};
  for (int i = 0; i < count; i++) {
    put_word(&t, columns[i].name, "0123456789.-");
    put(&t, i + 1 < count ? "," : "\n", 1);
  }
  for (int64_t row = 0; row < rows; row++)
    for (int i = 0; i < count; i++) {
      put_field(&t, &columns[i], order ? order[row] : row, count == 1);
      put(&t, i + 1 < count ? "," : "\n", 1);
    }
  int code = CLI_OK;
  if (t.failed)
    code = cli_fail("out of memory for the text of %" PRId64 " rows", rows);
  else if (cli_is_stdout(path))
    fwrite(t.at, 1, t.used, stdout);
  else if (clf_file_write(path, t.at, t.used) != CLF_OK)
    code = cli_fail_library();
  free(t.at);
  return code;
}

/* ---- Numbers ---------------------------------------------------------------- */

static double number_at(const cli_column *c, int64_t row) {
  if (!c->whole) return c->numbers[row * c->stride];
  return c->whole[row] || !c->from_1 ? (double)c->whole[row] : NAN;
}

static int put_npy(const char *path, const cli_column *columns, int count, const int64_t *order,
                   int64_t rows) {
  clf_table t;
  if (clf_table_new(rows, count, &t) != CLF_OK) return cli_fail_library();
  for (int64_t row = 0; row < rows; row++)
    for (int i = 0; i < count; i++)
      t.at[row * count + i] = number_at(&columns[i], order ? order[row] : row);
  const int code = clf_table_write(path, &t) == CLF_OK ? CLI_OK : cli_fail_library();
  clf_table_free(&t);
  return code;
}

int cli_put_columns(const char *path, const cli_column *columns, int count, const int64_t *order,
                    int64_t rows) {
  if (!cli_has_suffix(path, ".npy")) return put_csv(path, columns, count, order, rows);
  for (int i = 0; i < count; i++)
    if (columns[i].texts)
      return cli_usage("the column \"%s\" holds texts, which a .npy cannot; write %s as .csv",
                       cli_clean(columns[i].name), path);
  return put_npy(path, columns, count, order, rows);
}

/* ---- JSON ---------------------------------------------------------------------- */

static json_t *json_field(const cli_column *c, int64_t row) {
  char label[1100];
  if (c->texts) return c->texts[row] ? cli_json_text(c->texts[row]) : json_null();
  if (c->whole) return c->whole[row] || !c->from_1 ? json_integer(c->whole[row]) : json_null();
  const double number = c->numbers[row * c->stride];
  if (!c->kind || c->kind->kind <= CLF_COLUMN_INTEGER || isnan(number))
    return cli_json_number(number);
  clf_column_text(c->kind, number, label, sizeof label);
  return cli_json_text(label);
}

static json_t *json_row(const cli_column *columns, int count, int64_t row) {
  json_t *object = json_object();
  for (int i = 0; object && i < count; i++) {
    if (json_object_set_new(object, columns[i].name, json_field(&columns[i], row)) == 0) continue;
    json_decref(object);
    return NULL;
  }
  return object;
}

json_t *cli_json_columns(const cli_column *columns, int count, const int64_t *order, int64_t rows) {
  json_t *list = json_array();
  for (int64_t i = 0; list && i < rows; i++) {
    if (json_array_append_new(list, json_row(columns, count, order ? order[i] : i)) == 0) continue;
    json_decref(list);
    return NULL;
  }
  return list;
}
