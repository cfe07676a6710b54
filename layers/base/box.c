/* SPDX-License-Identifier: MIT */
/* box.c: uniform between two bounds, which are the same for all columns. */
#include "column.h"

static clf_status make(clf__base *b, clf__slots *slots, const char *path) {
  const clf__arch_box *a = (const clf__arch_box *)b->node;
  const clf__column_setup s = {.kind = CLF_COLUMN_box, .low = a->low, .shape = a->high};
  return clf__column_make(b, slots, path, &s);
}

const clf__base_ops clf__base_box = {.name = "box", .make = make, CLF_COLUMN_BASE};
