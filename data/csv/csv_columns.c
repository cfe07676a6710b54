/* SPDX-License-Identifier: MIT */
/* csv_columns.c: selects the columns of a text that become columns of the table. */
#define _GNU_SOURCE
#include "csv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "columns.h"
#include "status.h"

static clf_status no_memory(const clf__csv *r) {
  return clf__fail(CLF_ENOMEM, "%s: no memory for its columns", r->path);
}

/* ---- A column that counts the rows ----------------------------------------------------------- */

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

/* Whether a field of every line counts up from 0 or 1, or from r->index_from. */
static int counts_to_the_end(clf__csv *r, int32_t column) {
  const clf__csv_position here = clf__csv_tell(r);
  double want = column ? -1 : (double)r->index_from;
  int counts = 1;
  while (counts && clf__csv_step(r)) {
    clf__field f;
    double v;
    counts = clf__csv_field(r, column, &f) && clf__csv_kind(r, &f, &v) == CLF_FIELD_NUMBER;
    if (counts && want < 0) want = v == 1;
    counts = counts && v == want++;
  }
  clf__csv_seek(r, here);
  return counts;
}

/* Whether the first column is left out because it only counts or names the rows: it has no name,
 * or a typical one, and the caller selected no columns.  If labels are read, an empty name is
 * enough unless its numbers have points: programs write row names so, and numbers of the rows
 * that they kept. */
static int has_index(clf__csv *r) {
  if (!r->names || r->cols < 2 || r->o->column_count || r->o->like || r->id == 0) return 0;
  const char *const name = r->names[0];
  if (!is_index_name(r, name)) return 0;
  r->named_index = *name && strcmp(name, "Unnamed: 0") != 0;
  if (r->o->kinds && r->index_from >= 0 && !counts_to_the_end(r, 0)) r->index_from = -1;
  if (r->index_from >= 0 || r->row_names) return 1;
  return r->o->kinds && !r->named_index && !r->measured;
}

/* The first column is left out before.  Files of R have row names there and their own counter
 * after them. */
clf_status clf__csv_take_counters(clf__csv *r) {
  for (int32_t c = 1; r->names && !r->o->column_count && c < r->cols && r->t.cols > 1; c++) {
    const char *const name = r->names[c];
    if (r->to[c] < 0 || !*name || !is_index_name(r, name) || !counts_to_the_end(r, c)) continue;
    CLF_TRY(clf__csv_take_out(r, c));
    CLF_TRY(clf__table_note(
        &r->t, "column %" PRId32 " (\"%s\") counts the rows: it is left out (--columns keeps it)",
        c + 1, clf__excerpt_of(name, strlen(name)).s));
  }
  return CLF_OK;
}

/* ---- Names ---------------------------------------------------------------------------- */

static clf_status no_name(clf__csv *r, int32_t c) {
  char what[96];
  r->number = r->named_by_comment ? r->said_line : r->first;
  snprintf(what, sizeof what, "the name is empty; --drop %" PRId32 " leaves the column out", c + 1);
  return clf__csv_refuse(r, c, NULL, what);
}

/* Sets r->to, and the names of the selected columns. */
static clf_status place_columns(clf__csv *r, const int32_t *from, int32_t count) {
  r->to = malloc((size_t)r->cols * sizeof *r->to);
  r->t.names = r->names ? calloc((size_t)count, sizeof *r->t.names) : NULL;
  if (!r->to || (r->names && !r->t.names)) return no_memory(r);
  r->t.cols = count;
  for (int32_t c = 0; c < r->cols; c++) r->to[c] = -1;
  for (int32_t c = 0; c < count; c++) {
    r->to[from[c]] = c;
    if (!r->names) continue;
    if (!*r->names[from[c]]) return no_name(r, from[c]);
    r->t.names[c] = strdup(r->names[from[c]]);
    if (!r->t.names[c]) return no_memory(r);
  }
  return CLF_OK;
}

static clf_status check_twice(const clf__csv *r) {
  if (!r->t.names) return CLF_OK;
  clf__name_index index;
  const clf_status s = clf__names_index(r->t.names, r->t.cols, &index);
  if (s == CLF_OK) free(index.at);
  if (s != CLF_EINVAL) return s;
  return clf__fail(CLF_EFORMAT,
                   "%s: line %" PRId64 ": %s; rename one, or leave one out by its number: --drop N",
                   r->path, r->named_by_comment ? r->said_line : r->first, clf_errmsg());
}

/* ---- The columns of a model ------------------------------------------------------------------ */

static int32_t find_name(const clf_columns *k, const char *name) {
  for (int32_t i = 0; i < k->count; i++)
    if (strcmp(k->names[i], name) == 0) return i;
  return -1;
}

static clf_status check_all_there(const clf__csv *r, const clf_columns *k, const int32_t *from,
                                  int32_t count) {
  for (int32_t i = 0; i < k->count; i++) {
    int there = 0;
    for (int32_t c = 0; c < count; c++) there |= strcmp(r->names[from[c]], k->names[i]) == 0;
    if (there) continue;
    const clf_status s = clf__column_missing(NULL, k->names[i], r->names, r->cols);
    return s == CLF_EINVAL ? CLF_ESHAPE : s;
  }
  return CLF_OK;
}

