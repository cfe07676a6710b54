/* SPDX-License-Identifier: MIT */
/* bases.h: shared by the tests of bases: flows without layers, whose log p is that of the base. */
#ifndef CLF_BASES_H
#define CLF_BASES_H
#include "flows.h"

/* The flow of an architecture, with trained parameters moved by up to `deviation` and rounded to
 * floats. */
clf_flow *bases_flow(const char *text, double deviation);

/* log p of n rows x (n, D) with context c (n, C), or NULL. */
void bases_logp(clf_flow *f, const double *x, const double *c, int32_t n, double *logp);

/* The same, and the gradient of the sum of each[n] log p[n] by all weights in the layout of f->w,
 * by x and by c. each NULL: 1; dc may be NULL. */
void bases_gradient(clf_flow *f, const double *x, const double *c, const double *each, int32_t n,
                    double *logp, double *g, double *dx, double *dc);

/* Samples first .. first + n - 1, with context c (n, C) or NULL. */
void bases_sample(clf_flow *f, uint64_t seed, int64_t first, const double *c, int32_t n, double *x);

/* Uniform in lo .. hi, rounded to floats. */
void bases_uniform(uint64_t seed, double lo, double hi, size_t n, double *x);

void tests_of_golden(TCase *tc);
void tests_of_densities(TCase *tc);
void tests_of_samples(TCase *tc);
#endif
