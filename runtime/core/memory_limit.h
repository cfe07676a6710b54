/* SPDX-License-Identifier: MIT */
/* memory_limit.h: limits on the memory of this process (ulimit), which libraries that clflow loads
 * do not all cope with.  Private. */
#ifndef CLF_MEMORY_LIMIT_H
#define CLF_MEMORY_LIMIT_H
#include <stdint.h>
#include "clflow/core.h"

typedef struct clf__limit {
  uint64_t bytes;   /* UINT64_MAX: none */
  const char *name; /* "address space (ulimit -v)" */
} clf__limit;

/* The smaller of the limits on address space and on data. */
clf__limit clf__memory_limit(void);

/* ENOMEM, with the limit, where it is below the least with which OpenCL drivers are loaded, 1 GiB:
 * their compilers abort the process when they get no memory. */
clf_status clf__limit_allows_drivers(void);

#endif
