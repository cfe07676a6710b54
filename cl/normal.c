/* SPDX-License-Identifier: MIT */
/* normal.c: the loss: work-groups that take about ELEMENTS elements each, and one work-item that
 * adds up their sums. */
#include "launch.h"
#include "plans.h"

CLF_LAUNCH(normal_nll) {
  enum { ELEMENTS = 4096 };
  const int N = p->z.dim[0], size = clf_size(&p->z);
  const int samples = size >= ELEMENTS ? 1 : clf_ceil(ELEMENTS, size);
  const bands_plan e = {samples, clf_ceil(N, samples)};
  CLF_TRY(call->reserve(call, (size_t)e.count));
  CLF_TRY(call->enqueue(call, "normal_nll", clf_by_samples(call, e.count), CLF_PLAN(e)));
  if (e.count == 1) return CLF_OK;
  return call->enqueue(call, "normal_nll_add", clf_groups(1, 1, 1, 1), CLF_PLAN(e));
}
