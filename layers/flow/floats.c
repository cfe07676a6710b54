/* SPDX-License-Identifier: MIT */
/* floats.c: the functions for float arrays, as wrappers of those for doubles. */
#include <stdlib.h>
#include "flow_private.h"

static double *widened(const float *v, size_t n) {
  double *out = malloc((n ? n : 1) * sizeof *out);
  for (size_t i = 0; i < n && out && v; i++) out[i] = (double)v[i];
  return out;
}
static void narrow(const double *v, size_t n, float *out) {
  for (size_t i = 0; i < n; i++) out[i] = (float)v[i];
}
static clf_status no_memory(int64_t n) {
  return clf__fail(CLF_ENOMEM, "no memory for %lld rows", (long long)n);
}

clf_status clf_log_prob_float(clf_flow *f, const float *x, const float *c, int64_t n, float *logp) {
  CLF_GIVEN("flow, x, logp", f, x, logp);
  if (n < 1) return clf__fail(CLF_EINVAL, "%lld samples: there must be at least 1", (long long)n);
  CLF_TRY(clf__rows_fit(n, f->spec.dim + f->context, sizeof(double)));
  double *wide = widened(x, (size_t)n * (size_t)f->spec.dim);
  double *given = c ? widened(c, (size_t)n * (size_t)f->context) : NULL;
  double *out = widened(NULL, (size_t)n);
  clf_status s = wide && out && (given || !c) ? CLF_OK : no_memory(n);
  if (!s) s = c ? clf_log_prob_given(f, wide, given, n, out) : clf_log_prob(f, wide, n, out);
  if (!s) narrow(out, (size_t)n, logp);
  free(wide);
  free(given);
  free(out);
  return s;
}

clf_status clf_sample_float(clf_flow *f, const float *c, int64_t rows, uint64_t seed, int64_t n,
                            float *x) {
  CLF_GIVEN("flow, x", f, x);
  if (rows < 1 || n < 1 || n > INT64_MAX / rows)
    return clf__fail(CLF_EINVAL, "%lld samples for each of %lld contexts: both must be at least 1",
                     (long long)n, (long long)rows);
  CLF_TRY(clf__rows_fit(rows * n, f->spec.dim, sizeof(double)));
  const size_t all = (size_t)(rows * n) * (size_t)f->spec.dim;
  double *given = c ? widened(c, (size_t)rows * (size_t)f->context) : NULL,
         *out = widened(NULL, all);
  clf_status s = out && (given || !c) ? CLF_OK : no_memory(rows * n);
  if (!s)
    s = c ? clf_sample_given(f, given, rows, seed, n, out) : clf_sample(f, seed, 0, rows * n, out);
  if (!s) narrow(out, all, x);
  free(given);
  free(out);
  return s;
}
