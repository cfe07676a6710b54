/* SPDX-License-Identifier: MIT */
/* reduce.c: sums of bands, then the sum of the bands. */
#include "launch.h"
#include "plans.h"

CLF_LAUNCH(sum_rows) {
  enum { ROWS = 256, ROWS_OF_ONE = 16384 }; /* a single column is summed in vectors, if possible */
  const int N = p->x.dim[0], D = p->x.dim[1];
  const int rows = D == 1 && call->traits->lanes > 1 ? ROWS_OF_ONE : ROWS;
  const bands_plan e = {rows, clf_ceil(N, rows)};
  CLF_TRY(call->reserve(call, (size_t)e.count * (size_t)D));
  CLF_TRY(call->enqueue(call, "sum_rows",
                        clf_by_lanes(call, clf_ceil(D, call->traits->lanes), e.count),
                        CLF_PLAN(e)));
  return call->enqueue(call, "sum_rows_add", clf_items(call, D), CLF_PLAN(e));
}

CLF_LAUNCH(sum_squares) {
  enum { ELEMENTS = 16384 };
  const bands_plan e = {ELEMENTS, clf_ceil(clf_elements(&p->x), ELEMENTS)};
  CLF_TRY(call->reserve(call, (size_t)e.count));
  CLF_TRY(call->enqueue(call, "sum_squares", clf_by_samples(call, e.count), CLF_PLAN(e)));
  return call->enqueue(call, "sum_squares_add", clf_by_samples(call, 1), CLF_PLAN(e));
}
