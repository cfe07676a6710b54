/* SPDX-License-Identifier: MIT */
/* gaussians.h: a normal, or a mixture of them, with trained means and covariances.  Private. */
#ifndef CLF_GAUSSIANS_H
#define CLF_GAUSSIANS_H
#include "base.h"

/* A mixture of `count` normals, or with 0 a normal alone.  cov: CLF__COV_DIAG and so on, of
 * arch.def. */
clf_status clf__gaussians_make(clf__base *b, clf__parts *parts, const char *path, int32_t count,
                               int cov);

/* The other operations of such a base, but for its name and `make`. */
void clf__gaussians_unmake(clf__base *b);
void clf__gaussians_init(const clf__base *b, clf__host_random *r, double *w);
clf_status clf__gaussians_plan(const clf__base *b, int32_t rows, int train, clf_arena *a,
                               clf__base_kept *k);
clf_status clf__gaussians_logp(const clf__base *b, const clf__pass *p, clf__base_kept *k,
                               clf_tensor z, clf_tensor logdet, clf_tensor logp);
clf_status clf__gaussians_backward(const clf__base *b, const clf__pass *p, clf__base_kept *k,
                                   clf_tensor z, clf_tensor dz);
clf_status clf__gaussians_sample(const clf__base *b, const clf__pass *p, clf__base_kept *k,
                                 uint64_t seed, int64_t first, clf_tensor z);
clf_status clf__gaussians_sample_backward(const clf__base *b, const clf__pass *p, clf__base_kept *k,
                                          uint64_t seed, int64_t first, clf_tensor z,
                                          clf_tensor dz);
#define CLF_GAUSSIANS_BASE                                                                         \
  .unmake = clf__gaussians_unmake, .init = clf__gaussians_init, .plan = clf__gaussians_plan,       \
  .logp = clf__gaussians_logp, .backward = clf__gaussians_backward,                                \
  .sample = clf__gaussians_sample, .sample_backward = clf__gaussians_sample_backward

#endif
