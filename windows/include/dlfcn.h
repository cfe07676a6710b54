/* SPDX-License-Identifier: MIT */
/* dlfcn.h: loading libraries at run time, and the path of a function's program or library. */
#pragma GCC system_header
#ifndef CLF_WINDOWS_DLFCN_H
#define CLF_WINDOWS_DLFCN_H

typedef struct Dl_info {
  const char *dli_fname; /* with slashes; valid until the thread's next call */
} Dl_info;
enum { RTLD_LOCAL = 0, RTLD_LAZY = 1, RTLD_NOW = 2 };
void *dlopen(const char *name, int how);
void *dlsym(void *library, const char *name);
int dlclose(void *library);
char *dlerror(void); /* the reason of the thread's last failed dlopen(), returned once; else NULL */
int dladdr(const void *address, Dl_info *info); /* 0: not known */
#endif
