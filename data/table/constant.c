/* SPDX-License-Identifier: MIT */
/* constant.c: finds and leaves out columns that have the same value in every row. */
#include <stdlib.h>

#include "names.h"
#include "status.h"
#include "table.h"

int clf__table_is_constant(const clf_table *t, int32_t c) {
  for (int64_t i = 1; i < t->rows; i++)
    if (t->at[i * t->cols + c] != t->at[c]) return 0;
  return 1;
}

clf_status clf_table_drop_constant(clf_table *t) {
  CLF_GIVEN("t", t);
  clf__name_list list = {.used = 0};
  int32_t left = 0, *const from = malloc((size_t)t->cols * sizeof *from);
  if (!from) return clf__fail(CLF_ENOMEM, "no memory to leave out columns");
  for (int32_t c = 0; c < t->cols; c++) {
    if (clf__table_is_constant(t, c))
      clf__name_list_add_column(&list, t->names, c);
    else
      from[left++] = c;
  }
  const int32_t dropped = t->cols - left;
  clf_status s = CLF_OK;
  if (dropped && left) {
    s = clf__table_pick(t, from, left);
    if (!s)
      s = clf__table_note(t, "left out, as every row has the same value there: %s",
                          clf__name_list_text(&list));
  }
  free(from);
  return s;
}
