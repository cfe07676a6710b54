/* SPDX-License-Identifier: MIT */
/* test_mixture.c: Gaussian mixtures by EM, compared with scikit-learn (mixture/golden.c), and with
 * known solutions. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../layers/mixture/mixture_private.h"
#include "mixture/rows.h"

/* ---- Known solutions ------------------------------------------------------------------------- */

START_TEST(finds_the_mixture_that_drew_the_rows) {
  clf__host_random r = {5};
  double truth;
  double *x = three(&r, 4000, &truth);
  const clf_table t = table_of(x, 4000, 2);
  clf_flow *f = flows_of(flows_dev, "2: standardize -> mixture(3, cov=full)", 1);
  clf_mixture_options o = clf_mixture_options_default();
  clf_mixture_result got;
  WORKS(clf_mixture_fit(f, &(clf_train_data){.x = &t}, &o, &got));
  /* The best mixture of 17 numbers is better than the true one by about 17 / (2 * 4000). */
  ck_assert_msg(got.mean > truth && got.mean < truth + 0.006, "%g, but the truth has %g", got.mean,
                truth);
  ck_assert_int_eq(got.converged, 1);
  ck_assert_int_eq(got.stopped, 0);
  clf_score score;
  WORKS(clf_evaluate(f, x, 4000, &score));
  ck_assert(fabs(score.mean - got.mean) < 1e-9);
  clf_flow_free(f);
  free(x);
}
END_TEST

/* A single normal gets the mean and the covariance of the rows. */
START_TEST(a_normal_is_exact) {
  clf__host_random r = {6};
  double ignored, m[2], s[2], c = 0, truth = 0;
  double *x = three(&r, 500, &ignored);
  const clf_table t = table_of(x, 500, 2);
  clf_flow *f = flows_of(flows_dev, "2: standardize -> normal(trained, cov=full)", 1);
  clf_mixture_options o = clf_mixture_options_default();
  clf_mixture_result got;
  clf_table_moments(&t, NULL, 500, m, s);
  for (int i = 0; i < 500; i++)
    c += (x[2 * i] - m[0]) / s[0] * ((x[2 * i + 1] - m[1]) / s[1]) / 500;
  /* Standardised, the mean of |L^-1 u|^2 is D. */
  truth = -1 - log(2 * acos(-1)) - 0.5 * log(1 - c * c) - log(s[0] * s[1]);
  WORKS(clf_mixture_fit(f, &(clf_train_data){.x = &t}, &o, &got));
  ck_assert_msg(fabs(got.mean - truth) < 2e-5, "%.9g, not %.9g", got.mean, truth);
  clf_flow_free(f);
  free(x);
}
END_TEST

/* The mean of normal densities at the rows, whose width is fixed or that of the second neighbour.
 */
START_TEST(kernels_are_rows) {
  enum { ROWS = 6 };
  double x[2 * ROWS] = {0, 0, 1, 0, 0, 2, 3, 1, 3, 1, -2, 4}, at[2] = {0.5, 0.25};
  const clf_table t = table_of(x, ROWS, 2);
  for (int neighbour = 0; neighbour < 3; neighbour += 2) {
    const clf__mixture_form form = {.width = 0.7, .neighbour = neighbour};
    const double second[ROWS] = {4, 5, 5, 5, 5, 20}; /* squared distances, by hand */
    double sum = 0, got;
    clf_flow *f = flows_of(flows_dev, "2: -> mixture(6)", 1);
    clf_mixture_options o = clf_mixture_options_default();
    WORKS(clf__mixture_fit_as(f, &(clf_train_data){.x = &t}, &o, &form, NULL));
    WORKS(clf_log_prob(f, at, 1, &got));
    for (int i = 0; i < ROWS; i++) {
      const double q = pow(at[0] - x[2 * i], 2) + pow(at[1] - x[2 * i + 1], 2);
      const double variance = 0.49 * (neighbour ? second[i] / 2 : 1);
      sum += exp(-0.5 * q / variance) / (2 * acos(-1) * variance) / ROWS;
    }
    ck_assert_msg(fabs(got - log(sum)) < 1e-5, "%.9g, not %.9g", got, log(sum));
    clf_flow_free(f);
  }
}
END_TEST

