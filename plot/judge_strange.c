/* SPDX-License-Identifier: MIT */
/* judge_strange.c: the rows with the lowest log p, and the columns responsible. */
#include "fail.h"
#include "judge.h"
#include "statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Inserts the row among the lowest so far, in ascending order; ties keep their order. */
static void consider(clf__facts *f, int set, int64_t row) {
  const double logp = f->set[set].logp[row];
  int at = f->strange_count;
  while (at > 0 && f->strange[at - 1].logp > logp) at--;
  if (at == CLF__STRANGE_ROWS) return;
  if (f->strange_count < CLF__STRANGE_ROWS) f->strange_count++;
  memmove(&f->strange[at + 1], &f->strange[at],
          (size_t)(f->strange_count - at - 1) * sizeof *f->strange);
  f->strange[at] = (clf__strange){.set = set, .row = row, .logp = logp, .share = NAN};
}

static clf_status explain(clf__facts *f, clf__strange *s) {
  const clf_report_rows *const r = f->set[s->set].rows;
  const double *const c = f->context ? r->given->at + s->row * f->context : NULL;
  if (!f->draws) {
    int64_t below, equal;
    clf__count_below(f->sample_logp, f->samples, s->logp, &below, &equal);
    s->share = (double)below / (double)f->samples;
  }
  return clf_strange_columns(f->flow, r->x->at + s->row * f->dim, c, 1, f->source->seed, s->gain,
                             s->instead);
}

clf_status clf__judge_strange(clf__facts *f) {
  for (int set = 0; set < CLF__SETS; set++)
    for (int64_t i = 0; i < f->set[set].n; i++) consider(f, set, i);
  const size_t D = (size_t)f->dim;
  f->strange_numbers = calloc(2 * CLF__STRANGE_ROWS * D, sizeof *f->strange_numbers);
  if (!f->strange_numbers) return clf__plot_fail(CLF_ENOMEM, "no memory for the strangest rows");
  for (int k = 0; k < f->strange_count; k++) {
    f->strange[k].gain = f->strange_numbers + 2 * (size_t)k * D;
    f->strange[k].instead = f->strange[k].gain + D;
    CLF_TRY(explain(f, &f->strange[k]));
  }
  return CLF_OK;
}
