/* SPDX-License-Identifier: MIT */
/* search.c: which candidates are tried and chosen, and the same again. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../layers/fit/fit_private.h"
#include "fit.h"

/* Steps between the first two validations of a candidate. */
static int steps_between(const json_t *c) {
  const json_t *curve = json_object_get(c, "curve");
  const json_t *first = json_array_get(curve, 0), *second = json_array_get(curve, 1);
  return (int)(json_integer_value(json_array_get(second, 0)) -
               json_integer_value(json_array_get(first, 0)));
}

/* Moons have bends that a Gaussian cannot represent: about -0.32 nats remain (truth -0.30),
 * compared with -1.9 for the Gaussian. */
START_TEST(moons_are_fitted) {
  clf_table x = drawn("moons:n=3000");
  const clf_fit_options o = brief(2.5);
  clf_flow *flow = fit(&(clf_fit_data){.x = &x, .name = "moons"}, &o);
  json_t *record = record_of(flow);
  ck_assert_double_gt(number(record, "result", "test"), -0.6);
  ck_assert_double_lt(number(candidate(record, "gaussian"), NULL, "test"), -1.6);
  ck_assert_double_gt(number(candidate(record, "mixture"), NULL, "test"), -0.8);
  ck_assert_double_eq_tol(mean_test(flow, &x, NULL, record), number(record, "result", "test"),
                          1e-6);
  const double gain = number(candidate(record, "gaussian"), NULL, "gain");
  ck_assert_double_eq_tol(
      gain, number(record, "result", "test") - number(candidate(record, "gaussian"), NULL, "test"),
      1e-9);
  ck_assert_double_lt(number(candidate(record, "gaussian"), NULL, "gain_se"), 0.1);
  /* Batches of 256 rows: two of them for the 300 rows of a validation, twice. */
  ck_assert_int_eq(steps_between(candidate(record, "splines")), 2);
  ck_assert_int_eq((int)number(record, "rows", "train"), 2400);
  ck_assert_int_eq((int)number(record, "rows", "valid"), 300);
  ck_assert_int_eq((int)number(record, "rows", "test"), 300);
  json_decref(record);
  clf_flow_free(flow);
  clf_table_free(&x);
}
END_TEST

/* Few validation rows leave small weights to candidates that are worse on every row.  Such a blend
 * is worse than its best component by far more than chance. */
START_TEST(a_single_candidate_that_is_better_is_chosen) {
  enum { ROWS = 12, CANDIDATES = 5 };
  static clf__fit f;
  static double logp[CANDIDATES][ROWS];
  f = (clf__fit){.candidates = CANDIDATES, .judges = ROWS};
  for (int k = 0; k < CANDIDATES; k++) {
    for (int i = 0; i < ROWS; i++) logp[k][i] = 0.01 * i - (k != 2) * (0.5 + 0.001 * i);
    f.candidate[k] = (clf__fit_candidate){.logp = logp[k]};
    f.candidate[k].valid = clf__fit_score_of(logp[k], NULL, ROWS);
  }
  WORKS(clf__fit_choose(&f));
  for (int k = 0; k < CANDIDATES; k++) ck_assert_double_eq(f.candidate[k].weight, k == 2);
  ck_assert_double_eq_tol(f.valid.mean, 0.055, 1e-12);
  free(f.blended);
  for (int i = 0; i < ROWS; i++) logp[1][i] = 0.01 * (ROWS - i); /* as good, on other rows */
  f.candidate[1].valid = clf__fit_score_of(logp[1], NULL, ROWS);
  WORKS(clf__fit_choose(&f));
  ck_assert(f.candidate[1].weight > 0.3 && f.candidate[2].weight > 0.3);
  free(f.blended);
}
END_TEST

/* The result averages the models of five folds; a blend of one component must equal the mean of
 * their densities, which is computed separately. */
