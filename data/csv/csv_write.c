/* SPDX-License-Identifier: MIT */
/* csv_write.c: writes tables as text. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "kinds.h"
#include "names.h"
#include "status.h"
#include "table.h"

/* ---- Names ---------------------------------------------------------------- */

static clf_status check_names(const char *path, const clf_table *t) {
  for (int32_t c = 0; c < t->cols; c++) {
    const char *const name = t->names[c] ? t->names[c] : "";
    const char *const why = *name ? clf__not_text(name, strlen(name), 1) : "no character";
    if (why)
      return clf__fail(CLF_EINVAL, "%s: cannot be written: the name of column %" PRId32 " holds %s",
                       path, c + 1, why);
  }
  return CLF_OK;
}

/* ---- Lines ---------------------------------------------------------------- */

/* A growing line. */
typedef struct line {
  char *at;
  size_t n, room;
} line;

/* Makes room for `more` bytes and a NUL. */
static clf_status reserve(line *l, size_t more) {
  if (l->n + more < l->room) return CLF_OK;
  const size_t room = 2 * (l->n + more) + 256;
  char *const at = realloc(l->at, room);
  if (!at) return clf__fail(CLF_ENOMEM, "no memory for a line of %zu bytes", room);
  l->at = at;
  l->room = room;
  return CLF_OK;
}

static clf_status put(line *l, const char *text, size_t n) {
  CLF_TRY(reserve(l, n));
  memcpy(l->at + l->n, text, n);
  l->n += n;
  l->at[l->n] = 0;
  return CLF_OK;
}

/* In quotes if a reader could take it for anything other than a single text; a name also if it
 * could be read as a number. */
static clf_status put_text(line *l, const char *text, int name) {
  const size_t plain = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789_.-");
  if (*text && !text[plain] && !(name && strchr("0123456789.-", *text))) return put(l, text, plain);
  CLF_TRY(put(l, "\"", 1));
  for (; *text; text++) CLF_TRY(put(l, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1));
  return put(l, "\"", 1);
}

/* Numbers with 17 digits, or in the format of the column; a NaN has no sign, which some printf()
 * print.  With descriptions a missing value is an empty field, in quotes if the line would be
 * empty. */
static clf_status put_value(line *l, const clf_table *t, int32_t c, double v) {
  enum { LONGEST = 64 };
  const clf_column *const k = t->columns ? &t->columns[c] : NULL;
  if (k && isnan(v)) return t->cols == 1 && !t->ids ? put(l, "\"\"", 2) : CLF_OK;
  if (k && (k->kind == CLF_COLUMN_CATEGORY || k->kind == CLF_COLUMN_BOOLEAN) && isfinite(v))
    return put_text(l, clf__column_label_of(k, v), 0);
  CLF_TRY(reserve(l, LONGEST));
  char *const to = l->at + l->n;
  l->n += (size_t)(k          ? clf__value_text(k, v, to, LONGEST)
                   : isnan(v) ? snprintf(to, LONGEST, "nan")
                              : snprintf(to, LONGEST, "%.17g", v));
  return CLF_OK;
}

static clf_status put_header(line *l, const clf_table *t) {
  if (t->ids) CLF_TRY(put_text(l, t->id_name ? t->id_name : "id", 1));
  for (int32_t c = 0; c < t->cols; c++) {
    if (c || t->ids) CLF_TRY(put(l, ",", 1));
    CLF_TRY(put_text(l, t->names[c], 1));
  }
  return CLF_OK;
}

static clf_status put_row(line *l, const clf_table *t, int64_t row) {
  if (t->ids) CLF_TRY(put_text(l, t->ids[row] ? t->ids[row] : "", 0));
  for (int32_t c = 0; c < t->cols; c++) {
    if (c || t->ids) CLF_TRY(put(l, ",", 1));
    CLF_TRY(put_value(l, t, c, t->at[row * t->cols + c]));
  }
  return CLF_OK;
}

clf_status clf_table_line(const clf_table *t, int64_t row, char **text) {
  CLF_GIVEN("t, line", t, text);
  if (row < -1 || row >= t->rows)
    return clf__fail(CLF_EINVAL, "there is no row %" PRId64 "; the table has %" PRId64, row,
                     t->rows);
  if (row < 0 && !t->names) return clf__fail(CLF_EINVAL, "the columns of the table have no names");
  if (row >= 0) CLF_TRY(clf__table_has_rows(t));
  const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (!c) return clf__fail(CLF_ENOMEM, "no memory for a locale");
  const locale_t before = uselocale(c);
  line l = {0};
  clf_status s = put(&l, "", 0);
  if (!s) s = row < 0 ? put_header(&l, t) : put_row(&l, t, row);
  uselocale(before);
  freelocale(c);
  if (s)
    free(l.at);
  else
    *text = l.at;
  return s;
}

/* ---- Files ---------------------------------------------------------------- */

static clf_status put_lines(clf__file *f, const clf_table *t, line *l) {
  enum { CHUNK = 1 << 14 };
  for (int64_t i = t->names ? -1 : 0; i < t->rows; i++) {
    CLF_TRY(i < 0 ? put_header(l, t) : put_row(l, t, i));
    CLF_TRY(put(l, "\n", 1));
    if (l->n < CHUNK && i + 1 < t->rows) continue;
    CLF_TRY(clf__file_put(f, l->at, l->n));
    l->n = 0;
  }
  return CLF_OK;
}

static clf_status write_file(const char *path, const clf_table *t) {
  clf__file *f;
  CLF_TRY(clf__file_begin(path, &f));
  line l = {0};
  clf_status s = put_lines(f, t, &l);
  free(l.at);
  if (s == CLF_OK) return clf__file_commit(f);
  clf__file_abort(f);
  return s;
}

clf_status clf__csv_write(const char *path, const clf_table *t) {
  for (int32_t c = 0; t->columns && c < t->cols; c++) CLF_TRY(clf_column_check(&t->columns[c]));
  if (t->names) CLF_TRY(check_names(path, t));
  const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (!c) return clf__fail(CLF_ENOMEM, "%s: no memory for a locale", path);
  const locale_t before = uselocale(c);
  const clf_status s = write_file(path, t);
  uselocale(before);
  freelocale(c);
  return s;
}
