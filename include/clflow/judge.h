/* SPDX-License-Identifier: MIT */
/* judge.h: statistics of log-densities: which of two models is better, which rows are unusual, and
 * whether the samples of a model are distributed as the data.
 *
 *   clf_log_prob(a, x, n, logp_a);
 *   clf_log_prob(b, x, n, logp_b);
 *   clf_comparison c = clf_compare(logp_a, logp_b, n);
 *   printf("A - B: %g +- %g nats per row\n", c.mean, c.std_error);
 *
 * A row with a missing value has no density; its log p is NaN here, and it is not counted. */
#ifndef CLFLOW_JUDGE_H
#define CLFLOW_JUDGE_H
#include "clflow/flow.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Two models on the same rows -------------------------------------------- */

/* Which of two models is better. */
typedef enum clf_winner {
  CLF_NO_DIFFERENCE, /* the means differ by at most two standard errors */
  CLF_FIRST_BETTER,
  CLF_SECOND_BETTER,
  CLF_UNDECIDED /* each has rows of zero density where the other has none, or no row is left */
} clf_winner;

/* Statistics of d = log p(row | first) - log p(row | second), in nats.  Rows are paired: what
 * makes a row hard for both models cancels. */
typedef struct clf_comparison {
  int64_t rows, missing;           /* with a density; with log p NaN */
  int64_t first, second, equal;    /* rows with larger density under the first, under the second,
                                      equal; they sum to `rows` */
  int64_t zero_first, zero_second; /* rows of zero density under this model only */
  int64_t zero_both;               /* under both models */
  int64_t paired;                  /* rows with a density under both models */
  double mean, std_error; /* of d over the paired rows; mean NaN for no row, error NaN for one */
  clf_winner winner;      /* rows of zero density take precedence over the mean */
} clf_comparison;

/* n log-densities under each model, -inf for a density of zero. */
CLF_API clf_comparison clf_compare(const double *first, const double *second, int64_t n);

/* ---- Ranks and percentiles ------------------------------------------------------------------- */

/* The percentile rank of each of n numbers among m others: the share of those below it, plus
 * half of those equal to it.  NaN among the others is ignored; NaN has rank NaN.  `values` and
 * `others` may be the same array.  Errors: EINVAL, ENOMEM. */
CLF_API clf_status clf_percentiles(const double *values, int64_t n, const double *others, int64_t m,
                                   double *percent);
/* 1 for the smallest of n numbers, equal ranks for equal numbers; 0 for NaN. */
CLF_API clf_status clf_ranks(const double *values, int64_t n, int64_t *rank);

/* Percentile ranks of n rows with given log p among `samples` log-densities of the flow's own
 * samples: the probability of the region with a lower density than the row.  For a flow with a
 * context, c (n, C), else NULL; it is sampled that often for each distinct context.
 * Errors: as clf_log_prob() and clf_sample(). */
CLF_API clf_status clf_model_percentiles(clf_flow *flow, const double *c, const double *logp,
                                         int64_t n, uint64_t seed, int64_t samples,
                                         double *percent);

/* ---- Calibration ----------------------------------------------------------------------------- */

/* Kolmogorov-Smirnov test of whether two sets of numbers come from the same distribution. */
typedef struct clf_deviation {
  int64_t n, m;    /* numbers in each set, NaN not counted */
  double distance; /* largest difference between the two distribution functions, 0 to 1 */
  double
      p_value; /* probability of this distance, or a larger one, if the distributions are equal */
} clf_deviation;

/* Computes p by the asymptotic distribution with Stephens' correction for small sets (1970, "Use
 * of the Kolmogorov-Smirnov, Cramer-von Mises and related statistics without extensive tables").
 * With many equal numbers, as in discrete columns, p errs on the large side.
 * Errors: EINVAL (a set without numbers), ENOMEM. */
CLF_API clf_status clf_deviation_of(const double *a, int64_t n, const double *b, int64_t m,
                                    clf_deviation *deviation);

/* Compares n rows x (n, D) with `samples` samples of the flow: each column, and log p.  With a
 * context c (n, C), else NULL, each row is compared with at least 20 samples under its own
 * context: its rank among them is uniform if the flow is right, and m is the number of samples.
 * At most 2000 evenly spaced rows are used then.  Rows with NaN are left out.  columns (D) may
 * be NULL.  Errors: as clf_log_prob() and clf_sample(). */
CLF_API clf_status clf_calibrate(clf_flow *flow, const double *x, const double *c, int64_t n,
                                 uint64_t seed, int64_t samples, clf_deviation *logp,
                                 clf_deviation *columns);

/* Whether samples of a model are distributed as the data are. */
typedef enum clf_fit_verdict {
  CLF_FITS, /* no significant deviation: p x (D + 1) is at least 0.01 (Bonferroni) everywhere */
  CLF_FITS_NEARLY, /* significant, but by a distance below 0.1 */
  CLF_FITS_BADLY
} clf_fit_verdict;
/* *worst: the column (from 0) that deviates most, -1 for log p.  columns may be NULL with dim 0. */
CLF_API clf_fit_verdict clf_calibration_verdict(const clf_deviation *logp,
                                                const clf_deviation *columns, int32_t dim,
                                                int32_t *worst);

#ifdef __cplusplus
}
#endif
#endif