START_TEST(few_rows_choose_by_folds) {
  clf_table x = drawn("circles:n=120");
  const clf_fit_options o = brief(1);
  clf_flow *flow = fit(&(clf_fit_data){.x = &x}, &o);
  json_t *record = record_of(flow);
  ck_assert_int_eq((int)number(record, "rows", "folds"), 5);
  ck_assert_int_eq((int)number(record, "rows", "train"), 108);
  ck_assert_int_eq((int)number(record, "rows", "valid"), 0);
  ck_assert_int_eq((int)number(record, "rows", "test"), 12);
  ck_assert_double_eq_tol(mean_test(flow, &x, NULL, record), number(record, "result", "test"),
                          1e-6);
  size_t i;
  json_t *c;
  json_array_foreach(json_object_get(record, "candidates"), i, c)
    if (number(c, NULL, "weight") == 1)
      ck_assert_double_eq_tol(number(c, NULL, "test"), number(record, "result", "test"), 1e-5);
  json_decref(record);
  clf_flow_free(flow);
  clf_table_free(&x);
}
END_TEST

static int stop_at_an_end(const clf_fit_progress *p, void *context) {
  int *ends = context;
  *ends += p->ended != NULL;
  return *ends == 2;
}

START_TEST(a_search_that_is_stopped_gives_the_best_so_far) {
  clf_table x = drawn("moons:n=1000");
  const clf_fit_options o = brief(1000);
  clf_flow *flow;
  int ends = 0;
  ck_assert_int_eq(clf_fit(dev, &(clf_fit_data){.x = &x}, &o, stop_at_an_end, &ends, &flow),
                   CLF_ESTOPPED);
  ck_assert_ptr_nonnull(flow);
  json_t *record = record_of(flow);
  ck_assert(json_is_true(json_object_get(record, "stopped")));
  ck_assert_uint_eq(json_array_size(json_object_get(record, "candidates")), 4); /* mixtures too */
  ck_assert_double_gt(number(record, "result", "test"), -0.8);
  json_decref(record);
  clf_flow_free(flow);
  clf_table_free(&x);
}
END_TEST

START_TEST(repeats_have_the_same_bits) {
  static const int rows[] = {900, 150}; /* with a split, and with folds */
  for (int i = 0; i < 2; i++) {
    char set[32];
    snprintf(set, sizeof set, "pinwheel:n=%d", rows[i]);
    clf_table x = drawn(set);
    clf_fit_options o = brief(0.6);
    o.seed = 7;
    clf_flow *flow = fit(&(clf_fit_data){.x = &x}, &o);
    check_repeat(flow, &(clf_fit_data){.x = &x});
    clf_flow_free(flow);
    clf_table_free(&x);
  }
}
END_TEST

/* The result trained on all rows scores the test rows, which it has seen, no worse than by
 * chance; the record keeps the earlier scores. */
START_TEST(refits_train_on_all_rows) {
  clf_table x = drawn("moons:n=1000");
  clf_fit_options o = brief(1);
  clf_flow *flow = fit(&(clf_fit_data){.x = &x}, &o);
  clf_fit_options again = o;
  again.repeat = clf_flow_record(flow);
  again.refit = 1;
  clf_flow *all = fit(&(clf_fit_data){.x = &x}, &again);
  json_t *one = record_of(flow), *two = record_of(all);
  ck_assert(json_is_true(json_object_get(json_object_get(two, "rows"), "refit")));
  ck_assert_double_eq(number(one, "result", "test"), number(two, "result", "test"));
  ck_assert_double_gt(mean_test(all, &x, NULL, two), number(two, "result", "test") - 0.2);
  ck_assert_double_ne(mean_test(all, &x, NULL, two), number(two, "result", "test"));
  json_decref(one);
  json_decref(two);
  clf_flow_free(flow);
  clf_flow_free(all);
  clf_table_free(&x);
}
END_TEST

void tests_of_searches(TCase *tc) {
  tcase_add_test(tc, moons_are_fitted);
  tcase_add_test(tc, a_single_candidate_that_is_better_is_chosen);
  tcase_add_test(tc, few_rows_choose_by_folds);
  tcase_add_test(tc, a_search_that_is_stopped_gives_the_best_so_far);
  tcase_add_test(tc, repeats_have_the_same_bits);
  tcase_add_test(tc, refits_train_on_all_rows);
}
