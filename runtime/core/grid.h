/* SPDX-License-Identifier: MIT */
/* grid.h: whether a number is on the grid of a discrete column.  Private. */
#ifndef CLF_GRID_H
#define CLF_GRID_H
#include <math.h>
#include "clflow/data.h"

/* Whether v is on the grid, or on its continuation beyond both ends.  Numbers rounded to
 * decimals or to float may be off by a small fraction of a step. */
static inline int clf__on_grid(const clf_column_grid *g, double v) {
  const double steps = (v - g->first) / g->step;
  return fabs(steps - round(steps)) <= 1e-3;
}

#endif
