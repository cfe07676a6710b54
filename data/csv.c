/* SPDX-License-Identifier: MIT */
/* csv.c: numbers in text, one sample a line. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "table.h"
#include "status.h"

/* ---- Lines ---------------------------------------------------------------- */

typedef struct reader {
  const char *path;
  const char *next, *end;   /* what is left of the file; a NUL stands at end */
  const char *line, *close; /* the current line, without its end */
  int64_t number;           /* of the current line, from 1 */
  int64_t first;            /* number of the first line that is not blank */
  char delim;               /* ' ' is any run of blanks */
  locale_t c;
  clf_table t; /* what has been read so far */
  int64_t cap; /* numbers that t.at has room for */
} reader;

/* The length of the UTF-8 sequence at p, or 0 where there is none. */
static int utf8_length(const unsigned char *p, size_t left) {
  if (p[0] < 0x80) return 1;
  const int n = p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : 4;
  if (p[0] < 0xc2 || p[0] > 0xf4 || (size_t)n > left) return 0;
  for (int i = 1; i < n; i++)
    if ((p[i] & 0xc0) != 0x80) return 0;
  const int low = p[1] < 0x90, mid = p[1] < 0xa0;
  if ((p[0] == 0xe0 && mid) || (p[0] == 0xed && !mid) || (p[0] == 0xf0 && low) ||
      (p[0] == 0xf4 && !low))
    return 0;
  return n;
}

/* Says what keeps n bytes from being a line of text, or returns NULL. */
static const char *not_text(const char *s, size_t n) {
  const unsigned char *const p = (const unsigned char *)s;
  for (size_t i = 0; i < n;) {
    if (p[i] == 0) return "a NUL byte";
    if ((p[i] < ' ' && p[i] != '\t') || p[i] == 0x7f) return "a control character";
    const int length = utf8_length(p + i, n - i);
    if (!length) return "bytes that are not UTF-8";
    i += (size_t)length;
  }
  return NULL;
}

static int blank(char delim, char ch) { return ch == ' ' || (ch == '\t' && delim != '\t'); }

/* Steps to the next line that is not blank; *more is 0 at the end of the file. */
static clf_status next_line(reader *r, int *more) {
  for (*more = 0; r->next < r->end && !*more;) {
    const char *const lf = memchr(r->next, '\n', (size_t)(r->end - r->next));
    r->line = r->next;
    r->close = lf ? lf : r->end;
    r->next = lf ? lf + 1 : r->end;
    if (r->close > r->line && r->close[-1] == '\r') r->close--;
    r->number++;
    const char *const why = not_text(r->line, (size_t)(r->close - r->line));
    if (why)
      return clf__fail(CLF_EFORMAT,
                       "%s: line %" PRId64 " holds %s; a table of numbers is text in UTF-8",
                       r->path, r->number, why);
    for (const char *p = r->line; p < r->close && !*more; p++) *more = !blank(r->delim, *p);
  }
  return CLF_OK;
}

/* ---- Fields --------------------------------------------------------------- */

typedef struct field {
  const char *s; /* without blanks around it and without quotes */
  size_t n;
  int quoted;
  const char *fault; /* what is wrong with its quotes, or NULL */
} field;

static const char *take_quoted(char delim, const char *p, const char *end, field *f) {
  const char *const open = ++p;
  while (p < end && (*p != '"' || (p + 1 < end && p[1] == '"'))) p += *p == '"' ? 2 : 1;
  *f = (field){open, (size_t)(p - open), 1, p < end ? NULL : "the quote is not closed"};
  if (p < end) p++;
  const char *const after = p;
  while (p < end && blank(delim, *p)) p++;
  if (p < end && *p != delim && (delim != ' ' || p == after)) f->fault = "text follows the quotes";
  return p;
}

/* Takes the field at p and returns where the next one begins: NULL after the
 * last, end itself after a trailing delimiter, which an empty field follows. */
static const char *take(char delim, const char *p, const char *end, field *f) {
  while (p < end && blank(delim, *p)) p++;
  if (p < end && *p == '"') {
    p = take_quoted(delim, p, end, f);
  } else {
    const char *const begin = p;
    while (p < end && (delim == ' ' ? !blank(delim, *p) : *p != delim)) p++;
    const char *last = p;
    while (last > begin && blank(delim, last[-1])) last--;
    *f = (field){begin, (size_t)(last - begin), 0, NULL};
    if (delim == ' ')
      while (p < end && blank(delim, *p)) p++;
  }
  if (f->fault || p == end) return NULL;
  return delim == ' ' ? p : p + 1;
}

static int64_t count_fields(const reader *r, char delim) {
  int64_t n = 0;
  field f;
  for (const char *p = r->line; p; n++) p = take(delim, p, r->close, &f);
  return n;
}

/* A tab or semicolon outside of quotes beats a comma, which may be a decimal
 * point then: the refusal of "1,5" is clearer than that of "5;2". */
