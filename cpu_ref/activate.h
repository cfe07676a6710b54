/* SPDX-License-Identifier: MIT */
/* activate.h: activations of contiguous numbers. */
#ifndef CLF_REF_ACTIVATE_H
#define CLF_REF_ACTIVATE_H
#include "ref.h"

/* Separate loops, for the vectoriser. */
static inline void activate(int act, int n, real *all) {
#define ROW(name, source, flops, value, through)                                                   \
  case CLF_ACT_##name:                                                                             \
    for (int j = 0; j < n; j++) {                                                                  \
      const real x = all[j];                                                                       \
      all[j] = value;                                                                              \
    }                                                                                              \
    break;
  if (act == CLF_ACT_none) return;
  switch (act) { CLF_ACTIVATIONS(ROW) }
#undef ROW
}
#endif
