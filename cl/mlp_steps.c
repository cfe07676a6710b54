/* SPDX-License-Identifier: MIT */
/* mlp_steps.c: one work-item, or one group where an item is one lane: networks so small that
 * a second core, or a second launch, costs more than it brings. */
#include "launch.h"

CLF_LAUNCH(mlp_steps) {
  const int D = p->x.dim[1], H = p->hidden, L = p->b.dim[0], lanes = call->traits->lanes;
  const int items = lanes > 1 ? 1 : call->traits->wg;
  const int rows = L * (3 * D + 2 * H) + 3 * D + p->w.dim[0] + 1;
  CLF_TRY(call->reserve(call, (size_t)rows * (size_t)items * (size_t)lanes));
  return call->enqueue(call, "mlp_steps", clf_by_lanes(call, 1, 1), NULL);
}
