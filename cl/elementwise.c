/* SPDX-License-Identifier: MIT */
/* elementwise.c: an item per element. */
#include "launch.h"

CLF_LAUNCH(copy) { return clf_each(call, clf_elements(&p->x)); }
CLF_LAUNCH(fill) { return clf_each(call, clf_elements(&p->y)); }
CLF_LAUNCH(axpby) { return clf_each(call, clf_elements(&p->x)); }
