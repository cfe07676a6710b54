/* SPDX-License-Identifier: MIT */
/* weightnorm.c: a group per row of v. */
#include "launch.h"

CLF_LAUNCH(wn_fwd) { return clf_each_sample(call, p->v.dim[0]); }
CLF_LAUNCH(wn_bwd) { return clf_each_sample(call, p->v.dim[0]); }
