/* SPDX-License-Identifier: MIT */
/* density.h: log-densities from callers.  Private. */
#ifndef CLF_DENSITY_PRIVATE_H
#define CLF_DENSITY_PRIVATE_H
#include "clflow/density.h"
#include "clflow/judge.h"

/* Calls the function for n points; samples are numbered from `first`.  ENUM names a sample whose
 * log-density is NaN or +inf, or -inf if `support` requires a finite one, or whose gradient is
 * not finite. */
clf_status clf__density_at(const clf_density *d, const double *x, int64_t first, int64_t n,
                           int support, double *logp, double *gradient);

/* As clf_deviation_of(), but compares n numbers with the uniform distribution on 0 .. 1; m is 0. */
clf_status clf__deviation_of_uniform(const double *u, int64_t n, clf_deviation *deviation);

/* Refuses n rows or a number of samples below 1, and a context c that is missing or not
 * expected. */
clf_status clf__check_sampling(const clf_flow *f, const double *c, int64_t n, int64_t samples);

#endif
