/* SPDX-License-Identifier: MIT */
/* elementwise.c: an item for as many elements as pay for it. */
#include "launch.h"

static clf_status each(clf_call *call, const clf_tensor *t) {
  const int elements = call->traits->lanes > 1 ? 4096 : 1; /* EACH */
  return call->enqueue(call, clf_ops[call->op].name,
                       clf_by_lanes(call, clf_ceil(clf_elements(t), elements), 1), NULL);
}

CLF_LAUNCH(copy) { return each(call, &p->x); }
CLF_LAUNCH(fill) { return each(call, &p->y); }
CLF_LAUNCH(axpby) { return each(call, &p->x); }
CLF_LAUNCH(scale_rows) { return each(call, &p->y); }
CLF_LAUNCH(add_ratio) { return each(call, &p->y); }
