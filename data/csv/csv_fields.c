/* SPDX-License-Identifier: MIT */
/* csv_fields.c: lines as fields, and types of fields. */
#define _GNU_SOURCE
#include "csv.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Fields --------------------------------------------------------------- */

static char *take_quoted(char delim, char *p, char *end, clf__field *f) {
  char *const open = ++p;
  while (p < end && (*p != '"' || (p + 1 < end && p[1] == '"'))) p += *p == '"' ? 2 : 1;
  *f = (clf__field){open, (size_t)(p - open), 1, p < end ? NULL : "the quote is not closed"};
  if (p < end) p++;
  const char *const after = p;
  while (p < end && clf__csv_is_blank(delim, *p)) p++;
  if (p < end && *p != delim && (delim != ' ' || p == after)) f->fault = "text follows the quotes";
  return p;
}

char *clf__csv_take(char delim, char *p, char *end, clf__field *f) {
  while (p < end && clf__csv_is_blank(delim, *p)) p++;
  if (p < end && *p == '"') {
    p = take_quoted(delim, p, end, f);
  } else {
    char *const begin = p;
    while (p < end && (delim == ' ' ? !clf__csv_is_blank(delim, *p) : *p != delim)) p++;
    char *last = p;
    while (last > begin && clf__csv_is_blank(delim, last[-1])) last--;
    *f = (clf__field){begin, (size_t)(last - begin), 0, NULL};
    if (delim == ' ')
      while (p < end && clf__csv_is_blank(delim, *p)) p++;
  }
  if (f->fault || p == end) return NULL;
  return delim == ' ' ? p : p + 1;
}

int64_t clf__csv_count(char delim, char *p, char *end) {
  int64_t n = 0;
  for (clf__field f; p; n++) p = clf__csv_take(delim, p, end, &f);
  return n;
}

char *clf__csv_unquoted(const clf__field *f) {
  char *const text = malloc(f->n + 1), *w = text;
  if (!text) return NULL;
  for (size_t i = 0; i < f->n; i++) {
    *w++ = f->s[i];
    if (f->quoted && f->s[i] == '"') i++;
  }
  *w = 0;
  return text;
}

/* The character of a name at *p, which is advanced. */
static char next_of_name(const clf__field *f, const char **p) {
  const char ch = *(*p)++;
  if (ch == '\r' && *p < f->s + f->n && **p == '\n') ++*p;
  if (ch == '"' && f->quoted) ++*p;
  return clf__csv_ends_line(ch) ? ' ' : ch;
}

char *clf__csv_name(const clf__field *f) {
  char *const name = malloc(f->n + 1), *w = name;
  if (!name) return NULL;
  for (const char *p = f->s; p < f->s + f->n;) *w++ = next_of_name(f, &p);
  *w = 0;
  return name;
}

char *clf__csv_label(const clf__field *f) {
  char *const label = clf__csv_name(f);
  for (char *p = label; p && *p; p++)
    if (*p == '\t') *p = ' ';
  return label;
}

int clf__csv_is_name(const clf__field *f, const char *name) {
  const char *p = f->s;
  while (p < f->s + f->n && *name)
    if (next_of_name(f, &p) != *name++) return 0;
  return p >= f->s + f->n && !*name;
}

/* ---- Numbers -------------------------------------------------------------- */

static int is_space(char ch) { return clf__csv_is_blank(' ', ch) || clf__csv_ends_line(ch); }

static clf__field trimmed(const clf__field *f) {
  clf__field t = *f;
  while (t.n && is_space(*t.s)) t.s++, t.n--;
  while (t.n && is_space(t.s[t.n - 1])) t.n--;
  return t;
}

/* strtod() reads the text itself, in which the comma is temporarily a point: no copy, however
 * long the field is. */
static int comma_number(const clf__csv *r, const clf__field *f, double *v) {
  char *const comma = memchr(f->s, ',', f->n), *stop;
  if (!comma || comma + 1 == f->s + f->n || comma[1] < '0' || comma[1] > '9') return 0;
  if (memchr(f->s, '.', f->n)) return 0;
  *comma = '.';
  *v = strtod_l(f->s, &stop, r->c);
  *comma = ',';
  return stop == f->s + f->n && isfinite(*v);
}

clf__field_kind clf__csv_kind(const clf__csv *r, const clf__field *field, double *v) {
  const clf__field f = trimmed(field);
  if (f.n == 0) return CLF_FIELD_EMPTY;
  char *stop;
  errno = 0;
  *v = strtod_l(f.s, &stop, r->c);
  if (stop != f.s + f.n) return comma_number(r, &f, v) ? CLF_FIELD_COMMA : CLF_FIELD_TEXT;
  if (memchr(f.s, 'x', f.n) || memchr(f.s, 'X', f.n)) return CLF_FIELD_HEX;
  if (isfinite(*v)) return CLF_FIELD_NUMBER;
  return errno == ERANGE ? CLF_FIELD_TOO_LARGE : CLF_FIELD_NOT_FINITE;
}

