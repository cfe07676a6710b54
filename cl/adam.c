/* SPDX-License-Identifier: MIT */
/* adam.c: one item per parameter; clipping: an item for MOST where it is a vector. */
#include "launch.h"

CLF_LAUNCH(adam_step) { return clf_each(call, p->w.dim[0]); }

CLF_LAUNCH(clip_norm) {
  enum { MOST = 16384 };
  const int n = p->g.dim[0], wide = call->traits->lanes > 1;
  return call->enqueue(call, "clip_norm",
                       wide ? clf_groups(clf_ceil(n, MOST), 1, 1, 1) : clf_items(call, n), NULL);
}
