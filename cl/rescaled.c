/* SPDX-License-Identifier: MIT */
/* rescaled.c: a work-group takes a band of the rows of an image, about ELEMENTS elements.  Then the
 * sums of the bands are added up: by a work-item for each image, or by one work-group for the
 * gradient. */
#include "launch.h"
#include "plans.h"

static image_bands_plan bands_of(const clf_tensor *x) {
  enum { ELEMENTS = 1024 };
  const int row = x->dim[1] * x->dim[3], H = x->dim[2], fit = row < ELEMENTS ? ELEMENTS / row : 1;
  const int rows = fit < H ? fit : H, count = clf_ceil(H, rows);
  return (image_bands_plan){rows, count, x->dim[0] * count};
}
static clf_grid by_bands(const clf_call *call, image_bands_plan e, int images) {
  return clf_groups(e.count, images, call->traits->group, 1);
}

static clf_status through(clf_call *call, const clf_tensor *x, const char *add) {
  const int N = x->dim[0];
  const image_bands_plan e = bands_of(x);
  CLF_TRY(call->reserve(call, (size_t)e.total));
  CLF_TRY(call->enqueue(call, clf_ops[call->op].name, by_bands(call, e, N), CLF_PLAN(e)));
  return e.count == 1 ? CLF_OK : call->enqueue(call, add, clf_items(call, N), CLF_PLAN(e));
}
CLF_LAUNCH(rescaled_fwd) { return through(call, &p->x, "rescaled_fwd_add"); }
CLF_LAUNCH(rescaled_inv) { return through(call, &p->y, "rescaled_inv_add"); }

CLF_LAUNCH(rescaled_bwd) {
  const image_bands_plan e = bands_of(&p->x);
  CLF_TRY(call->reserve(call, 2 * (size_t)e.total));
  CLF_TRY(call->enqueue(call, "rescaled_bwd", by_bands(call, e, p->x.dim[0]), CLF_PLAN(e)));
  return call->enqueue(call, "rescaled_bwd_add", clf_by_samples(call, 1), CLF_PLAN(e));
}