static char find_delimiter(const reader *r) {
  static const char ranks[] = " ,;\t";
  const char *best = ranks;
  int inside = 0;
  for (const char *p = r->line; p < r->close; p++) {
    const char *const rank = strchr(ranks, *p);
    if (*p == '"') inside = !inside;
    if (!inside && rank > best) best = rank;
  }
  return *best;
}

/* ---- Numbers -------------------------------------------------------------- */

enum { NUMBER, TEXT, EMPTY, NOT_FINITE, TOO_LARGE, HEX };

static int parse_number(const reader *r, const field *f, double *v) {
  const char *s = f->s, *end = s + f->n;
  while (s < end && blank(' ', *s)) s++;
  while (end > s && blank(' ', end[-1])) end--;
  if (s == end) return EMPTY;
  char *stop;
  errno = 0;
  *v = strtod_l(s, &stop, r->c);
  if (stop != end) return TEXT;
  if (memchr(s, 'x', (size_t)(end - s)) || memchr(s, 'X', (size_t)(end - s))) return HEX;
  if (isfinite(*v)) return NUMBER;
  return errno == ERANGE ? TOO_LARGE : NOT_FINITE;
}

/* The first 40 bytes of a text, cut between characters. */
typedef struct excerpt {
  char s[48];
} excerpt;

static excerpt shorten(const char *s, size_t n) {
  excerpt e;
  size_t k = n < 40 ? n : 40;
  while (k < n && ((unsigned char)s[k] & 0xc0) == 0x80) k--;
  snprintf(e.s, sizeof e.s, "%.*s%s", (int)k, s, k < n ? "..." : "");
  return e;
}

/* Refuses column c, from 0: `what` follows the text of the field, if it is given. */
static clf_status refuse(const reader *r, int64_t c, const field *f, const char *what) {
  char name[64] = "", text[64] = "";
  if (r->t.names && c < r->t.cols && r->t.names[c])
    snprintf(name, sizeof name, " (\"%s\")", shorten(r->t.names[c], strlen(r->t.names[c])).s);
  if (f) snprintf(text, sizeof text, "\"%s\" ", shorten(f->s, f->n).s);
  return clf__fail(CLF_EFORMAT, "%s: line %" PRId64 ", column %" PRId64 "%s: %s%s", r->path,
                   r->number, c + 1, name, text, what);
}

static clf_status refuse_kind(const reader *r, int64_t c, const field *f, int kind) {
  switch (kind) {
  case EMPTY: return refuse(r, c, NULL, "the field is empty");
  case NOT_FINITE: return refuse(r, c, f, "is not a finite number");
  case TOO_LARGE: return refuse(r, c, f, "is too large for a double");
  case HEX: return refuse(r, c, f, "is hexadecimal; numbers are read in decimals");
  default: return refuse(r, c, f, "is not a number");
  }
}

/* ---- Header and rows ------------------------------------------------------ */

/* "nan", "0x10" and empty fields do not make a header: a first row with one of
 * them is refused rather than taken for names. */
static int is_header(const reader *r) {
  field f;
  double v;
  for (const char *p = r->line; p;) {
    p = take(r->delim, p, r->close, &f);
    if (f.fault || parse_number(r, &f, &v) == TEXT) return 1;
  }
  return 0;
}

/* The text of a field, "" in quotes read as ". */
static char *unquoted(const field *f) {
  char *const name = malloc(f->n + 1), *w = name;
  if (!name) return NULL;
  for (size_t i = 0; i < f->n; i++) {
    *w++ = f->s[i];
    if (f->quoted && f->s[i] == '"') i++;
  }
  *w = 0;
  return name;
}

static clf_status read_header(reader *r) {
  char **const names = calloc((size_t)r->t.cols, sizeof *names);
  if (!names) return clf__fail(CLF_ENOMEM, "%s: no memory for its header", r->path);
  const char *p = r->line;
  r->t.names = names;
  for (int32_t c = 0; c < r->t.cols; c++) {
    field f;
    p = take(r->delim, p, r->close, &f);
    if (f.fault) return refuse(r, c, NULL, f.fault);
    if (f.n == 0) return refuse(r, c, NULL, "the field is empty");
    names[c] = unquoted(&f);
    if (!names[c]) return clf__fail(CLF_ENOMEM, "%s: no memory for its header", r->path);
  }
  return CLF_OK;
}

/* Grows by doubling: memory follows what has been read, not what a first line
 * with many fields and a file with many lines might promise. */
static clf_status make_room(reader *r) {
  const int64_t need = (r->t.rows + 1) * r->t.cols;
  if (need <= r->cap) return CLF_OK;
  const int64_t cap = need > 2 * r->cap ? need : 2 * r->cap;
  double *const at =
      (uint64_t)cap > SIZE_MAX / sizeof *at ? NULL : realloc(r->t.at, (size_t)cap * sizeof *at);
  if (!at) return clf__fail(CLF_ENOMEM, "%s: no memory for %" PRId64 " numbers", r->path, cap);
  r->t.at = at;
  r->cap = cap;
  return CLF_OK;
}

