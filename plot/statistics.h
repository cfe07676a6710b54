/* SPDX-License-Identifier: MIT */
/* statistics.h: tests of uniformity and their helper functions.  Private. */
#ifndef CLF_PLOT_STATISTICS_H
#define CLF_PLOT_STATISTICS_H
#include "../runtime/core/kolmogorov.h"
#include <stdint.h>

/* The largest distance between the share of n sorted numbers u below v, and v, for v in 0 .. 1:
 * the Kolmogorov-Smirnov statistic of uniformity. */
double clf__ks_distance(const double *sorted, int64_t n);

/* The distance with this probability. */
double clf__ks_band(double probability, double n);

/* The regularised lower incomplete gamma function P(a, x). */
double clf__gamma_p(double a, double x);

/* Ascending. */
void clf__sort(double *v, int64_t n);

/* Of n ascending numbers: how many are below v, and how many equal v. */
void clf__count_below(const double *sorted, int64_t n, double v, int64_t *below, int64_t *equal);

/* Uniform in [0, 1), a function of seed, row and column. */
double clf__hash_uniform(uint64_t seed, uint64_t row, uint64_t column);

/* Mean, and its standard error, of n numbers. */
void clf__mean_of(const double *v, int64_t n, double *mean, double *error);

#endif
