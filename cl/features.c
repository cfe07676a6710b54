/* SPDX-License-Identifier: MIT */
/* features.c: an item for an angle of a sample; sums in bands of rows, then over the bands. */
#include "launch.h"

CLF_LAUNCH(angles_fwd) { return clf_each(call, clf_elements(&p->x)); }
CLF_LAUNCH(angles_bwd) { return clf_each(call, clf_elements(&p->dx)); }
CLF_LAUNCH(angles_mix_fwd) { return clf_each(call, clf_elements(&p->y)); }
CLF_LAUNCH(angles_mix_bwd) {
  enum { BAND = 64 };
  const int bands = clf_ceil(p->dy.dim[0], BAND), d = p->dy.dim[1], e[4] = {BAND, bands};
  CLF_TRY(call->reserve(call, (size_t)bands * 2 * (size_t)d));
  CLF_TRY(call->enqueue(call, "angles_mix_bwd", clf_items(call, bands * d), e));
  return call->enqueue(call, "angles_mix_bwd_add", clf_items(call, 2 * d), e);
}
