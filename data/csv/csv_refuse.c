/* SPDX-License-Identifier: MIT */
/* csv_refuse.c: error messages for text files, with line, column and remedy. */
#define _GNU_SOURCE
#include "csv.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "status.h"

/* A header that is refused while it is read has no further names yet. */
static const char *name_of(const clf__csv *r, int64_t c) {
  return r->names && c < r->cols && r->names[c] ? r->names[c] : "";
}

clf_status clf__csv_refuse(const clf__csv *r, int64_t c, const clf__field *f, const char *what) {
  char name[64] = "", text[64] = "";
  const char *const column = name_of(r, c);
  if (*column) snprintf(name, sizeof name, " (\"%s\")", clf__excerpt_of(column, strlen(column)).s);
  if (f) snprintf(text, sizeof text, "\"%s\" ", clf__excerpt_of(f->s, f->n).s);
  return clf__fail(CLF_EFORMAT, "%s: line %" PRId64 ", column %" PRId64 "%s: %s%s", r->path,
                   r->number, c + 1, name, text, what);
}

clf_status clf__csv_refuse_column(const clf__csv *r, int64_t c, const char *fmt, ...) {
  char name[64] = "", what[640];
  const char *const column = name_of(r, c);
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(what, sizeof what, fmt, ap);
  va_end(ap);
  if (*column) snprintf(name, sizeof name, " (\"%s\")", clf__excerpt_of(column, strlen(column)).s);
  return clf__fail(CLF_EFORMAT, "%s: column %" PRId64 "%s: %s", r->path, c + 1, name, what);
}

int clf__csv_column_word(const clf__csv *r, int64_t c, char *text, size_t size) {
  const char *const name = name_of(r, c);
  const size_t plain = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_");
  if (*name && !name[plain] && plain < 40) return snprintf(text, size, "%s", name);
  return snprintf(text, size, "%" PRId64, c + 1);
}

/* "--drop species,sex": column c, which has no numbers, and all other selected columns without
 * numbers, unless they are too many for `text`.  Returns their number. */
static int drop_option(const clf__csv *r, int64_t c, char *text, size_t size) {
  size_t n = (size_t)snprintf(text, size, "--drop ");
  int count = 0;
  for (int64_t k = 0; k < r->cols && r->to; k++) {
    if (r->to[k] < 0 || r->numeric[k] > 0) continue;
    if (count++) n += (size_t)snprintf(text + n, size - n, ",");
    n += (size_t)clf__csv_column_word(r, k, text + n, size - n);
    if (n + 2 >= size) count = 0;
    if (!count) break;
  }
  if (count) return count;
  n = (size_t)snprintf(text, size, "--drop ");
  clf__csv_column_word(r, c, text + n, size - n);
  return 1;
}

/* Whether the field may be part of a header that was not recognised. */
static int may_be_header(const clf__csv *r) {
  return r->number == r->first && !r->header && r->o->header == CLF_HEADER_AUTO;
}

/* What to do about a field that is not a number, as the end of a sentence; may be empty. */
static void remedy(const clf__csv *r, int64_t c, const clf__field *f, clf__field_kind kind,
                   char *text, size_t size) {
  char drop[128];
  size_t n = 0;
  *text = 0;
  if (may_be_header(r))
    n = (size_t)snprintf(text, size, "; if line %" PRId64 " names the columns, say --header yes",
                         r->number);
  const int drops = !r->like && c < r->cols && r->others > 0 && r->numeric[c] == 0;
  if (kind == CLF_FIELD_COMMA) return;
  if (r->like && (kind == CLF_FIELD_EMPTY || clf__csv_is_missing(f))) return;
  if (clf__csv_before_comment(f) < f->n ||
      (!drops && f->n && *f->s != '#' && memchr(f->s, '#', f->n)))
    snprintf(text + n, size - n, "; --comment '#' ignores text after a '#'");
  else if (r->like)
    snprintf(text + n, size - n, "; the model was trained on numbers in this column");
  else if (drops) {
    const int columns = drop_option(r, c, drop, sizeof drop);
    snprintf(text + n, size - n, "; %s leaves the column%s out", drop, columns > 1 ? "s" : "");
  } else if (kind == CLF_FIELD_TEXT && !clf__csv_is_missing(f) && r->header) {
    if (r->t.rows == 0)
      n += (size_t)snprintf(text + n, size - n,
                            "; if line %" PRId64 " belongs to the header, remove it", r->number);
    if (!r->o->kinds || clf__csv_is_misspelt(f)) return;
    clf__csv_column_word(r, c, drop, sizeof drop);
    snprintf(text + n, size - n, "; --drop %s leaves the column out", drop);
  }
}

