/* SPDX-License-Identifier: MIT */
/* gaussians.c: gradients and moments of normals, in two launches each. */
#include "launch.h"
#include "plans.h"

/* A work-item for each normal of a sample, then one for each column of a sample. */
CLF_LAUNCH(gaussians_bwd) {
  CLF_TRY(call->enqueue(call, "gaussians_bwd", clf_items(call, p->t.dim[0] * p->t.dim[1]),
                        CLF_NO_PLAN));
  return call->enqueue(call, "gaussians_bwd_sum", clf_items(call, clf_elements(&p->dz)),
                       CLF_NO_PLAN);
}

/* A work-item for each sum over a band of samples, then one for each sum over the bands. */
CLF_LAUNCH(gaussians_moments) {
  enum { SAMPLES = 512 };
  const int sums = clf_elements(&p->s);
  const bands_plan e = {SAMPLES, clf_ceil(p->t.dim[0], SAMPLES)};
  CLF_TRY(call->reserve(call, (size_t)e.count * (size_t)sums));
  CLF_TRY(call->enqueue(call, "gaussians_moments", clf_items(call, sums * e.count), CLF_PLAN(e)));
  return call->enqueue(call, "gaussians_moments_add", clf_items(call, sums), CLF_PLAN(e));
}

CLF_LAUNCH(gaussians_gradients) {
  const int K = p->dloc.dim[1], D = p->dloc.dim[2];
  CLF_TRY(call->reserve(call, (size_t)K * (size_t)(D + 1) * (size_t)D));
  CLF_TRY(call->enqueue(call, "gaussians_gradients", clf_items(call, K * (D + 1)), CLF_NO_PLAN));
  return call->enqueue(call, "gaussians_gradients_add", clf_items(call, K * D), CLF_NO_PLAN);
}
