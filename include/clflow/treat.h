/* SPDX-License-Identifier: MIT */
/* treat.h: which columns of a table should be rescaled before a flow learns them: heavy tails,
 * outliers, positive and skewed columns, bounded columns. */
#ifndef CLFLOW_TREAT_H
#define CLFLOW_TREAT_H
#include "clflow/data.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The layer of arch.def for a column; all of them accept every number, so that rows beyond those
 * examined have a finite density. */
typedef enum clf_treatment_kind {
  CLF_TREAT_NONE,
  CLF_TREAT_LOG,   /* softlog(a, b) */
  CLF_TREAT_LOGIT, /* softlogit(a, b, c) */
  CLF_TREAT_ASINH  /* asinh(a, b) */
} clf_treatment_kind;

/* What is done to one column. */
typedef struct clf_treatment {
  clf_treatment_kind kind; /* the layer, or none */
  double a, b, c;          /* members of the layer, rounded to a hundredth of the column's spread */
  double gain;             /* improvement of the column's log-density, nats per row; 0 for none */
  char sentence[320];      /* what was found, with figures, and what is done; "": nothing to say */
} clf_treatment;

/* What is done to a table. */
typedef struct clf_treatments {
  int32_t cols;          /* columns of the table */
  clf_treatment *column; /* (cols) */
  char *head; /* "columns(0: softlog(0, 0.5), 3: asinh(1.2, 4)), standardize": the first layers of
                 an architecture; "standardize" if no column is treated */
} clf_treatments;

/* Chooses a treatment for each column of a table, from `count` rows `index`, or from all rows if
 * index is NULL.  grid: one per column, or NULL: columns with a step are judged with noise within
 * the step, as flows learn them.  Categories and booleans (t->columns) are not treated.
 *
 * Of up to 2000 rows (500 in wide tables), a mixture of one to three normal distributions is fitted
 * to one half of a column and evaluated on the other, without and with each map, including the
 * map's log-det; and vice versa.  The best map is chosen if its gain is at least three standard
 * errors and 0.02 nats per row.  A logit also needs 1 % of the rows near each bound, and a gain of
 * 0.12 nats unless 15 % are.  Values that repeat in more than 1 % of the rows count as 1 %, since a
 * map cannot change a point mass.
 *
 * asinh is always chosen if single values would dominate what a flow learns: if the standard
 * deviation of all rows is more than three times that estimated from the middle 90 % (98 % from 500
 * rows on) for a normal distribution, or a value is more than 10 such spreads from the median.
 *
 * Errors: EINVAL (no rows, an index out of range), ENUM (a non-finite value), ENOMEM. */
CLF_API clf_status clf_table_treat(const clf_table *t, const int64_t *index, int64_t count,
                                   const clf_column_grid *grid, clf_treatments *out);
CLF_API void clf_treatments_free(clf_treatments *treatments); /* frees the members only */

#ifdef __cplusplus
}
#endif
#endif
