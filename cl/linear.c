/* SPDX-License-Identifier: MIT */
/* linear.c: matrices of linear layers.  A work-item has LANES columns of a matrix; gradients of
 * packed entries take a work-item for each entry, and elimination takes one work-group. */
#include "launch.h"
#include "plans.h"

static clf_grid by_columns(const clf_call *call, int D) {
  return clf_by_lanes(call, clf_ceil(D, call->traits->lanes), 1);
}

CLF_LAUNCH(reflections_bwd) {
  enum { MOST = 64 }; /* work-items, each with sums for the gradients of all reflections */
  const int D = p->dw.dim[0], K = p->left.dim[0] + p->right.dim[0];
  const int pitch = clf_round_up(D, call->traits->lanes), blocks = pitch / call->traits->lanes;
  const linear_plan e = {blocks < MOST ? blocks : MOST, pitch};
  CLF_TRY(
      call->reserve(call, 4 * (size_t)D * (size_t)pitch + (size_t)e.items * (size_t)K * (size_t)D));
  CLF_TRY(call->enqueue(call, "reflections_bwd", clf_by_lanes(call, e.items, 1), CLF_PLAN(e)));
  return call->enqueue(call, "reflections_bwd_add", clf_items(call, (D + K) * D), CLF_PLAN(e));
}

CLF_LAUNCH(rotation_compose) {
  const int D = p->w.dim[0];
  const linear_plan e = {0, clf_round_up(D, call->traits->lanes)};
  CLF_TRY(call->reserve(call, 3 * (size_t)D * (size_t)e.pitch));
  return call->enqueue(call, "rotation_compose", by_columns(call, D), CLF_PLAN(e));
}
CLF_LAUNCH(rotation_bwd) {
  const int D = p->dw.dim[0];
  const linear_plan e = {0, clf_round_up(D, call->traits->lanes)};
  CLF_TRY(call->reserve(call, 6 * (size_t)D * (size_t)e.pitch));
  CLF_TRY(call->enqueue(call, "rotation_bwd", by_columns(call, D), CLF_PLAN(e)));
  return call->enqueue(call, "rotation_bwd_add", clf_items(call, D * D), CLF_PLAN(e));
}

CLF_LAUNCH(dense_compose) {
  const size_t D = (size_t)p->w.dim[0];
  CLF_TRY(call->reserve(call, 2 * D * D));
  return call->enqueue(call, "dense_compose", clf_by_samples(call, 1), CLF_NO_PLAN);
}
