/* SPDX-License-Identifier: MIT */
/* csv.c: reads numbers from text, one sample per line. */
#define _GNU_SOURCE
#include "csv.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "status.h"

/* ---- Text ------------------------------------------------------------------- */

static clf_status refuse_utf16(const clf__csv *r) {
  return clf__fail(CLF_EFORMAT,
                   "%s: the text is UTF-16; save it as UTF-8 (Excel: \"CSV UTF-8\"; or iconv -f "
                   "UTF-16 -t UTF-8)",
                   r->path);
}

/* Skips a UTF-8 byte-order mark.  UTF-16 is recognised by its mark, or by a NUL in every other
 * byte. */
static clf_status check_encoding(clf__csv *r) {
  const size_t n = (size_t)(r->end - r->next);
  const char *const b = r->next;
  if (n >= 3 && !memcmp(b, "\xef\xbb\xbf", 3)) r->next += 3;
  if (n < 2) return CLF_OK;
  if (!memcmp(b, "\xff\xfe", 2) || !memcmp(b, "\xfe\xff", 2)) return refuse_utf16(r);
  if (n >= 4 && ((b[0] && !b[1] && b[2] && !b[3]) || (!b[0] && b[1] && !b[2] && b[3])))
    return refuse_utf16(r);
  return CLF_OK;
}

static clf_status check_part(const clf__csv *r, const char *p, size_t n, int64_t number) {
  const char *const why = clf__not_text(p, n, 1);
  if (!why) return CLF_OK;
  const char *const remedy =
      strstr(why, "UTF-8") ? " (Excel: \"CSV UTF-8\"; or iconv -f WINDOWS-1252 -t UTF-8)" : "";
  return clf__fail(CLF_EFORMAT,
                   "%s: line %" PRId64 " holds %s; a table of numbers is text in UTF-8%s", r->path,
                   number, why, remedy);
}

static clf_status check_line(const clf__csv *r) {
  int64_t number = r->number;
  for (char *p = r->line; p; number++) {
    char *const part = p;
    size_t n;
    p = clf__csv_part(r, part, &n);
    CLF_TRY(check_part(r, part, n, number));
  }
  return CLF_OK;
}

/* Skips the lines that the caller does not want, whatever they contain. */
static clf_status skip_lines(clf__csv *r) {
  for (int64_t k = 0; k < r->o->skip; k++) {
    if (r->next == r->end)
      return clf__fail(CLF_EFORMAT, "%s: --skip %" PRId64 " skips all of its %" PRId64 " lines",
                       r->path, r->o->skip, r->number);
    const size_t n = strcspn(r->next, "\r\n"), left = (size_t)(r->end - r->next);
    r->next += n < left ? n + 1 : left;
    if (r->next < r->end && r->next[-1] == '\r' && *r->next == '\n') r->next++;
    r->number++;
  }
  return CLF_OK;
}

/* A first line of Excel that gives the delimiter. */
static int take_sep_line(clf__csv *r, clf_table_options *o) {
  char *const p = r->next;
  if (r->end - p < 6 || memcmp(p, "sep=", 4) != 0 || (p[5] != '\n' && p[5] != '\r')) return 0;
  if (!o->delimiter) o->delimiter = p[4];
  r->next += p[5] == '\r' && p[6] == '\n' ? 7 : 6;
  r->number++;
  return 1;
}

/* ---- Names ------------------------------------------------------------------- */

static clf_status no_memory(const clf__csv *r) {
  return clf__fail(CLF_ENOMEM, "%s: no memory for its header", r->path);
}

/* The names in a header from p to `end`; missing ones are "". */
static clf_status read_names(clf__csv *r, char *p, char *end) {
  r->names = calloc((size_t)r->cols, sizeof *r->names);
  if (!r->names) return no_memory(r);
  for (int32_t c = 0; c < r->cols; c++) {
    clf__field f = {.s = end};
    if (p && !(c == 0 && r->row_names)) p = clf__csv_take(r->delim, p, end, &f);
    if (f.fault) return clf__csv_refuse(r, c, NULL, f.fault);
    if (!r->odd && !f.quoted && f.n && strchr("0123456789+-.", *f.s)) r->odd = c + 1;
    r->names[c] = clf__csv_name(&f);
    if (!r->names[c]) return no_memory(r);
  }
  return CLF_OK;
}

