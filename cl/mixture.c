/* SPDX-License-Identifier: MIT */
/* mixture.c: an item per sample, since components are few; what is by element, an item for that. */
#include "launch.h"

CLF_LAUNCH(mixture_combine) { return clf_each(call, p->logps.dim[0]); }
CLF_LAUNCH(mixture_bwd) { return clf_each(call, p->resp.dim[0]); }
CLF_LAUNCH(mixture_cdf) { return clf_each(call, p->cdf.dim[0]); }
CLF_LAUNCH(mixture_pick) { return clf_each(call, p->cdf.dim[0]); }
CLF_LAUNCH(mixture_take) { return clf_each(call, clf_elements(&p->x)); }
CLF_LAUNCH(mixture_select) { return clf_each(call, clf_elements(&p->y)); }
CLF_LAUNCH(one_hot) { return clf_each(call, clf_elements(&p->y)); }
