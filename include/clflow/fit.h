/* SPDX-License-Identifier: MIT */
/* fit.h: the best density of a table that a time allows, chosen among several kinds of model. */
#ifndef CLFLOW_FIT_H
#define CLFLOW_FIT_H
#include <stdint.h>
#include "clflow/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the rows of a table serve for. */
enum { CLF_ROW_TRAIN, CLF_ROW_VALID, CLF_ROW_TEST };

/* Draws what each of `rows` rows serves for, into part (rows): round(valid rows) rows validate,
 * round(test rows) rows test, and all others train.  The same seed gives the same parts.
 * Errors: EINVAL (rows < 1; shares that are below 0 or leave no row to train on). */
CLF_API clf_status clf_split_rows(int64_t rows, double valid, double test, uint64_t seed,
                                  uint8_t *part);

#ifdef __cplusplus
}
#endif
#endif
