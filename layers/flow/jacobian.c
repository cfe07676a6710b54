/* SPDX-License-Identifier: MIT */
/* jacobian.c: the Jacobian by brute force, "flexing a bit" as the lecture does: the
 * sample D times over, and one backward pass whose dL/dz is the identity, so that
 * row i of dL/dx is the gradient of output i. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "flow_private.h"

/* log |det A| of a (D, D) matrix by elimination with row pivots; A is destroyed. */
static double log_abs_det(double *A, int32_t D) {
  double sum = 0;
  for (int64_t k = 0; k < D; k++) {
    int64_t best = k;
    for (int64_t i = k + 1; i < D; i++)
      if (fabs(A[i * D + k]) > fabs(A[best * D + k])) best = i;
    for (int64_t j = 0; j < D && best != k; j++) {
      const double swap = A[k * D + j];
      A[k * D + j] = A[best * D + j];
      A[best * D + j] = swap;
    }
    const double pivot = A[k * D + k];
    sum += log(fabs(pivot));
    if (pivot == 0) return sum;
    for (int64_t i = k + 1; i < D; i++) {
      const double factor = A[i * D + k] / pivot;
      for (int64_t j = k; j < D; j++) A[i * D + j] -= factor * A[k * D + j];
    }
  }
  return sum;
}

/* Rows of x for every output, and the identity; J receives dL/dx. */
static clf_status pull_back(clf_flow *f, const double *x, double *host, double *J) {
  const int32_t D = f->spec.dim;
  const clf_tensor in = clf__rows(f->ws.x[0], D), seed = clf__rows(f->ws.dx[0], D);
  const clf_tensor logdet = clf__rows(f->ws.logdet, D);
  clf_tensor z, dx;
  for (int64_t i = 0; i < D; i++)
    for (int64_t d = 0; d < D; d++) host[i * D + d] = clf__flow_scaled(f, (int32_t)d, x[d]);
  CLF_TRY(clf_write64(f->dev, in, host));
  CLF_TRY(clf_do(f->dev, fill, .y = logdet, .value = 0));
  CLF_TRY(clf__flow_forward(f, in, logdet, CLF_KEEP, &z));
  for (int64_t i = 0; i < D; i++)
    for (int64_t d = 0; d < D; d++) host[i * D + d] = i == d;
  CLF_TRY(clf_write64(f->dev, seed, host));
  CLF_TRY(clf__flow_backward(f, in, seed, 0, &dx));
  CLF_TRY(clf_read64(f->dev, dx, J));
  return clf__flow_clear_gradient(f); /* the weights' part is not wanted */
}

clf_status clf_jacobian(clf_flow *f, const double *x, double *J, double *logabsdet,
                        double *logdet) {
  CLF_GIVEN("flow, x, J, logabsdet, logdet", f, x, J, logabsdet, logdet);
  const int32_t D = f->spec.dim;
  enum { MOST = 4096 };
  if (D > MOST)
    return clf__fail(CLF_ENOTSUP, "a Jacobian of %d dimensions; brute force is for up to %d",
                     (int)D, MOST);
  CLF_TRY(clf_transform(f, x, 1, J, logdet)); /* and refuses what is not finite */
  CLF_TRY(clf__flow_reserve(f, D, 1));
  CLF_TRY(clf__flow_need_gradient(f));
  double *host = malloc((size_t)D * (size_t)D * sizeof *host);
  if (!host) return clf__fail(CLF_ENOMEM, "no memory for a Jacobian of %d dimensions", (int)D);
  const clf_status s = pull_back(f, x, host, J);
  for (int64_t i = 0; i < (int64_t)D * D && !s; i++) {
    J[i] = f->std ? J[i] / f->std[i % D] : J[i];
    host[i] = J[i];
  }
  if (!s) *logabsdet = log_abs_det(host, D);
  free(host);
  return s;
}