/* Rows of one common cause: column d is (d + 1) / 4 times it, plus noise. */
static double *one_cause(clf__host_random *r, int rows, int columns) {
  double *x = flows_array(rows * columns);
  for (int i = 0; i < rows; i++) {
    const double cause = clf__host_normal(r);
    for (int d = 0; d < columns; d++)
      x[i * columns + d] = (d + 1) / 4.0 * cause + clf__host_normal(r);
  }
  return x;
}

/* Mean log p of the same rows, or of others, with a covariance of `factors` factors. */
static double with_factors(int rows, int columns, int factors, const double *x, int tests,
                           const double *test) {
  char arch[64];
  clf_score score;
  snprintf(arch, sizeof arch, "%d: -> normal(trained, cov=full)", columns);
  const clf_table t = {.rows = rows, .cols = columns, .at = (double *)x};
  clf_flow *f = flows_of(flows_dev, arch, 1);
  const clf_mixture_options o = clf_mixture_options_default();
  const clf__mixture_form form = {.factors = factors};
  WORKS(clf__mixture_fit_as(f, &(clf_train_data){.x = &t}, &o, &form, NULL));
  WORKS(clf_evaluate(f, test, tests, &score));
  clf_flow_free(f);
  return score.mean;
}

/* One factor describes any three columns of one cause exactly.  Of 16 columns and 40 rows it
 * determines new rows almost as well as the truth, and a full covariance does not. */
START_TEST(factors_need_few_rows) {
  enum { FEW = 40, MANY = 2000, COLUMNS = 16 };
  clf__host_random r = {17};
  double *x = one_cause(&r, MANY, 3);
  const double all = with_factors(MANY, 3, 0, x, MANY, x);
  ck_assert_double_eq_tol(with_factors(MANY, 3, 1, x, MANY, x), all, 1e-4);
  free(x);
  x = one_cause(&r, FEW, COLUMNS);
  double *y = one_cause(&r, MANY, COLUMNS), sum = 1;
  for (int d = 0; d < COLUMNS; d++) sum += (d + 1) * (d + 1) / 16.0;
  const double truth = -0.5 * (COLUMNS * (1 + log(2 * acos(-1))) + log(sum));
  ck_assert_double_gt(with_factors(FEW, COLUMNS, 1, x, MANY, y), truth - 1);
  ck_assert_double_lt(with_factors(FEW, COLUMNS, 0, x, MANY, y), truth - 2);
  free(x);
  free(y);
}
END_TEST

/* Two pairs of columns, independent of each other: two factors describe both exactly.  A single one
 * describes the pair of larger variance, which is also the more dependent one: without it 0.9 nats
 * would be lost, not 0.1. */
START_TEST(factors_begin_with_the_largest_variance) {
  static const double small[4][2] = {{1.2, 1.2}, {-1.2, -1.2}, {0.7, -0.7}, {-0.7, 0.7}};
  static const double large[4][2] = {{1.4, 14}, {-1.4, -14}, {0.3, -3}, {-0.3, 3}};
  double x[16][4];
  for (int i = 0; i < 16; i++) {
    memcpy(x[i], small[i / 4], sizeof *small);
    memcpy(x[i] + 2, large[i % 4], sizeof *large);
  }
  const double all = with_factors(16, 4, 0, *x, 16, *x);
  ck_assert_double_gt(with_factors(16, 4, 1, *x, 16, *x), all - 0.2);
  ck_assert_double_gt(with_factors(16, 4, 2, *x, 16, *x), all - 0.02);
}
END_TEST

/* The density of one column given the other is the joint one minus that of the given column, and
 * samples are near the rows with the same context. */
