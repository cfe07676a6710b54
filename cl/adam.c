/* SPDX-License-Identifier: MIT */
/* adam.c: one item per parameter; an item for MOST where it is a vector. */
#include "launch.h"

static clf_status each(clf_call *call, int n) {
  enum { MOST = 16384 };
  const int wide = call->traits->lanes > 1;
  return call->enqueue(call, clf_ops[call->op].name,
                       wide ? clf_groups(clf_ceil(n, MOST), 1, 1, 1) : clf_items(call, n), NULL);
}
CLF_LAUNCH(adam_step) { return each(call, p->w.dim[0]); }
CLF_LAUNCH(clip_norm) { return each(call, p->g.dim[0]); }
