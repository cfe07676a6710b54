/* SPDX-License-Identifier: MIT */
/* reduce.c: sums over samples. */
#include "ref.h"

CLF_REF(sum_rows) {
  (void)scratch;
  PARALLEL_FOR((double)clf__count(&p->x), int d = 0; d < p->x.dim[1]; d++) {
    double sum = 0;
    for (int n = 0; n < p->x.dim[0]; n++) sum += *at(&p->x, n, d, 0, 0);
    real *y = at(&p->y, d, 0, 0, 0);
    *y = p->beta != 0 ? (real)sum + p->beta * *y : (real)sum;
  }
  return CLF_OK;
}
