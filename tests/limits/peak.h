/* SPDX-License-Identifier: MIT */
/* peak.h: how much memory is allocated at most, by the program and by all libraries in it: the
 * functions of peak.c take the place of glibc's, which they call. */
#ifndef CLF_LIMITS_PEAK_H
#define CLF_LIMITS_PEAK_H
#include <stddef.h>

/* Begins to measure; and the most bytes that were allocated since, above those that were then.  A
 * block that is resized counts twice while it is. */
void peak_begin(void);
size_t peak_end(void);
#endif
