/* SPDX-License-Identifier: MIT */
/* rows.c: rows of a known mixture, and the parameters of a base. */
#include <math.h>
#include "mixture/rows.h"

const clf__gaussians_form *form_of(const clf_flow *f, clf_tensor *row) {
  const clf__slot *slot = NULL;
  const clf__gaussians_form *o = clf__gaussians_form_of(&f->base, &slot);
  ck_assert_ptr_nonnull(o);
  *row = clf__slot_tensor(&(clf__vectors){.w = f->w}, slot);
  return o;
}

/* Rows of a mixture of three normals in two columns, weights 0.5, 0.3 and 0.2, one of them
 * narrow and tilted; in units far from 1. */
double *three(clf__host_random *r, int n, double *mean_logp) {
  static const double weight[3] = {0.5, 0.3, 0.2}, mean[3][2] = {{-2, 0}, {2, 1}, {0, 3}},
                      L[3][3] = {{0.6, 0.2, 0.5}, {0.1, 0.5, 0.05}, {1, 0, 0.3}};
  double *x = flows_array(2 * (size_t)n), sum = 0;
  for (int i = 0; i < n; i++) {
    const double u = clf__host_uniform(r);
    const int k = u < 0.5 ? 0 : u < 0.8 ? 1 : 2;
    const double a = clf__host_normal(r), b = clf__host_normal(r);
    const double y[2] = {mean[k][0] + L[k][0] * a, mean[k][1] + L[k][1] * a + L[k][2] * b};
    double p = 0;
    for (int q = 0; q < 3; q++) {
      const double s = (y[0] - mean[q][0]) / L[q][0];
      const double t = (y[1] - mean[q][1] - L[q][1] * s) / L[q][2];
      p += weight[q] * exp(-0.5 * (s * s + t * t)) / (2 * acos(-1) * L[q][0] * L[q][2]);
    }
    sum += log(p) - log(1000 * 0.001);
    x[2 * i] = 1000 * y[0] + 5e5;
    x[2 * i + 1] = 0.001 * y[1];
  }
  *mean_logp = sum / n;
  return x;
}

clf_table table_of(double *x, int64_t rows, int32_t cols) {
  return (clf_table){.rows = rows, .cols = cols, .at = x};
}
