/* SPDX-License-Identifier: MIT */
/* linear.c: a work-item for LANES columns of a matrix; gradients of packed entries: one for each
 * entry; elimination: one group. */
#include "launch.h"

static clf_status by_columns(clf_call *call, int D, const int e[4]) {
  return call->enqueue(call, clf_ops[call->op].name,
                       clf_by_lanes(call, clf_ceil(D, call->traits->lanes), 1), e);
}
static clf_status by_entries(clf_call *call, int rows, int D) { return clf_each(call, rows * D); }
/* Floats of a row of D columns in scratch memory, which vectors fill. */
static int pitch(const clf_call *call, int D) {
  return clf_ceil(D, call->traits->lanes) * call->traits->lanes;
}

CLF_LAUNCH(lu_compose) { return by_columns(call, p->diagonal.dim[0], NULL); }
CLF_LAUNCH(lu_bwd) { return by_entries(call, p->dw.dim[0], p->dw.dim[0]); }

CLF_LAUNCH(reflections_compose) { return by_columns(call, p->w.dim[0], NULL); }

CLF_LAUNCH(reflections_bwd) {
  enum { MOST = 64 }; /* work-items, each with a share of the gradient of all reflections */
  const int D = p->dw.dim[0], K = p->left.dim[0] + p->right.dim[0], row = pitch(call, D);
  const int blocks = row / call->traits->lanes, items = blocks < MOST ? blocks : MOST;
  const int e[4] = {items, row};
  CLF_TRY(call->reserve(call, 4 * (size_t)D * (size_t)row + (size_t)items * (size_t)K * (size_t)D));
  CLF_TRY(call->enqueue(call, "reflections_bwd", clf_by_lanes(call, items, 1), e));
  return call->enqueue(call, "reflections_bwd_add", clf_items(call, (D + K) * D), e);
}

CLF_LAUNCH(rotation_compose) {
  const int D = p->w.dim[0], e[4] = {0, pitch(call, D)};
  CLF_TRY(call->reserve(call, 3 * (size_t)D * (size_t)e[1]));
  return by_columns(call, D, e);
}
CLF_LAUNCH(rotation_bwd) {
  const int D = p->dw.dim[0], e[4] = {0, pitch(call, D)};
  CLF_TRY(call->reserve(call, 6 * (size_t)D * (size_t)e[1]));
  CLF_TRY(by_columns(call, D, e));
  return call->enqueue(call, "rotation_bwd_add", clf_items(call, D * D), e);
}

CLF_LAUNCH(dense_compose) {
  const size_t D = (size_t)p->w.dim[0];
  CLF_TRY(call->reserve(call, 2 * D * D));
  return clf_each_sample(call, 1);
}
CLF_LAUNCH(dense_bwd) { return by_entries(call, p->v.dim[0], p->v.dim[0]); }
CLF_LAUNCH(logdet_add) { return clf_each(call, p->logdet.dim[0]); }
