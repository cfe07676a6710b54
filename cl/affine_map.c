/* SPDX-License-Identifier: MIT */
/* affine_map.c: the gradient of a trained scale: as many work-groups as a map has, then one for
 * their sums. */
#include "launch.h"
#include "plans.h"

CLF_LAUNCH(trained_scale_bwd) {
  const int N = p->s.dim[0], d = p->s.dim[1], group = call->traits->group;
  const int samples = group == 1 ? call->traits->lanes : d < group ? group / d : 1;
  const bands_plan e = {samples, clf_ceil(N, samples)};
  CLF_TRY(call->reserve(call, 2 * (size_t)e.count));
  CLF_TRY(call->enqueue(call, "trained_scale_bwd", clf_by_samples(call, e.count), CLF_PLAN(e)));
  return call->enqueue(call, "trained_scale_bwd_add", clf_by_samples(call, 1), CLF_PLAN(e));
}
