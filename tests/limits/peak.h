/* SPDX-License-Identifier: MIT */
/* peak.h: the maximum of allocated memory, of the program and all its libraries; the functions of
 * peak.c replace those of glibc, and call them. */
#ifndef CLF_LIMITS_PEAK_H
#define CLF_LIMITS_PEAK_H
#include <stddef.h>

/* Starts to measure; returns the maximum of allocated bytes since then, minus those at the start. A
 * block counts twice while it is resized. */
void peak_begin(void);
size_t peak_end(void);
#endif
