/* SPDX-License-Identifier: MIT */
/* treat.h: which columns of a table want another scale before a flow learns them: heavy tails and
 * outliers, positive and skewed columns, columns within bounds. */
#ifndef CLFLOW_TREAT_H
#define CLFLOW_TREAT_H
#include "clflow/data.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The layer of arch.def that a column goes through; all of them take every number, so that a row
 * beyond those that were looked at has a finite density. */
typedef enum clf_treatment_kind {
  CLF_TREAT_NONE,
  CLF_TREAT_LOG,   /* softlog(a, b) */
  CLF_TREAT_LOGIT, /* softlogit(a, b, c) */
  CLF_TREAT_ASINH  /* asinh(a, b) */
} clf_treatment_kind;

typedef struct clf_treatment {
  clf_treatment_kind kind;
  double a, b, c;     /* the layer's members, rounded to a hundredth of the column's spread */
  double gain;        /* nats a row by which the column's density became better; 0 for none */
  char sentence[320]; /* what was seen, with figures, and what is done; "": nothing to say */
} clf_treatment;

typedef struct clf_treatments {
  int32_t cols;
  clf_treatment *column; /* (cols) */
  char *head;            /* "columns(0: softlog(0, 0.5), 3: asinh(1.2, 4)), standardize": the layers
                            that begin an architecture; "standardize" if no column is treated */
} clf_treatments;

/* Chooses a treatment for each column of a table, from `count` rows `index`, or from all rows if
 * index is NULL.  grid: of each column, or NULL: a column with a step is judged with noise within
 * the step, as a flow learns it.  Categories and booleans (t->columns) are left alone.
 *
 * Of up to 2000 rows (500 in wide tables), a mixture of one to three normal distributions is fitted
 * to each half of a column and judged on the other, as the column is and after each map, with the
 * map's log-det.  The best map is chosen where its gain is at least three standard errors and 0.02
 * nats a row.  A logit also wants 1 % of the rows near each bound, and 0.12 nats unless 15 % are.
 * Values that repeat in more than 1 % of the rows count as if they were 1 %, since a map cannot
 * change a point mass.
 *
 * asinh is chosen anyway where single values would decide what a flow learns: where the standard
 * deviation of all rows is more than three times the spread of the middle 90 % (98 % from 500 rows
 * on), as of a normal distribution, or a value is more than 10 such spreads away from the median.
 *
 * Errors: EINVAL (no rows, an index out of range), ENUM (a value that is not finite), ENOMEM. */
CLF_API clf_status clf_table_treat(const clf_table *t, const int64_t *index, int64_t count,
                                   const clf_column_grid *grid, clf_treatments *out);
CLF_API void clf_treatments_free(clf_treatments *treatments); /* what it points to */

#ifdef __cplusplus
}
#endif
#endif
