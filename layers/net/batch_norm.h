/* SPDX-License-Identifier: MIT */
/* batch_norm.h: batch normalisation by channel, in nets of images and as a layer of a flow.
 * Private.
 *
 * In training a batch is normalised by its own mean and variance or, with rho > 0, by rho times
 * the running ones plus 1 - rho times its own (Dinh et al. 2017, section 3.7); gradients flow
 * through the batch's share.  Otherwise the running statistics are used. */
#ifndef CLF_BATCH_NORM_H
#define CLF_BATCH_NORM_H
#include <string.h>
#include "pass.h"

typedef struct clf__norm {
  clf__slot beta;      /* in nets: added after the normalisation */
  clf__slot mean, var; /* the running statistics; rank 0: `without` is used */
  clf__slot without;   /* constants 0 and 1, used instead of statistics; also for layers with a
                          gradient through the inverse */
  float eps;           /* added to variances */
  double momentum;     /* weight of a batch in the running statistics */
  double rho;          /* weight of the running statistics when a batch is normalised */
  int unbiased;        /* 1: variances of batches have the divisor M - 1 for M elements */
} clf__norm;

/* The statistics of one normalisation in one training pass: the batch's, and those applied.
 * They are stored from forward to backward, even if other values are recomputed. */
typedef struct clf__norm_memory {
  clf_tensor bmean, bvar, biased, mean, var;
} clf__norm_memory;

/* Number of tensors that a layer or net reserves for them. */
enum { CLF_NORM_TENSORS = sizeof(clf__norm_memory) / sizeof(clf_tensor) };
static inline clf__norm_memory clf__norm_at(const clf_tensor *t) {
  clf__norm_memory k;
  memcpy(&k, t, sizeof k);
  return k;
}

/* Adds the arrays "NAME.beta" (if with_beta), "NAME.mean" and "NAME.var"; and the constants of a
 * normalisation without statistics. */
void clf__norm_add(clf__slots *p, clf__norm *n, int32_t channels, int with_beta, const char *name);
void clf__norm_add_without(clf__slots *p, clf__norm *n, int32_t channels);
void clf__norm_draw(const clf__norm *n, double *c);
/* Allocates what a training pass stores, in the tensors from `to` on; nothing for other passes. */
clf_status clf__norm_keep(const clf__norm *n, int32_t channels, int train, clf_arena *a,
                          clf_tensor *to);

/* Call before normalising: in training it measures the batch and updates the running statistics.
 * x (n, C, H, W) counts as 0 outside of `pixels`. */
clf_status clf__norm_measure(const clf__pass *p, const clf__norm *n, const clf__norm_memory *k,
                             clf_tensor x, int pixels);

/* The statistics a pass uses.  bmean: only if it differs from mean; batch: weight of the batch's
 * own statistics. */
typedef struct clf__statistics {
  clf_tensor mean, var, bmean, beta;
  float eps, batch;
} clf__statistics;
clf__statistics clf__norm_statistics(const clf__pass *p, const clf__norm *n,
                                     const clf__norm_memory *k, int32_t channels);

/* y = (x - mean) / sqrt(var + eps) + beta; x counts as 0 outside of `pixels`. */
clf_status clf__norm_forward(const clf__pass *p, const clf__norm *n, const clf__norm_memory *k,
                             clf_tensor x, int pixels, clf_tensor y);
/* dx = add dx + dL/dx, and adds to beta's gradient; act is the activation that followed, as in
 * the operations. */
clf_status clf__norm_backward(const clf__pass *p, const clf__norm *n, const clf__norm_memory *k,
                              clf_tensor x, int pixels, int act, clf_tensor dy, float add,
                              clf_tensor dx);

/* The same as a layer of a flow, without beta, only on `pixels`. */
clf_status clf__norm_flow_forward(const clf__pass *p, const clf__norm *n, const clf__norm_memory *k,
                                  clf_tensor x, int pixels, clf_tensor y, clf_tensor logdet);
clf_status clf__norm_flow_inverse(const clf__pass *p, const clf__norm *n, clf_tensor y, int pixels,
                                  clf_tensor x, clf_tensor logdet);
clf_status clf__norm_flow_backward(const clf__pass *p, const clf__norm *n,
                                   const clf__norm_memory *k, clf_tensor x, int pixels,
                                   clf_tensor dy, clf_tensor dx);
/* For the inverse: from dL/dx to dL/dy; `unused` (n) is overwritten. */
clf_status clf__norm_flow_backward_inverse(const clf__pass *p, const clf__norm *n, clf_tensor dx,
                                           int pixels, clf_tensor unused, clf_tensor dy);

#endif
