/* SPDX-License-Identifier: MIT */
/* treat_score.h: how well a small mixture of normals describes a column after a map.  Private. */
#ifndef CLF_TREAT_SCORE_H
#define CLF_TREAT_SCORE_H
#include <stdint.h>
#include "bounds64.h"

enum { CLF_TREAT_ROWS = 2000 };

/* The log-density of each of n values in random order, at most CLF_TREAT_ROWS, under a mixture
 * fitted to the half that does not contain it, including the map's log-det; the best of mixtures
 * with one to three components.  Returns the mean. */
double clf__treat_score(const double *v, int32_t n, bounds_column map, double *score);

#endif
