/* SPDX-License-Identifier: MIT */
/* csv_write.c: tables as text. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "file.h"
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

/* In quotes wherever a reader could take it for something else than one name. */
static clf_status put_name(clf__file *f, const char *name) {
  const size_t plain = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789_.-");
  if (!name[plain] && !strchr("0123456789.-", *name)) return clf__file_put(f, name, plain);
  CLF_TRY(clf__file_put(f, "\"", 1));
  for (; *name; name++)
    CLF_TRY(clf__file_put(f, *name == '"' ? "\"\"" : name, *name == '"' ? 2 : 1));
  return clf__file_put(f, "\"", 1);
}

static clf_status put_header(clf__file *f, const clf_table *t) {
  for (int32_t c = 0; c < t->cols; c++) {
    CLF_TRY(put_name(f, t->names[c]));
    CLF_TRY(clf__file_put(f, c + 1 < t->cols ? "," : "\n", 1));
  }
  return CLF_OK;
}

/* One number and what follows it; a NaN has no sign, as some printf() give it. */
static size_t format_number(char *s, size_t room, double v, char after) {
  return (size_t)(isnan(v) ? snprintf(s, room, "nan%c", after)
                           : snprintf(s, room, "%.17g%c", v, after));
}

static clf_status put_rows(clf__file *f, const clf_table *t) {
  enum { LONGEST = 32 };
  char chunk[1 << 14];
  size_t n = 0;
  for (int64_t i = 0; i < t->rows; i++)
    for (int32_t c = 0; c < t->cols; c++) {
      n += format_number(chunk + n, sizeof chunk - n, t->at[i * t->cols + c],
                         c + 1 < t->cols ? ',' : '\n');
      if (n + LONGEST <= sizeof chunk) continue;
      CLF_TRY(clf__file_put(f, chunk, n));
      n = 0;
    }
  return clf__file_put(f, chunk, n);
}

static clf_status write_file(const char *path, const clf_table *t) {
  clf__file *f;
  CLF_TRY(clf__file_begin(path, &f));
  clf_status s = t->names ? put_header(f, t) : CLF_OK;
  if (s == CLF_OK) s = put_rows(f, t);
  if (s == CLF_OK) return clf__file_commit(f);
  clf__file_abort(f);
  return s;
}

clf_status clf__csv_write(const char *path, const clf_table *t) {
  if (t->names) CLF_TRY(check_names(path, t));
  const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (!c) return clf__fail(CLF_ENOMEM, "%s: no memory for a locale", path);
  const locale_t before = uselocale(c);
  const clf_status s = write_file(path, t);
  uselocale(before);
  freelocale(c);
  return s;
}