static const char *plural(int64_t n) { return n == 1 ? "" : "s"; }

static clf_status read_row(reader *r) {
  CLF_TRY(make_room(r));
  double *const row = r->t.at + r->t.rows * r->t.cols;
  const int64_t n = count_fields(r, r->delim);
  const char *p = r->line;
  for (int64_t c = 0; p; c++) {
    field f;
    double v;
    p = take(r->delim, p, r->close, &f);
    if (f.fault) return refuse(r, c, NULL, f.fault);
    if (n != r->t.cols) continue;
    const int kind = parse_number(r, &f, &v);
    if (kind != NUMBER) return refuse_kind(r, c, &f, kind);
    row[c] = v;
  }
  if (n != r->t.cols)
    return clf__fail(CLF_EFORMAT,
                     "%s: line %" PRId64 " has %" PRId64 " field%s, line %" PRId64 " has %" PRId32,
                     r->path, r->number, n, plural(n), r->first, r->t.cols);
  r->t.rows++;
  return CLF_OK;
}

/* ---- Reading -------------------------------------------------------------- */

static clf_status read_first(reader *r) {
  int more;
  CLF_TRY(next_line(r, &more));
  if (!more) return clf__fail(CLF_EFORMAT, "%s: the file is empty", r->path);
  r->first = r->number;
  r->delim = find_delimiter(r);
  const int64_t n = count_fields(r, r->delim);
  if (n > INT32_MAX)
    return clf__fail(CLF_EFORMAT, "%s: line %" PRId64 " has %" PRId64 " fields, more than a table",
                     r->path, r->first, n);
  r->t.cols = (int32_t)n;
  return is_header(r) ? read_header(r) : read_row(r);
}

static clf_status read_rows(reader *r) {
  int more;
  CLF_TRY(read_first(r));
  for (;;) {
    CLF_TRY(next_line(r, &more));
    if (!more) break;
    CLF_TRY(read_row(r));
  }
  if (r->t.rows == 0)
    return clf__fail(CLF_EFORMAT, "%s: a header and no row of numbers below it", r->path);
  double *const at = realloc(r->t.at, (size_t)(r->t.rows * r->t.cols) * sizeof *at);
  if (at) r->t.at = at;
  return CLF_OK;
}

clf_status clf__csv_read(const char *path, clf_table *t) {
  char *bytes;
  size_t size;
  CLF_TRY(clf__file_read(path, &bytes, &size));
  reader r = {.path = path, .next = bytes, .end = bytes + size, .delim = ' '};
  if (size >= 3 && !memcmp(bytes, "\xef\xbb\xbf", 3)) r.next += 3;
  /* A locale of its own: setlocale() of the program must not move the point. */
  r.c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  clf_status s = r.c ? read_rows(&r) : clf__fail(CLF_ENOMEM, "%s: no memory for a locale", path);
  if (r.c) freelocale(r.c);
  free(bytes);
  if (s == CLF_OK)
    *t = r.t;
  else
    clf_table_free(&r.t);
  return s;
}

/* ---- Writing -------------------------------------------------------------- */

/* Names are read back as names only where one of them is not a number. */
static clf_status check_names(const char *path, const clf_table *t, const reader *r) {
  int header = 0;
  for (int32_t c = 0; c < t->cols; c++) {
    double v;
    const char *const name = t->names[c] ? t->names[c] : "";
    const field f = {name, strlen(name), 0, NULL};
    const char *const why = f.n ? not_text(name, f.n) : "no character";
    if (why)
      return clf__fail(CLF_EINVAL, "%s: cannot be written: the name of column %" PRId32 " holds %s",
                       path, c + 1, why);
    header |= parse_number(r, &f, &v) == TEXT;
  }
  if (!header)
    return clf__fail(CLF_EINVAL,
                     "%s: cannot be written: the names of all columns are numbers or blank, and a "
                     "header of them would be read as a row",
                     path);
  return CLF_OK;
}

static clf_status put_name(clf__file *f, const char *name) {
  if (!strpbrk(name, "\",; \t")) return clf__file_put(f, name, strlen(name));
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
  const reader r = {.path = path, .c = newlocale(LC_ALL_MASK, "C", (locale_t)0)};
  if (!r.c) return clf__fail(CLF_ENOMEM, "%s: no memory for a locale", path);
  clf_status s = t->names ? check_names(path, t, &r) : CLF_OK;
  if (s == CLF_OK) {
    const locale_t before = uselocale(r.c);
    s = write_file(path, t);
    uselocale(before);
  }
  freelocale(r.c);
  return s;
}
