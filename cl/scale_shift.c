/* SPDX-License-Identifier: MIT */
/* scale_shift.c: gradients: bands of rows, then the sums of the bands. */
#include "launch.h"
#include "plans.h"

static clf_status by_bands(clf_call *call, const clf_tensor *x, const char *bands,
                           const char *add) {
  const int C = x->dim[1], rows = clf_band_rows(call, x);
  const bands_plan e = {rows, clf_ceil(x->dim[0] * x->dim[2], rows)};
  CLF_TRY(call->reserve(call, 2 * (size_t)e.count * (size_t)C));
  CLF_TRY(call->enqueue(call, bands, clf_by_bands(call, x, e.count), CLF_PLAN(e)));
  return call->enqueue(call, add, clf_by_lanes(call, clf_ceil(C, call->traits->lanes), 1),
                       CLF_PLAN(e));
}
CLF_LAUNCH(scale_shift_bwd) {
  return by_bands(call, &p->x, "scale_shift_bwd", "scale_shift_bwd_add");
}
CLF_LAUNCH(scale_shift_inv_bwd) {
  return by_bands(call, &p->x, "scale_shift_inv_bwd", "scale_shift_inv_bwd_add");
}
