/* SPDX-License-Identifier: MIT */
/* stdlib.h: the environment and names of files, in UTF-8. */
#pragma GCC system_header
#include_next <stdlib.h>
#ifndef CLF_WINDOWS_STDLIB_H
#define CLF_WINDOWS_STDLIB_H

/* A value does not change when the variable is set again.  Set but empty is not unset. */
char *clf__getenv(const char *name);
int setenv(const char *name, const char *value, int replace);
int unsetenv(const char *name);
#define getenv clf__getenv
#define secure_getenv clf__getenv /* no program runs for another user than its caller */

char *realpath(const char *path,
               char *into); /* with slashes; into holds PATH_MAX bytes, or is NULL */
char *mkdtemp(char *path);
#endif
