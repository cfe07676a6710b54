/* SPDX-License-Identifier: MIT */
/* gaussians.h: a normal, or a mixture of them, with trained means and covariances.  Private. */
#ifndef CLF_GAUSSIANS_H
#define CLF_GAUSSIANS_H
#include "base.h"

/* How the numbers of K normals lie in their row: K logits, K means, K diagonals, K lower parts. */
typedef struct clf__gaussians_form {
  int alone;               /* 1: a normal, without logits */
  int32_t K, dim;          /* components, dimensions of each */
  int32_t diagonal, below; /* numbers of a factor's diagonal, and below it: 0 unless it is full */
} clf__gaussians_form;

/* Where means, diagonals and lower parts begin in the row, and its length. */
static inline int64_t clf__gaussians_means(const clf__gaussians_form *o) {
  return o->alone ? 0 : o->K;
}
static inline int64_t clf__gaussians_stds(const clf__gaussians_form *o) {
  return clf__gaussians_means(o) + (int64_t)o->K * o->dim;
}
static inline int64_t clf__gaussians_lower(const clf__gaussians_form *o) {
  return clf__gaussians_stds(o) + (int64_t)o->K * o->diagonal;
}
static inline int64_t clf__gaussians_size(const clf__gaussians_form *o) {
  return clf__gaussians_lower(o) + (int64_t)o->K * o->below;
}

/* Rows of such numbers, (n, size), as tensors (n, K) and (n, K, ...); what there is not has no
 * buffer. */
typedef struct clf__gaussians_numbers {
  clf_tensor logits, mean, log_std, lower;
} clf__gaussians_numbers;
clf__gaussians_numbers clf__gaussians_in(const clf__gaussians_form *o, clf_tensor rows);

/* Sums of a component that gaussians_moments makes: of 1, t and t t^T, or where covariances are not
 * full of t^2 alone. */
static inline int32_t clf__gaussians_sums(const clf__gaussians_form *o) {
  return o->below ? 1 + o->dim + o->dim * (o->dim + 1) / 2 : 1 + 2 * o->dim;
}

/* A tensor (rows, K, D), or (rows, K) where D is 0, with the rows side by side, as operations on
 * many rows and few components like them. */
clf_status clf__gaussians_room(clf_arena *a, int32_t rows, int32_t K, int32_t D, clf_tensor *t);

/* Adds the gradients by all parameters but the logits to those in `d`, one row of numbers: from t
 * and dL / dlogps, through moments (K, S).  v and first: those of gaussians_logp. */
clf_status clf__gaussians_gradients(const clf__pass *p, clf__gaussians_numbers d,
                                    clf__gaussians_numbers v, clf_tensor t, clf_tensor dlogps,
                                    clf_tensor moments, int32_t first);
/* The gradient of a part as one row; without a buffer where gradients of weights are not wanted. */
clf_tensor clf__gradient_row(const clf__pass *p, const clf__slot *row);

/* The form of a base's normals, and the part of the weights that is their row; NULL where the base
 * is of another kind. */
const clf__gaussians_form *clf__gaussians_form_of(const clf__base *b, const clf__slot **row);

/* A mixture of `count` normals in `dim` dimensions, or with 0 a normal alone.  cov: CLF__COV_DIAG
 * and so on, of arch.def. */
clf_status clf__gaussians_make(clf__base *b, clf__slots *slots, const char *path, int32_t dim,
                               int32_t count, int cov);

/* The other operations of such a base, but for its name and `make`. */
void clf__gaussians_unmake(clf__base *b);
void clf__gaussians_init(const clf__base *b, clf__host_random *r, double *w);
clf_status clf__gaussians_plan(const clf__base *b, int32_t rows, int train, clf_arena *a,
                               clf__base_memory *k);
clf_status clf__gaussians_logp(const clf__base *b, const clf__pass *p, clf__base_memory *k,
                               clf_tensor z, clf_tensor logdet, clf_tensor logp);
clf_status clf__gaussians_backward(const clf__base *b, const clf__pass *p, clf__base_memory *k,
                                   clf_tensor z, clf_tensor dz);
clf_status clf__gaussians_sample(const clf__base *b, const clf__pass *p, clf__base_memory *k,
                                 uint64_t seed, int64_t first, clf_tensor z);
clf_status clf__gaussians_sample_backward(const clf__base *b, const clf__pass *p,
                                          clf__base_memory *k, uint64_t seed, int64_t first,
                                          clf_tensor z, clf_tensor dz);
#define CLF_GAUSSIANS_BASE                                                                         \
  .unmake = clf__gaussians_unmake, .init = clf__gaussians_init, .plan = clf__gaussians_plan,       \
  .logp = clf__gaussians_logp, .backward = clf__gaussians_backward,                                \
  .sample = clf__gaussians_sample, .sample_backward = clf__gaussians_sample_backward

/* A mixture conditioned on the context (joint.c); mixture.c makes it. */
extern const clf__base_ops clf__base_joint;

#endif
