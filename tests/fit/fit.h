/* SPDX-License-Identifier: MIT */
/* fit.h: shared by the tests of clf_fit(). */
#ifndef CLF_TESTS_FIT_H
#define CLF_TESTS_FIT_H
#include "clflow/clflow.h"
#include "suite.h"

/* The tests of a file. */
void tests_of_splits(TCase *tc);
void tests_of_refusals(TCase *tc);

extern clf_device *dev; /* open during all tests */
/* A built-in set. */
clf_table drawn(const char *set);
/* The usual options, with this many seconds of the clock of clock.c. */
clf_fit_options brief(double seconds);

#endif
