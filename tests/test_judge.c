/* SPDX-License-Identifier: MIT */
/* test_judge.c: comparison of models, percentile ranks, and calibration. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "clflow/clflow.h"
#include "flows.h"
#include "suite.h"

/* ---- Two models --------------------------------------------------------------------------------
 */

static const double none = -INFINITY;

START_TEST(pairs) {
  const double a[] = {1, 2, 3, 4}, b[] = {0.5, 1, 2.5, 5};
  const clf_comparison c = clf_compare(a, b, 4); /* differences 0.5, 1, 0.5, -1 */
  ck_assert(c.rows == 4 && c.paired == 4 && c.first == 3 && c.second == 1 && c.equal == 0);
  ck_assert_double_eq_tol(c.mean, 0.25, 1e-15);
  ck_assert_double_eq_tol(c.std_error, sqrt(2.25 / 3 / 4), 1e-15);
  ck_assert_int_eq(c.winner, CLF_NO_DIFFERENCE);
  const double far[] = {0, 1.1, 2, 2.9};
  ck_assert_int_eq(clf_compare(a, far, 4).winner, CLF_FIRST_BETTER);
  ck_assert_int_eq(clf_compare(far, a, 4).winner, CLF_SECOND_BETTER);
  ck_assert_int_eq(clf_compare(a, a, 4).winner, CLF_NO_DIFFERENCE);
  ck_assert_int_eq((int)clf_compare(a, a, 4).equal, 4);
  ck_assert_int_eq(clf_compare(a, far, 1).winner, CLF_UNDECIDED);
}
END_TEST

/* Rows of zero density take precedence over the mean of the others. */
START_TEST(zero_density) {
  const double a[] = {9, 9, none, none, NAN, 1}, b[] = {0, 1, 0, none, 3, NAN};
  clf_comparison c = clf_compare(a, b, 6);
  ck_assert(c.rows == 4 && c.missing == 2 && c.paired == 2);
  ck_assert(c.zero_first == 1 && c.zero_second == 0 && c.zero_both == 1);
  ck_assert(c.first == 2 && c.second == 1 && c.equal == 1);
  ck_assert_double_eq(c.mean, 8.5);
  ck_assert_int_eq(c.winner, CLF_SECOND_BETTER);
  ck_assert_int_eq(clf_compare(b, a, 6).winner, CLF_FIRST_BETTER);
  const double x[] = {none, 1, 2}, y[] = {1, none, 2};
  ck_assert_int_eq(clf_compare(x, y, 3).winner, CLF_UNDECIDED);
  c = clf_compare(x, x, 1);
  ck_assert_msg(c.zero_both == 1 && isnan(c.mean) && isnan(c.std_error), "%g", c.mean);
}
END_TEST

/* ---- Places ----------------------------------------------------------------- */

START_TEST(places) {
  const double v[] = {3, none, 1, 3, NAN, 7};
  double percent[6];
  int64_t rank[6];
  WORKS(clf_ranks(v, 6, rank));
  const int64_t ranks[] = {3, 1, 2, 3, 0, 5};
  for (int i = 0; i < 6; i++) ck_assert_int_eq((int)rank[i], (int)ranks[i]);
  WORKS(clf_percentiles(v, 6, v, 6, percent));
  const double among[] = {60, 10, 30, 60, NAN, 90};
  for (int i = 0; i < 6; i++)
    ck_assert_msg(percent[i] == among[i] || (isnan(among[i]) && isnan(percent[i])),
                  "%d: %g, not %g", i, percent[i], among[i]);
  const double others[] = {2, 3, 4, 5};
  WORKS(clf_percentiles(v, 6, others, 4, percent));
  ck_assert(percent[0] == 37.5 && percent[1] == 0 && percent[5] == 100);
  WORKS(clf_percentiles(v, 6, (double[]){NAN}, 1, percent));
  ck_assert(isnan(percent[0]));
}
END_TEST

/* Among samples with its own context; under a unit normal a share exp(-|x|^2 / 2) of the samples
 * is below. */
