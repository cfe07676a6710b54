/* SPDX-License-Identifier: MIT */
/* dlfcn.h: where a function's program or library lies. */
#pragma GCC system_header
#ifndef CLF_WINDOWS_DLFCN_H
#define CLF_WINDOWS_DLFCN_H

typedef struct Dl_info {
  const char *dli_fname; /* with slashes; until the thread's next call */
} Dl_info;
int dladdr(const void *address, Dl_info *info); /* 0: not known */
#endif
