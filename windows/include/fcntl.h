/* SPDX-License-Identifier: MIT */
/* fcntl.h: files opened by names in UTF-8, as bytes. */
#pragma GCC system_header
#include_next <fcntl.h>
#ifndef CLF_WINDOWS_FCNTL_H
#define CLF_WINDOWS_FCNTL_H

#define O_CLOEXEC _O_NOINHERIT
#define O_NOFOLLOW 0 /* only administrators can create links on Windows */
#define O_NONBLOCK 0
#define O_DIRECTORY 0x1000000 /* refused: Windows cannot flush a folder to disk */

/* An open file may be removed, as on POSIX. */
int clf__file_open(const char *path, int flags, ...);
#define open clf__file_open
#endif
