/* SPDX-License-Identifier: MIT */
/* affine_map.c: a group for some samples, whole: map_share() in maps.clh. */
#include "launch.h"

CLF_LAUNCH(affine_map_fwd) { return clf_each_map(call, p->x.dim[0], p->at.dim[0]); }
CLF_LAUNCH(affine_map_inv) { return clf_each_map(call, p->y.dim[0], p->at.dim[0]); }
CLF_LAUNCH(affine_map_bwd) { return clf_each_map(call, p->x.dim[0], p->at.dim[0]); }
CLF_LAUNCH(affine_map_inv_bwd) { return clf_each_map(call, p->x.dim[0], p->at.dim[0]); }

/* As many groups as of a map, and one for their sums. */
CLF_LAUNCH(trained_scale_bwd) {
  const int N = p->s.dim[0], d = p->s.dim[1], group = call->traits->group;
  const int share = group == 1 ? call->traits->lanes : d < group ? group / d : 1;
  const int e[4] = {clf_ceil(N, share)};
  CLF_TRY(call->reserve(call, 2 * (size_t)e[0]));
  CLF_TRY(call->enqueue(call, "trained_scale_bwd", clf_groups(e[0], 1, group, 1), e));
  return call->enqueue(call, "trained_scale_bwd_add", clf_groups(1, 1, group, 1), e);
}
