/* SPDX-License-Identifier: MIT */
/* scenario.h: what a program does with the library from one end to the other, with a failure
 * anywhere.  Every step's status is checked, and all is given back whatever happens. */
#ifndef CLF_FAULT_SCENARIO_H
#define CLF_FAULT_SCENARIO_H
#include "clflow/clflow.h"

typedef enum what { VECTORS, INTERVAL, IMAGES } what;

/* On a device that is open: a flow learns, is saved to `path`, loaded, learns on, and samples
 * SAMPLES times.  `sum` is of the samples. */
enum { SAMPLES = 5 };
clf_status scenario(clf_device *dev, what kind, const char *path, double *sum);
#endif
