/* SPDX-License-Identifier: MIT */
/* table_match.c: reorders the columns of a table to match other names. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "names.h"
#include "status.h"
#include "table.h"

/* ---- Missing columns ------------------------------------------------------------------------- */

/* The names with the smallest edit distance, if it is small enough. */
clf_status clf__column_missing(const char *path, const char *name, char *const *names, int32_t n) {
  enum { LOOKED_AT = 10000 };
  clf__name_list near = {.used = 0}, all = {.used = 0};
  int minimum = INT_MAX;
  for (int32_t c = 0; c < n && c < LOOKED_AT; c++) {
    const int distance = clf__name_distance(name, names[c]);
    if (distance < minimum) near = (clf__name_list){.used = 0};
    if (distance < minimum) minimum = distance;
    if (distance == minimum) clf__name_list_add(&near, names[c], strlen(names[c]));
  }
  for (int32_t c = 0; c < n; c++) clf__name_list_add(&all, names[c], strlen(names[c]));
  const int length = (int)strlen(name);
  const int close = minimum < length && minimum <= (length < 4 ? 1 : length / 2);
  return clf__fail(CLF_EINVAL, "%s%sno column is named \"%s\"; the %s: %s", path ? path : "",
                   path ? ": " : "", clf__excerpt_of(name, strlen(name)).s,
                   close ? "nearest is" : "columns are",
                   close ? clf__name_list_text(&near) : clf__name_list_text(&all));
}

/* ---- Matching ---------------------------------------------------------------------- */

static clf_status find_all(const clf_table *t, char *const *names, int32_t count, int32_t *from) {
  clf__name_index index;
  CLF_TRY(clf__names_index(t->names, t->cols, &index));
  clf_status s = CLF_OK;
  for (int32_t c = 0; c < count && !s; c++) {
    from[c] = clf__names_find(&index, names[c]);
    if (from[c] < 0) s = clf__column_missing(NULL, names[c], t->names, t->cols);
  }
  free(index.at);
  return s;
}

/* Before columns are selected: notes which ones are left out, and whether the others are
 * reordered. */
static clf_status note(clf_table *t, const int32_t *from, int32_t count) {
  clf__name_list out = {.used = 0}, order = {.used = 0};
  char *const taken = calloc((size_t)t->cols, 1);
  if (!taken) return clf__fail(CLF_ENOMEM, "no memory for %d columns", (int)t->cols);
  int reordered = 0;
  for (int32_t c = 0; c < count; c++) {
    taken[from[c]] = 1;
    reordered |= c && from[c] < from[c - 1];
    clf__name_list_add(&order, t->names[from[c]], strlen(t->names[from[c]]));
  }
  for (int32_t c = 0; c < t->cols; c++)
    if (!taken[c]) clf__name_list_add(&out, t->names[c], strlen(t->names[c]));
  free(taken);
  if (out.used)
    CLF_TRY(clf__table_note(t, "left out because the model has no such column: %s",
                            clf__name_list_text(&out)));
  return reordered ? clf__table_note(t, "columns are put in the model's order by name: %s",
                                     clf__name_list_text(&order))
                   : CLF_OK;
}

static int is_identity(const int32_t *from, int32_t count, int32_t cols) {
  for (int32_t c = 0; c < count; c++)
    if (from[c] != c) return 0;
  return count == cols;
}

static clf_status check_names(const clf_table *t) {
  for (int32_t c = 0; c < t->cols; c++)
    if (!t->names[c])
      return clf__fail(CLF_EINVAL, "column %d has no name, others have one", (int)c + 1);
  return CLF_OK;
}

clf_status clf_table_match(clf_table *t, char *const *names, int32_t count) {
  CLF_GIVEN("t", t);
  if (!t->names || !names || count < 1) return CLF_OK;
  CLF_TRY(check_names(t));
  int32_t *const from = malloc((size_t)count * sizeof *from);
  if (!from) return clf__fail(CLF_ENOMEM, "no memory for %d columns", (int)count);
  clf_status s = find_all(t, names, count, from);
  if (!s && !is_identity(from, count, t->cols)) {
    s = note(t, from, count);
    if (!s) s = clf__table_pick(t, from, count);
  }
  free(from);
  return s;
}
