/* SPDX-License-Identifier: MIT */
/* mlp_steps.c: one work-item or, where a work-item is one lane, one work-group: the nets are so
 * small that a second core, or a second launch, costs more time than it saves. */
#include "launch.h"

CLF_LAUNCH(mlp_steps) {
  const int D = p->x.dim[1], H = p->hidden, L = p->b.dim[0], lanes = call->traits->lanes;
  const int items = lanes > 1 ? 1 : call->traits->wg;
  const size_t W = (size_t)p->w.dim[0];
  const size_t rows = (size_t)(L * (3 * D + 2 * H) + 3 * D) + W + 1;
  /* behind the rows: the sums of the work-group, and the squares that each work-item sums */
  CLF_TRY(call->reserve(call, rows * (size_t)items * (size_t)lanes + W + 1 + (size_t)items));
  return call->enqueue(call, "mlp_steps", clf_by_lanes(call, 1, 1), CLF_NO_PLAN);
}
