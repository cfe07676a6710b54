/* SPDX-License-Identifier: MIT */
/* coupling.c: one group per sample. */
#include "launch.h"

CLF_LAUNCH(mask_apply) { return clf_each_sample(call, p->x.dim[0]); }
CLF_LAUNCH(affine_fwd) { return clf_each_sample(call, p->x.dim[0]); }
CLF_LAUNCH(affine_inv) { return clf_each_sample(call, p->y.dim[0]); }
CLF_LAUNCH(affine_bwd) { return clf_each_sample(call, p->x.dim[0]); }
CLF_LAUNCH(additive) { return clf_each_sample(call, p->x.dim[0]); }
CLF_LAUNCH(additive_bwd) { return clf_each_sample(call, p->dy.dim[0]); }
