/* SPDX-License-Identifier: MIT */
/* csv_counters.c: finds columns that only count or name the rows, by their names and numbers. */
#define _GNU_SOURCE
#include "csv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "status.h"

/* Usual names of columns that only count the rows; also those that begin or end with "id". */
static int is_index_name(const clf__csv *r, const char *name) {
  static const char *const names[] = {"index",       "row",  "rownames", "obs",
                                      "observation", "case", "patient",  "subject",
                                      "number",      "no",   "nr"};
  const size_t n = strlen(name);
  if (!n || !strcmp(name, "Unnamed: 0")) return 1;
  if (!r->o->kinds) return 0;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcasecmp(name, names[i]) == 0) return 1;
  return n >= 2 && (strncasecmp(name, "id", 2) == 0 || strcasecmp(name + n - 2, "id") == 0);
}

/* Whether a field of row `row`, from 0, continues to count from 0 or 1. */
static int goes_on(const clf__csv *r, const clf__field *f, int64_t row, char *start) {
  double v;
  if (f->fault || clf__csv_kind(r, f, &v) != CLF_FIELD_NUMBER) return 0;
  if (row == 0) *start = v == 1;
  return v == (double)(*start + row);
}

/* Clears counts[c] of the first n columns that do not count in the current line.  Returns how many
 * are left. */
static int32_t look_at_line(const clf__csv *r, char *counts, char *start, int32_t n, int64_t row) {
  int32_t left = 0;
  char *p = r->line;
  for (int32_t c = 0; c < n; c++) {
    clf__field f = {.fault = "the line is shorter"}; /* refused when it is read */
    if (p) p = clf__csv_take(r->delim, p, r->close, &f);
    counts[c] = counts[c] && goes_on(r, &f, row, &start[c]);
    left += counts[c];
  }
  return left;
}

/* Clears counts[c] for those of the first n columns where some line does not count. */
static clf_status keep_counters(clf__csv *r, char *counts, int32_t n) {
  const clf__csv_position here = clf__csv_tell(r);
  char *const start = malloc((size_t)n);
  if (!start) return clf__fail(CLF_ENOMEM, "%s: no memory for its columns", r->path);
  int64_t row = 0;
  for (int32_t left = 1; left && clf__csv_step(r); row++)
    left = look_at_line(r, counts, start, n, row);
  clf__csv_seek(r, here);
  free(start);
  return CLF_OK;
}

clf_status clf__csv_has_index(clf__csv *r, int *has) {
  *has = 0;
  if (!r->names || r->cols < 2 || r->o->column_count || r->o->like || r->id == 0) return CLF_OK;
  const char *const name = r->names[0];
  if (!is_index_name(r, name)) return CLF_OK;
  char counts = r->index_from >= 0;
  r->named_index = *name && strcmp(name, "Unnamed: 0") != 0;
  if (r->o->kinds && counts) CLF_TRY(keep_counters(r, &counts, 1));
  if (!counts) r->index_from = -1;
  *has = counts || r->row_names || (r->o->kinds && !r->named_index && !r->measured);
  return CLF_OK;
}

/* Marks the columns after the first that have the name of a counter.  Returns their number. */
static int32_t mark_names(const clf__csv *r, char *marked) {
  int32_t count = 0;
  for (int32_t c = 1; c < r->cols; c++) {
    const char *const name = r->names[c];
    marked[c] = r->to[c] >= 0 && *name && is_index_name(r, name);
    count += marked[c];
  }
  return count;
}

clf_status clf__csv_take_counters(clf__csv *r) {
  if (!r->names || r->o->column_count) return CLF_OK;
  char *const counts = calloc((size_t)r->cols, 1);
  if (!counts) return clf__fail(CLF_ENOMEM, "%s: no memory for its columns", r->path);
  clf_status s = mark_names(r, counts) ? keep_counters(r, counts, r->cols) : CLF_OK;
  clf__name_list list = clf__csv_list(r, counts);
  if (!s) s = clf__csv_take_out(r, counts, "as counters of the rows (--columns keeps them)", &list);
  free(counts);
  return s;
}
