/* SPDX-License-Identifier: MIT */
/* random.c: bits, an item for the block of four words of a sample; numbers, an item for many
 * blocks; shuffling, for LANES rows. */
#include "launch.h"

static clf_status blocks(clf_call *call, const clf_tensor *y, int per) {
  return clf_each(call, y->dim[0] * clf_ceil(clf_elements(y) / y->dim[0], per));
}

/* SPAN blocks of four numbers an item, as in random.cl. */
static clf_status spans(clf_call *call, const clf_tensor *y) {
  const int lanes = call->traits->lanes, blocks = clf_ceil(clf_elements(y) / y->dim[0], 4);
  const int items = clf_ceil(y->dim[0] * blocks, lanes > 1 ? 64 * lanes : 1);
  return call->enqueue(call, clf_ops[call->op].name, clf_by_lanes(call, items, 1), NULL);
}

CLF_LAUNCH(random_bits) { return blocks(call, &p->y, 8); }
CLF_LAUNCH(random_uniform) { return spans(call, &p->y); }
CLF_LAUNCH(random_normal) { return spans(call, &p->y); }
CLF_LAUNCH(shuffle_rows) {
  const int items = clf_ceil(p->y.dim[0], call->traits->lanes);
  return call->enqueue(call, "shuffle_rows", clf_by_lanes(call, items, 1), NULL);
}
