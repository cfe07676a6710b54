/* SPDX-License-Identifier: MIT */
/* stdio.h: C's files by names in UTF-8, as bytes. */
#pragma GCC system_header
#include_next <stdio.h>
#ifndef CLF_WINDOWS_STDIO_H
#define CLF_WINDOWS_STDIO_H

/* What is open may be removed, as on POSIX. */
FILE *clf__fopen(const char *path, const char *mode);
FILE *clf__tmpfile(void);
/* Replaces, and is on disk when it returns.  EACCES if `to` is open for half a second. */
int clf__rename(const char *from, const char *to);
int clf__remove(const char *path);
#define fopen clf__fopen
#define tmpfile clf__tmpfile
#define rename clf__rename
#define fdopen _fdopen
#define remove clf__remove
#endif
