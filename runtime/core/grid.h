/* SPDX-License-Identifier: MIT */
/* grid.h: numbers on the grid of a discrete column, or between the limits of a continuous one.
 * Private. */
#ifndef CLF_GRID_H
#define CLF_GRID_H
#include <float.h>
#include <math.h>
#include "clflow/data.h"

/* Whether v is on the grid, or on its continuation beyond both ends.  Numbers rounded to
 * decimals or to float may be off by a small fraction of a step. */
static inline int clf__on_grid(const clf_column_grid *g, double v) {
  const double steps = (v - g->first) / g->step;
  return fabs(steps - round(steps)) <= 1e-3;
}

static inline int clf__has_limits(const clf_column_grid *g) {
  return g->step == 0 && g->first < g->last;
}

/* v if it is between the limits; beyond one it is reflected there, if need be at the other one
 * too, and so on. */
static inline double clf__reflected(double v, double first, double last) {
  if (v >= first && v <= last) return v;
  if (last == DBL_MAX) return 2 * first - v;
  if (first == -DBL_MAX) return 2 * last - v;
  const double apart = fmod(fabs(v - first), 2 * (last - first));
  return first + fmin(apart, 2 * (last - first) - apart);
}

/* The nearest value of the grid, or a value between the limits. */
static inline double clf__grid_value(const clf_column_grid *g, double v) {
  if (!isfinite(v) || (g->step == 0 && !clf__has_limits(g))) return v;
  if (g->step == 0) return clf__reflected(v, g->first, g->last);
  const double last = round((g->last - g->first) / g->step), k = round((v - g->first) / g->step);
  return k <= 0 ? g->first : k >= last ? g->last : g->first + k * g->step;
}

#endif
