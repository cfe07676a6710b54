/* SPDX-License-Identifier: MIT */
/* pixels.c: noise: an item for the block of four words of a sample; logits: a group per
 * sample. */
#include "launch.h"

CLF_LAUNCH(dequantize) {
  const int N = p->x.dim[0];
  return clf_each(call, N * clf_ceil(clf_elements(&p->x) / N, 4));
}
CLF_LAUNCH(logit_fwd) { return clf_each_sample(call, p->x.dim[0]); }
CLF_LAUNCH(logit_inv) { return clf_each_sample(call, p->y.dim[0]); }
CLF_LAUNCH(logit_bwd) { return clf_each_sample(call, p->x.dim[0]); }
