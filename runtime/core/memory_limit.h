/* SPDX-License-Identifier: MIT */
/* memory_limit.h: memory limits of this process (ulimit), which some libraries cannot handle.
 * Private. */
#ifndef CLF_MEMORY_LIMIT_H
#define CLF_MEMORY_LIMIT_H
#include <stdint.h>
#include "clflow/core.h"

typedef struct clf__limit {
  uint64_t bytes;   /* UINT64_MAX: unlimited */
  const char *name; /* "address space (ulimit -v)" */
} clf__limit;

/* The smaller of the limits on address space and on data. */
clf__limit clf__memory_limit(void);

/* ENOMEM, with the limit, if it is below 1 GiB, the minimum for loading OpenCL drivers: their
 * compilers abort the process when an allocation fails. */
clf_status clf__limit_allows_drivers(void);

#endif
