/* SPDX-License-Identifier: MIT */
/* bounds.c: a group per sample. */
#include "launch.h"

CLF_LAUNCH(bounds_fwd) { return clf_each_sample(call, p->x.dim[0]); }
CLF_LAUNCH(bounds_inv) { return clf_each_sample(call, p->y.dim[0]); }
CLF_LAUNCH(bounds_bwd) { return clf_each_sample(call, p->x.dim[0]); }
CLF_LAUNCH(bounds_inv_bwd) { return clf_each_sample(call, p->x.dim[0]); }
