/* SPDX-License-Identifier: MIT */
/* jacobian.c: the Jacobian by brute force, "flexing a bit" as the lecture does: D copies of the
 * sample, and one backward pass whose dL/dz is the identity, so that row i of dL/dx is the
 * gradient of output i. */
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

/* The same context for every row. */
static clf_status put_context(clf_flow *f, const double *c) {
  const int32_t D = f->spec.dim, C = f->context;
  double *host = malloc((size_t)D * (size_t)C * sizeof *host);
  if (!host) return clf__fail(CLF_ENOMEM, "no memory for the context of %d rows", (int)D);
  for (int64_t i = 0; i < (int64_t)D * C; i++)
    host[i] = f->c_mean ? (c[i % C] - f->c_mean[i % C]) / f->c_std[i % C] : c[i % C];
  const clf_status s = clf_write64(f->dev, clf__rows(f->ws.c, D), host);
  free(host);
  return s ? s : clf__flow_embed(f, D, CLF_KEEP);
}

/* Copies of x for every output, and the identity; J receives dL/dx. */
static clf_status pull_back(clf_flow *f, const double *x, const double *c, double *host,
                            double *J) {
  const int32_t D = f->spec.dim;
  const clf_tensor in = clf__rows(f->ws.x[0], D), seed = clf__rows(f->ws.dx[0], D);
  const clf_tensor logdet = clf__rows(f->ws.logdet, D);
  clf_tensor z, dx;
  f->ws.each = (clf_tensor){0};
  if (c) CLF_TRY(put_context(f, c));
  for (int64_t i = 0; i < D; i++) clf__head_forward(f, x, host + i * D);
  CLF_TRY(clf_write64(f->dev, in, host));
  CLF_TRY(clf_do(f->dev, fill, .y = logdet, .value = 0));
  CLF_TRY(clf__flow_forward(f, in, logdet, CLF_KEEP, &z));
  for (int64_t i = 0; i < D; i++)
    for (int64_t d = 0; d < D; d++) host[i * D + d] = i == d;
  CLF_TRY(clf_write64(f->dev, seed, host));
  CLF_TRY(clf__flow_backward(f, in, seed, 0, &dx));
  CLF_TRY(clf_read64(f->dev, dx, J));
  return clf__flow_clear_gradient(f); /* gradients of weights are not needed */
}

static clf_status jacobian(clf_flow *f, const double *x, const double *c, double *J,
                           double *logabsdet) {
  const int32_t D = f->spec.dim;
  CLF_TRY(clf__flow_reserve(f, D, CLF_STORED));
  CLF_TRY(clf__flow_need_gradient(f));
  double *host = malloc((size_t)D * (size_t)D * sizeof *host);
  if (!host) return clf__fail(CLF_ENOMEM, "no memory for a Jacobian of %d dimensions", (int)D);
  clf_status s = pull_back(f, x, c, host, J);
  for (int64_t i = 0; i < D && !s; i++) s = clf__head_backward(f, x, 0, J + i * D);
  if (!s) memcpy(host, J, (size_t)D * (size_t)D * sizeof *J);
  if (!s) *logabsdet = log_abs_det(host, D);
  free(host);
  return s;
}

static clf_status check_size(const clf_flow *f) {
  enum { MOST = 4096 };
  if (f->spec.dim <= MOST) return CLF_OK;
  return clf__fail(CLF_ENOTSUP, "a Jacobian of %d dimensions; brute force is for up to %d",
                   (int)f->spec.dim, MOST);
}

/* The transform comes first: it refuses non-finite values. */
clf_status clf_jacobian(clf_flow *f, const double *x, double *J, double *logabsdet,
                        double *logdet) {
  CLF_GIVEN("flow, x, J, logabsdet, logdet", f, x, J, logabsdet, logdet);
  CLF_TRY(clf__needs_latents(f));
  CLF_TRY(check_size(f));
  CLF_TRY(clf_transform(f, x, 1, J, logdet));
  return jacobian(f, x, NULL, J, logabsdet);
}

clf_status clf_jacobian_given(clf_flow *f, const double *x, const double *c, double *J,
                              double *logabsdet, double *logdet) {
  CLF_GIVEN("flow, x, c, J, logabsdet, logdet", f, x, c, J, logabsdet, logdet);
  CLF_TRY(clf__needs_latents(f));
  CLF_TRY(check_size(f));
  CLF_TRY(clf_transform_given(f, x, c, 1, J, logdet));
  return jacobian(f, x, c, J, logabsdet);
}