static clf_status read_header(clf__csv *r) {
  if (r->named_by_comment) {
    const int64_t number = r->number;
    char *const line = r->line, *const close = r->close;
    r->number = r->said_line;
    r->line = r->said;
    r->close = r->said_end;
    CLF_TRY(check_line(r));
    CLF_TRY(read_names(r, r->said, r->said_end));
    r->number = number;
    r->line = line;
    r->close = close;
    return CLF_OK;
  }
  if (!r->header) return CLF_OK;
  clf__csv_step(r);
  CLF_TRY(check_line(r));
  const int64_t n = clf__csv_count(r->delim, r->line, r->close);
  CLF_TRY(read_names(r, r->line, r->close));
  const int fits =
      n == r->cols || (r->trailing && n == r->cols + 1) || (r->row_names && n == r->cols - 1);
  return fits ? CLF_OK : clf__csv_refuse_count(r, n, r->cols);
}

/* ---- Rows ------------------------------------------------------------------------ */

/* For as many rows as r->cap. */
static clf_status make_room_for_ids(clf__csv *r) {
  const int64_t cap = r->cap / r->t.cols;
  char **const ids = realloc(r->t.ids, (size_t)cap * sizeof *ids);
  if (!ids) return clf__fail(CLF_ENOMEM, "%s: no memory for %" PRId64 " ids", r->path, cap);
  memset(ids + r->id_cap, 0, (size_t)(cap - r->id_cap) * sizeof *ids);
  r->t.ids = ids;
  r->id_cap = cap;
  return CLF_OK;
}

static clf_status make_room_for_numbers(clf__csv *r) {
  const int64_t cap = r->cap / r->t.cols;
  int64_t *const numbers = realloc(r->t.numbers, (size_t)cap * sizeof *numbers);
  if (!numbers) return clf__fail(CLF_ENOMEM, "%s: no memory for %" PRId64 " rows", r->path, cap);
  r->t.numbers = numbers;
  return CLF_OK;
}

/* Grows by doubling: memory follows what has been read, not what a first line with many fields
 * and a file with many lines might promise. */
static clf_status make_room(clf__csv *r) {
  const int64_t need = (r->t.rows + 1) * r->t.cols;
  if (need <= r->cap) return CLF_OK;
  const int64_t cap = need > 2 * r->cap ? need : 2 * r->cap;
  double *const at =
      (uint64_t)cap > SIZE_MAX / sizeof *at ? NULL : realloc(r->t.at, (size_t)cap * sizeof *at);
  if (!at) return clf__fail(CLF_ENOMEM, "%s: no memory for %" PRId64 " numbers", r->path, cap);
  r->t.at = at;
  r->cap = cap;
  if (r->o->missing == CLF_MISSING_DROP) CLF_TRY(make_room_for_numbers(r));
  return r->id < 0 ? CLF_OK : make_room_for_ids(r);
}

static clf_status check_index(const clf__csv *r, const clf__field *f) {
  double v;
  if (r->index_from < 0 ||
      (clf__csv_kind(r, f, &v) == CLF_FIELD_NUMBER && v == (double)(r->index_from + r->at_row)))
    return CLF_OK;
  return clf__csv_refuse(r, 0, f,
                         "does not number the row, and the column has no name; --drop 1 leaves it "
                         "out, a name in the header keeps it");
}

static clf_status read_id(clf__csv *r, const clf__field *f) {
  if (f->n == 0)
    return clf__csv_refuse(r, r->id, NULL, "the field is empty; --id needs a name in each row");
  char *const text = clf__csv_unquoted(f);
  if (!text) return no_memory(r);
  free(r->t.ids[r->t.rows]); /* of a row that was left out */
  r->t.ids[r->t.rows] = text;
  return CLF_OK;
}

