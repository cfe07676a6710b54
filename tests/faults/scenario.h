/* SPDX-License-Identifier: MIT */
/* scenario.h: a complete use of the library, with a possible failure anywhere. The status of each
 * step is checked, and everything is freed in any case. */
#ifndef CLF_FAULT_SCENARIO_H
#define CLF_FAULT_SCENARIO_H
#include "clflow/clflow.h"

typedef enum what { VECTORS, INTERVAL, IMAGES } what;

/* On an open device: trains a flow, saves it to `path`, loads it, continues the training, and draws
 * SAMPLES samples. `sum`: the sum of the samples. */
enum { SAMPLES = 5 };
clf_status scenario(clf_device *dev, what kind, const char *path, double *sum);
#endif
