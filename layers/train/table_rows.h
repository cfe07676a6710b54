/* SPDX-License-Identifier: MIT */
/* table_rows.h: the rows of a table that a training is given, checked, and as a device takes them.
 * Private. */
#ifndef CLF_TABLE_ROWS_H
#define CLF_TABLE_ROWS_H
#include "clflow/train.h"
#include "flow_private.h"

typedef struct clf__table_rows {
  const clf_table *data;  /* the caller's, a copy, or `noisy` */
  const clf_table *given; /* the context, row by row; NULL: none */
  const double *weights;  /* what each row counts; NULL: 1 each */
  const char *what;       /* "" or "validation ", before "data" in messages */
  clf_table copy[2];      /* data and context in another order of columns; at NULL: as they are */
  clf_table noisy;        /* the data with noise in discrete columns; at NULL: there are none */
} clf__table_rows;

/* Points *r at the caller's tables once they are found to fit the flow.  Columns of named tables
 * are matched by name to those of `like`, if it is given: validation rows to training rows.
 * Errors: as clf_trainer_create_with() has them.  Whatever it returns, clf__rows_free() follows. */
clf_status clf__rows_open(clf__table_rows *r, const clf_flow *f, const clf__table_rows *like);
void clf__rows_free(clf__table_rows *r);

/* Noise of `seed` in the flow's discrete columns, once: the rows are uploaded again if the device
 * loses them. */
clf_status clf__rows_add_noise(clf__table_rows *r, const clf_flow *f, uint64_t seed);

/* Row `row` in the device's units: its data, its context; and the log-det of bounds that the host
 * computes.  ENUM if the flow has no density there. */
clf_status clf__rows_put(const clf__table_rows *r, const clf_flow *f, int64_t row, double *to,
                         double *logdet);

/* A checksum of all of it. */
uint64_t clf__rows_sum(const clf__table_rows *r);

#endif