static clf_status read_field(clf__csv *r, int64_t c, const clf__field *f, double *row) {
  const int32_t k = r->to[c];
  if (c == 0) CLF_TRY(check_index(r, f));
  if (c == r->id) return read_id(r, f);
  if (k < 0) return CLF_OK;
  if (clf__csv_lacks(r, k, f)) return row[k] = NAN, CLF_OK;
  if (r->t.columns) return clf__csv_take_value(r, c, k, f, &row[k]);
  return clf__csv_take_number(r, c, f, &row[k]);
}

/* A line has one field per column, plus an empty one if lines end with a delimiter. */
static clf_status read_row(clf__csv *r) {
  CLF_TRY(make_room(r));
  double *const row = r->t.at + r->t.rows * r->t.cols;
  const int64_t n = clf__csv_count(r->delim, r->line, r->close);
  const int fits = n == r->cols || (r->trailing && n == r->cols + 1);
  char *p = r->line;
  for (int64_t c = 0; p; c++) {
    clf__field f;
    p = clf__csv_take(r->delim, p, r->close, &f);
    if (f.fault) return clf__csv_refuse(r, c, NULL, f.fault);
    if (fits && c < r->cols) CLF_TRY(read_field(r, c, &f, row));
    if (fits && c == r->cols && f.n)
      return clf__csv_refuse(r, c, &f, "follows the delimiter with which the other lines end");
  }
  if (!fits) return clf__csv_refuse_count(r, n, r->cols);
  r->at_row++;
  if (r->t.numbers) r->t.numbers[r->t.rows] = r->at_row;
  r->t.rows += clf__csv_count_missing(r, row);
  return CLF_OK;
}

/* ---- Notes ----------------------------------------------------------------------------------- */

static const char *name_of_delimiter(char delim, char text[4]) {
  if (delim == '\t') return "tabs";
  if (delim == ' ') return "blanks";
  snprintf(text, 4, "'%c'", delim);
  return text;
}

static clf_status note_header(clf__csv *r) {
  if (r->named_by_comment)
    return clf__table_note(&r->t,
                           "the comment in line %" PRId64 " names the columns, \"%s\" and so on "
                           "(--header no: it does not)",
                           r->said_line, clf__excerpt_of(r->names[0], strlen(r->names[0])).s);
  if (!r->odd || r->t.notes || r->o->header == CLF_HEADER_YES) return CLF_OK;
  const char *const name = r->names[r->odd - 1];
  return clf__table_note(&r->t,
                         "line %" PRId64 " is read as a header that names column %" PRId32
                         " \"%s\" (--header no: as a row)",
                         r->first, r->odd, clf__excerpt_of(name, strlen(name)).s);
}

static clf_status add_notes(clf__csv *r) {
  char delim[4];
  CLF_TRY(note_header(r));
  if (r->decimal == ',' && r->comma_line && r->delim == ' ' && r->cols == 1)
    CLF_TRY(clf__table_note(&r->t, "',' is the decimal sign"));
  else if (r->decimal == ',' && r->comma_line)
    CLF_TRY(clf__table_note(&r->t, "fields are separated by %s, and ',' is the decimal sign",
                            name_of_delimiter(r->delim, delim)));
  if (r->trailing)
    CLF_TRY(clf__table_note(&r->t, "lines end with %s, which no column follows",
                            name_of_delimiter(r->delim, delim)));
  if (r->left_out && r->named_index)
    CLF_TRY(clf__table_note(
        &r->t, "column 1 (\"%s\") counts the rows: it is left out (--columns keeps it)",
        r->names[0]));
  else if (r->left_out)
    CLF_TRY(clf__table_note(&r->t, "column 1 has no name and %s the rows: it is left out%s",
                            r->left_out, r->o->kinds ? " (--id 1 keeps it)" : ""));
  if (r->inner)
    CLF_TRY(clf__table_note(&r->t, "%" PRId64 " line%s below the first row %s a comment, left out",
                            r->inner, r->inner == 1 ? "" : "s", r->inner == 1 ? "is" : "are each"));
  return CLF_OK;
}

