/* SPDX-License-Identifier: MIT */
/* cauchy.c: a Cauchy distribution in each column, which is Student's t distribution with one degree
 * of freedom: the base of docs/extend/base.md. */
#include "column.h"

static clf_status make(clf__base *b, clf__slots *slots, const char *path) {
  const clf__column_setup s = {.kind = CLF_COLUMN_student, .source = CLF_COLUMN_FIXED, .shape = 1};
  return clf__column_make(b, slots, path, &s);
}

const clf__base_ops clf__base_cauchy = {.name = "cauchy", .make = make, CLF_COLUMN_BASE};
