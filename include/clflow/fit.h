/* SPDX-License-Identifier: MIT */
/* fit.h: the best density of a table that a time allows, chosen among several kinds of model.
 *
 *   clf_fit_options o = clf_fit_options_default();
 *   clf_fit(dev, &(clf_fit_data){.x = &table}, &o, NULL, NULL, &flow);
 *   puts(clf_flow_record(flow));
 *
 * Candidates are a Gaussian, Gaussian mixtures and the flows of layers/fit/fit.def.  Validation
 * rows decide which of them is the result, or which blend of them.  Test rows have no part in any
 * choice: the record of the result says what they score.  docs/fit.md describes the search. */
#ifndef CLFLOW_FIT_H
#define CLFLOW_FIT_H
#include <stdint.h>
#include "clflow/flow.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Rows ---------------------------------------------------------------------------------- */

/* What the rows of a table serve for. */
enum { CLF_ROW_TRAIN, CLF_ROW_VALID, CLF_ROW_TEST };

/* Draws what each of `rows` rows serves for, into part (rows): round(valid rows) rows validate,
 * round(test rows) rows test, and all others train.  The same seed gives the same parts.
 * Errors: EINVAL (rows < 1; shares that are below 0 or leave no row to train on). */
CLF_API clf_status clf_split_rows(int64_t rows, double valid, double test, uint64_t seed,
                                  uint8_t *part);

/* ---- The search ---------------------------------------------------------------------------- */

/* Rows to fit a density to. */
typedef struct clf_fit_data {
  const clf_table *x;     /* (N, D) */
  const clf_table *given; /* the context of each row (N, C); NULL: none */
  const double *weights;  /* N, what each row counts; NULL: all the same */
  const uint8_t *part; /* N, what each row serves for; NULL: drawn by clf_split_rows().  Where none
                          validates, some of those that train do, or folds of them */
  const char *name;    /* of the data, for the record; NULL: none */
} clf_fit_data;

/* Begin with clf_fit_options_default(). */
typedef struct clf_fit_options {
  double seconds;     /* budget; default 60 */
  uint64_t seed;      /* of parts, initial weights, order of rows and noise; default 1 */
  double valid, test; /* shares of rows; default 0.1 each */
  int refit;          /* 1: train the chosen model again, on all rows */
  int quick;          /* 1: baselines and one flow alone */
  const char *repeat; /* the record of an earlier fit, whose candidates are trained again with the
                         same numbers of steps; NULL: none */
} clf_fit_options;
CLF_API clf_fit_options clf_fit_options_default(void);

typedef struct clf_fit_progress {
  const char *name;              /* of the candidate under way */
  int64_t step, steps;           /* of its training; steps 0: it is not trained in steps */
  double seconds, budget;        /* since the fit began; in all */
  const char *best;              /* the best candidate so far; NULL: none yet */
  double best_valid, best_error; /* mean log p of its validation rows, and the standard error */
  const char *ended; /* a candidate that just ended, with the two numbers below; or NULL */
  double valid, valid_error;
  const char *note; /* a sentence about the data or the search; or NULL */
} clf_fit_progress;

/* Called a few times a second, for each note and for each candidate that ends; return non-zero to
 * end the search. */
typedef int (*clf_fit_progress_fn)(const clf_fit_progress *progress, void *context);

/* Fits a density.  The flow is the caller's; its record (clf_flow_record()) is JSON, described in
 * docs/fit.md.  A search that `report` ends gives the best so far: the status is then ESTOPPED, and
 * *flow is set unless nothing was fitted yet.
 * Errors: EINVAL (an option out of range, too few rows, a budget too short for one step, a record
 * of other data), ESHAPE, ENUM (values that are not finite, weights that are negative or all 0, a
 * column with the same value in every row), ENOMEM; *flow is then NULL. */
CLF_API clf_status clf_fit(clf_device *dev, const clf_fit_data *data,
                           const clf_fit_options *options, clf_fit_progress_fn report,
                           void *context, clf_flow **flow);

#ifdef __cplusplus
}
#endif
#endif
