/* SPDX-License-Identifier: MIT */
/* classes.c: a normal distribution with a trained diagonal for each class. */
#include "column.h"

static clf_status make(clf__base *b, clf__slots *slots, const char *path) {
  const clf__arch_classes *a = (const clf__arch_classes *)b->node;
  const clf__column_setup s = {.kind = CLF_COLUMN_normal,
                               .source = CLF_COLUMN_OF_CLASS,
                               .loc = "mean",
                               .log_scale = "log_std",
                               .classes = a->count};
  return clf__column_make(b, slots, path, &s);
}

const clf__base_ops clf__base_classes = {.name = "classes", .make = make, CLF_COLUMN_BASE};
