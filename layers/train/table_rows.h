/* SPDX-License-Identifier: MIT */
/* table_rows.h: the rows of a table for training: checks, and conversion for the device.
 * Private. */
#ifndef CLF_TABLE_ROWS_H
#define CLF_TABLE_ROWS_H
#include "clflow/train.h"
#include "flow_private.h"

typedef struct clf__table_rows {
  const clf_table *data;  /* the caller's, a copy, or `noisy` */
  const clf_table *given; /* the context, row by row; NULL: none */
  const double *weights;  /* weights; NULL: all 1 */
  const char *what;       /* "" or "validation ", before "data" in messages */
  clf_table copy[2];      /* data and context with reordered columns; at NULL: not reordered */
  clf_table noisy; /* the data with noise in discrete columns; at NULL: no discrete columns */
} clf__table_rows;

/* Points *r to the caller's tables after checking that they fit the flow.  Columns of named
 * tables are matched by name with those of `like`, if given: validation rows with training rows.
 * Errors: see clf_trainer_create_with().  clf__rows_free() must be called in any case. */
clf_status clf__rows_open(clf__table_rows *r, const clf_flow *f, const clf__table_rows *like);
void clf__rows_free(clf__table_rows *r);

/* Adds noise of `seed` to the flow's discrete columns, once: the rows are uploaded again if the
 * device loses them. */
clf_status clf__rows_add_noise(clf__table_rows *r, const clf_flow *f, uint64_t seed);

/* Row `row` in the device's units: its data, its context; and the log-det of bounds that the
 * host computes.  ENUM if the flow has no density there. */
clf_status clf__rows_put(const clf__table_rows *r, const clf_flow *f, int64_t row, double *to,
                         double *logdet);

/* Checks a context (NULL: none) that `rows` samples of this name ("row", "image") have; what: as
 * above.  Errors: EINVAL (missing or not expected), ESHAPE, ENUM. */
clf_status clf__check_given_rows(const clf_flow *f, const clf_table *given, int64_t rows,
                                 const char *what, const char *sample);
/* Number j of the context of a row, as the flow takes it. */
static inline double clf__given_scaled(const clf_flow *f, const clf_table *given, int64_t row,
                                       int32_t j) {
  const double c = given->at[row * given->cols + j];
  return f->c_mean ? (c - f->c_mean[j]) / f->c_std[j] : c;
}

/* Weights of rows (NULL: none) are 0 or above, and their sum is above 0 and finite. what, which: as
 * in "validation " and "validation rows", for messages. Errors: ENUM. */
clf_status clf__check_weights(const double *weights, int64_t rows, const char *what,
                              const char *which);

/* A checksum of everything. */
uint64_t clf__rows_sum(const clf__table_rows *r);

#endif
