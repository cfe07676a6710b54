/* SPDX-License-Identifier: MIT */
/* fit.h: finds the best density of a table within a time limit, among several kinds of models.
 *
 *   clf_fit_options o = clf_fit_options_default();
 *   clf_fit(dev, &(clf_fit_data){.x = &table}, &o, NULL, NULL, &flow);
 *   puts(clf_flow_record(flow));
 *
 * Candidates are a Gaussian, Gaussian mixtures and the flows of layers/fit/fit.def.  Validation
 * rows decide which candidate, or which blend of candidates, is the result.  Test rows influence
 * no choice: the record of the result has their score.  docs/fit.md describes the search. */
#ifndef CLFLOW_FIT_H
#define CLFLOW_FIT_H
#include <stdint.h>
#include "clflow/flow.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Rows ---------------------------------------------------------------------------------- */

/* The use of a row of a table. */
enum { CLF_ROW_TRAIN, CLF_ROW_VALID, CLF_ROW_TEST };

/* Draws the use of each of `rows` rows into role (rows): round(valid rows) rows are for
 * validation, round(test rows) for testing, and all others for training.  The same seed gives
 * the same split.
 * Errors: EINVAL (rows < 1; shares below 0, or that leave no row for training). */
CLF_API clf_status clf_split_rows(int64_t rows, double valid, double test, uint64_t seed,
                                  uint8_t *role);

/* ---- The search ---------------------------------------------------------------------------- */

/* Rows to fit a density to. */
typedef struct clf_fit_data {
  const clf_table *x;     /* (N, D) */
  const clf_table *given; /* the context of each row (N, C); NULL: none */
  const double *weights;  /* N, the weight of each row; NULL: all equal */
  const uint8_t *part; /* N, the use of each row; NULL: drawn by clf_split_rows().  If none is for
                          validation, some training rows are used for it, or cross-validation */
  const char *name;    /* of the data, for the record; NULL: none */
  clf_more more[4];    /* 0 */
} clf_fit_data;

/* Begin with clf_fit_options_default(). */
typedef struct clf_fit_options {
  double seconds;     /* time limit; default 60 */
  uint64_t seed;      /* for the split, initial weights, order of rows and noise; default 1 */
  double valid, test; /* shares of rows; default 0.1 each */
  int refit;          /* 1: retrain the chosen model on all rows */
  int quick;          /* 1: only baselines and one flow */
  const char *repeat; /* the record of an earlier fit: its candidates are trained with the same
                         numbers of steps; NULL: none */
  clf_more more[8];   /* further options, by name; 0 */
} clf_fit_options;
CLF_API clf_fit_options clf_fit_options_default(void);
/* Sets an option by its name, the member's, from text; of `repeat` the text itself is used, until
 * the fit ends.  EINVAL: there is no such option (names the nearest), or the value is of another
 * type; the options are then unchanged.  clf_fit() checks ranges. */
CLF_API clf_status clf_fit_options_set(clf_fit_options *options, const char *name,
                                       const char *value);

/* Where a search stands. */
typedef struct clf_fit_progress {
  const char *name;              /* of the candidate being trained */
  int64_t step, steps;           /* of its training; steps 0: its training has no steps */
  double seconds, budget;        /* since the fit began; the time limit */
  const char *best;              /* the best candidate so far; NULL: none yet */
  double best_valid, best_error; /* mean log p of its validation rows, and the standard error */
  const char *ended; /* a candidate that was just completed, with the two numbers below; or NULL */
  double valid, valid_error; /* mean log p of its validation rows, and the standard error */
  const char *note;          /* a sentence about the data or the search; or NULL */
} clf_fit_progress;

/* Called a few times per second, for each note and for each completed candidate; return non-zero
 * to end the search. */
typedef int (*clf_fit_progress_fn)(const clf_fit_progress *progress, void *context);

/* Fits a density.  The caller owns the flow; its record (clf_flow_record()) is JSON, described
 * in docs/fit.md.  If `report` ends the search, the result is the best model so far: the status
 * is ESTOPPED, and *flow is set unless nothing was fitted yet.
 * Errors: EINVAL (an option out of range, too few rows, a time limit too short for one step, a
 * record of other data), ESHAPE, ENUM (non-finite values, weights that are negative or all 0, a
 * column with the same value in every row), ENOMEM; *flow is then NULL. */
CLF_API clf_status clf_fit(clf_device *dev, const clf_fit_data *data,
                           const clf_fit_options *options, clf_fit_progress_fn report,
                           void *context, clf_flow **flow);

#ifdef __cplusplus
}
#endif
#endif