START_TEST(a_mixture_given_a_column) {
  enum { ROWS = 3000, SAMPLES = 4000 };
  clf__host_random r = {11};
  double truth, mean = 0, spread = 0;
  double *x = three(&r, ROWS, &truth), *c = flows_array(ROWS), *y = flows_array(ROWS);
  for (int i = 0; i < ROWS; i++) c[i] = x[2 * i], y[i] = x[2 * i + 1];
  const clf_table t = table_of(x, ROWS, 2), one = table_of(c, ROWS, 1),
                  other = table_of(y, ROWS, 1);
  const clf_mixture_options o = clf_mixture_options_default();
  clf_mixture_result joint, alone, given;
  clf_flow *both = flows_of(flows_dev, "2: standardize -> mixture(3, cov=full)", 1);
  clf_flow *first = flows_of(flows_dev, "1: standardize -> mixture(3, cov=full)", 1);
  clf_flow *f = flows_of(
      flows_dev, "1|1: standardize -> mixture(3, cov=full, joint=1); context: standardize", 1);
  WORKS(clf_mixture_fit(both, &(clf_train_data){.x = &t}, &o, &joint));
  WORKS(clf_mixture_fit(first, &(clf_train_data){.x = &one}, &o, &alone));
  WORKS(clf_mixture_fit(f, &(clf_train_data){.x = &other, .given = &one}, &o, &given));
  ck_assert_msg(fabs(given.mean - (joint.mean - alone.mean)) < 0.02, "%g, not %g less %g",
                given.mean, joint.mean, alone.mean);
  /* At the centre of the first component, where the others are negligible: mean 0, deviation
   * 0.5. */
  double *s = flows_array(SAMPLES);
  WORKS(clf_sample_given(f, (double[1]){5e5 - 2000}, 1, 3, SAMPLES, s));
  for (int i = 0; i < SAMPLES; i++) mean += s[i] / SAMPLES;
  for (int i = 0; i < SAMPLES; i++) spread += (s[i] - mean) * (s[i] - mean) / SAMPLES;
  ck_assert_msg(fabs(mean - 0.1e-3) < 0.2e-3, "mean %g", mean);
  ck_assert_msg(sqrt(spread) > 0.45e-3 && sqrt(spread) < 0.85e-3, "deviation %g", sqrt(spread));
  clf_flow_free(both);
  clf_flow_free(first);
  clf_flow_free(f);
  free(x);
  free(c);
  free(y);
  free(s);
}
END_TEST

/* A row of weight 3 counts as three rows. */
START_TEST(weights_count_rows) {
  clf__host_random r = {7};
  double ignored, mean[2];
  enum { ROWS = 90 };
  double *x = three(&r, ROWS, &ignored), *twice = flows_array(4 * ROWS * 2);
  double weights[ROWS], copies = 0;
  for (int i = 0; i < 2 * ROWS; i++) x[i] = i % 2 ? 1000 * x[i] : (x[i] - 5e5) / 1000;
  int64_t n = 0;
  for (int i = 0; i < ROWS; i++) copies += weights[i] = i % 4;
  for (int i = 0; i < ROWS; i++)
    for (int j = 0; j < i % 4; j++, n++) memcpy(twice + 2 * n, x + 2 * i, 2 * sizeof *x);
  for (int i = 0; i < ROWS; i++) weights[i] *= ROWS / copies;
  const clf__em_rows rows[2] = {{x, weights, ROWS, 2}, {twice, NULL, n, 2}};
  clf_flow *f = flows_of(flows_dev, "2: -> mixture(2, cov=full)", 3);
  clf_tensor at;
  const clf__gaussians_form *o = form_of(f, &at);
  double row[16], sums[2][12];
  WORKS(clf_read64(flows_dev, at, row));
  for (int i = 0; i < 2; i++) {
    clf__em em;
    WORKS(clf__em_open(&em, flows_dev, o, &rows[i]));
    WORKS(clf__em_step(&em, row, sums[i], &mean[i]));
    clf__em_close(&em);
  }
  for (int i = 0; i < 12; i++) sums[0][i] *= copies / ROWS;
  const double bound = flows_exact ? 1e-12 : 1e-5;
  flows_expect(flows_error(sums[0], sums[1], 12), bound, "sums");
  flows_expect(flows_error(&mean[0], &mean[1], 1), bound, "mean log p");
  clf_flow_free(f);
  free(x);
  free(twice);
}
END_TEST

