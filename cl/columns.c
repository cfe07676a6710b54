/* SPDX-License-Identifier: MIT */
/* columns.c: a work-item for some pixels, or rows. */
#include "launch.h"

static clf_status by_pixels(clf_call *call, const clf_tensor *t) {
  const int each = call->traits->lanes > 1 ? 64 : 1; /* EACH */
  const int pixels = t->dim[0] * t->dim[2] * t->dim[3];
  return call->enqueue(call, clf_ops[call->op].name, clf_by_lanes(call, clf_ceil(pixels, each), 1),
                       NULL);
}

CLF_LAUNCH(columns_take) { return by_pixels(call, &p->x); }
CLF_LAUNCH(columns_add) { return by_pixels(call, &p->x); }
