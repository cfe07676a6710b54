/* SPDX-License-Identifier: MIT */
/* scale_shift.c: by pixels; the backward passes by bands of rows, then the bands' sums. */
#include "launch.h"

CLF_LAUNCH(scale_shift_fwd) {
  return call->enqueue(call, "scale_shift_fwd", clf_by_pixels(call, &p->x), NULL);
}
CLF_LAUNCH(scale_shift_inv) {
  return call->enqueue(call, "scale_shift_inv", clf_by_pixels(call, &p->y), NULL);
}

static clf_status back(clf_call *call, const clf_tensor *x, const char *bands, const char *add) {
  const int C = x->dim[1], rows = clf_band_rows(call, x);
  const int e[4] = {rows, clf_ceil(x->dim[0] * x->dim[2], rows)};
  CLF_TRY(call->reserve(call, 2 * (size_t)e[1] * (size_t)C));
  CLF_TRY(call->enqueue(call, bands, clf_by_bands(call, x, e[1]), e));
  return call->enqueue(call, add, clf_by_lanes(call, clf_ceil(C, call->traits->lanes), 1), e);
}
CLF_LAUNCH(scale_shift_bwd) { return back(call, &p->x, "scale_shift_bwd", "scale_shift_bwd_add"); }
CLF_LAUNCH(scale_shift_inv_bwd) {
  return back(call, &p->x, "scale_shift_inv_bwd", "scale_shift_inv_bwd_add");
}
