/* SPDX-License-Identifier: MIT */
/* csv_columns.c: selects the columns of a text that become columns of the table. */
#define _GNU_SOURCE
#include "csv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "status.h"

static clf_status no_memory(const clf__csv *r) {
  return clf__fail(CLF_ENOMEM, "%s: no memory for its columns", r->path);
}

/* ---- Names ---------------------------------------------------------------------------- */

static clf_status no_name(clf__csv *r, int32_t c) {
  char what[96];
  r->number = r->named_by_comment ? r->said_line : r->first;
  snprintf(what, sizeof what, "the name is empty; --drop %" PRId32 " leaves the column out", c + 1);
  return clf__csv_refuse(r, c, NULL, what);
}

/* Sets r->to and r->from, and the names of the selected columns. */
static clf_status place_columns(clf__csv *r, const int32_t *from, int32_t count) {
  r->to = malloc((size_t)r->cols * sizeof *r->to);
  r->from = malloc((size_t)count * sizeof *r->from);
  r->t.names = r->names ? calloc((size_t)count, sizeof *r->t.names) : NULL;
  if (!r->to || !r->from || (r->names && !r->t.names)) return no_memory(r);
  memcpy(r->from, from, (size_t)count * sizeof *from);
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

/* Keeps the columns with names of the model; each one must be there. */
static clf_status keep_names(clf__csv *r, int32_t *from, int32_t *count,
                             const clf__name_index *model, char *there) {
  clf__name_list out = {.used = 0};
  int32_t left = 0;
  for (int32_t c = 0; c < *count; c++) {
    const char *const name = r->names[from[c]];
    const int32_t at = clf__names_find(model, name);
    if (at < 0) {
      clf__name_list_add(&out, name, strlen(name));
      continue;
    }
    there[at] = 1;
    r->like[left] = at;
    from[left++] = from[c];
  }
  *count = left;
  for (int32_t i = 0; i < model->n; i++) {
    if (there[i]) continue;
    const clf_status s = clf__column_missing(NULL, model->names[i], r->names, r->cols);
    return s == CLF_EINVAL ? CLF_ESHAPE : s;
  }
  return out.used ? clf__table_note(&r->t, "left out because the model has no such column: %s",
                                    clf__name_list_text(&out))
                  : CLF_OK;
}

static clf_status keep_by_name(clf__csv *r, int32_t *from, int32_t *count) {
  const clf_columns *const k = r->o->like;
  clf__name_index model;
  CLF_TRY(clf__names_index(k->names, k->count, &model));
  char *const there = calloc((size_t)k->count, 1);
  const clf_status s = there ? keep_names(r, from, count, &model, there) : no_memory(r);
  free(there);
  free(model.at);
  return s;
}

/* Takes as many columns as the model has as the model's, in order. */
static clf_status keep_by_place(clf__csv *r, int32_t count) {
  const clf_columns *const k = r->o->like;
  clf__name_list list = {.used = 0};
  for (int32_t c = 0; c < count; c++) r->like[c] = c;
  if (r->names || !k->names) return CLF_OK;
  for (int32_t c = 0; c < count; c++) clf__name_list_add(&list, k->names[c], strlen(k->names[c]));
  return clf__table_note(&r->t, "no header names the columns; they are taken as the model's: %s",
                         clf__name_list_text(&list));
}

/* Keeps only the columns of o->like; r->like has their indices. */
static clf_status keep_alike(clf__csv *r, int32_t *from, int32_t *count) {
  const clf_columns *const k = r->o->like;
  const int titled = !r->trailing && !r->row_names && r->cols != r->usual; /* refused at a row */
  const int by_name = r->names && k->names && !titled;
  if (!by_name && *count != k->count) return CLF_OK; /* reported by the caller */
  r->like = malloc((size_t)*count * sizeof *r->like);
  if (!r->like) return no_memory(r);
  return by_name ? keep_by_name(r, from, count) : keep_by_place(r, *count);
}

/* ---- All -------------------------------------------------------------------------------- */

static clf_status find_id(clf__csv *r) {
  if (!r->o->id) return CLF_OK;
  CLF_TRY(clf__columns_find(r->path, "--id", r->o->id, r->names, r->cols, &r->id));
  r->t.id_name = strdup(r->names && *r->names[r->id] ? r->names[r->id] : "id");
  return r->t.id_name ? CLF_OK : no_memory(r);
}

/* Removes column c from the list, if it is there. */
static void remove_column(int32_t c, int32_t *from, int32_t *count) {
  int32_t left = 0;
  for (int32_t i = 0; i < *count; i++)
    if (from[i] != c) from[left++] = from[i];
  *count = left;
}

static clf_status choose(clf__csv *r, int32_t *from, int32_t count) {
  remove_column(r->id, from, &count);
  int index = 0;
  if (count > 1 && from[0] == 0) CLF_TRY(clf__csv_has_index(r, &index));
  if (index) remove_column(0, from, &count);
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

clf__excerpt clf__csv_column_name(const clf__csv *r, int64_t column) {
  const char *const name = r->names ? r->names[column] : "";
  clf__excerpt number;
  if (*name) return clf__excerpt_of(name, strlen(name));
  snprintf(number.s, sizeof number.s, "column %" PRId64, column + 1);
  return number;
}

/* ---- Taking columns out ---------------------------------------------------------------------- */

clf__name_list clf__csv_list(const clf__csv *r, const char *marked) {
  clf__name_list list = {.used = 0};
  for (int32_t c = 0; c < r->cols; c++) {
    if (!marked[c]) continue;
    const clf__excerpt name = clf__csv_column_name(r, c);
    clf__name_list_add(&list, name.s, strlen(name.s));
  }
  return list;
}

/* Columns r->from[from[0]], r->from[from[1]], ... of the file remain. */
static void renumber(clf__csv *r, const int32_t *from, int32_t count) {
  for (int32_t c = 0; c < r->cols; c++) r->to[c] = -1;
  for (int32_t c = 0; c < count; c++) {
    r->from[c] = r->from[from[c]];
    r->to[r->from[c]] = c;
  }
}

clf_status clf__csv_take_out(clf__csv *r, const char *out, const char *why, clf__name_list *list) {
  int32_t *const from = malloc((size_t)r->t.cols * sizeof *from), left = 0;
  if (!from) return no_memory(r);
  for (int32_t c = 0; c < r->t.cols; c++)
    if (!out[r->from[c]]) from[left++] = c;
  const int some = left > 0 && left < r->t.cols;
  clf_status s = some ? clf__table_pick(&r->t, from, left) : CLF_OK;
  if (some && !s) renumber(r, from, left);
  free(from);
  if (some && !s && list)
    s = clf__table_note(&r->t, "left out, %s: %s", why, clf__name_list_text(list));
  return s;
}
