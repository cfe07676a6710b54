/* SPDX-License-Identifier: MIT */
/* mixture.c: a trained mixture of normal distributions. */
#include "gaussians.h"
#include "pieces.h"

static clf_status make(clf__base *b, clf__parts *parts, const char *path) {
  const clf__arch_mixture *a = (const clf__arch_mixture *)b->node;
  return clf__gaussians_make(b, parts, path, a->count, a->cov);
}

const clf__base_ops clf__base_mixture = {.name = "mixture", .make = make, CLF_GAUSSIANS_BASE};
