/* SPDX-License-Identifier: MIT */
/* fit.h: shared by the tests of clf_fit(). */
#ifndef CLF_TESTS_FIT_H
#define CLF_TESTS_FIT_H
#include <jansson.h>
#include "clflow/clflow.h"
#include "suite.h"

/* The tests of a file. */
void tests_of_splits(TCase *tc);
void tests_of_large_tables(TCase *tc);
void tests_of_refusals(TCase *tc);
void tests_of_searches(TCase *tc);
void tests_of_flows(TCase *tc);
void tests_of_tables(TCase *tc);

extern clf_device *dev; /* open during all tests */
/* A built-in set. */
clf_table drawn(const char *set);
/* The usual options, with this many seconds of the clock of clock.c. */
clf_fit_options brief(double seconds);
/* A fit that must work; the caller frees the flow. */
clf_flow *fit(const clf_fit_data *data, const clf_fit_options *o);
/* Repeats a fit from its record: the flow must have the same bits. */
void check_repeat(clf_flow *flow, const clf_fit_data *data);
/* What the flow's file says of its fit; the caller frees it. */
json_t *record_of(const clf_flow *flow);
/* The candidate of this name, or NULL; and one that must be there. */
const json_t *find_candidate(const json_t *record, const char *name);
const json_t *candidate(const json_t *record, const char *name);
/* The number `name` of the record's part `of`, or of `at` itself if of is NULL. */
double number(const json_t *at, const char *of, const char *name);
/* Whether a note of the record contains this text. */
int notes_about(const json_t *record, const char *what);
/* The mean log p of the test rows according to the record's seed and shares. */
double mean_test(clf_flow *flow, const clf_table *x, const clf_table *given, const json_t *record);
/* The sum of 12 uniform numbers, which is close to normal. */
double nearly_normal(uint32_t *state);

#endif
