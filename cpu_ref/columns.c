/* SPDX-License-Identifier: MIT */
/* columns.c: columns of samples, or channels of images, by number. */
#include "ref.h"

/* Column `at[j]` of D; NaN counts as 0. */
static int column(const clf_tensor *numbers, int j, int D) {
  const real number = *at(numbers, j, 0, 0, 0);
  if (number >= (real)D) return D - 1;
  return number > 0 ? (int)number : 0;
}

CLF_REF_LOOP(columns_take, 2.0 * (double)clf__count(&p->y), p->y.dim[0], n) {
  for (int j = 0; j < p->y.dim[1]; j++) {
    const int from = column(&p->at, j, p->x.dim[1]);
    for (int h = 0; h < p->y.dim[2]; h++)
      for (int w = 0; w < p->y.dim[3]; w++) {
        real *y = at(&p->y, n, j, h, w);
        const real x = *at(&p->x, n, from, h, w);
        *y = p->beta != 0 ? x + p->beta * *y : x;
      }
  }
}

CLF_REF_LOOP(columns_add, 2.0 * (double)clf__count(&p->x), p->x.dim[0], n) {
  for (int j = 0; j < p->x.dim[1]; j++) {
    const int to = column(&p->at, j, p->y.dim[1]);
    for (int h = 0; h < p->x.dim[2]; h++)
      for (int w = 0; w < p->x.dim[3]; w++) *at(&p->y, n, to, h, w) += *at(&p->x, n, j, h, w);
  }
}
