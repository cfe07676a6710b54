/* SPDX-License-Identifier: MIT */
/* gain.c: bands of rows in parallel, then their sums. */
#include "launch.h"

CLF_LAUNCH(gain_fwd) { return call->enqueue(call, "gain_fwd", clf_by_pixels(call, &p->x), NULL); }
CLF_LAUNCH(gain_bwd) {
  enum { BAND = 64 };
  const int D = p->x.dim[1], bands = clf_ceil(p->x.dim[0], BAND), e[4] = {BAND, bands};
  CLF_TRY(call->reserve(call, (size_t)bands * 2 * (size_t)D));
  CLF_TRY(call->enqueue(call, "gain_bwd",
                        clf_by_lanes(call, clf_ceil(D, call->traits->lanes), bands), e));
  return call->enqueue(call, "gain_bwd_add", clf_items(call, D), e);
}
