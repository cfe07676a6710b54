/* SPDX-License-Identifier: MIT */
/* logistic.c: a logistic distribution in each column. */
#include "column.h"

static clf_status make(clf__base *b, clf__slots *slots, const char *path) {
  const clf__arch_logistic *a = (const clf__arch_logistic *)b->node;
  const clf__column_setup s = {.kind = CLF_COLUMN_logistic,
                               .source = a->trained ? CLF_COLUMN_TRAINED : CLF_COLUMN_FIXED,
                               .loc = "loc",
                               .log_scale = "log_scale"};
  return clf__column_make(b, slots, path, &s);
}

const clf__base_ops clf__base_logistic = {.name = "logistic", .make = make, CLF_COLUMN_BASE};
