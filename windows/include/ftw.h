/* SPDX-License-Identifier: MIT */
/* ftw.h: visits everything in a folder, and the folder last; replaces MinGW-w64's. */
#pragma GCC system_header
#ifndef CLF_WINDOWS_FTW_H
#define CLF_WINDOWS_FTW_H
#include <sys/stat.h>

enum { FTW_F, FTW_D, FTW_DP = 5, FTW_PHYS = 1, FTW_DEPTH = 8 };
struct FTW {
  int base, level;
};
/* Always behaves as with FTW_DEPTH and FTW_PHYS. */
int nftw(const char *path,
         int (*visit)(const char *path, const struct stat *st, int type, struct FTW *at), int open,
         int flags);
#endif
