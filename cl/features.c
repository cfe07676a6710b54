/* SPDX-License-Identifier: MIT */
/* features.c: the gradient of mixed angles: bands of rows, then the sums of the bands. */
#include "launch.h"
#include "plans.h"

CLF_LAUNCH(angles_mix_bwd) {
  enum { ROWS = 64 };
  const int d = p->dy.dim[1];
  const bands_plan e = {ROWS, clf_ceil(p->dy.dim[0], ROWS)};
  CLF_TRY(call->reserve(call, (size_t)e.count * 2 * (size_t)d));
  CLF_TRY(call->enqueue(call, "angles_mix_bwd", clf_items(call, e.count * d), CLF_PLAN(e)));
  return call->enqueue(call, "angles_mix_bwd_add", clf_items(call, 2 * d), CLF_PLAN(e));
}
