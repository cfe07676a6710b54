/* SPDX-License-Identifier: MIT */
/* gain.c: the gradient: bands of rows, then the sums of the bands. */
#include "launch.h"
#include "plans.h"

CLF_LAUNCH(gain_bwd) {
  enum { ROWS = 64 };
  const int D = p->x.dim[1];
  const bands_plan e = {ROWS, clf_ceil(p->x.dim[0], ROWS)};
  CLF_TRY(call->reserve(call, (size_t)e.count * 2 * (size_t)D));
  CLF_TRY(call->enqueue(call, "gain_bwd",
                        clf_by_lanes(call, clf_ceil(D, call->traits->lanes), e.count),
                        CLF_PLAN(e)));
  return call->enqueue(call, "gain_bwd_add", clf_items(call, D), CLF_PLAN(e));
}
