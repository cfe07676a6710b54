/* SPDX-License-Identifier: MIT */
/* batchnorm.c: sums over bands of rows, then over the bands, then the elements. */
#include "launch.h"
#include "plans.h"

/* Scratch memory: two sums for each band and channel, then two totals for each channel. */
static clf_status sums(clf_call *call, const clf_tensor *x, const char *bands, const char *add,
                       bands_plan *e) {
  const int C = x->dim[1];
  e->size = clf_band_rows(call, x);
  e->count = clf_ceil(x->dim[0] * x->dim[2], e->size);
  CLF_TRY(call->reserve(call, 2 * ((size_t)e->count + 1) * (size_t)C));
  CLF_TRY(call->enqueue(call, bands, clf_by_bands(call, x, e->count), CLF_PLAN(*e)));
  return call->enqueue(call, add, clf_by_lanes(call, clf_ceil(C, call->traits->lanes), 1),
                       CLF_PLAN(*e));
}

CLF_LAUNCH(bn_stats) {
  bands_plan e;
  return sums(call, &p->x, "bn_stats", "bn_stats_add", &e);
}

CLF_LAUNCH(bn_bwd) {
  bands_plan e;
  CLF_TRY(sums(call, &p->x, "bn_bwd_sum", "bn_bwd_add", &e));
  return call->enqueue(call, "bn_bwd", clf_by_pixels(call, &p->x), CLF_PLAN(e));
}

CLF_LAUNCH(bn_flow_bwd) {
  bands_plan e;
  CLF_TRY(sums(call, &p->x, "bn_flow_bwd_sum", "bn_flow_bwd_add", &e));
  return call->enqueue(call, "bn_flow_bwd", clf_by_pixels(call, &p->x), CLF_PLAN(e));
}
