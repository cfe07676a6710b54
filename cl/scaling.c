/* SPDX-License-Identifier: MIT */
/* scaling.c: a group per sample; the gradient: an item per dimension. */
#include "launch.h"

CLF_LAUNCH(scaling_fwd) { return clf_each_sample(call, p->x.dim[0]); }
CLF_LAUNCH(scaling_inv) { return clf_each_sample(call, p->y.dim[0]); }
CLF_LAUNCH(scaling_bwd) { return clf_each(call, p->x.dim[1]); }
