/* SPDX-License-Identifier: MIT */
/* sys/utsname.h: the version of Windows. */
#pragma GCC system_header
#ifndef CLF_WINDOWS_UTSNAME_H
#define CLF_WINDOWS_UTSNAME_H

struct utsname {
  char sysname[16], release[32], machine[80];
};
int uname(struct utsname *u);
#endif
