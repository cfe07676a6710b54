/* SPDX-License-Identifier: MIT */
/* batchnorm.c: sums over bands of rows, the bands' sums in their order, then the pixels. */
#include "launch.h"

/* Scratch memory: two numbers for each band and channel, then two for each channel. */
static clf_status sums(clf_call *call, const clf_tensor *x, const char *bands, const char *add,
                       int e[4]) {
  const int C = x->dim[1];
  e[0] = clf_band_rows(call, x);
  e[1] = clf_ceil(x->dim[0] * x->dim[2], e[0]);
  CLF_TRY(call->reserve(call, 2 * ((size_t)e[1] + 1) * (size_t)C));
  CLF_TRY(call->enqueue(call, bands, clf_by_bands(call, x, e[1]), e));
  return call->enqueue(call, add, clf_by_lanes(call, clf_ceil(C, call->traits->lanes), 1), e);
}

CLF_LAUNCH(bn_stats) {
  int e[4] = {0};
  return sums(call, &p->x, "bn_stats", "bn_stats_add", e);
}

CLF_LAUNCH(bn_fwd) { return call->enqueue(call, "bn_fwd", clf_by_pixels(call, &p->x), NULL); }

CLF_LAUNCH(bn_bwd) {
  int e[4] = {0};
  CLF_TRY(sums(call, &p->x, "bn_bwd_sum", "bn_bwd_add", e));
  return call->enqueue(call, "bn_bwd", clf_by_pixels(call, &p->x), e);
}

CLF_LAUNCH(bn_flow_fwd) {
  return call->enqueue(call, "bn_flow_fwd", clf_by_pixels(call, &p->x), NULL);
}

CLF_LAUNCH(bn_flow_inv) {
  return call->enqueue(call, "bn_flow_inv", clf_by_pixels(call, &p->y), NULL);
}

CLF_LAUNCH(bn_flow_bwd) {
  int e[4] = {0};
  CLF_TRY(sums(call, &p->x, "bn_flow_bwd_sum", "bn_flow_bwd_add", e));
  return call->enqueue(call, "bn_flow_bwd", clf_by_pixels(call, &p->x), e);
}
