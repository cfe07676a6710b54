/* SPDX-License-Identifier: MIT */
/* gaussians.h: a normal, or a mixture of them, with trained means and covariances.  Private. */
#ifndef CLF_GAUSSIANS_H
#define CLF_GAUSSIANS_H
#include "base.h"

/* The layout of the parameters of K normals in a row: K logits, K means, K diagonals, K lower
 * triangles. */
typedef struct clf__gaussians_form {
  int alone;               /* 1: a single normal, without logits */
  int32_t K, dim;          /* components; dimensions of each */
  int32_t diagonal, below; /* elements of a factor's diagonal, and below it: 0 unless it is full */
} clf__gaussians_form;

/* Offsets of means, diagonals and lower triangles in the row, and its length. */
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

/* Rows of parameters, (n, size), as tensors (n, K) and (n, K, ...); without a buffer if absent. */
typedef struct clf__gaussians_numbers {
  clf_tensor logits, mean, log_std, lower;
} clf__gaussians_numbers;
clf__gaussians_numbers clf__gaussians_in(const clf__gaussians_form *o, clf_tensor rows);

/* Number of sums per component that gaussians_moments computes: of 1, t and t t^T, or only t^2
 * unless covariances are full. */
static inline int32_t clf__gaussians_sums(const clf__gaussians_form *o) {
  return o->below ? 1 + o->dim + o->dim * (o->dim + 1) / 2 : 1 + 2 * o->dim;
}

/* A tensor (rows, K, D), or (rows, K) if D is 0, with the rows adjacent, which suits operations
 * on many rows and few components. */
clf_status clf__gaussians_room(clf_arena *a, int32_t rows, int32_t K, int32_t D, clf_tensor *t);

/* From t and dL / dlogps, through moments (K, S), adds the gradients by all parameters except
 * the logits to `d`, one row of parameters.  v and first are those of gaussians_logp. */
clf_status clf__gaussians_gradients(const clf__pass *p, clf__gaussians_numbers d,
                                    clf__gaussians_numbers v, clf_tensor t, clf_tensor dlogps,
                                    clf_tensor moments, int32_t first);
/* The gradient of an array as one row; without a buffer if gradients of weights are not
 * computed. */
clf_tensor clf__gradient_row(const clf__pass *p, const clf__slot *row);

/* The form of a base's normals, and the slot of their row; NULL for other bases. */
const clf__gaussians_form *clf__gaussians_form_of(const clf__base *b, const clf__slot **row);

/* A mixture of `count` normals in `dim` dimensions; 0: a single normal.  cov: CLF__COV_DIAG etc.
 * of arch.def. */
clf_status clf__gaussians_make(clf__base *b, clf__slots *slots, const char *path, int32_t dim,
                               int32_t count, int cov);

/* The other functions of such a base, apart from its name and `make`. */
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
  .logp = clf__gaussians_logp, .backward = CLF_TRAINS(clf__gaussians_backward),                    \
  .sample = clf__gaussians_sample, .sample_backward = CLF_TRAINS(clf__gaussians_sample_backward)

/* A mixture conditioned on the context (joint.c); created by mixture.c. */
extern const clf__base_ops clf__base_joint;

#endif
