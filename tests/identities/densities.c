/* SPDX-License-Identifier: MIT */
/* densities.c: densities: their integral, rows without density, errors, scores. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "identities/densities.h"

static const double log_2pi = 1.8378770664093454836;

/* A box that holds almost all of the density: 1.8 times as wide as the samples. */
static void box_of(const double *x, int64_t n, int D, double *lo, double *width) {
  for (int d = 0; d < D; d++) {
    double low = x[d], high = x[d];
    for (int64_t i = 0; i < n; i++) {
      low = fmin(low, x[i * D + d]);
      high = fmax(high, x[i * D + d]);
    }
    lo[d] = low - 0.4 * (high - low);
    width[d] = 1.8 * (high - low);
  }
}

/* The integrals of p and of p log p over the box, by midpoints. */
static void integrate(clf_flow *f, const double *lo, const double *width, double sums[2]) {
  const int D = f->spec.dim;
  const int64_t side = D == 1 ? 40000 : 400, n = D == 1 ? side : side * side;
  double *x = flows_array((size_t)(n * D)), *logp = flows_array((size_t)n), volume = 1;
  for (int64_t i = 0; i < n; i++)
    for (int d = 0; d < D; d++)
      x[i * D + d] = lo[d] + width[d] * ((double)(d ? i / side : i % side) + 0.5) / (double)side;
  for (int d = 0; d < D; d++) volume *= width[d] / (double)side;
  WORKS(clf_log_prob(f, x, n, logp));
  sums[0] = sums[1] = 0;
  for (int64_t i = 0; i < n; i++) {
    sums[0] += volume * exp(logp[i]);
    sums[1] += volume * exp(logp[i]) * logp[i];
  }
  free(logp);
  free(x);
}

/* The mean of log p over samples is minus the entropy, which is computed from latents and log-dets,
 * and in one or two dimensions by integration too. */
START_TEST(test_density) {
  enum { N = 20000 };
  const flows_case c = flows_case_at(_i);
  const int D = c.spec.dim;
  if (c.spec.kind == CLF_PIECEWISE && !c.spec.tails) return; /* only some latents are reached */
  clf_flow *f = flows_random(&c);
  double *x = flows_array(N * (size_t)D), *z = flows_array(N * (size_t)D), *logdet = flows_array(N);
  WORKS(clf_sample(f, 6, 0, N, x));
  clf_score score;
  WORKS(clf_evaluate(f, x, N, &score));
  WORKS(clf_transform(f, x, N, z, logdet));
  double mean = 0;
  for (int i = 0; i < N; i++) mean += logdet[i] / N;
  flows_expect(fabs(score.mean - mean + 0.5 * D * (log_2pi + 1)), 4 * sqrt(0.5 * D / N),
               "%s: mean log p of samples against the latents' entropy", c.label);
  double lo[2], width[2], sums[2];
  if (D <= 2) {
    box_of(x, N, D, lo, width);
    integrate(f, lo, width, sums);
    flows_expect(fabs(sums[0] - 1), 1e-3, "%s: the density's integral", c.label);
    flows_expect(fabs(sums[1] - score.mean), 4 * score.std_error,
                 "%s: mean log p of samples against the density's entropy", c.label);
  }
  free(logdet);
  free(z);
  free(x);
  clf_flow_free(f);
}
END_TEST

/* ---- What is refused ------------------------------------------------------------------------- */

START_TEST(test_not_finite) {
  const flows_case c = flows_case_at(4); /* nvp of 2 dimensions */
  clf_flow *f = flows_random(&c);
  double x[10 * 2], out[10 * 2], logp[10], J[4];
  clf_score score;
  flows_points(&c, 7, 10, x);
  x[7 * 2 + 1] = NAN;
  REFUSED(clf_log_prob(f, x, 10, logp), CLF_ENUM, "the data: row 8, column 2 is nan");
  REFUSED(clf_evaluate(f, x, 10, &score), CLF_ENUM, "the data: row 8, column 2 is nan");
  REFUSED(clf_invert(f, x, 10, out, logp), CLF_ENUM, "the latents: row 8, column 2 is nan");
  x[3 * 2] = -INFINITY;
  REFUSED(clf_transform(f, x, 10, out, logp), CLF_ENUM, "the data: row 4, column 1 is -inf");
  REFUSED(clf_invert(f, x, 10, out, NULL), CLF_ENUM, "the latents: row 4, column 1 is -inf");
  REFUSED(clf_jacobian(f, x + 3 * 2, J, logp, logp + 1), CLF_ENUM,
          "the data: row 1, column 1 is -inf");
  WORKS(clf_log_prob(f, x, 3, logp)); /* the flow still works */
  REFUSED(clf_log_prob(f, x, 0, logp), CLF_EINVAL, "0 samples: there must be at least 1");
  REFUSED(clf_sample(f, 1, -1, 1, x), CLF_EINVAL, "the first sample is -1; they count from 0");
  clf_flow_free(f);
}
END_TEST

