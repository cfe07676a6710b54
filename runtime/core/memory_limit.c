/* SPDX-License-Identifier: MIT */
/* memory_limit.c: see memory_limit.h. */
#define _POSIX_C_SOURCE 200809L
#include "memory_limit.h"
#include "status.h"
#ifndef _WIN32
#include <stddef.h>
#include <sys/resource.h>
#endif

clf__limit clf__memory_limit(void) {
  clf__limit minimum = {UINT64_MAX, "nothing"};
#ifndef _WIN32
  static const struct {
    int resource;
    const char *name;
  } limits[] = {
      {RLIMIT_DATA, "data (ulimit -d)"},
#ifdef RLIMIT_AS
      {RLIMIT_AS, "address space (ulimit -v)"},
#endif
  };
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    struct rlimit l;
    if (getrlimit(limits[i].resource, &l) || l.rlim_cur == RLIM_INFINITY) continue;
    if ((uint64_t)l.rlim_cur < minimum.bytes)
      minimum = (clf__limit){(uint64_t)l.rlim_cur, limits[i].name};
  }
#endif
  return minimum;
}

clf_status clf__limit_allows_drivers(void) {
  const clf__limit limit = clf__memory_limit();
  if (limit.bytes >= (uint64_t)1 << 30) return CLF_OK;
  return clf__fail(
      CLF_ENOMEM,
      "the limit on %s is %llu KiB, and OpenCL drivers are loaded from 1048576 KiB on; "
      "raise the limit or use the device cpu",
      limit.name, (unsigned long long)(limit.bytes >> 10));
}
