/* SPDX-License-Identifier: MIT */
/* source.c: shared by all sources of samples: which rows are for validation. */
#include "source.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "names.h"
#include "options.h"

/* All rows, validation rows first, each part in the order of the data; a random choice that
 * depends only on split_seed, or on the seed if that is not set. */
static int64_t *split_rows(const clf__source *s, int64_t rows) {
  int64_t *index = malloc((size_t)rows * 2 * sizeof *index);
  if (!index) return NULL;
  int64_t *order = index + rows;
  const int64_t own = clf__option_whole(&s->o, CLF_OPTION_split_seed);
  clf__host_random r = {(own ? (uint64_t)own : s->o.seed) ^ 0x76616C6964u};
  for (int64_t i = 0; i < rows; i++) order[i] = i;
  for (int64_t i = 0; i < s->held_out; i++) { /* a partial shuffle */
    const int64_t k = i + clf__host_below(&r, rows - i), swap = order[i];
    order[i] = order[k];
    order[k] = swap;
  }
  for (int64_t i = 0; i < rows; i++) index[i] = 0;
  for (int64_t i = 0; i < s->held_out; i++) index[order[i]] = 1; /* marks */
  int64_t held = 0, kept = s->held_out;
  for (int64_t i = 0; i < rows; i++) order[index[i] ? held++ : kept++] = i;
  memcpy(index, order, (size_t)rows * sizeof *index);
  return index;
}

clf_status clf__source_split(clf__source *s, int64_t rows) {
  s->held_out = (int64_t)llround(s->o.valid_split * (double)rows);
  s->rows = rows - s->held_out;
  if (s->rows < 1 || (s->o.valid_split > 0 && s->held_out < 1))
    return clf__fail(CLF_EINVAL,
                     "valid_split %g of %lld rows leaves %lld for training and %lld for "
                     "validation; both need at least 1",
                     s->o.valid_split, (long long)rows, (long long)s->rows, (long long)s->held_out);
  s->index = split_rows(s, rows);
  return s->index ? CLF_OK
                  : clf__fail(CLF_ENOMEM, "no memory for %lld row numbers", (long long)rows);
}

clf_status clf__source_split_apart(clf__source *s, int64_t rows, int64_t valid) {
  s->o.valid_split = 0;
  CLF_TRY(clf__source_split(s, rows));
  s->held_out = valid;
  s->apart = 1;
  return CLF_OK;
}

const int64_t *clf__source_trained(const clf__source *s) {
  return s->index && !s->apart ? s->index + s->held_out : s->index;
}

/* ---- Scaling --------------------------------------------------------------------------------- */

clf_status clf__source_moments(const clf__source *s, const clf_table *data, const char *what,
                               double *v) {
  const size_t D = (size_t)data->cols;
  clf_table_moments(data, clf__source_trained(s), s->rows, v, v + D);
  for (size_t d = 0; d < D; d++)
    if (v[D + d] == 0)
      return clf__fail(CLF_ENUM,
                       "%s%s is %g in every training row: it cannot be standardised; leave it out",
                       what, clf__column_label(data->names, (int32_t)d).s, v[d]);
  return CLF_OK;
}

clf_status clf__source_fit_context(const clf__source *s, const clf_table *given) {
  clf_flow *f = s->f;
  if (!(f->standardizes & CLF_THE_CONTEXT) || f->c_mean) return CLF_OK;
  const size_t C = (size_t)f->context;
  double *v = malloc(2 * C * sizeof *v);
  if (!v) return clf__fail(CLF_ENOMEM, "no memory for the scaling of %zu columns", C);
  clf_status status = clf__source_moments(s, given, "of the context ", v);
  if (!status) status = clf__flow_set_context_scaling(f, v, v + C);
  free(v);
  return status;
}

void clf__source_free(clf__source *s) {
  if (!s) return;
  int64_t *index = s->index;
  s->ops->free(s); /* a thread may be reading it until then */
  free(index);
}
