/* SPDX-License-Identifier: MIT */
/* csv_lines.c: text as lines. */
#define _GNU_SOURCE
#include "csv.h"

#include <string.h>

/* ---- The lines of the file ------------------------------------------------------------------- */

static char *end_of_line(const clf__csv *r, char *p) {
  while (p < r->end && !clf__csv_ends_line(*p)) p++;
  return p;
}

/* A line ends with LF, CR LF or, as on old Macs, CR. */
static char *after_end(const clf__csv *r, char *p) {
  if (p == r->end) return p;
  return p + (*p == '\r' && p + 1 < r->end && p[1] == '\n' ? 2 : 1);
}

static void cut_line(clf__csv *r) {
  r->line = r->next;
  r->close = end_of_line(r, r->line);
  r->next = after_end(r, r->close);
  r->number += 1 + r->more;
  r->more = 0;
}

/* ---- Comments -------------------------------------------------------------------------------- */

/* A row that begins with an error value of Excel is not a comment. */
static int is_excel_error(const clf__csv *r, const char *p) {
  static const char *const errors[] = {"#N/A",   "#DIV/0!", "#VALUE!", "#REF!",
                                       "#NAME?", "#NUM!",   "#NULL!"};
  for (size_t i = 0; i < sizeof errors / sizeof *errors && !r->o->comment; i++) {
    const size_t n = strlen(errors[i]);
    if ((size_t)(r->close - p) >= n && !memcmp(p, errors[i], n)) return 1;
  }
  return 0;
}

/* Cuts off a comment that begins at p or later, outside quotes; returns whether there is one. */
static int cut_comment_from(clf__csv *r, char *p) {
  for (int inside = 0; p < r->close && (inside || *p != r->comment); p++) inside ^= *p == '"';
  const int found = p < r->close;
  r->close = p;
  return found;
}

/* Cuts off a comment.  Lines that begin with '#' are comments unless the caller chose another
 * character; within a line only the chosen character starts one, because '#' may be part of a
 * name.  Returns whether there was a comment. */
static int cut_comment(clf__csv *r) {
  char *p = r->line;
  while (p < r->close && (*p == ' ' || *p == '\t')) p++;
  if (p == r->close) return 0;
  const int whole = *p == r->comment && !is_excel_error(r, p);
  if (whole && !r->first) {
    r->said = p + 1;
    r->said_end = r->close;
    r->said_line = r->number;
  }
  return (whole || r->o->comment) && cut_comment_from(r, p);
}

/* ---- Line ends in quotes --------------------------------------------------------------------- */

/* The first quote from p on, inside a field, that does not stand for one of its characters. */
static char *closing_quote(const clf__csv *r, char *p) {
  while ((p = memchr(p, '"', (size_t)(r->end - p))) && p + 1 < r->end && p[1] == '"') p += 2;
  return p;
}

/* Whether a field may end with a quote before p. */
static int may_follow_quote(const clf__csv *r, const char *p) {
  const char *const after = p;
  while (p < r->end && clf__csv_is_blank(r->delim, *p)) p++;
  return p == r->end || clf__csv_ends_line(*p) || *p == r->delim ||
         (r->delim == ' ' && p > after) || (r->o->comment && *p == r->comment);
}

/* Extends the current line, at whose end a quoted field is open, to the end of the line with its
 * closing quote.  Returns 0 if there is none. */
static int extend(clf__csv *r) {
  const int commented = r->close < r->end && !clf__csv_ends_line(*r->close);
  char *const quote = commented ? NULL : closing_quote(r, r->close);
  if (!quote || !may_follow_quote(r, quote + 1)) return 0;
  while (r->close < quote) {
    r->close = end_of_line(r, after_end(r, r->close));
    r->more++;
  }
  r->next = after_end(r, r->close);
  if (r->o->comment) cut_comment_from(r, quote + 1);
  return 1;
}

/* Extends the current line as long as a quoted field is open at its end.  A quote that nothing
 * closes, or that text follows, belongs to its own line: it does not swallow the others.  Then the
 * search was in vain, but it is not repeated: in the lines that it passed all quotes are doubled,
 * so that no field is open at their ends.  Thus every byte is searched at most twice. */
static void join_lines(clf__csv *r) {
  char *p = memchr(r->line, '"', (size_t)(r->close - r->line)) ? r->line : NULL;
  while (p) {
    clf__field f;
    p = clf__csv_take(r->delim, p, r->close, &f);
    const int open = f.fault && f.s + f.n == r->close;
    if (open && extend(r)) p = f.s - 1;
  }
}

char *clf__csv_part(const clf__csv *r, char *p, size_t *n) {
  char *const begin = p;
  while (p < r->close && !clf__csv_ends_line(*p)) p++;
  *n = (size_t)(p - begin);
  return p < r->close ? after_end(r, p) : NULL;
}

/* ---- Lines of the table ---------------------------------------------------------------------- */

/* If tabs are the delimiter, a line of tabs is a row of empty fields. */
static int holds_something(const clf__csv *r) {
  for (const char *p = r->line; p < r->close; p++)
    if (!clf__csv_is_blank(r->delim, *p)) return 1;
  return 0;
}

int clf__csv_step(clf__csv *r) {
  while (r->next < r->end) {
    cut_line(r);
    const int comment = cut_comment(r);
    join_lines(r);
    if (holds_something(r)) return 1;
    r->inner += comment && r->t.rows > 0;
  }
  return 0;
}
