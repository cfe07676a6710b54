/* SPDX-License-Identifier: MIT */
/* mixtures.h: what the baselines share: the Gaussian, mixtures and kernels.  Private. */
#ifndef CLF_FIT_MIXTURES_H
#define CLF_FIT_MIXTURES_H
#include "fit_private.h"

/* ---- em.c ---------------------------------------------------------------------------------- */

/* The number after `name` in "name=number, ..."; 0: there is none. */
int clf__fit_value(const char *options, const char *name, double *value);
/* A candidate with its scores; without `arch` if its likelihood is not finite. */
clf_status clf__fit_mixture(clf__fit *f, const char *title, const char *base, const char *options,
                            clf__fit_candidate *c);
/* Iterates over all training rows, after some of them.  If log p is not finite then, the mixture
 * stays as it is. */
clf_status clf__fit_improve(clf__fit *f, clf__fit_candidate *c, int iterations);
/* Keeps the better of two candidates in *best, and frees the other; 1: that was *other. */
int clf__fit_keep_better(clf__fit_candidate *best, clf__fit_candidate *other);
/* A mixture may only start if it will probably end in time. */
int clf__fit_has_time(const clf__fit *f, double seconds, double end);

/* A series of candidates, which ends after two in a row that were no better than the best one. */
typedef struct clf__fit_series {
  int worse;
  double top, longest; /* the best validation, and the seconds of the slowest */
} clf__fit_series;

int clf__fit_goes_on(const clf__fit *f, const clf__fit_series *r, double end);
/* Tries the next one, and keeps it in *best if it is better. */
clf_status clf__fit_next(clf__fit *f, clf__fit_series *r, const char *name, const char *base,
                         const char *options, clf__fit_candidate *best);

/* ---- gaussian.c ---------------------------------------------------------------------------- */

/* Adds the Gaussian to the search, which must end at `end`, in seconds since the beginning. */
clf_status clf__fit_gaussian(clf__fit *f, double end);

#endif
