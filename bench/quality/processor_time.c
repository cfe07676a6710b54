/* SPDX-License-Identifier: MIT */
/* processor_time.c: makes a program's monotonic clock count its processor time, so that a time
 * limit means the same on a busy machine as on an idle one.  For programs of one thread:
 *
 *   cc -shared -fPIC -o processor_time.so processor_time.c && LD_PRELOAD=./processor_time.so ...
 */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *at) {
  return (int)syscall(SYS_clock_gettime,
                      clock == CLOCK_MONOTONIC ? CLOCK_PROCESS_CPUTIME_ID : clock, at);
}
