/* SPDX-License-Identifier: MIT */
/* random.c: an item for the block of four words of a sample; shuffling: for LANES rows. */
#include "launch.h"

static clf_status blocks(clf_call *call, const clf_tensor *y, int per) {
  return clf_each(call, y->dim[0] * clf_ceil(clf_elements(y) / y->dim[0], per));
}

CLF_LAUNCH(random_bits) { return blocks(call, &p->y, 8); }
CLF_LAUNCH(random_uniform) { return blocks(call, &p->y, 4); }
CLF_LAUNCH(random_normal) { return blocks(call, &p->y, 4); }
CLF_LAUNCH(shuffle_rows) {
  const int items = clf_ceil(p->y.dim[0], call->traits->lanes);
  return call->enqueue(call, "shuffle_rows", clf_by_lanes(call, items, 1), NULL);
}
