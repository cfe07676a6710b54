/* SPDX-License-Identifier: MIT */
/* densities.h: the tests of densities. */
#ifndef CLF_DENSITIES_H
#define CLF_DENSITIES_H
#include <string.h>
#include "flows.h"

static inline int same_bits(const double *a, const double *b, int64_t n) {
  return memcmp(a, b, (size_t)n * sizeof *a) == 0;
}

void tests_of_densities(TCase *tc);

#endif
