/* SPDX-License-Identifier: MIT */
/* clock.h: a monotonic clock in seconds, for durations.  Private.  The including file defines
 * _POSIX_C_SOURCE before its first include. */
#ifndef CLF_CLOCK_H
#define CLF_CLOCK_H
#include <time.h>

static inline double clf__now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
#endif
