/* SPDX-License-Identifier: MIT */
/* roles.c: the use of each row of a table in a saved training. */
#include <stdlib.h>
#include "clflow/fit.h"
#include "options.h"
#include "safetensors.h"
#include "source.h"
#include "trainer.h"
#include "table.h"

/* Options and the checksum of the data; its lower half is that of separate validation rows. */
static clf_status read_file(const char *path, clf_train_options *o, uint64_t *sum) {
  clf__st *st;
  CLF_TRY(clf__st_open(path, &st));
  clf_status s = clf__get_options(st, o);
  if (!s) s = clf__st_meta_uint(st, "clflow.train.data", sum);
  clf__st_close(st);
  return s ? clf__in_file(s, path) : CLF_OK;
}

static clf_status mark(const clf_train_options *o, int64_t rows, uint8_t *role) {
  clf__source s = {.o = *o};
  CLF_TRY(clf__source_split(&s, rows));
  for (int64_t i = 0; i < rows; i++)
    role[s.index[i]] = i < s.held_out ? CLF_ROW_VALID : CLF_ROW_TRAIN;
  free(s.index);
  return CLF_OK;
}

clf_status clf_train_parts(const char *path, const clf_table *x, const clf_table *given,
                           uint8_t *role, int *same) {
  CLF_GIVEN("path, x, role, same", path, x, role, same);
  CLF_TRY(clf__table_has_rows(x));
  if (given) CLF_TRY(clf__table_has_rows(given));
  clf_train_options o = {0};
  uint64_t sum;
  CLF_TRY(read_file(path, &o, &sum));
  const uint64_t own = clf_table_checksum(x, given);
  *same = sum == own || (sum > UINT32_MAX && sum >> 32 == own);
  if (!*same) return CLF_OK;
  if (sum != own) o.valid_split = 0; /* there were separate validation rows */
  return mark(&o, x->rows, role);
}