START_TEST(places_under_a_model) {
  clf_device *dev;
  WORKS(clf_open("cpu", &dev));
  clf_flow *flow = flows_of(dev, "2|1: coupling(affine, mlp(4x1)) -> normal", 5);
  enum { ROWS = 7 };
  double x[2 * ROWS], c[ROWS], logp[ROWS], percent[ROWS], own[ROWS];
  for (int i = 0; i < ROWS; i++) {
    c[i] = i % 3;
    x[2 * i] = sin(i);
    x[2 * i + 1] = cos(3 * i);
  }
  WORKS(clf_log_prob_given(flow, x, c, ROWS, logp));
  logp[6] = NAN;
  WORKS(clf_model_percentiles(flow, c, logp, ROWS, 3, 5000, percent));
  ck_assert(isnan(percent[6]));
  for (int i = 0; i < 6; i++) { /* each row alone */
    WORKS(clf_model_percentiles(flow, c + i, logp + i, 1, 3, 5000, own));
    ck_assert_msg(own[0] == percent[i] && own[0] > 0 && own[0] < 100, "row %d: %g, %g", i, own[0],
                  percent[i]);
  }
  REFUSED(clf_model_percentiles(flow, NULL, logp, 1, 3, 9, own), CLF_EINVAL,
          "the flow takes a context, and c is NULL");
  clf_flow_free(flow);
  flow = flows_of(dev, "2: -> normal", 5);
  WORKS(clf_log_prob(flow, x, ROWS, logp));
  WORKS(clf_model_percentiles(flow, NULL, logp, ROWS, 3, 40000, percent));
  for (int i = 0; i < ROWS; i++) {
    const double square = x[2 * i] * x[2 * i] + x[2 * i + 1] * x[2 * i + 1];
    ck_assert_double_eq_tol(percent[i], 100 * exp(-square / 2), 1);
  }
  clf_flow_free(flow);
  clf_close(dev);
}
END_TEST

/* ---- Calibration ------------------------------------------------------------ */

/* Distances by hand; p by the series in Python. */
START_TEST(deviations) {
  const double a[] = {1, 2, 3, 4, NAN}, b[] = {2, 2, 5, 6, 7, 8};
  clf_deviation d;
  WORKS(clf_deviation_of(a, 5, b, 6, &d));
  ck_assert(d.n == 4 && d.m == 6);
  ck_assert_double_eq_tol(d.distance, 2.0 / 3, 1e-15);
  ck_assert_double_eq_tol(d.p_value, 0.13547386007256804, 1e-12);
  WORKS(clf_deviation_of(b, 6, a, 5, &d));
  ck_assert_double_eq_tol(d.distance, 2.0 / 3, 1e-15);
  WORKS(clf_deviation_of(a, 4, a, 4, &d));
  ck_assert(d.distance == 0 && d.p_value == 1);
  REFUSED(clf_deviation_of(a + 4, 1, b, 6, &d), CLF_EINVAL,
          "the first set has no numbers to compare");
  REFUSED(clf_deviation_of(a, 4, a + 4, 1, &d), CLF_EINVAL,
          "the second set has no numbers to compare");
}
END_TEST

START_TEST(verdicts) {
  const clf_deviation fine = {.distance = 0.01, .p_value = 0.5},
                      small = {.distance = 0.09, .p_value = 1e-6},
                      large = {.distance = 0.2, .p_value = 1e-9};
  int32_t worst;
  ck_assert_int_eq(clf_calibration_verdict(&fine, (clf_deviation[]){fine, fine}, 2, &worst),
                   CLF_FITS);
  ck_assert_int_eq(worst, -1);
  ck_assert_int_eq(clf_calibration_verdict(&fine, (clf_deviation[]){fine, small}, 2, &worst),
                   CLF_FITS_NEARLY);
  ck_assert_int_eq(worst, 1);
  ck_assert_int_eq(clf_calibration_verdict(&small, (clf_deviation[]){large, small}, 2, &worst),
                   CLF_FITS_BADLY);
  ck_assert_int_eq(worst, 0);
  /* Among many columns a single small p may be chance. */
  const clf_deviation rare = {.distance = 0.2, .p_value = 0.004};
  ck_assert_int_eq(clf_calibration_verdict(&rare, NULL, 0, NULL), CLF_FITS_BADLY);
  ck_assert_int_eq(clf_calibration_verdict(&rare, (clf_deviation[]){fine, fine}, 2, NULL),
                   CLF_FITS);
}
END_TEST

