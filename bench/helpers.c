/* SPDX-License-Identifier: MIT */
/* helpers.c: clock, failures, numbers as text, random numbers. */
#define _POSIX_C_SOURCE 200809L
#include "bench.h"
#include <stdarg.h>
#include <time.h>

double bench_clock(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

clf_status bench_fail(clf_status s, const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return clf_fail(s, text);
}

void bench_format_seconds(double seconds, char *text, size_t size) {
  if (seconds <= 0)
    snprintf(text, size, "-");
  else if (seconds < 999.5e-6)
    snprintf(text, size, "%.3g us", seconds * 1e6);
  else if (seconds < 0.9995)
    snprintf(text, size, "%.3g ms", seconds * 1e3);
  else
    snprintf(text, size, "%.3g s", seconds);
}

void bench_format_bytes(uint64_t bytes, char *text, size_t size) {
  if (bytes < 1024)
    snprintf(text, size, bytes ? "%d B" : "-", (int)bytes);
  else if (bytes < 1024 * 1024)
    snprintf(text, size, "%.1f KiB", (double)bytes / 1024);
  else
    snprintf(text, size, "%.1f MiB", (double)bytes / (1024 * 1024));
}

float bench_random(uint64_t *state) { /* xorshift64* */
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return (float)((*state * 0x2545F4914F6CDD1Dull) >> 40) / 8388608.0f - 1;
}