/* Few distinct rows, more components than clusters: all numbers stay finite. */
START_TEST(rows_that_repeat) {
  static const char *const archs[] = {"3: standardize -> mixture(20, cov=full)",
                                      "3: standardize -> mixture(20)",
                                      "3: standardize -> mixture(20, cov=spherical)"};
  double x[3 * 45], logp[45];
  for (int i = 0; i < 45; i++)
    for (int d = 0; d < 3; d++) x[3 * i + d] = (i % 7) * (d + 1) + (d == 2 && i % 7 == 3);
  const clf_table t = table_of(x, 45, 3);
  clf_flow *f = flows_of(flows_dev, archs[_i], 1);
  clf_mixture_options o = clf_mixture_options_default();
  clf_mixture_result got;
  WORKS(clf_mixture_fit(f, &(clf_train_data){.x = &t}, &o, &got));
  ck_assert(isfinite(got.mean));
  ck_assert(got.reseeded > 0 && got.reseeded <= 20);
  WORKS(clf_log_prob(f, x, 45, logp));
  for (int i = 0; i < 45; i++) ck_assert(isfinite(logp[i]));
  WORKS(clf_sample(f, 1, 0, 15, x));
  for (int i = 0; i < 45; i++) ck_assert(isfinite(x[i]));
  clf_flow_free(f);
}
END_TEST

/* ---- How a fit runs ----------------------------------------------------------------------------
 */

static int stop_at(void *context) { return --*(int *)context < 0; }

/* With more rows than starts use: the same bits in each run, and an end on request. */
START_TEST(seeds_and_stops) {
  enum { ROWS = 20000 };
  clf__host_random r = {8};
  double truth, logp[3][8];
  double *x = three(&r, ROWS, &truth);
  const clf_table t = table_of(x, ROWS, 2);
  clf_mixture_options o = clf_mixture_options_default();
  clf_mixture_result got[3];
  for (int i = 0; i < 3; i++) {
    int left = 7;
    clf_flow *f = flows_of(flows_dev, "2: standardize -> mixture(4, cov=full)", 1);
    o.stop = i == 2 ? stop_at : NULL;
    o.context = &left;
    WORKS(clf_mixture_fit(f, &(clf_train_data){.x = &t}, &o, &got[i]));
    WORKS(clf_log_prob(f, x, 8, logp[i]));
    clf_flow_free(f);
  }
  ck_assert_int_eq(memcmp(logp[0], logp[1], sizeof logp[0]), 0);
  ck_assert_int_eq(got[0].iterations, got[1].iterations);
  ck_assert_msg(got[0].mean > truth - 0.01, "%g, but the truth has %g", got[0].mean, truth);
  ck_assert_int_eq(got[2].stopped, 1);
  ck_assert_int_eq(got[2].iterations, 7);
  ck_assert(isfinite(got[2].mean) && got[2].mean < got[0].mean);
  free(x);
}
END_TEST

/* Rows of weight 0 have no influence, with more rows than starts use. */
START_TEST(rows_without_weight) {
  enum { ROWS = 20000 };
  clf__host_random r = {12};
  double truth;
  double *x = three(&r, ROWS, &truth), *weights = flows_array(ROWS);
  const clf_table t = table_of(x, ROWS, 2);
  clf_flow *f = flows_of(flows_dev, "2: standardize -> mixture(3, cov=full)", 1);
  const clf_mixture_options o = clf_mixture_options_default();
  clf_mixture_result got;
  for (int i = 0; i < ROWS; i++) {
    weights[i] = i % 3 ? 2 : 0;
    if (i % 3 == 0) x[2 * i + 1] = x[2 * i + 1] * 0.2 + 0.01;
  }
  WORKS(clf_mixture_fit(f, &(clf_train_data){.x = &t, .weights = weights}, &o, &got));
  ck_assert_msg(fabs(got.mean - truth) < 0.03, "%g, but the truth has %g", got.mean, truth);
  clf_flow_free(f);
  free(x);
  free(weights);
}
END_TEST