/* Keeps only the columns of o->like; r->like has their indices. */
static clf_status keep_alike(clf__csv *r, int32_t *from, int32_t *count) {
  const clf_columns *const k = r->o->like;
  const int titled = !r->trailing && !r->row_names && r->cols != r->usual; /* refused at a row */
  const int by_name = r->names && k->names && !titled;
  clf__name_list out = {.used = 0};
  int32_t left = 0;
  if (by_name) CLF_TRY(check_all_there(r, k, from, *count));
  if (!by_name && *count != k->count) return CLF_OK; /* reported by the caller */
  r->like = malloc((size_t)*count * sizeof *r->like);
  if (!r->like) return no_memory(r);
  for (int32_t c = 0; c < *count; c++) {
    const int32_t at = by_name ? find_name(k, r->names[from[c]]) : c;
    if (at < 0) {
      clf__name_list_add(&out, r->names[from[c]], strlen(r->names[from[c]]));
      continue;
    }
    r->like[left] = at;
    from[left++] = from[c];
  }
  *count = left;
  if (!r->names && k->names) {
    for (int32_t c = 0; c < left; c++) clf__name_list_add(&out, k->names[c], strlen(k->names[c]));
    return clf__table_note(&r->t, "no header names the columns; they are taken as the model's: %s",
                           clf__name_list_text(&out));
  }
  return out.used ? clf__table_note(&r->t, "left out because the model has no such column: %s",
                                    clf__name_list_text(&out))
                  : CLF_OK;
}

/* ---- All -------------------------------------------------------------------------------- */

static clf_status find_id(clf__csv *r) {
  if (!r->o->id) return CLF_OK;
  CLF_TRY(clf__columns_find(r->path, "--id", r->o->id, r->names, r->cols, &r->id));
  r->t.id_name = strdup(r->names && *r->names[r->id] ? r->names[r->id] : "id");
  return r->t.id_name ? CLF_OK : no_memory(r);
}

/* Removes column c from the list, if it is there. */
static void take_out(int32_t c, int32_t *from, int32_t *count) {
  int32_t left = 0;
  for (int32_t i = 0; i < *count; i++)
    if (from[i] != c) from[left++] = from[i];
  *count = left;
}

static clf_status choose(clf__csv *r, int32_t *from, int32_t count) {
  take_out(r->id, from, &count);
  const int index = count > 1 && from[0] == 0 && has_index(r);
  if (index) take_out(0, from, &count);
  if (r->o->like) CLF_TRY(keep_alike(r, from, &count));
  if (count == 0) return clf__fail(CLF_EFORMAT, "%s: no column is left but the id", r->path);
  r->left_out = index ? (r->index_from >= 0 ? "counts" : "names") : NULL;
  if (!index) r->index_from = -1;
  CLF_TRY(place_columns(r, from, count));
  return check_twice(r);
}

clf_status clf__csv_choose_columns(clf__csv *r) {
  int32_t *from, count;
  CLF_TRY(find_id(r));
  CLF_TRY(clf__columns_choose(r->path, r->o, r->names, r->cols, &from, &count));
  const clf_status s = choose(r, from, count);
  free(from);
  return s;
}

int64_t clf__csv_file_column(const clf__csv *r, int32_t c) {
  int64_t column = 0;
  while (r->to[column] != c) column++;
  return column;
}

clf__excerpt clf__csv_column_name(const clf__csv *r, int64_t column) {
  const char *const name = r->names ? r->names[column] : "";
  clf__excerpt number;
  if (*name) return clf__excerpt_of(name, strlen(name));
  snprintf(number.s, sizeof number.s, "column %" PRId64, column + 1);
  return number;
}

clf_status clf__csv_take_out(clf__csv *r, int32_t column) {
  const int32_t gone = r->to[column];
  int32_t *const from = malloc((size_t)r->t.cols * sizeof *from), left = 0;
  if (!from) return clf__fail(CLF_ENOMEM, "%s: no memory for its columns", r->path);
  for (int32_t c = 0; c < r->t.cols; c++)
    if (c != gone) from[left++] = c;
  const clf_status s = clf__table_pick(&r->t, from, left);
  free(from);
  if (s) return s;
  for (int32_t c = 0; c < r->cols; c++) r->to[c] -= r->to[c] > gone;
  r->to[column] = -1;
  return CLF_OK;
}

clf_status clf__csv_take_out_empty(clf__csv *r, const char *empty) {
  clf__name_list list = {.used = 0};
  int32_t left = r->t.cols;
  for (int32_t c = 0; c < r->cols; c++) {
    if (!empty[c]) continue;
    const clf__excerpt name = clf__csv_column_name(r, c);
    clf__name_list_add(&list, name.s, strlen(name.s));
    left--;
  }
  if (left == 0 || left == r->t.cols) return CLF_OK;
  for (int32_t c = 0; c < r->cols; c++)
    if (empty[c]) CLF_TRY(clf__csv_take_out(r, c));
  return clf__table_note(&r->t, "left out, as no row has a value there: %s",
                         clf__name_list_text(&list));
}
