/* SPDX-License-Identifier: MIT */
/* csv_row_names.c: finds columns of texts that name the rows, as --id does: no two are equal. */
#define _GNU_SOURCE
#include "csv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "status.h"

/* ---- Whether all fields of a column differ ------------------------------------------------- */

typedef struct hashes {
  uint64_t *at;
  int64_t count, cap;
} hashes;

/* That two of 10^6 different texts have the same hash has probability 3e-8. */
static uint64_t hash_of(const clf__field *f) { return clf__hash_bytes(CLF_HASH_BEGIN, f->s, f->n); }

static int by_value(const void *a, const void *b) {
  const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

static clf_status add(const clf__csv *r, hashes *h, const clf__field *f) {
  if (h->count == h->cap) {
    h->cap = h->cap ? 2 * h->cap : 256;
    uint64_t *const at = realloc(h->at, (size_t)h->cap * sizeof *at);
    if (!at) return clf__fail(CLF_ENOMEM, "%s: no memory for the names of its rows", r->path);
    h->at = at;
  }
  h->at[h->count++] = hash_of(f);
  return CLF_OK;
}

/* Clears differ[c] where the current line has no text. */
static clf_status take_line(const clf__csv *r, char *differ, hashes *of) {
  char *p = r->line;
  for (int32_t c = 0; c < r->cols; c++) {
    clf__field f = {.n = 0};
    if (p) p = clf__csv_take(r->delim, p, r->close, &f);
    if (!differ[c]) continue;
    differ[c] = !f.fault && f.n > 0 && !clf__csv_is_missing(&f);
    if (differ[c]) CLF_TRY(add(r, &of[c], &f));
  }
  return CLF_OK;
}

static int all_differ(hashes *h) {
  if (h->count) qsort(h->at, (size_t)h->count, sizeof *h->at, by_value);
  for (int64_t i = 1; i < h->count; i++)
    if (h->at[i] == h->at[i - 1]) return 0;
  return 1;
}

/* Clears differ[c] where two rows of column c have the same text, or a row has none. */
static clf_status keep_different(clf__csv *r, char *differ) {
  const clf__csv_position here = clf__csv_tell(r);
  hashes *const of = calloc((size_t)r->cols, sizeof *of);
  clf_status s =
      of ? CLF_OK : clf__fail(CLF_ENOMEM, "%s: no memory for the names of its rows", r->path);
  while (!s && clf__csv_step(r)) s = take_line(r, differ, of);
  clf__csv_seek(r, here);
  for (int32_t c = 0; of && c < r->cols; c++) {
    if (!s && differ[c]) differ[c] = (char)all_differ(&of[c]);
    free(of[c].at);
  }
  free(of);
  return s;
}

/* ---- Taking them out of the table ------------------------------------------------------------ */

static clf_status make_id(clf__csv *r, int32_t column) {
  char word[64];
  const char *const name = r->names && *r->names[column] ? r->names[column] : "id";
  r->id = column;
  r->t.id_name = strdup(name);
  if (!r->t.id_name) return clf__fail(CLF_ENOMEM, "%s: no memory for its columns", r->path);
  clf__csv_column_word(r, column, word, sizeof word);
  return clf__table_note(
      &r->t, "column %" PRId32 " has another text in every row: it names the rows, as --id %s does",
      column + 1, word);
}

/* The first column with marked[c] becomes the id. */
static clf_status take_id(clf__csv *r, char *marked) {
  char *const id = calloc((size_t)r->cols, 1);
  if (!id) return clf__fail(CLF_ENOMEM, "%s: no memory for its columns", r->path);
  const int32_t column = (int32_t)((char *)memchr(marked, 1, (size_t)r->cols) - marked);
  marked[column] = 0;
  id[column] = 1;
  clf_status s = make_id(r, column);
  if (!s) s = clf__csv_take_out(r, id, NULL, NULL);
  free(id);
  return s;
}

static clf_status take(clf__csv *r, char *marked) {
  int32_t count = 0;
  CLF_TRY(keep_different(r, marked));
  for (int32_t c = 0; c < r->cols; c++) count += marked[c];
  if (count == 0 || count == r->t.cols) return CLF_OK;
  if (r->id < 0) CLF_TRY(take_id(r, marked));
  clf__name_list list = clf__csv_list(r, marked);
  return clf__csv_take_out(r, marked, "with another text in every row", &list);
}

clf_status clf__csv_take_row_names(clf__csv *r, const char *texts) {
  if (r->o->column_count || !memchr(texts, 1, (size_t)r->cols)) return CLF_OK;
  char *const marked = malloc((size_t)r->cols);
  if (!marked) return clf__fail(CLF_ENOMEM, "%s: no memory for its columns", r->path);
  memcpy(marked, texts, (size_t)r->cols);
  const clf_status s = take(r, marked);
  free(marked);
  return s;
}
