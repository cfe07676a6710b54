/* SPDX-License-Identifier: MIT */
/* activation.c: one group per sample. */
#include "launch.h"

CLF_LAUNCH(act_bwd) { return clf_each_sample(call, p->y.dim[0]); }
