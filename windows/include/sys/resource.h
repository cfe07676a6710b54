/* SPDX-License-Identifier: MIT */
/* sys/resource.h: the peak memory of this process. */
#pragma GCC system_header
#ifndef CLF_WINDOWS_RESOURCE_H
#define CLF_WINDOWS_RESOURCE_H

enum { RUSAGE_SELF };
struct rusage {
  long ru_maxrss; /* KiB */
};
int getrusage(int who, struct rusage *used);
#endif
