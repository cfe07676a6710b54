/* SPDX-License-Identifier: MIT */
/* choose.h: the device that `auto` stands for: choose.c, or absent.c in a build without OpenCL.
 * Private. */
#ifndef CLF_CHOOSE_H
#define CLF_CHOOSE_H
#include "clflow/core.h"

/* family: of kernels; "" for each device's own. */
clf_status clf__open_auto(const char *family, clf_device **out);

#endif
