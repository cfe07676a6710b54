/* SPDX-License-Identifier: MIT */
/* piecewise.c: an item per sample; the gradient: items that collect over shares of
 * the samples, and one that adds up. */
#include "launch.h"

CLF_LAUNCH(piecewise_knots) {
  (void)p;
  return call->enqueue(call, "piecewise_knots", clf_groups(1, 1, 1, 1), NULL);
}
CLF_LAUNCH(piecewise_fwd) { return clf_each(call, p->x.dim[0]); }
CLF_LAUNCH(piecewise_inv) { return clf_each(call, p->y.dim[0]); }
CLF_LAUNCH(piecewise_deriv) { return clf_each(call, p->x.dim[0]); }

/* Of N samples and Q + 1 knots: kernels `collect` and `add`. */
static clf_status by_shares(clf_call *call, int N, int knots, const char *collect,
                            const char *add) {
  enum { LEAST = 64, ITEMS = 128 }; /* samples of an item; items at most */
  const int share = clf_ceil(N, ITEMS), each = share > LEAST ? share : LEAST;
  const int items = clf_ceil(N, each), e[4] = {each, items};
  CLF_TRY(call->reserve(call, 2 * (size_t)items * (size_t)knots));
  CLF_TRY(call->enqueue(call, collect, clf_items(call, items), e));
  return call->enqueue(call, add, clf_groups(1, 1, 1, 1), e);
}
CLF_LAUNCH(piecewise_bwd) {
  return by_shares(call, p->x.dim[0], p->xi.dim[0], "piecewise_bwd", "piecewise_bwd_add");
}
CLF_LAUNCH(piecewise_inv_bwd) {
  return by_shares(call, p->x.dim[0], p->xi.dim[0], "piecewise_inv_bwd", "piecewise_inv_bwd_add");
}
