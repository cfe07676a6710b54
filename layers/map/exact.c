/* SPDX-License-Identifier: MIT */
/* exact.c: doubles as sums of three floats. */
#include "map.h"

/* volatile: GCC 12 replaces (double)(float)v by v when it vectorises several of them */
float clf__exact(double v, int part) {
  for (;;) {
    const volatile float rounded = (float)v;
    if (!part--) return rounded;
    v -= (double)rounded;
  }
}