/* A flow compared with its own samples, and with others. */
START_TEST(calibration) {
  enum { ROWS = 3000 };
  clf_device *dev;
  clf_flow *flow;
  clf_deviation logp, columns[2];
  double *const x = malloc(2 * ROWS * sizeof *x);
  int32_t worst;
  WORKS(clf_open("cpu", &dev));
  flow = flows_of(dev, "2: (coupling(affine, mlp(8x1)), perm)*2 -> normal", 5);
  WORKS(clf_sample(flow, 3, 0, ROWS, x));
  WORKS(clf_calibrate(flow, x, NULL, ROWS, 4, 4000, &logp, columns));
  ck_assert(logp.n == ROWS && logp.m == 4000 && columns[1].n == ROWS);
  ck_assert_int_eq(clf_calibration_verdict(&logp, columns, 2, &worst), CLF_FITS);
  const double before = logp.distance;
  x[0] = NAN; /* one row less */
  WORKS(clf_calibrate(flow, x, NULL, ROWS, 4, 4000, &logp, NULL));
  ck_assert(logp.n == ROWS - 1 && fabs(logp.distance - before) < 2.0 / ROWS);
  for (int i = 0; i < ROWS; i++) x[2 * i + 1] += 0.5; /* the second column has moved */
  WORKS(clf_calibrate(flow, x, NULL, ROWS, 4, 4000, &logp, columns));
  ck_assert_int_eq(clf_calibration_verdict(&logp, columns, 2, &worst), CLF_FITS_BADLY);
  ck_assert_int_eq(worst, 1);
  REFUSED(clf_calibrate(flow, x, x, ROWS, 4, 10, &logp, NULL), CLF_EINVAL,
          "the flow takes no context, and c is given");
  REFUSED(clf_calibrate(flow, x, NULL, ROWS, 4, 0, &logp, NULL), CLF_EINVAL,
          "3000 rows and 0 samples: there must be at least 1 of each");
  for (int i = 0; i < ROWS; i++) x[2 * i] = NAN;
  REFUSED(clf_calibrate(flow, x, NULL, ROWS, 4, 10, &logp, NULL), CLF_EINVAL,
          "there is no row without a missing value");
  free(x);
  clf_flow_free(flow);
  clf_close(dev);
}
END_TEST

/* Rows are compared with samples under their own contexts. */
START_TEST(calibration_given) {
  enum { ROWS = 2000 };
  clf_device *dev;
  clf_flow *flow;
  clf_deviation logp, columns[2];
  double *const x = malloc(2 * ROWS * sizeof *x), *const c = malloc(ROWS * sizeof *c);
  WORKS(clf_open("cpu", &dev));
  flow = flows_of(dev, "2|1: (coupling(affine, mlp(8x1)), perm)*2 -> normal", 5);
  for (int i = 0; i < ROWS; i++) c[i] = 4 * sin(i);
  WORKS(clf_sample_given(flow, c, ROWS, 3, 1, x));
  WORKS(clf_calibrate(flow, x, c, ROWS, 4, 100000, &logp, columns));
  ck_assert_int_eq((int)logp.m, 50);
  ck_assert_int_eq(clf_calibration_verdict(&logp, columns, 2, NULL), CLF_FITS);
  WORKS(clf_calibrate(flow, x, c, ROWS, 4, 1000, &logp, columns));
  ck_assert(logp.m == 20 && logp.n == ROWS);
  ck_assert_int_eq(clf_calibration_verdict(&logp, columns, 2, NULL), CLF_FITS);
  for (int i = 0; i < ROWS; i++) c[i] += 6; /* not the contexts that x has */
  WORKS(clf_calibrate(flow, x, c, ROWS, 4, 1000, &logp, columns));
  ck_assert_int_ne(clf_calibration_verdict(&logp, columns, 2, NULL), CLF_FITS);
  REFUSED(clf_calibrate(flow, x, NULL, ROWS, 4, 10, &logp, NULL), CLF_EINVAL,
          "the flow takes a context, and c is NULL");
  free(x);
  free(c);
  clf_flow_free(flow);
  clf_close(dev);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("judge");
  TCase *tests = tcase_create("judge");
  const TTest *const all[] = {pairs,    zero_density,         places,      deviations,
                              verdicts, places_under_a_model, calibration, calibration_given};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) tcase_add_test(tests, all[i]);
  suite_add_tcase(suite, tests);
  return suite_run(suite);
}
