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

/* "sex 11, bill_length 2"; columns without names: "column 3: 11, column 4: 2" */
static clf__name_list list_columns(const clf__csv *r, int32_t *worst) {
  clf__name_list list = {.used = 0};
  *worst = -1;
  for (int32_t c = 0; c < r->t.cols; c++) {
    char text[96], number[32];
    if (!r->lacks[c]) continue;
    if (*worst < 0 || r->alone[c] > r->alone[*worst]) *worst = c;
    snprintf(number, sizeof number, "column %" PRId32, c + 1);
    const char *const name = r->t.names ? r->t.names[c] : number;
    const int n =
        snprintf(text, sizeof text, "%s%s %" PRId64, clf__excerpt_of(name, strlen(name)).s,
                 r->t.names ? "" : ":", r->lacks[c]);
    clf__name_list_add(&list, text, (size_t)n);
  }
  return list;
}

/* The column of the file for column c of the table. */
static int64_t column_in_file(const clf__csv *r, int32_t c) {
  int64_t k = 0;
  while (r->to[k] != c) k++;
  return k;
}

clf_status clf__csv_note_missing(clf__csv *r) {
  int32_t worst;
  char word[64], keep[128] = "";
  if (!r->t.missing) return CLF_OK;
  clf__name_list list = list_columns(r, &worst);
  clf__csv_column_word(r, column_in_file(r, worst), word, sizeof word);
  if (r->t.rows == 0)
    return clf__fail(CLF_EFORMAT,
                     "%s: no row has a value in every column; missing values: %s; --drop %s leaves "
                     "that column out",
                     r->path, clf__name_list_text(&list), word);
  const int64_t total = r->at_row, missing = r->t.missing;
  if (r->o->missing == CLF_MISSING_KEEP)
    return clf__table_note(&r->t, "%" PRId64 " of %" PRId64 " rows lack values: %s", missing, total,
                           clf__name_list_text(&list));
  if (r->t.cols > 1 && 10 * missing > total && r->alone[worst] > 0)
    snprintf(keep, sizeof keep, "; --drop %s would keep %" PRId64 " of them", word,
             r->alone[worst]);
  return clf__table_note(
      &r->t, "%" PRId64 " of %" PRId64 " rows are left out because values are missing: %s%s",
      missing, total, clf__name_list_text(&list), keep);
}