START_TEST(test_outside_of_the_interval) {
  flows_case c = flows_case_at(FLOWS_CASES - 4); /* piecewise without tails, -4 to 4 */
  ck_assert(c.spec.kind == CLF_PIECEWISE && !c.spec.tails && !c.scaled);
  clf_flow *f = flows_random(&c);
  const char *const want =
      "the data: row 3, column 1 is 4.25, outside the interval -4 to 4; linear "
      "tails would continue the flow there";
  double x[5] = {-4, 0.1, 4.25, 4, -7}, z[5], logp[5], J;
  WORKS(clf_log_prob(f, x, 5, logp));
  for (int i = 0; i < 5; i++)
    ck_assert_msg(i == 2 || i == 4 ? logp[i] == -INFINITY : isfinite(logp[i]), "log p of %g is %g",
                  x[i], logp[i]);
  REFUSED(clf_require_density(f, x, 5, logp), CLF_ENUM, want);
  REFUSED(clf_transform(f, x, 5, z, logp), CLF_ENUM, want);
  REFUSED(clf_transform(f, x, 5, z, NULL), CLF_ENUM, want);
  clf_flow_set_first_row(f, 2);
  REFUSED(clf_jacobian(f, x + 2, &J, logp, logp + 1), CLF_ENUM, want);
  x[2] = x[4] = 2; /* the ends are inside */
  WORKS(clf_log_prob(f, x, 5, logp));
  WORKS(clf_require_density(f, x, 5, logp));
  WORKS(clf_transform(f, x, 5, z, NULL));
  clf_flow_free(f);

  c.spec.tails = 1;
  f = flows_random(&c);
  x[2] = 4.25, x[4] = -7;
  WORKS(clf_log_prob(f, x, 5, logp));
  WORKS(clf_require_density(f, x, 5, logp));
  clf_flow_free(f);
}
END_TEST

/* A row so far out that the flow overflows has zero density, and does not change the bits of any
 * other row. */
START_TEST(test_rows_far_out) {
  enum { N = 37, BAD = 18 };
  if (flows_checking()) return; /* what overflows in float does not in double */
  const flows_case c = flows_case_at(_i);
  const int D = c.spec.dim;
  clf_flow *f = flows_random(&c);
  double x[N * 6], near[N], logp[N];
  static const double far[] = {1e20, 3e38, -1e200, 1e308};
  flows_points(&c, 8, N, x);
  WORKS(clf_log_prob(f, x, N, near));
  for (int k = 0; k < 4; k++) {
    x[BAD * D + k % D] = far[k];
    WORKS(clf_log_prob(f, x, N, logp));
    ck_assert_msg(k < 2 ? logp[BAD] < -1e30 : logp[BAD] == -INFINITY, "%s: log p of %g is %g",
                  c.label, far[k], logp[BAD]);
    ck_assert_msg(same_bits(logp, near, BAD) &&
                      same_bits(logp + BAD + 1, near + BAD + 1, N - BAD - 1),
                  "%s: a row of %g changes log p of others", c.label, far[k]);
  }
  clf_flow_free(f);
}
END_TEST

/* The score of all rows, and of those with a density above zero. */
START_TEST(test_scores) {
  const double logp[6] = {-1, -INFINITY, -2, -6, NAN, -3}, two = log(2);
  clf_score s = clf_score_of(logp, 6, 2);
  ck_assert_int_eq(s.count, 6);
  ck_assert_int_eq(s.zeros, 2);
  ck_assert_msg(s.mean == -INFINITY && isnan(s.std_error) && s.bits_per_dim == INFINITY,
                "%g, %g, %g", s.mean, s.std_error, s.bits_per_dim);
  ck_assert_double_eq(s.rest.mean, -3);
  ck_assert_double_eq_tol(s.rest.std_error, sqrt(14.0 / 3 / 4), 1e-15);
  ck_assert_double_eq_tol(s.rest.bits_per_dim, 1.5 / two, 1e-15);
  s = clf_score_of(logp + 2, 2, 1);
  ck_assert_int_eq(s.zeros, 0);
  ck_assert_double_eq(s.mean, -4);
  ck_assert_double_eq(s.std_error, 2);
  ck_assert_double_eq_tol(s.bits_per_dim, 4 / two, 1e-15);
  ck_assert_msg(s.rest.mean == s.mean && s.rest.std_error == s.std_error &&
                    s.rest.bits_per_dim == s.bits_per_dim,
                "the rest of no zeros is %g, %g, %g", s.rest.mean, s.rest.std_error,
                s.rest.bits_per_dim);
  s = clf_score_of(logp, 1, 1);
  ck_assert_double_eq(s.mean, -1);
  ck_assert_double_eq(s.std_error, 0);
  s = clf_score_of(logp + 1, 1, 1);
  ck_assert_int_eq(s.zeros, 1);
  ck_assert_msg(s.mean == -INFINITY && isnan(s.rest.mean) && isnan(s.rest.std_error) &&
                    isnan(s.rest.bits_per_dim),
                "%g, %g", s.mean, s.rest.mean);
}
END_TEST

START_TEST(test_evaluate_counts_zeros) {
  const flows_case c = flows_case_at(FLOWS_CASES - 4); /* piecewise without tails, -4 to 4 */
  clf_flow *f = flows_random(&c);
  const double x[4] = {0.1, 5, -3, 1}, inside[3] = {0.1, -3, 1};
  clf_score all, rest;
  WORKS(clf_evaluate(f, x, 4, &all));
  WORKS(clf_evaluate(f, inside, 3, &rest));
  ck_assert_int_eq(all.count, 4);
  ck_assert_int_eq(all.zeros, 1);
  ck_assert_int_eq(rest.zeros, 0);
  ck_assert_double_eq(all.rest.mean, rest.mean);
  ck_assert_double_eq(all.rest.std_error, rest.std_error);
  clf_flow_free(f);
}
END_TEST

void tests_of_densities(TCase *tc) {
  tcase_add_loop_test(tc, test_density, 0, FLOWS_CASES);
  tcase_add_test(tc, test_not_finite);
  tcase_add_test(tc, test_outside_of_the_interval);
  tcase_add_loop_test(tc, test_rows_far_out, 0, FLOWS_CASES);
  tcase_add_test(tc, test_scores);
  tcase_add_test(tc, test_evaluate_counts_zeros);
}
