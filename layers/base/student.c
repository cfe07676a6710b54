/* SPDX-License-Identifier: MIT */
/* student.c: Student's t in each column. */
#include "column.h"

static clf_status make(clf__base *b, clf__slots *slots, const char *path) {
  const clf__arch_student *a = (const clf__arch_student *)b->node;
  const clf__column_setup s = {.kind = a->trained ? CLF_COLUMN_student_free : CLF_COLUMN_student,
                               .source = a->trained ? CLF_COLUMN_TRAINED : CLF_COLUMN_FIXED,
                               .shape = a->df,
                               .loc = "loc",
                               .log_scale = "log_scale"};
  return clf__column_make(b, slots, path, &s);
}

const clf__base_ops clf__base_student = {.name = "student", .make = make, CLF_COLUMN_BASE};