/* Every number with a comma looks like 1,234: these may be thousands. */
static clf_status check_commas(const clf__csv *r) {
  if (!r->comma_line || r->comma_is_clear || r->o->decimal) return CLF_OK;
  return clf__fail(CLF_EFORMAT,
                   "%s: line %" PRId64 ", column %" PRId64 ": \"%s\" may be a decimal number or "
                   "have a separator of thousands; say --decimal , or remove the commas",
                   r->path, r->comma_line, r->comma_column, r->comma_text.s);
}

/* ---- Reading ------------------------------------------------------------------------ */

static int by_text(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Ids are the only way to identify rows later. */
static clf_status check_ids(const clf__csv *r) {
  const size_t n = r->id < 0 ? 0 : (size_t)r->t.rows;
  char **const sorted = n ? malloc(n * sizeof *sorted) : NULL;
  clf_status s = CLF_OK;
  if (!n) return CLF_OK;
  if (!sorted) return no_memory(r);
  memcpy(sorted, r->t.ids, n * sizeof *sorted);
  qsort(sorted, n, sizeof *sorted, by_text);
  for (size_t i = 1; i < n && !s; i++)
    if (strcmp(sorted[i - 1], sorted[i]) == 0)
      s = clf__csv_refuse_column(r, r->id,
                                 "the id \"%s\" occurs twice; give a column that differs in every "
                                 "row, or leave --id out",
                                 clf__excerpt_of(sorted[i], strlen(sorted[i])).s);
  free(sorted);
  return s;
}

static clf_status read_rows(clf__csv *r) {
  const clf__csv_position first = clf__csv_tell(r);
  while (clf__csv_step(r)) {
    CLF_TRY(check_line(r));
    CLF_TRY(read_row(r));
  }
  if (r->at_row == 0)
    return clf__fail(CLF_EFORMAT, "%s: a header and no row of numbers below it", r->path);
  CLF_TRY(check_commas(r));
  CLF_TRY(add_notes(r));
  CLF_TRY(clf__csv_note_missing(r, first));
  CLF_TRY(clf__csv_end_kinds(r));
  CLF_TRY(check_ids(r));
  if (!r->t.missing) {
    free(r->t.numbers);
    r->t.numbers = NULL;
  }
  double *const at = realloc(r->t.at, (size_t)(r->t.rows * r->t.cols) * sizeof *at);
  if (at) r->t.at = at;
  for (int64_t i = r->t.rows; i < r->id_cap; i++)
    free(r->t.ids[i]); /* of a last row that was left out */
  r->id_cap = r->t.rows;
  return CLF_OK;
}

/* The id of an incomplete row is stored after those of the others. */
static void discard(clf__csv *r) {
  for (int64_t i = r->t.rows; i < r->id_cap; i++) free(r->t.ids[i]);
  clf_table_free(&r->t);
}

static clf_status read_all(clf__csv *r, clf_table_options *o) {
  CLF_TRY(check_encoding(r));
  CLF_TRY(skip_lines(r));
  take_sep_line(r, o);
  CLF_TRY(clf__csv_judge(r));
  CLF_TRY(read_header(r));
  CLF_TRY(clf__csv_choose_columns(r));
  CLF_TRY(clf__csv_find_kinds(r));
  CLF_TRY(clf__csv_begin_missing(r));
  return read_rows(r);
}

clf_status clf__csv_read(const char *path, char *bytes, size_t size,
                         const clf_table_options *options, clf_table *t) {
  clf_table_options o = *options;
  o.kinds |= o.like != NULL;
  clf__csv r = {.path = path,
                .o = &o,
                .next = bytes,
                .end = bytes + size,
                .comment = o.comment ? o.comment : '#',
                .decimal = o.decimal,
                .index_from = -1,
                .id = -1};
  /* A separate locale, so that the decimal mark does not depend on setlocale(). */
  r.c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  const clf_status s =
      r.c ? read_all(&r, &o) : clf__fail(CLF_ENOMEM, "%s: no memory for a locale", path);
  if (r.c) freelocale(r.c);
  clf__names_free(r.names, r.cols);
  free(r.numeric);
  free(r.to);
  free(r.from);
  free(r.like);
  free(r.lacks);
  free(r.fractions);
  free(r.alone);
  if (s == CLF_OK)
    *t = r.t;
  else
    discard(&r);
  return s;
}
