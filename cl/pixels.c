/* SPDX-License-Identifier: MIT */
/* pixels.c: noise: an item per sample where items are vectors, else one for each block
 * of four words; logits: a group per sample. */
#include "launch.h"

CLF_LAUNCH(dequantize) {
  const int N = p->x.dim[0], blocks = clf_ceil(clf_elements(&p->x) / N, 4);
  const int items = call->traits->lanes > 1 ? 1 : blocks;
  return call->enqueue(call, "dequantize", clf_by_lanes(call, items, N), NULL);
}
CLF_LAUNCH(logit_fwd) { return clf_each_sample(call, p->x.dim[0]); }
CLF_LAUNCH(logit_inv) { return clf_each_sample(call, p->y.dim[0]); }
CLF_LAUNCH(logit_bwd) { return clf_each_sample(call, p->x.dim[0]); }
