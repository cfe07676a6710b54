/* SPDX-License-Identifier: MIT */
/* calls.h: shared by the tests of arguments: objects to pass, and macros that call a function with
 * NULL and note its name. */
#ifndef CLF_CALLS_H
#define CLF_CALLS_H
#include "clflow/clflow.h"
#include "suite.h"

static const int64_t huge = (int64_t)1 << 61;
/* The refusal of `huge` rows of two columns. */
#define TOO_MANY "2305843009213693952 rows of 2 numbers are more than memory can hold"

/* ---- The objects ----------------------------------------------------------------------------- */

extern clf_device *dev;
extern clf_flow *flow;
extern clf_flow_spec spec;
extern clf_table table;
extern clf_trainer *trainer;
extern clf_images *images;
extern clf_train_options options;
extern double x[8], y[8];
extern uint8_t bytes[64];

void set_up(void);
void tear_down(void);

/* ---- Calls ----------------------------------------------------------------------------------- */

extern int calls; /* functions that were called */
/* Notes that a function was called. */
void visit(const char *function);
/* Whether a function whose name has this length was called. */
int is_called(const char *name, size_t length);
/* Expects the status and the message of an argument that is NULL. */
void refused(const char *function, const char *argument, clf_status s);

/* The call with these arguments refuses `argument`, which is NULL. */
#define NO(function, argument, ...)                                                                \
  (visit(#function), refused(#function, argument, function(__VA_ARGS__)))
/* A function that cannot fail is called, and `holds` is true afterwards. */
#define QUIET(function, holds) (visit(#function), ck_assert_msg((holds), "%s", #holds))
#define REFUSES(call, message) REFUSED(call, CLF_EINVAL, message)

/* ---- The tests of each file ------------------------------------------------------------------ */

void tests_of_devices(TCase *tc);
void tests_of_data(TCase *tc);
void tests_of_flows(TCase *tc);
void tests_of_training(TCase *tc);
void tests_of_pictures(TCase *tc);

#endif
