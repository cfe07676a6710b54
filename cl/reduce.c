/* SPDX-License-Identifier: MIT */
/* reduce.c: bands of rows in parallel, then the bands. */
#include "launch.h"

CLF_LAUNCH(sum_rows) {
  enum { BAND = 256 };
  const int N = p->x.dim[0], D = p->x.dim[1], bands = clf_ceil(N, BAND);
  const int e[4] = {BAND, bands};
  CLF_TRY(call->reserve(call, (size_t)bands * (size_t)D));
  CLF_TRY(call->enqueue(call, "sum_rows",
                        clf_by_lanes(call, clf_ceil(D, call->traits->lanes), bands), e));
  return call->enqueue(call, "sum_rows_add", clf_items(call, D), e);
}
