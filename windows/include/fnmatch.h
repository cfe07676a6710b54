/* SPDX-License-Identifier: MIT */
/* fnmatch.h: file names with wildcards. */
#pragma GCC system_header
#ifndef CLF_WINDOWS_FNMATCH_H
#define CLF_WINDOWS_FNMATCH_H

int fnmatch(const char *pattern, const char *name, int flags); /* 0: the name matches */
#endif
