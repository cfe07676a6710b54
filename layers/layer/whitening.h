/* SPDX-License-Identifier: MIT */
/* whitening.h: the triangular matrix that gives rows mean 0 and covariance I.  Private. */
#ifndef CLF_WHITENING_H
#define CLF_WHITENING_H
#include "pass.h"

/* W = L U with diagonal U, and b = -W mean, on the host. */
typedef struct clf__whitening {
  int32_t dim;
  double *lower;    /* (dim (dim - 1) / 2) L below its diagonal of ones, row by row */
  double *diagonal; /* (dim) U */
  double *bias;     /* (dim) b */
} clf__whitening;

/* Computes the whitening of x (n, dim) on the device, with row weights p->each.  Row i of W x + b
 * is the residual of a linear regression of column i on the preceding columns, divided by its
 * standard deviation.
 *
 * Correlations are shrunk towards 0 by the factor (8 dim / n)^2, at least 1e-6 and at most 1.  So
 * collinear columns, constant columns and fewer rows than columns give finite numbers, and with few
 * rows per column a flow starts with fewer spurious correlations.
 * Errors: ENUM names a non-finite number; ENOMEM. */
clf_status clf__whitening_of(const clf__pass *p, clf_tensor x, clf__whitening *w);
void clf__whitening_free(clf__whitening *w);

#endif
