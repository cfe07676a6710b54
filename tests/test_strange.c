/* SPDX-License-Identifier: MIT */
/* test_strange.c: which columns make a row unusual, for flows with known answers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "clflow/clflow.h"
#include "suite.h"

static clf_device *dev;

static void set_up(void) { WORKS(clf_open("cpu", &dev)); }
static void tear_down(void) { clf_close(dev); }

static clf_flow *flow_of(const char *text, uint64_t seed) {
  clf_arch *arch;
  clf_flow *flow;
  WORKS(clf_arch_parse(text, &arch));
  WORKS(clf_flow_create_arch(dev, arch, seed, &flow));
  clf_arch_free(arch);
  return flow;
}

/* Half of the squared standard score, and the mean as the most probable value. */
START_TEST(a_gaussian_gains_half_of_the_squared_score) {
  clf_flow *flow = flow_of("3: -> normal", 1);
  const double mean[3] = {10, -5, 0}, std[3] = {2, 0.5, 1};
  const double x[6] = {18, -5, 0.5, 10, -6.5, 0};
  const double want[6] = {8, 0, 0.125, 0, 4.5, 0};
  double gain[6], instead[6];
  WORKS(clf_flow_set_scaling(flow, mean, std));
  WORKS(clf_strange_columns(flow, x, NULL, 2, 1, gain, instead));
  for (int i = 0; i < 6; i++) {
    ck_assert_double_eq_tol(gain[i], want[i], 2e-4);
    ck_assert_double_eq_tol(instead[i], mean[i % 3], 0.003 * std[i % 3]);
  }
  clf_flow_free(flow);
}
END_TEST

/* At least as good as a search of a whole interval, value by value. */
static void compare_with_sweep(clf_flow *flow, const double *c) {
  enum { DIM = 3, STEPS = 2001 };
  static double row[STEPS * DIM], given[STEPS], logp[STEPS];
  const double x[DIM] = {1.5, -2, 0.7};
  double gain[DIM], again[DIM], own;
  WORKS(clf_strange_columns(flow, x, c, 1, 5, gain, NULL));
  WORKS(clf_strange_columns(flow, x, c, 1, 5, again, NULL));
  ck_assert_mem_eq(gain, again, sizeof gain);
  WORKS(c ? clf_log_prob_given(flow, x, c, 1, &own) : clf_log_prob(flow, x, 1, &own));
  for (int d = 0; d < DIM; d++) {
    double most = own;
    for (int i = 0; i < STEPS; i++) {
      memcpy(row + (size_t)i * DIM, x, sizeof x);
      row[i * DIM + d] = -10 + 20.0 * i / (STEPS - 1);
      if (c) given[i] = *c;
    }
    WORKS(c ? clf_log_prob_given(flow, row, given, STEPS, logp)
            : clf_log_prob(flow, row, STEPS, logp));
    for (int i = 0; i < STEPS; i++) most = fmax(most, logp[i]);
    ck_assert_double_eq_tol(gain[d], most - own, 0.01);
  }
}

START_TEST(no_value_of_a_column_gains_more) {
  clf_flow *flow = flow_of("3: lu, (coupling(affine, mlp(8x1)), perm)*4 -> normal", 3);
  compare_with_sweep(flow, NULL);
  clf_flow_free(flow);
  flow = flow_of("3|1: lu, (coupling(affine, mlp(8x1)), perm)*4 -> normal", 3);
  compare_with_sweep(flow, (double[]){0.8});
  clf_flow_free(flow);
}
END_TEST

/* The proposed replacement of a discrete value is on the grid. */
START_TEST(discrete_columns_stay_on_their_grid) {
  clf_flow *flow = flow_of("2: -> normal", 1);
  const clf_column_grid grid[2] = {{0, 0, 0}, {0.75, -3.2, 3.55}};
  const double x[2] = {0, 3.55};
  double gain[2], instead[2];
  WORKS(clf_flow_set_grid(flow, grid));
  WORKS(clf_strange_columns(flow, x, NULL, 1, 1, gain, instead));
  ck_assert_double_eq_tol(instead[1], -0.2, 1e-12); /* the nearest to 0 */
  ck_assert_double_eq_tol(gain[1], (3.55 * 3.55 - 0.2 * 0.2) / 2, 1e-5);
  clf_flow_free(flow);
}
END_TEST

START_TEST(a_row_of_zero_density_gains_without_bound) {
  clf_flow_spec spec = clf_flow_spec_default(CLF_PIECEWISE, 1);
  clf_flow *flow;
  double gain, instead;
  spec.xmin = -3;
  spec.xmax = 3;
  WORKS(clf_flow_create(dev, &spec, &flow));
  WORKS(clf_strange_columns(flow, (double[]){50}, NULL, 1, 1, &gain, &instead));
  ck_assert(isinf(gain) && fabs(instead) <= 3);
  clf_flow_free(flow);
}
END_TEST

START_TEST(what_is_refused) {
  clf_flow *plain = flow_of("2: -> normal", 1);
  clf_flow *given = flow_of("2|3: coupling(affine, mlp(8x1)) -> normal", 1);
  double x[2] = {0}, gain[2];
  REFUSED(clf_strange_columns(plain, x, NULL, 0, 1, gain, NULL), CLF_EINVAL,
          "0 rows: there must be at least 1");
  REFUSED(clf_strange_columns(given, x, NULL, 1, 1, gain, NULL), CLF_EINVAL,
          "the flow takes a context of 3 columns: give it with the rows");
  REFUSED(clf_strange_columns(plain, x, x, 1, 1, gain, NULL), CLF_EINVAL,
          "the flow takes no context: leave it out");
  x[1] = NAN;
  ck_assert_int_eq(clf_strange_columns(plain, x, NULL, 1, 1, gain, NULL), CLF_ENUM);
  clf_flow_free(plain);
  clf_flow_free(given);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("strange");
  TCase *tc = tcase_create("strange");
  tcase_add_unchecked_fixture(tc, set_up, tear_down);
  tcase_add_test(tc, a_gaussian_gains_half_of_the_squared_score);
  tcase_add_test(tc, no_value_of_a_column_gains_more);
  tcase_add_test(tc, discrete_columns_stay_on_their_grid);
  tcase_add_test(tc, a_row_of_zero_density_gains_without_bound);
  tcase_add_test(tc, what_is_refused);
  suite_add_tcase(suite, tc);
  return suite_run(suite);
}
