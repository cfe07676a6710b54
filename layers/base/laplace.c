/* SPDX-License-Identifier: MIT */
/* laplace.c: a Laplace distribution in each column. */
#include "column.h"

static clf_status make(clf__base *b, clf__slots *slots, const char *path) {
  const clf__arch_laplace *a = (const clf__arch_laplace *)b->node;
  const clf__column_setup s = {.kind = CLF_COLUMN_laplace,
                               .source = a->trained ? CLF_COLUMN_TRAINED : CLF_COLUMN_FIXED,
                               .loc = "loc",
                               .log_scale = "log_scale"};
  return clf__column_make(b, slots, path, &s);
}

const clf__base_ops clf__base_laplace = {.name = "laplace", .make = make, CLF_COLUMN_BASE};