/* With a huge prior, all covariances equal their mean. */
START_TEST(a_prior_shrinks_to_the_mean) {
  clf__host_random r = {13};
  double truth;
  double *x = three(&r, 500, &truth);
  const clf_table t = table_of(x, 500, 2);
  clf_mixture_options o = clf_mixture_options_default();
  clf_mixture_result got[3];
  for (int i = 0; i < 3; i++) {
    clf_flow *f = flows_of(flows_dev, "2: standardize -> mixture(3, cov=full)", 1);
    o.prior = i == 0 ? 1e9 : 0;
    o.tied = i == 1;
    WORKS(clf_mixture_fit(f, &(clf_train_data){.x = &t}, &o, &got[i]));
    clf_flow_free(f);
  }
  ck_assert(fabs(got[0].mean - got[1].mean) < 1e-4 && got[2].mean > got[0].mean + 0.02);
  free(x);
}
END_TEST

/* More starts are never worse. */
START_TEST(the_best_start_is_kept) {
  clf__host_random r = {9};
  double truth, mean[2];
  double *x = three(&r, 600, &truth);
  const clf_table t = table_of(x, 600, 2);
  clf_mixture_options o = clf_mixture_options_default();
  for (int i = 0; i < 2; i++) {
    clf_mixture_result got;
    clf_flow *f = flows_of(flows_dev, "2: standardize -> mixture(8, cov=full)", 1);
    o.starts = i ? 6 : 1;
    WORKS(clf_mixture_fit(f, &(clf_train_data){.x = &t}, &o, &got));
    mean[i] = got.mean;
    clf_flow_free(f);
  }
  ck_assert(mean[1] > mean[0]);
  free(x);
}
END_TEST

/* ---- A flow over a mixture ------------------------------------------------------------------- */

static const char *const over[] = {
    "(coupling(rq(identity=1), mlp(24x2, zero=1)), lu)*5",
    "(coupling(affine(scale=exp), resnet(24x1, zero=1)), lu)*2",
    "(ar(rq(identity=1), made(24x2, zero=1)), lu)*2",
    "(ar(affine(scale=exp), masked(24x2, zero=1)), lu)*2",
};
enum { OVER = sizeof over / sizeof *over };

START_TEST(a_flow_begins_as_its_mixture) {
  enum { ROWS = 300 };
  clf__host_random r = {10};
  char text[256];
  double truth, want[ROWS], got[ROWS];
  double *x = three(&r, ROWS, &truth);
  const clf_table t = table_of(x, ROWS, 2);
  clf_flow *m = flows_of(flows_dev, "2: standardize -> mixture(8, cov=full)", 1);
  clf_mixture_options o = clf_mixture_options_default();
  o.reg = 0.1; /* wide components: narrow ones multiply the rounding of layers in float */
  WORKS(clf_mixture_fit(m, &(clf_train_data){.x = &t}, &o, NULL));
  snprintf(text, sizeof text, "2: standardize, %s -> mixture(8, cov=full)", over[_i]);
  clf_flow *f = flows_of(flows_dev, text, 1);
  WORKS(clf_flow_set_base_of(f, m));
  WORKS(clf_log_prob(m, x, ROWS, want));
  WORKS(clf_log_prob(f, x, ROWS, got));
  flows_expect(flows_error(got, want, ROWS), flows_exact ? 1e-12 : 1e-5, "%s", over[_i]);
  WORKS(clf_flow_set_base_of(f, f)); /* changes nothing */
  WORKS(clf_log_prob(f, x, ROWS, want));
  ck_assert_mem_eq(got, want, sizeof *got * ROWS);
  clf_flow_free(f);
  clf_flow_free(m);
  free(x);
}
END_TEST