static int has_minus(const clf__field *f) {
  const size_t n = strlen(CLF_CSV_MINUS);
  for (size_t i = 0; i + n <= f->n; i++)
    if (memcmp(f->s + i, CLF_CSV_MINUS, n) == 0) return 1;
  return 0;
}

/* Whether a comma is between digits, or another separator before three digits. */
static int has_separator(const clf__field *f) {
  const char *const end = f->s + f->n;
  for (const char *p = f->s + 1; p + 1 < end; p++) {
    const size_t n = *p == ',' ? 1 : clf__csv_separator(p, (size_t)(end - p));
    size_t digits = 0;
    while (n && p + n + digits < end && clf__csv_is_digit(p[n + digits])) digits++;
    if (clf__csv_is_digit(p[-1]) && (*p == ',' ? digits > 0 : digits == 3)) return 1;
  }
  return 0;
}

static const char *what_it_is(const clf__csv *r, const clf__field *f, clf__field_kind kind) {
  if (kind == CLF_FIELD_EMPTY)
    return r->o->kinds ? "the field is empty; --missing drop leaves such rows out"
                       : "the field is empty";
  if (kind == CLF_FIELD_COMMA)
    return r->o->decimal == '.' ? "has a decimal comma, but --decimal is '.'"
                                : "has a comma, but other numbers have a decimal point; remove it "
                                  "if it separates thousands";
  if (r->decimal == ',' && memchr(f->s, '.', f->n))
    return "has a point, but ',' is the decimal sign; remove it if it separates thousands";
  if (clf__csv_is_date(f)) return "looks like a date, not a number";
  if (clf__csv_is_missing(f))
    return r->o->kinds ? "marks a missing value; --missing drop leaves such rows out"
                       : "marks a missing value; fill it in or remove the row";
  if (f->n && f->s[f->n - 1] == '%') return "is not a number; remove the percent sign";
  if (f->n > 2 && *f->s == '\'' && f->s[f->n - 1] == '\'')
    return "is not a number; remove the single quotes";
  if (has_minus(f)) return "is not a number; its minus sign is U+2212: write '-'";
  if (clf__csv_before_comment(f) == f->n && clf__csv_is_misspelt(f) &&
      (memchr(f->s, 'D', f->n) || memchr(f->s, 'd', f->n)))
    return "is not a number; write its exponent with E, not with Fortran's D";
  if (has_separator(f) && clf__csv_is_misspelt(f))
    return "is not a number; remove thousands separators";
  return "is not a number";
}

clf_status clf__csv_refuse_kind(const clf__csv *r, int64_t c, const clf__field *f,
                                clf__field_kind kind) {
  char advice[256], what[448];
  if (kind == CLF_FIELD_NOT_FINITE && r->o->kinds && clf__csv_is_missing(f)) kind = CLF_FIELD_TEXT;
  switch (kind) {
  case CLF_FIELD_NOT_FINITE: return clf__csv_refuse(r, c, f, "is not a finite number");
  case CLF_FIELD_TOO_LARGE: return clf__csv_refuse(r, c, f, "is too large for a double");
  case CLF_FIELD_HEX: return clf__csv_refuse(r, c, f, "is hexadecimal; numbers must be decimal");
  default:
    remedy(r, c, f, kind, advice, sizeof advice);
    snprintf(what, sizeof what, "%s%s", what_it_is(r, f, kind), advice);
    return clf__csv_refuse(r, c, kind == CLF_FIELD_EMPTY ? NULL : f, what);
  }
}

clf_status clf__csv_refuse_count(const clf__csv *r, int64_t n, int64_t want) {
  char advice[128] = "";
  if (want != r->usual && n == r->usual && r->others > 1)
    snprintf(advice, sizeof advice,
             "; if the text begins with a title, --skip %" PRId64 " skips it%s", r->title,
             want == 1 && n == 2 && r->delim == ','
                 ? "; if ',' is the decimal sign, say --decimal ,"
                 : "");
  if (r->row_names || r->trailing)
    return clf__fail(CLF_EFORMAT,
                     "%s: line %" PRId64 " has %" PRId64 " field%s, where others have %" PRId64,
                     r->path, r->number, n, n == 1 ? "" : "s", want + r->trailing);
  return clf__fail(CLF_EFORMAT,
                   "%s: line %" PRId64 " has %" PRId64 " field%s, line %" PRId64 " has %" PRId64
                   "%s",
                   r->path, r->number, n, n == 1 ? "" : "s", r->first, want, advice);
}
