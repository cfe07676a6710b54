/* SPDX-License-Identifier: MIT */
/* adam.c: one item per parameter. */
#include "launch.h"

CLF_LAUNCH(adam_step) { return clf_each(call, p->w.dim[0]); }
