/* SPDX-License-Identifier: MIT */
/* piecewise.c: gradients: work-items that sum over bands of samples, and one that adds these up. */
#include "launch.h"
#include "plans.h"

static clf_status by_bands(clf_call *call, int N, int knots, const char *collect, const char *add) {
  enum { LEAST = 64, ITEMS = 128 }; /* samples of a work-item; work-items at most */
  const int fair = clf_ceil(N, ITEMS), samples = fair > LEAST ? fair : LEAST;
  const bands_plan e = {samples, clf_ceil(N, samples)};
  CLF_TRY(call->reserve(call, 2 * (size_t)e.count * (size_t)knots));
  CLF_TRY(call->enqueue(call, collect, clf_items(call, e.count), CLF_PLAN(e)));
  return call->enqueue(call, add, clf_groups(1, 1, 1, 1), CLF_PLAN(e));
}
CLF_LAUNCH(piecewise_bwd) {
  return by_bands(call, p->x.dim[0], p->xi.dim[0], "piecewise_bwd", "piecewise_bwd_add");
}
CLF_LAUNCH(piecewise_inv_bwd) {
  return by_bands(call, p->x.dim[0], p->xi.dim[0], "piecewise_inv_bwd", "piecewise_inv_bwd_add");
}
