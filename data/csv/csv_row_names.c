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
    h->cap = h->cap ? 2 * h->cap : 1024;
    uint64_t *const at = realloc(h->at, (size_t)h->cap * sizeof *at);
    if (!at) return clf__fail(CLF_ENOMEM, "%s: no memory for the names of its rows", r->path);
    h->at = at;
  }
  h->at[h->count++] = hash_of(f);
  return CLF_OK;
}

static clf_status take_all(clf__csv *r, int32_t column, hashes *h, int *complete) {
  *complete = 1;
  while (*complete && clf__csv_step(r)) {
    clf__field f;
    *complete = clf__csv_field(r, column, &f) && f.n > 0 && !clf__csv_is_missing(&f);
    if (*complete) CLF_TRY(add(r, h, &f));
  }
  return CLF_OK;
}

static clf_status all_differ(clf__csv *r, int32_t column, int *differ) {
  const clf__csv_position here = clf__csv_tell(r);
  hashes h = {0};
  const clf_status s = take_all(r, column, &h, differ);
  clf__csv_seek(r, here);
  if (h.count) qsort(h.at, (size_t)h.count, sizeof *h.at, by_value);
  for (int64_t i = 1; *differ && i < h.count; i++) *differ = h.at[i] != h.at[i - 1];
  free(h.at);
  return s;
}

/* ---- Taking it out of the table -------------------------------------------------------------- */

static clf_status make_id(clf__csv *r, int32_t column) {
  const char *const name = r->names && *r->names[column] ? r->names[column] : "id";
  r->id = column;
  r->t.id_name = strdup(name);
  return r->t.id_name ? CLF_OK : clf__fail(CLF_ENOMEM, "%s: no memory for its columns", r->path);
}

clf_status clf__csv_take_row_names(clf__csv *r, int32_t column, int *taken) {
  char word[64];
  *taken = 0;
  if (r->t.cols < 2 || r->o->column_count) return CLF_OK;
  CLF_TRY(all_differ(r, column, taken));
  if (!*taken) return CLF_OK;
  clf__csv_column_word(r, column, word, sizeof word);
  CLF_TRY(clf__csv_take_out(r, column));
  if (r->id >= 0)
    return clf__table_note(&r->t,
                           "column %" PRId32 " has another text in every row: it is left "
                           "out, as --drop %s does",
                           column + 1, word);
  CLF_TRY(make_id(r, column));
  return clf__table_note(&r->t,
                         "column %" PRId32 " has another text in every row: it names the "
                         "rows, as --id %s does",
                         column + 1, word);
}
