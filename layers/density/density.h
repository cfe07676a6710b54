/* SPDX-License-Identifier: MIT */
/* density.h: log-densities that are given, as the library calls them.  Private. */
#ifndef CLF_DENSITY_PRIVATE_H
#define CLF_DENSITY_PRIVATE_H
#include "clflow/density.h"

/* Calls the function for n points; samples are numbered from `first`.  ENUM names a sample whose
 * log-density is NaN or +inf, or -inf where `support` asks for a finite one, or whose gradient is
 * not finite. */
clf_status clf__density_at(const clf_density *d, const double *x, int64_t first, int64_t n,
                           int support, double *logp, double *gradient);

#endif
