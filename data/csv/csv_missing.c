/* SPDX-License-Identifier: MIT */
/* csv_missing.c: finds, counts and leaves out rows with missing values. */
#define _GNU_SOURCE
#include "csv.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

clf_status clf__csv_begin_missing(clf__csv *r) {
  if (r->o->missing == CLF_MISSING_REFUSE) return CLF_OK;
  r->lacks = calloc((size_t)r->t.cols, sizeof *r->lacks);
  r->alone = calloc((size_t)r->t.cols, sizeof *r->alone);
  return r->lacks && r->alone
             ? CLF_OK
             : clf__fail(CLF_ENOMEM, "%s: no memory for %" PRId32 " columns", r->path, r->t.cols);
}

/* A label of the model that looks like a missing value, "none", is a label. */
int clf__csv_lacks(const clf__csv *r, int32_t c, const clf__field *f) {
  if (!r->lacks || !(f->n == 0 || clf__csv_is_missing(f))) return 0;
  if (!r->like || f->n == 0) return 1;
  return !clf__csv_is_label(r, c, f);
}

int clf__csv_count_missing(clf__csv *r, const double *row) {
  int32_t count = 0, last = 0;
  for (int32_t c = 0; r->lacks && c < r->t.cols; c++) {
    if (!isnan(row[c])) continue;
    r->lacks[c]++;
    count++;
    last = c;
  }
  if (!count) return 1;
  if (count == 1) r->alone[last]++;
  r->t.missing++;
  return r->o->missing == CLF_MISSING_KEEP;
}

/* ---- Which columns to leave out ----------------------------------------------------------- */

/* A column of the table and the rows without a value there. */
typedef struct lack {
  int64_t rows, alone; /* alone: with values in all other columns */
  int32_t column;
} lack;

/* Columns of the table, those that lack most values first. */
typedef struct ranks {
  lack *at;      /* (cols) */
  int32_t *rank; /* (cols) of each column in `at` */
  int64_t *rows; /* (cols + 1) rows by the number of leading columns to leave out until no value is
                    missing */
} ranks;

static void free_ranks(ranks *k) {
  free(k->at);
  free(k->rank);
  free(k->rows);
}

static int by_lack(const void *a, const void *b) {
  const lack *const x = a, *const y = b;
  if (x->rows != y->rows) return x->rows < y->rows ? 1 : -1;
  if (x->alone != y->alone) return x->alone < y->alone ? 1 : -1;
  return x->column - y->column;
}

static clf_status rank_columns(const clf__csv *r, ranks *k) {
  const size_t n = (size_t)r->t.cols;
  *k = (ranks){malloc(n * sizeof *k->at), malloc(n * sizeof *k->rank),
               calloc(n + 1, sizeof *k->rows)};
  if (!k->at || !k->rank || !k->rows)
    return clf__fail(CLF_ENOMEM, "%s: no memory for %" PRId32 " columns", r->path, r->t.cols);
  for (int32_t c = 0; c < r->t.cols; c++) k->at[c] = (lack){r->lacks[c], r->alone[c], c};
  qsort(k->at, n, sizeof *k->at, by_lack);
  for (int32_t i = 0; i < r->t.cols; i++) k->rank[k->at[i].column] = i;
  return CLF_OK;
}

/* The number of leading columns to leave out until no value of the current line is missing. */
static int32_t columns_that_lack(const clf__csv *r, const ranks *k) {
  int32_t last = -1;
  char *p = r->line;
  for (int32_t c = 0; p && c < r->cols; c++) {
    clf__field f;
    p = clf__csv_take(r->delim, p, r->close, &f);
    const int32_t to = r->to[c];
    if (to >= 0 && k->rank[to] > last && clf__csv_lacks(r, to, &f)) last = k->rank[to];
  }
  return last + 1;
}

/* Sets `drop` to the columns without which most values remain, "3,Ozone", and returns how many
 * more rows are then complete; 0: there are none, or the list is long. */
static int64_t find_drop(clf__csv *r, const ranks *k, char *drop, size_t size) {
  int64_t more = 0, best = 0;
  int32_t count = 0;
  size_t n = 0;
  double most = 0;
  for (int32_t i = 1; i < r->t.cols; i++) {
    more += k->rows[i];
    const double values = (double)(k->rows[0] + more) * (r->t.cols - i);
    if (more == 0 || values <= most) continue;
    most = values;
    best = more;
    count = i;
  }
  *drop = 0;
  for (int32_t i = 0; i < count; i++) {
    const int64_t c = r->from[k->at[i].column];
    if (n + 48 > size) return 0;
    if (i) drop[n++] = ',';
    n += (size_t)clf__csv_column_word(r, c, drop + n, size - n);
  }
  return best;
}

/* Reads all lines again, from `first` on. */
static clf_status advise_drop(clf__csv *r, clf__csv_position first, char *drop, size_t size,
                              int64_t *more) {
  const clf__csv_position here = clf__csv_tell(r);
  ranks k;
  const clf_status s = rank_columns(r, &k);
  clf__csv_seek(r, first);
  while (!s && clf__csv_step(r)) k.rows[columns_that_lack(r, &k)]++;
  clf__csv_seek(r, here);
  if (!s) *more = find_drop(r, &k, drop, size);
  free_ranks(&k);
  return s;
}

/* ---- The note ------------------------------------------------------------------------------- */

/* "sex 11, bill_length 2"; columns without names: "column 3: 11, column 4: 2" */
static clf__name_list list_columns(const clf__csv *r) {
  clf__name_list list = {.used = 0};
  for (int32_t c = 0; c < r->t.cols; c++) {
    char text[96];
    if (!r->lacks[c]) continue;
    const clf__excerpt name = clf__csv_column_name(r, r->from[c]);
    const int n =
        snprintf(text, sizeof text, "%s%s %" PRId64, name.s, r->t.names ? "" : ":", r->lacks[c]);
    clf__name_list_add(&list, text, (size_t)n);
  }
  return list;
}

clf_status clf__csv_note_missing(clf__csv *r, clf__csv_position first) {
  const int64_t total = r->at_row, missing = r->t.missing;
  char drop[512], advice[600] = "";
  int64_t more = 0;
  if (!missing) return CLF_OK;
  clf__name_list list = list_columns(r);
  if (r->o->missing == CLF_MISSING_KEEP)
    return clf__table_note(&r->t, "%" PRId64 " of %" PRId64 " rows lack values: %s", missing, total,
                           clf__name_list_text(&list));
  if (10 * missing > total) CLF_TRY(advise_drop(r, first, drop, sizeof drop, &more));
  if (more)
    snprintf(advice, sizeof advice, "; --drop %s would keep %" PRId64 " of them", drop, more);
  if (r->t.rows == 0)
    return clf__fail(CLF_EFORMAT,
                     "%s: none of %" PRId64
                     " rows has a value in every column; missing values: %s%s",
                     r->path, total, clf__name_list_text(&list), advice);
  return clf__table_note(
      &r->t, "%" PRId64 " of %" PRId64 " rows are left out because values are missing: %s%s",
      missing, total, clf__name_list_text(&list), advice);
}
