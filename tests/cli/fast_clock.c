/* SPDX-License-Identifier: MIT */
/* fast_clock.c: a clock that runs a thousand times as fast, for what takes long (LD_PRELOAD). */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { FASTER = 1000, SECOND = 1000000000 };

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *at) {
  static long long first;
  const int code = (int)syscall(SYS_clock_gettime, clock, at);
  if (code || clock != CLOCK_MONOTONIC) return code;
  const long long now = (long long)at->tv_sec * SECOND + at->tv_nsec;
  if (!first) first = now;
  const long long fast = first + (now - first) * FASTER;
  *at = (struct timespec){.tv_sec = (time_t)(fast / SECOND), .tv_nsec = (long)(fast % SECOND)};
  return 0;
}
