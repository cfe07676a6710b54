/* SPDX-License-Identifier: MIT */
/* adam.c: an item for some elements where it is a vector, else for one. */
#include "launch.h"

static clf_status shared(clf_call *call, int n, int most) {
  const int wide = call->traits->lanes > 1;
  return call->enqueue(call, clf_ops[call->op].name,
                       wide ? clf_groups(clf_ceil(n, most), 1, 1, 1) : clf_items(call, n), NULL);
}

CLF_LAUNCH(adam_step) { return shared(call, p->w.dim[0], 4096); }
CLF_LAUNCH(clip_norm) { return shared(call, p->g.dim[0], 16384); }
