/* SPDX-License-Identifier: MIT */
/* csv_numbers.c: numbers of a text, which must all have the same decimal mark. */
#define _GNU_SOURCE
#include "csv.h"

#include <math.h>
#include <string.h>

#include "columns.h"
#include "status.h"

/* "1,234" everywhere in a file may be 1.234 or 1234. */
static int is_clear(const clf__field *f) {
  const char *const comma = memchr(f->s, ',', f->n);
  const char *s = f->s + (*f->s == '+' || *f->s == '-');
  const size_t before = (size_t)(comma - s), after = (size_t)(f->s + f->n - comma) - 1;
  return after != 3 || before < 1 || before > 3 || *s == '0' || strspn(s, "0123456789") != before ||
         strspn(comma + 1, "0123456789") < 3;
}

/* Whether a number has the same decimal mark as the others. */
static int agrees(clf__csv *r, int64_t c, const clf__field *f, clf__field_kind kind) {
  if (kind == CLF_FIELD_NUMBER && memchr(f->s, '.', f->n)) {
    if (r->decimal == ',') return 0;
    if (!r->point_line) r->point_line = r->number;
  }
  if (kind != CLF_FIELD_COMMA) return 1;
  if (r->decimal == '.' || r->point_line) return 0;
  r->decimal = ',';
  if (!r->comma_line) {
    r->comma_line = r->number;
    r->comma_column = c + 1;
    r->comma_text = clf__excerpt_of(f->s, f->n);
  }
  r->comma_is_clear |= is_clear(f);
  return 1;
}

clf_status clf__csv_take_number(clf__csv *r, int64_t c, const clf__field *f, double *v) {
  const clf__field_kind kind = clf__csv_kind(r, f, v);
  if (kind == CLF_FIELD_NOT_FINITE && *v == -INFINITY && clf__takes_log_of_0(r->o)) return CLF_OK;
  if (clf__is_number(kind)) {
    if (agrees(r, c, f, kind)) return CLF_OK;
    return clf__csv_refuse_kind(r, c, f, kind == CLF_FIELD_NUMBER ? CLF_FIELD_TEXT : kind);
  }
  return clf__csv_refuse_kind(r, c, f, kind);
}
