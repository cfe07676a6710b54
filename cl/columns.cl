/* SPDX-License-Identifier: MIT */
/* columns.cl: columns taken from a tensor, added to one, or rounded to a grid.  A work-item has 64
 * pixels (or rows) of the batch, with one lane one.  The columns of a pixel are taken one after the
 * other, so that sums have a fixed order. */
#include "lanes.clh"
#define GRID_REAL float
#define GRID_ABS fabs
#define GRID_MOD fmod
#define GRID_ROUND round
#define GRID_NONE INFINITY
#include "on_grid.def"

#define EACH (LANES > 1 ? 64 : 1) /* pixels of a work-item; ops.def launches it */

/* Pixel k of the batch. */
typedef struct {
  int n, h, w;
} columns_pixel;
INLINE columns_pixel columns_pixel_of(clf_view t, int k) {
  const int area = t.dim[2] * t.dim[3];
  const columns_pixel q = {k / area, k % area / t.dim[3], k % t.dim[3]};
  return q;
}
/* The end of this work-item's pixels. */
INLINE int columns_end(clf_view t) {
  return min((int)(get_global_id(0) + 1) * EACH, t.dim[0] * t.dim[2] * t.dim[3]);
}

/* Which of D columns a number names; NaN names the first. */
static int column_of(float number, int D) {
  return number >= D ? D - 1 : number > 0 ? (int)number : 0;
}

kernel BY_LANES void columns_take(CLF_IN(x), CLF_IN(at), CLF_OUT(y), const columns_take_args p) {
  for (int k = get_global_id(0) * EACH; k < columns_end(p.x); k++) {
    const columns_pixel q = columns_pixel_of(p.x, k);
    for (int j = 0; j < p.y.dim[1]; j++) {
      const float x = AT(x, q.n, column_of(AT(at, j, 0, 0, 0), p.x.dim[1]), q.h, q.w);
      AT(y, q.n, j, q.h, q.w) = p.beta != 0 ? x + p.beta * AT(y, q.n, j, q.h, q.w) : x;
    }
  }
}

kernel BY_LANES void columns_add(CLF_IN(x), CLF_IN(at), CLF_OUT(y), const columns_add_args p) {
  for (int k = get_global_id(0) * EACH; k < columns_end(p.x); k++) {
    const columns_pixel q = columns_pixel_of(p.x, k);
    for (int j = 0; j < p.x.dim[1]; j++)
      AT(y, q.n, column_of(AT(at, j, 0, 0, 0), p.y.dim[1]), q.h, q.w) += AT(x, q.n, j, q.h, q.w);
  }
}

kernel BY_LANES void on_grid(CLF_IN(x), CLF_IN(grid), CLF_OUT(y), const on_grid_args p) {
  for (int n = get_global_id(0) * EACH; n < columns_end(p.x); n++)
    for (int d = 0; d < p.x.dim[1]; d++)
      AT(y, n, d, 0, 0) = grid_value(AT(grid, 0, d, 0, 0), AT(grid, 1, d, 0, 0),
                                     AT(grid, 2, d, 0, 0), AT(x, n, d, 0, 0));
}
