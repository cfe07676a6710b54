/* SPDX-License-Identifier: MIT */
/* poly_spline.c: a group for some samples, whole: map_share() in maps.clh. */
#include "launch.h"

CLF_LAUNCH(poly_spline_fwd) { return clf_each_map(call, p->x.dim[0], p->at.dim[0]); }
CLF_LAUNCH(poly_spline_inv) { return clf_each_map(call, p->y.dim[0], p->at.dim[0]); }
CLF_LAUNCH(poly_spline_bwd) { return clf_each_map(call, p->x.dim[0], p->at.dim[0]); }
CLF_LAUNCH(poly_spline_inv_bwd) { return clf_each_map(call, p->x.dim[0], p->at.dim[0]); }
