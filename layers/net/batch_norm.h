/* SPDX-License-Identifier: MIT */
/* batch_norm.h: batch normalisation by channel, in nets of images and as a layer of a flow.
 * Private.
 *
 * In training a batch is normalised by its own mean and variance, or with rho > 0 by rho times the
 * running ones plus 1 - rho times its own (Dinh et al. 2017, section 3.7); gradients go through the
 * batch's part.  Elsewhere the running ones serve. */
#ifndef CLF_BATCH_NORM_H
#define CLF_BATCH_NORM_H
#include <string.h>
#include "pass.h"

typedef struct clf__norm {
  clf__slot beta;      /* of nets: added after the normalisation */
  clf__slot mean, var; /* the running statistics; rank 0: `without` stands for them */
  clf__slot without;   /* constants 0 and 1, which stand for them; also of layers that have an
                          inverse with a gradient */
  float eps;           /* added to variances */
  double momentum;     /* share of a batch in the running statistics */
  double rho;          /* share of the running statistics in what normalises a batch */
  int unbiased;        /* 1: variances of batches have the divisor M - 1 of their M numbers */
} clf__norm;

/* The statistics of one normalisation in one training pass: the batch's, and those applied.  They
 * stay from forward to backward, also where the rest is computed again. */
typedef struct clf__norm_memory {
  clf_tensor bmean, bvar, biased, mean, var;
} clf__norm_memory;

/* As tensors of a layer or a net, which has room for them. */
enum { CLF_NORM_TENSORS = sizeof(clf__norm_memory) / sizeof(clf_tensor) };
static inline clf__norm_memory clf__norm_at(const clf_tensor *t) {
  clf__norm_memory k;
  memcpy(&k, t, sizeof k);
  return k;
}

/* Parts "NAME.beta" (if asked for), "NAME.mean" and "NAME.var"; the constants of a norm without. */
void clf__norm_add(clf__slots *p, clf__norm *n, int32_t channels, int with_beta, const char *name);
void clf__norm_add_without(clf__slots *p, clf__norm *n, int32_t channels);
void clf__norm_draw(const clf__norm *n, double *c);
/* Lays out what stays of a training pass, in the tensors from `to` on; of other passes nothing. */
clf_status clf__norm_keep(const clf__norm *n, int32_t channels, int train, clf_arena *a,
                          clf_tensor *to);

/* Before values: in training measures the batch and moves the running statistics.  x (n, C, H, W)
 * counts as 0 off `pixels`. */
clf_status clf__norm_measure(const clf__pass *p, const clf__norm *n, const clf__norm_memory *k,
                             clf_tensor x, int pixels);

/* What a pass normalises by.  bmean: only where it is not mean; batch: the share of the batch's
 * own statistics. */
typedef struct clf__statistics {
  clf_tensor mean, var, bmean, beta;
  float eps, batch;
} clf__statistics;
clf__statistics clf__norm_statistics(const clf__pass *p, const clf__norm *n,
                                     const clf__norm_memory *k, int32_t channels);

/* y = (x - mean) / sqrt(var + eps) + beta; x counts as 0 off `pixels`. */
clf_status clf__norm_forward(const clf__pass *p, const clf__norm *n, const clf__norm_memory *k,
                             clf_tensor x, int pixels, clf_tensor y);
/* dx = add dx + dL/dx, and adds to beta's gradient; act is what followed, as the operations have
 * it. */
clf_status clf__norm_backward(const clf__pass *p, const clf__norm *n, const clf__norm_memory *k,
                              clf_tensor x, int pixels, int act, clf_tensor dy, float add,
                              clf_tensor dx);

/* The same as a layer of a flow, without beta, on `pixels` alone. */
clf_status clf__norm_flow_forward(const clf__pass *p, const clf__norm *n, const clf__norm_memory *k,
                                  clf_tensor x, int pixels, clf_tensor y, clf_tensor logdet);
clf_status clf__norm_flow_inverse(const clf__pass *p, const clf__norm *n, clf_tensor y, int pixels,
                                  clf_tensor x, clf_tensor logdet);
clf_status clf__norm_flow_backward(const clf__pass *p, const clf__norm *n,
                                   const clf__norm_memory *k, clf_tensor x, int pixels,
                                   clf_tensor dy, clf_tensor dx);
/* From dL/dx to dL/dy, of the inverse; n has constants too, and `unused` (n) is overwritten. */
clf_status clf__norm_flow_backward_inverse(const clf__pass *p, const clf__norm *n, clf_tensor dx,
                                           int pixels, clf_tensor unused, clf_tensor dy);

#endif
