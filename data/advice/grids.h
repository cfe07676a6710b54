/* SPDX-License-Identifier: MIT */
/* grids.h: single columns of a table.  Private. */
#ifndef CLF_DATA_GRIDS_H
#define CLF_DATA_GRIDS_H
#include "clflow/data.h"

/* `count` values of a column, from all rows or from evenly spaced rows; the caller frees them. */
clf_status clf__copy_column(const clf_table *t, int32_t column, int64_t count, double **out);
void clf__sort_column(double *v, int64_t n);

/* The grid of n sorted values; step 0: none. */
clf_column_grid clf__grid_of(const double *v, int64_t n);

#endif