START_TEST(bases_that_differ) {
  clf_flow *to = flows_of(flows_dev, "2: standardize, lu -> mixture(8, cov=full)", 1);
  clf_flow *other = flows_of(flows_dev, "2: -> mixture(7, cov=full)", 1);
  clf_flow *normal = flows_of(flows_dev, "2: -> normal", 1);
  REFUSED(clf_flow_set_base_of(to, other), CLF_EINVAL,
          "the flow has no base.logits of the same shape to copy to");
  REFUSED(
      clf_flow_set_base_of(to, normal), CLF_EINVAL,
      "the base of the flow is mixture of 2 columns and 0 of context; that to copy is normal of "
      "2 columns and 0 of context");
  clf_flow_free(to);
  clf_flow_free(other);
  clf_flow_free(normal);
}
END_TEST

static void refuse(const char *arch, clf_table t, clf_mixture_options o, clf_status status,
                   const char *message) {
  clf_flow *f = flows_of(flows_dev, arch, 1);
  REFUSED(clf_mixture_fit(f, &(clf_train_data){.x = &t}, &o, NULL), status, message);
  clf_flow_free(f);
}

START_TEST(what_is_refused) {
  double x[20];
  for (int i = 0; i < 20; i++) x[i] = i * i;
  const clf_table t = table_of(x, 10, 2);
  const clf_mixture_options plain = clf_mixture_options_default();
  clf_mixture_options o = plain;
  int none = 0;
  refuse("2: -> mixture(6)", t, plain, CLF_EINVAL,
         "10 rows are too few for 6 components, which need at least 12; use fewer components");
  refuse("2: -> normal", t, plain, CLF_EINVAL,
         "the base of the flow is normal; EM fits mixture(...) and normal(trained, cov=full)");
  refuse("3: -> mixture(2)", t, plain, CLF_ESHAPE,
         "the data have 2 columns, the flow has 3 dimensions");
  o.tied = 1;
  refuse("2: -> mixture(2)", t, o, CLF_EINVAL, "tied is for mixtures with cov=full");
  o = plain, o.starts = 0;
  refuse("2: -> mixture(2)", t, o, CLF_EINVAL, "starts is 0; it must be 1 to 1000");
  o = plain, o.iterations = 0;
  refuse("2: -> mixture(2)", t, o, CLF_EINVAL, "iterations is 0; it must be 1 to 1000000");
  o = plain, o.tol = NAN;
  refuse("2: -> mixture(2)", t, o, CLF_EINVAL, "tol is nan; it must be 0 or above");
  o = plain, o.reg = 0;
  refuse("2: -> mixture(2)", t, o, CLF_EINVAL, "reg is 0; it must be above 0 and at most 1");
  o = plain, o.prior = -1;
  refuse("2: -> mixture(2)", t, o, CLF_EINVAL, "prior is -1; it must be 0 or above");
  o = plain, o.stop = stop_at, o.context = &none;
  refuse("2: -> mixture(2)", t, o, CLF_ESTOPPED, "the fit was stopped before its first iteration");
  x[5] = NAN;
  refuse("2: -> mixture(2)", t, plain, CLF_ENUM, "row 3, column 2 of the data is nan");
}
END_TEST

static void tests(TCase *tc) {
  tests_of_golden(tc);
  tcase_add_test(tc, kernels_are_rows);
  tcase_add_test(tc, a_mixture_given_a_column);
  tcase_add_test(tc, finds_the_mixture_that_drew_the_rows);
  tcase_add_test(tc, a_normal_is_exact);
  tcase_add_test(tc, weights_count_rows);
  tcase_add_loop_test(tc, rows_that_repeat, 0, 3);
  tcase_add_test(tc, seeds_and_stops);
  tcase_add_test(tc, rows_without_weight);
  tcase_add_test(tc, factors_need_few_rows);
  tcase_add_test(tc, factors_begin_with_the_largest_variance);
  tcase_add_test(tc, a_prior_shrinks_to_the_mean);
  tcase_add_test(tc, the_best_start_is_kept);
  tcase_add_loop_test(tc, a_flow_begins_as_its_mixture, 0, OVER);
  tcase_add_test(tc, bases_that_differ);
  tcase_add_test(tc, what_is_refused);
}

int main(int argc, char **argv) { return flows_main(argc, argv, tests); }
