/* SPDX-License-Identifier: MIT */
/* devices.h: shared by the tests of devices. */
#ifndef CLF_TEST_DEVICES_H
#define CLF_TEST_DEVICES_H
#include "clflow/clflow.h"
#include "suite.h"

/* What the program does when it is started again on a machine without OpenCL: auto takes cpu and
 * says why, in a sentence that begins with `why`. Returns the exit status of the process. */
int without_opencl(const char *why);
/* cpu/baseline, on which the first result of `op` is wrong: by `by` plus as much of itself. */
clf_device *sabotaged(clf_op op, double by);

/* ---- The tests of each file ------------------------------------------------------------------ */

void tests_of_names(TCase *tc);
void tests_of_listed(TCase *tc);
void tests_of_selftest(TCase *tc);
void tests_of_wrapping(TCase *tc);
void tests_of_reopening(TCase *tc);

#endif
