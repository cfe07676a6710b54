/* SPDX-License-Identifier: MIT */
/* reduce.c: bands of rows or elements in parallel, then the bands. */
#include "launch.h"

CLF_LAUNCH(sum_rows) {
  enum { BAND = 256, LONG = 16384 }; /* a single column is added up in vectors, where there are */
  const int N = p->x.dim[0], D = p->x.dim[1];
  const int band = D == 1 && call->traits->lanes > 1 ? LONG : BAND, bands = clf_ceil(N, band);
  const int e[4] = {band, bands};
  CLF_TRY(call->reserve(call, (size_t)bands * (size_t)D));
  CLF_TRY(call->enqueue(call, "sum_rows",
                        clf_by_lanes(call, clf_ceil(D, call->traits->lanes), bands), e));
  return call->enqueue(call, "sum_rows_add", clf_items(call, D), e);
}

CLF_LAUNCH(sum_squares) {
  enum { BAND = 16384 };
  const int bands = clf_ceil(clf_elements(&p->x), BAND), group = call->traits->group;
  const int e[4] = {BAND, bands};
  CLF_TRY(call->reserve(call, (size_t)bands));
  CLF_TRY(call->enqueue(call, "sum_squares", clf_groups(bands, 1, group, 1), e));
  return call->enqueue(call, "sum_squares_add", clf_groups(1, 1, group, 1), e);
}
