/* SPDX-License-Identifier: MIT */
/* grid.h: numbers on the grid of a discrete column, or between the limits of a continuous one.
 * Private. */
#ifndef CLF_GRID_H
#define CLF_GRID_H
#include <float.h>
#include <math.h>
#include "clflow/data.h"
#define GRID_REAL double
#define GRID_ABS fabs
#define GRID_MOD fmod
#define GRID_ROUND round
#define GRID_NONE DBL_MAX
#include "on_grid.def"

/* Whether v is on the grid, or on its continuation beyond both ends.  Numbers rounded to
 * decimals or to float may be off by a small fraction of a step. */
static inline int clf__on_grid(const clf_column_grid *g, double v) {
  const double steps = (v - g->first) / g->step;
  return fabs(steps - round(steps)) <= 1e-3;
}

static inline int clf__has_limits(const clf_column_grid *g) {
  return g->step == 0 && g->first < g->last;
}

static inline double clf__grid_value(const clf_column_grid *g, double v) {
  return grid_value(g->step, g->first, g->last, v);
}

#endif
