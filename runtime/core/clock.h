/* SPDX-License-Identifier: MIT */
/* clock.h: seconds that only go forward, for durations.  Private; needs POSIX's names, which a
 * file asks for by _POSIX_C_SOURCE before its first include. */
#ifndef CLF_CLOCK_H
#define CLF_CLOCK_H
#include <time.h>

static inline double clf__now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
#endif
