/* SPDX-License-Identifier: MIT */
/* columns.c: selects columns of samples, or channels of images, by index; values of columns on a
 * grid. */
#include <math.h>
#include "ref.h"
#define GRID_REAL real
#define GRID_ABS real_abs
#define GRID_MOD(a, b) ((real)fmod((double)(a), (double)(b)))
#define GRID_ROUND(x) ((real)round((double)(x)))
#define GRID_NONE ((real)INFINITY)
#include "on_grid.def"

/* Column `at[j]` of D; NaN counts as 0. */
static int column(const clf_tensor *numbers, int j, int D) {
  const real number = *at(numbers, j, 0, 0, 0);
  if (number >= (real)D) return D - 1;
  return number > 0 ? (int)number : 0;
}

/* Column j of all rows at once: few columns are read, with many rows each. */
static int is_image(const clf_tensor *t) { return t->dim[2] * t->dim[3] > 1; }

static void take_columns(const void *args, int first, int end) {
  const clf_columns_take_args *p = args;
  const ptrdiff_t sx = p->x.stride[0], sy = p->y.stride[0];
  const real beta = p->beta;
  for (int j = 0; j < p->y.dim[1]; j++) {
    const real *x = at(&p->x, 0, column(&p->at, j, p->x.dim[1]), 0, 0);
    real *y = at(&p->y, 0, j, 0, 0);
    for (int n = first; n < end; n++)
      y[n * sy] = beta != 0 ? x[n * sx] + beta * y[n * sy] : x[n * sx];
  }
}
CLF_LOOP(take_channels, clf_columns_take_args, p, n) {
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
CLF_REF(columns_take) {
  (void)scratch;
  in_threads(2.0 * (double)clf__count(&p->y), p->y.dim[0],
             is_image(&p->y) ? take_channels : take_columns, p);
  return CLF_OK;
}

static void add_columns(const void *args, int first, int end) {
  const clf_columns_add_args *p = args;
  const ptrdiff_t sx = p->x.stride[0], sy = p->y.stride[0];
  for (int j = 0; j < p->x.dim[1]; j++) {
    const real *x = at(&p->x, 0, j, 0, 0);
    real *y = at(&p->y, 0, column(&p->at, j, p->y.dim[1]), 0, 0);
    for (int n = first; n < end; n++) y[n * sy] += x[n * sx];
  }
}
CLF_LOOP(add_channels, clf_columns_add_args, p, n) {
  for (int j = 0; j < p->x.dim[1]; j++) {
    const int to = column(&p->at, j, p->y.dim[1]);
    for (int h = 0; h < p->x.dim[2]; h++)
      for (int w = 0; w < p->x.dim[3]; w++) *at(&p->y, n, to, h, w) += *at(&p->x, n, j, h, w);
  }
}
CLF_REF(columns_add) {
  (void)scratch;
  in_threads(2.0 * (double)clf__count(&p->x), p->x.dim[0],
             is_image(&p->x) ? add_channels : add_columns, p);
  return CLF_OK;
}

CLF_LOOP(set_on_grid, clf_on_grid_args, p, n) {
  for (int d = 0; d < p->x.dim[1]; d++)
    *at(&p->y, n, d, 0, 0) = grid_value(*at(&p->grid, 0, d, 0, 0), *at(&p->grid, 1, d, 0, 0),
                                        *at(&p->grid, 2, d, 0, 0), *at(&p->x, n, d, 0, 0));
}
CLF_REF(on_grid) {
  (void)scratch;
  in_threads(10.0 * (double)clf__count(&p->x), p->y.dim[0], set_on_grid, p);
  return CLF_OK;
}
