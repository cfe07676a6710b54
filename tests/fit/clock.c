/* SPDX-License-Identifier: MIT */
/* clock.c: the clock of these tests counts work, so that a search finds the same on every machine,
 * however busy it is: readings of the clock, one or more for each iteration of expectation
 * maximisation, and calls of operations.  The linker replaces the functions (--wrap). */
#define _POSIX_C_SOURCE 200809L
#include <stdatomic.h>
#include <time.h>
#include "fit.h"

enum { READING = 200000, CALL = 10000, SECOND = 1000000000 }; /* nanoseconds */

static atomic_llong now;

int __wrap_clock_gettime(clockid_t clock, struct timespec *at);
int __wrap_clock_gettime(clockid_t clock, struct timespec *at) {
  const long long t = atomic_fetch_add(&now, READING);
  (void)clock;
  *at = (struct timespec){.tv_sec = (time_t)(t / SECOND), .tv_nsec = (long)(t % SECOND)};
  return 0;
}

clf_status __real_clf_dispatch(clf_device *on, clf_op op, const void *args);
clf_status __wrap_clf_dispatch(clf_device *on, clf_op op, const void *args);
clf_status __wrap_clf_dispatch(clf_device *on, clf_op op, const void *args) {
  atomic_fetch_add(&now, CALL);
  return __real_clf_dispatch(on, op, args);
}
