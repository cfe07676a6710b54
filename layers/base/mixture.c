/* SPDX-License-Identifier: MIT */
/* mixture.c: a trained mixture of normal distributions, of the latent alone or conditioned on the
 * context. */
#include "gaussians.h"

static clf_status make(clf__base *b, clf__slots *slots, const char *path) {
  const clf__arch_mixture *a = (const clf__arch_mixture *)b->node;
  if (!a->joint) return clf__gaussians_make(b, slots, path, b->dim, a->count, a->cov);
  if (!b->context)
    return clf__fail(CLF_EINVAL, "mixture: joint=1 conditions on the context, and the flow has "
                                 "none; write the architecture as D|C: ..., or leave joint out");
  b->ops = &clf__base_joint;
  return clf__gaussians_make(b, slots, path, b->dim + b->context, a->count, a->cov);
}

const clf__base_ops clf__base_mixture = {.name = "mixture", .make = make, CLF_GAUSSIANS_BASE};
