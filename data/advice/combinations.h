/* SPDX-License-Identifier: MIT */
/* combinations.h: columns that are linear combinations of others.  Private. */
#ifndef CLF_DATA_COMBINATIONS_H
#define CLF_DATA_COMBINATIONS_H
#include <stdint.h>
#include "clflow/core.h"

enum { CLF_TERMS = 3 };
typedef struct clf__combination {
  int32_t column, of[CLF_TERMS]; /* the largest terms first */
  int32_t terms;                 /* number of terms; `of` has the first of them */
  int32_t dependent;             /* number of such columns, including this one */
} clf__combination;

/* Finds a column of which the others leave less than `tolerance` of its variance unexplained; C
 * is the correlation matrix (n, n).  dependent = 0: none.  Errors: ENOMEM. */
clf_status clf__find_combination(const double *C, int32_t n, double tolerance,
                                 clf__combination *out);

#endif
