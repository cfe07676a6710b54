/* SPDX-License-Identifier: MIT */
/* ask.c: values of a flow where it has them, NaN elsewhere. */
#include "view.h"

#include <math.h>

/* The flow names one row that it refuses, but a plot has thousands, most of them adjacent: the
 * rows are bisected until the rest is a single row, or accepted. */
clf_status clf__apply(clf_flow *flow, clf__map map, int32_t dim, const double *in, int64_t n,
                      double *out, double *logdet) {
  const clf_status s = map(flow, in, n, out, logdet);
  if (s != CLF_ENUM) return s;
  if (n == 1) {
    for (int32_t k = 0; k < dim; k++) out[k] = NAN;
    if (logdet) *logdet = NAN;
    return CLF_OK;
  }
  const int64_t half = n / 2;
  CLF_TRY(clf__apply(flow, map, dim, in, half, out, logdet));
  return clf__apply(flow, map, dim, in + half * dim, n - half, out + half * dim,
                    logdet ? logdet + half : NULL);
}
