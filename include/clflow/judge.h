/* SPDX-License-Identifier: MIT */
/* judge.h: what the log-densities of rows say: which of two models is better, which rows are
 * strange, and whether a model's samples are distributed as the data are.
 *
 *   clf_log_prob(a, x, n, logp_a);
 *   clf_log_prob(b, x, n, logp_b);
 *   clf_comparison c = clf_compare(logp_a, logp_b, n);
 *   printf("A - B: %g +- %g nats a row\n", c.mean, c.std_error);
 *
 * A row with a missing value has no density; its log p is NaN here, and it counts nowhere. */
#ifndef CLFLOW_JUDGE_H
#define CLFLOW_JUDGE_H
#include "clflow/flow.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Two models on the same rows -------------------------------------------- */

typedef enum clf_winner {
  CLF_NO_DIFFERENCE, /* within two standard errors */
  CLF_FIRST_BETTER,
  CLF_SECOND_BETTER,
  CLF_UNDECIDED /* each has rows of zero density where the other has none, or no row is left */
} clf_winner;

/* Of d = log p(row | first) - log p(row | second), in nats.  Rows are paired, so that what makes a
 * row hard for both models cancels. */
typedef struct clf_comparison {
  int64_t rows, missing;           /* with a density; where a log p is NaN */
  int64_t first, second, equal;    /* rows whose density is larger under ...; these are all */
  int64_t zero_first, zero_second; /* rows of zero density under this model alone */
  int64_t zero_both;               /* under both */
  int64_t paired;                  /* rows with a density under both */
  double mean, std_error;          /* of d over these; NaN of none; the error is NaN of one */
  clf_winner winner;               /* rows of zero density decide before the mean does */
} clf_comparison;

/* n log-densities under each model, -inf where the density is zero. */
CLF_API clf_comparison clf_compare(const double *first, const double *second, int64_t n);

/* ---- Places among others ---------------------------------------------------- */

/* Where each of n numbers stands among m others, in percent: the share of those below it, and half
 * of those equal to it.  NaN among the others counts nowhere and has no place: NaN.  `values` and
 * `others` may be the same array.  Errors: EINVAL, ENOMEM. */
CLF_API clf_status clf_percentiles(const double *values, int64_t n, const double *others, int64_t m,
                                   double *percent);
/* 1 for the smallest of n numbers, the same for equal ones; 0 for NaN. */
CLF_API clf_status clf_ranks(const double *values, int64_t n, int64_t *rank);

/* The same among `samples` log-densities of the flow's own samples, for n rows whose log p is
 * given: the share of the probability that lies where the density is lower than at the row.  A flow
 * with a context, c (n, C), else NULL, is sampled that often for each of the different contexts.
 * Errors: as clf_log_prob() and clf_sample(). */
CLF_API clf_status clf_model_percentiles(clf_flow *flow, const double *c, const double *logp,
                                         int64_t n, uint64_t seed, int64_t samples,
                                         double *percent);

/* ---- Calibration ------------------------------------------------------------------------------
 */

/* Kolmogorov and Smirnov's test of whether two sets of numbers come from the same distribution. */
typedef struct clf_deviation {
  int64_t n, m;    /* numbers in each set, without NaN */
  double distance; /* largest difference between the two distribution functions, 0 to 1 */
  double p_value;  /* probability of such a distance, or a larger one, if they are the same */
} clf_deviation;

/* p by the asymptotic distribution with Stephens' correction for small sets (1970, "Use of the
 * Kolmogorov-Smirnov, Cramer-von Mises and related statistics without extensive tables"); with many
 * equal numbers, as in discrete columns, p is too large rather than too small.
 * Errors: EINVAL (a set without numbers), ENOMEM. */
CLF_API clf_status clf_deviation_of(const double *a, int64_t n, const double *b, int64_t m,
                                    clf_deviation *deviation);

/* Compares n rows x (n, D), and of a flow with a context c (n, C), else NULL, with `samples`
 * samples of the flow: each column, and log p.  Of a flow with a context a row is compared with
 * samples under its own context, at least 20 of them: its place among them is uniform if the flow
 * is right, and m is their number.  Up to 2000 rows are taken then, evenly spaced.  Rows with NaN
 * are left out.  columns (D) may be NULL.  Errors: as clf_log_prob() and clf_sample(). */
CLF_API clf_status clf_calibrate(clf_flow *flow, const double *x, const double *c, int64_t n,
                                 uint64_t seed, int64_t samples, clf_deviation *logp,
                                 clf_deviation *columns);

typedef enum clf_fit_verdict {
  CLF_FITS,        /* nothing beyond chance: p x (D + 1) is at least 0.01 (Bonferroni) everywhere */
  CLF_FITS_NEARLY, /* more than chance, by a distance below 0.1 */
  CLF_FITS_BADLY
} clf_fit_verdict;
/* *worst: the column (from 0) that deviates most, -1 where it is log p.  columns may be NULL with
 * dim 0. */
CLF_API clf_fit_verdict clf_calibration_verdict(const clf_deviation *logp,
                                                const clf_deviation *columns, int32_t dim,
                                                int32_t *worst);

#ifdef __cplusplus
}
#endif
#endif