int clf__csv_is_whole(const clf__field *field) {
  const clf__field f = trimmed(field);
  size_t i = f.n && (*f.s == '+' || *f.s == '-');
  const size_t digits = i;
  while (i < f.n && f.s[i] >= '0' && f.s[i] <= '9') i++;
  return i == f.n && i > digits;
}

/* ---- Placeholders of numbers ----------------------------------------------------------------- */

int clf__csv_is_missing(const clf__field *field) {
  static const char *const marks[] = {"NA",   "N/A", "#N/A", "NaN",    "nan", "null",
                                      "none", "nil", "n.a.", "n.d.",   "-",   "--",
                                      "?",    ".",   "*",    "missing"};
  const clf__field f = trimmed(field);
  for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
    if (strlen(marks[i]) == f.n && strncasecmp(marks[i], f.s, f.n) == 0) return 1;
  return 0;
}

/* Whether s[i] of s[0 .. n) begins an exponent, E's or Fortran's D, after a digit or a sign of
 * decimals. */
static int is_exponent(const char *s, size_t i, size_t n) {
  if (!i || !s[i] || !strchr("eEdD", s[i]) ||
      (!clf__csv_is_digit(s[i - 1]) && !strchr(".,", s[i - 1])))
    return 0;
  i += 1 + (i + 1 < n && (s[i + 1] == '+' || s[i + 1] == '-'));
  return i < n && clf__csv_is_digit(s[i]);
}

size_t clf__csv_separator(const char *p, size_t left) {
  static const char *const wide[] = {"\xc2\xa0", "\xe2\x80\xaf", "\xe2\x80\x89", "\xe2\x80\x99"};
  for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
    if (strlen(wide[i]) <= left && !memcmp(p, wide[i], strlen(wide[i]))) return strlen(wide[i]);
  return left && (*p == ' ' || *p == '\'');
}

/* Bytes of a character that people write around numbers: a sign, a thousands separator, a
 * percent or currency sign, parentheses; 0 for others. */
static size_t adornment(const char *p, size_t left) {
  static const char *const wide[] = {"\xe2\x82\xac", "\xc2\xa3", CLF_CSV_MINUS};
  for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
    if (strlen(wide[i]) <= left && !memcmp(p, wide[i], strlen(wide[i]))) return strlen(wide[i]);
  const size_t separator = clf__csv_separator(p, left);
  return separator ? separator : *p && strchr("+-%$_()", *p) != NULL;
}

size_t clf__csv_before_comment(const clf__field *f) {
  for (size_t i = 1; i < f->n; i++)
    if (f->s[i] == '#' && (f->s[i - 1] == ' ' || f->s[i - 1] == '\t')) return i - 1;
  return f->n;
}

/* Digits and adornments, perhaps before a comment; or with an O for 0 or an l for 1, if a point
 * shows that it is meant as a number. */
int clf__csv_is_misspelt(const clf__field *field) {
  clf__field f = trimmed(field);
  f.n = clf__csv_before_comment(&f);
  f = trimmed(&f);
  int digits = 0, letters = 0, points = 0;
  for (size_t i = 0; i < f.n;) {
    const size_t length = is_exponent(f.s, i, f.n) ? 1 : adornment(f.s + i, f.n - i);
    const int letter = f.s[i] && strchr("OolI", f.s[i]), point = f.s[i] == '.' || f.s[i] == ',';
    if (!length && !letter && !point && !clf__csv_is_digit(f.s[i])) return 0;
    digits += clf__csv_is_digit(f.s[i]);
    letters += letter;
    points += point;
    i += length ? length : 1;
  }
  return digits > 0 && (!letters || points);
}

/* Numbers between '-', '/', '.' or ':', with at least two of these or a ':', and possibly a T, Z
 * or blanks: 2026-01-31, 31.1.2026, 1/31/26 10:00, 2026-01-31T10:00:00Z. */
int clf__csv_is_date(const clf__field *field) {
  const clf__field f = trimmed(field);
  int marks = 0, colons = 0;
  if (f.n < 4 || !clf__csv_is_digit(f.s[0])) return 0;
  for (size_t i = 0; i < f.n; i++) {
    const char ch = f.s[i];
    if (clf__csv_is_digit(ch) || strchr("TZ +", ch)) continue;
    if (!strchr("-/.:", ch)) return 0;
    colons += ch == ':';
    marks += i > 0 && clf__csv_is_digit(f.s[i - 1]) && i + 1 < f.n && clf__csv_is_digit(f.s[i + 1]);
  }
  return marks >= 2 || (marks && colons);
}
