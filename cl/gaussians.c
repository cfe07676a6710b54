/* SPDX-License-Identifier: MIT */
/* gaussians.c: an item per normal of a sample; what is by column of a sample, an item for that. */
#include "launch.h"

static clf_grid of_normals(const clf_call *call, const clf_tensor *t) {
  return clf_items(call, t->dim[0] * t->dim[1]);
}

CLF_LAUNCH(gaussians_logp) {
  return call->enqueue(call, "gaussians_logp", of_normals(call, &p->t), NULL);
}
CLF_LAUNCH(gaussians_bwd) {
  CLF_TRY(call->enqueue(call, "gaussians_bwd", of_normals(call, &p->t), NULL));
  return call->enqueue(call, "gaussians_bwd_sum", clf_items(call, clf_elements(&p->dz)), NULL);
}
CLF_LAUNCH(gaussians_place) { return clf_each(call, clf_elements(&p->z)); }
CLF_LAUNCH(gaussians_place_bwd) { return clf_each(call, p->e.dim[0]); }

/* An item per sum over a band of samples; then the bands. */
CLF_LAUNCH(gaussians_moments) {
  enum { BAND = 512 };
  const int sums = clf_elements(&p->s), bands = clf_ceil(p->t.dim[0], BAND);
  const int e[4] = {BAND, bands};
  CLF_TRY(call->reserve(call, (size_t)bands * (size_t)sums));
  CLF_TRY(call->enqueue(call, "gaussians_moments", clf_items(call, sums * bands), e));
  return call->enqueue(call, "gaussians_moments_add", clf_items(call, sums), e);
}

CLF_LAUNCH(gaussians_gradients) {
  const int K = p->dloc.dim[1], D = p->dloc.dim[2];
  CLF_TRY(call->reserve(call, (size_t)K * (size_t)(D + 1) * (size_t)D));
  CLF_TRY(call->enqueue(call, "gaussians_gradients", clf_items(call, K * (D + 1)), (int[4]){0}));
  return call->enqueue(call, "gaussians_gradients_add", clf_items(call, K * D), (int[4]){0});
}
