/* SPDX-License-Identifier: MIT */
/* column_base.c: log-densities, one group per sample; all else, an item per element. */
#include "launch.h"

CLF_LAUNCH(column_logp) { return clf_each_sample(call, p->z.dim[0]); }
CLF_LAUNCH(column_bwd) { return clf_each(call, clf_elements(&p->z)); }
CLF_LAUNCH(column_noise) { return clf_each(call, clf_elements(&p->y)); }
CLF_LAUNCH(column_place) { return clf_each(call, clf_elements(&p->z)); }
CLF_LAUNCH(column_place_bwd) { return clf_each(call, clf_elements(&p->z)); }
