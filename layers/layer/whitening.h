/* SPDX-License-Identifier: MIT */
/* whitening.h: the triangular matrix that takes rows to mean 0 and covariance I.  Private. */
#ifndef CLF_WHITENING_H
#define CLF_WHITENING_H
#include "pass.h"

/* W = L U with U diagonal, and b = -W mean, on the host. */
typedef struct clf__whitening {
  int32_t dim;
  double *lower;    /* (dim (dim - 1) / 2) L below its diagonal of ones, row by row */
  double *diagonal; /* (dim) U */
  double *bias;     /* (dim) b */
} clf__whitening;

/* Of x (n, dim) on the device, whose rows count p->each.  Row i of W x + b is what a linear
 * regression of column i on the columns before it leaves, divided by its standard deviation.
 *
 * Correlations are shrunk towards 0 by the share (8 dim / n)^2, at least 1e-6 and at most 1:
 * collinear columns, constant columns and fewer rows than columns give finite numbers, and with few
 * rows for each column a flow begins from fewer relations that are there by chance. Errors: ENUM
 * names a number that is not finite; ENOMEM. */
clf_status clf__whitening_of(const clf__pass *p, clf_tensor x, clf__whitening *w);
void clf__whitening_free(clf__whitening *w);

#endif
