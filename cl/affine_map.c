/* SPDX-License-Identifier: MIT */
/* affine_map.c: a group for some samples, whole: map_share() in maps.clh. */
#include "launch.h"

CLF_LAUNCH(affine_map_fwd) { return clf_each_map(call, p->x.dim[0], p->at.dim[0]); }
CLF_LAUNCH(affine_map_inv) { return clf_each_map(call, p->y.dim[0], p->at.dim[0]); }
CLF_LAUNCH(affine_map_bwd) { return clf_each_map(call, p->x.dim[0], p->at.dim[0]); }
CLF_LAUNCH(affine_map_inv_bwd) { return clf_each_map(call, p->x.dim[0], p->at.dim[0]); }
