/* SPDX-License-Identifier: MIT */
/* stdio.h: C's files with names in UTF-8, always as bytes. */
#pragma GCC system_header
#include_next <stdio.h>
#ifndef CLF_WINDOWS_STDIO_H
#define CLF_WINDOWS_STDIO_H

/* An open file may be removed, as on POSIX. */
FILE *clf__fopen(const char *path, const char *mode);
FILE *clf__tmpfile(void);
/* Replaces `to` and returns after the file is on disk. EACCES if `to` stays open elsewhere for
 * half a second. */
int clf__rename(const char *from, const char *to);
int clf__remove(const char *path);
#define fopen clf__fopen
#define tmpfile clf__tmpfile
#define rename clf__rename
#define fdopen _fdopen
#define remove clf__remove
#endif
