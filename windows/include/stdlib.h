/* SPDX-License-Identifier: MIT */
/* stdlib.h: the environment and file names in UTF-8. */
#pragma GCC system_header
#include_next <stdlib.h>
#ifndef CLF_WINDOWS_STDLIB_H
#define CLF_WINDOWS_STDLIB_H

/* A returned value stays unchanged when the variable is set again. An empty value is different
 * from an unset variable. */
char *clf__getenv(const char *name);
int setenv(const char *name, const char *value, int replace);
int unsetenv(const char *name);
#define getenv clf__getenv
#define secure_getenv clf__getenv /* no program runs for a user other than its caller */

char *realpath(const char *path,
               char *into); /* with slashes; into has PATH_MAX bytes, or is NULL */
char *mkdtemp(char *path);
/* Aligned as by malloc(), to 16 bytes: callers want cache lines of their own for speed alone. */
static inline void *aligned_alloc(size_t alignment, size_t n) { return (void)alignment, malloc(n); }
#endif
