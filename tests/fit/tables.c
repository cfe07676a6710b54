/* SPDX-License-Identifier: MIT */
/* tables.c: tables of all kinds: weights, contexts, few rows, skewed, discrete or dependent
 * columns. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "fit.h"

/* Rows without weight may have any values. */
START_TEST(rows_of_weight_0_do_not_count) {
  clf_table x = drawn("gaussians:n=1000");
  double *weights = malloc((size_t)x.rows * sizeof *weights);
  for (int64_t i = 0; i < x.rows; i++) {
    weights[i] = i % 4 != 0;
    if (weights[i] == 0) x.at[2 * i] = 6; /* a line next to the data */
  }
  const clf_fit_options o = brief(1);
  clf_flow *flow = fit(&(clf_fit_data){.x = &x, .weights = weights}, &o);
  double on_line, logp[2];
  WORKS(clf_log_prob(flow, x.at, 1, &on_line));
  WORKS(clf_log_prob(flow, x.at + 2, 1, logp));
  ck_assert_double_lt(on_line, logp[0] - 3);
  free(weights);
  clf_flow_free(flow);
  clf_table_free(&x);
}
END_TEST

/* Moves column `c` of *t to a separate table. */
static clf_table take_column(clf_table *t, int32_t c) {
  clf_table one, rest;
  WORKS(clf_table_new(t->rows, 1, &one));
  WORKS(clf_table_new(t->rows, t->cols - 1, &rest));
  for (int64_t i = 0; i < t->rows; i++)
    for (int32_t d = 0, to = 0; d < t->cols; d++) {
      const double v = t->at[i * t->cols + d];
      if (d == c) one.at[i] = v;
      if (d != c) rest.at[i * rest.cols + to++] = v;
    }
  clf_table_free(t);
  *t = rest;
  return one;
}

/* y given x of the moons: sharper than the conditional Gaussian of both. */
START_TEST(columns_are_modelled_given_others) {
  clf_table x = drawn("moons:n=2000");
  clf_table given = take_column(&x, 0);
  const clf_fit_options o = brief(2);
  clf_flow *flow = fit(&(clf_fit_data){.x = &x, .given = &given}, &o);
  json_t *record = record_of(flow);
  ck_assert_int_eq(clf_flow_context(flow), 1);
  ck_assert_double_gt(number(record, "result", "test"),
                      number(candidate(record, "gaussian"), NULL, "test") + 0.5);
  ck_assert_double_eq_tol(mean_test(flow, &x, &given, record), number(record, "result", "test"),
                          1e-6);
  json_decref(record);
  clf_flow_free(flow);
  clf_table_free(&x);
  clf_table_free(&given);
}
END_TEST

/* With 48 training rows of 40 columns a covariance is close to singular: without shrinkage log p
 * of new rows is about -300 nats.  The truth has -56.8. */
START_TEST(few_rows_of_many_columns) {
  enum { ROWS = 60, COLUMNS = 40 };
  clf_table x;
  uint32_t s = 7;
  WORKS(clf_table_new(ROWS, COLUMNS, &x));
  for (int i = 0; i < ROWS * COLUMNS; i++) x.at[i] = nearly_normal(&s);
  clf_fit_options o = brief(1);
  o.quick = 1;
  clf_flow *flow = fit(&(clf_fit_data){.x = &x, .name = "wide"}, &o);
  json_t *record = record_of(flow);
  ck_assert_double_gt(number(candidate(record, "gaussian"), NULL, "test"), -65);
  json_decref(record);
  clf_flow_free(flow);
  clf_table_free(&x);
}
END_TEST

/* Eight clusters with a standard deviation of 0.3, whose centres have skewed columns. */
static clf_table skewed_clusters(int64_t rows) {
  enum { CLUSTERS = 8, COLUMNS = 3 };
  clf_table x;
  uint32_t s = 11;
  double centre[CLUSTERS * COLUMNS];
  WORKS(clf_table_new(rows, COLUMNS, &x));
  for (int i = 0; i < CLUSTERS * COLUMNS; i++) centre[i] = 3 + 3 * exp(1.2 * nearly_normal(&s));
  for (int64_t i = 0; i < rows * COLUMNS; i++)
    x.at[i] = centre[i / COLUMNS % CLUSTERS * COLUMNS + i % COLUMNS] + 0.3 * nearly_normal(&s);
  return x;
}

/* The first layers of all candidates, and the number of columns that the record calls treated. */
static const char *head_of(const json_t *record, size_t *columns) {
  *columns = json_array_size(json_object_get(record, "columns"));
  return json_string_value(json_object_get(record, "head"));
}

/* By itself each column suggests a logarithm or asinh, after which the clusters are not normal.
 * The density has -log(8) - 3 (log(0.3) + log(2 pi e) / 2) = -2.72 nats. */
START_TEST(columns_are_treated_only_if_that_is_better_together) {
  clf_table x = skewed_clusters(1000);
  clf_treatments each;
  WORKS(clf_table_treat(&x, NULL, 0, NULL, &each));
  ck_assert_str_ne(each.head, "standardize");
  clf_fit_options o = brief(5);
  o.quick = 1;
  clf_flow *flow = fit(&(clf_fit_data){.x = &x}, &o);
  json_t *record = record_of(flow);
  size_t columns;
  ck_assert_str_eq(head_of(record, &columns), "standardize");
  ck_assert_uint_eq(columns, 0);
  ck_assert(notes_about(record, "columns are not rescaled: a mixture of the columns as they are"));
  ck_assert_double_gt(number(candidate(record, "mixture"), NULL, "test"), -3.0);
  json_decref(record);
  check_repeat(flow, &(clf_fit_data){.x = &x});
  clf_flow_free(flow);
  uint32_t s = 3;
  for (int64_t i = 0; i < x.rows * x.cols; i++) x.at[i] = exp(nearly_normal(&s));
  flow = fit(&(clf_fit_data){.x = &x}, &o);
  record = record_of(flow);
  ck_assert_ptr_nonnull(strstr(head_of(record, &columns), "softlog("));
  ck_assert_uint_eq(columns, 3);
  json_decref(record);
  clf_flow_free(flow);
  clf_treatments_free(&each);
  clf_table_free(&x);
}
END_TEST

/* Two columns of four equally likely whole numbers: no density gives rows with noise more than
 * -2 log(4) = -2.77 nats, but narrow components give the values themselves more. */
START_TEST(discrete_columns_are_scored_with_noise) {
  enum { ROWS = 600 };
  clf_table x;
  uint32_t s = 1;
  WORKS(clf_table_new(ROWS, 2, &x));
  for (int i = 0; i < 2 * ROWS; i++) x.at[i] = (s = s * 1664525u + 1013904223u) >> 30;
  clf_fit_options o = brief(2);
  o.quick = 1;
  clf_flow *flow = fit(&(clf_fit_data){.x = &x}, &o);
  json_t *record = record_of(flow);
  static const char *const of[] = {"train", "valid", "test"};
  for (int i = 0; i < 3; i++) {
    ck_assert_double_lt(number(candidate(record, "mixture"), NULL, of[i]), -2.6);
    ck_assert_double_gt(number(record, "result", of[i]), -3.1);
    ck_assert_double_lt(number(record, "result", of[i]), -2.6);
  }
  ck_assert_double_gt(mean_test(flow, &x, NULL, record), number(record, "result", "test"));
  json_decref(record);
  clf_flow_free(flow);
  clf_table_free(&x);
}
END_TEST

/* Shares and positive numbers near 0, a column of both signs, and one that counts. */
static void fill_limited(clf_table *x) {
  uint32_t s = 3;
  for (int64_t i = 0; i < x->rows; i++) {
    double *const row = x->at + i * x->cols, v = fabs(nearly_normal(&s));
    row[0] = 1 / (1 + exp(-2 * nearly_normal(&s)));
    row[1] = v;
    row[2] = -0.1 * v * v;
    row[3] = nearly_normal(&s);
    row[4] = floor(3 * v);
  }
}

START_TEST(samples_stay_within_limits) {
  enum { ROWS = 500, DRAWN = 5000 };
  static const double low[4] = {-0.01, 0, -DBL_MAX, 0}, high[4] = {1.01, DBL_MAX, 0, 0};
  static double drawn_rows[5 * DRAWN];
  clf_table x;
  WORKS(clf_table_new(ROWS, 5, &x));
  fill_limited(&x);
  clf_fit_options o = brief(2);
  o.quick = 1;
  clf_flow *flow = fit(&(clf_fit_data){.x = &x}, &o);
  const clf_column_grid *const grid = clf_flow_grid(flow);
  json_t *record = record_of(flow);
  for (int d = 0; d < 4; d++)
    ck_assert_msg(grid[d].step == 0 && grid[d].first >= low[d] && grid[d].last <= high[d],
                  "column %d: %g, %g to %g", d + 1, grid[d].step, grid[d].first, grid[d].last);
  ck_assert(grid[1].first == 0 && grid[1].last == DBL_MAX && grid[2].last == 0);
  ck_assert(grid[4].step == 1);
  ck_assert(notes_about(record, "column 2: all values are at or above 0, and samples will be"));
  WORKS(clf_sample(flow, 1, 0, DRAWN, drawn_rows));
  int both = 0;
  for (int i = 0; i < DRAWN; i++) {
    const double *const row = drawn_rows + 5 * i;
    ck_assert(row[0] >= grid[0].first && row[0] <= grid[0].last && row[1] >= 0 && row[2] <= 0);
    both |= row[3] < 0 ? 1 : 2;
  }
  ck_assert_int_eq(both, 3);
  json_decref(record);
  clf_flow_free(flow);
  clf_table_free(&x);
}
END_TEST

/* Rows that are near copies of 100 rows: no mixture has as many components, but kernels do.  With a
 * spread of 0.01 the copies have about -log(100) - 2 (log(0.01) + log(2 pi e) / 2) = 1.8 nats. */
START_TEST(near_copies_are_found_by_kernels) {
  enum { ROWS = 600, ORIGINALS = 100 };
  clf_table x;
  uint32_t s = 5;
  double original[2 * ORIGINALS];
  WORKS(clf_table_new(ROWS, 2, &x));
  for (int i = 0; i < 2 * ORIGINALS; i++) original[i] = nearly_normal(&s);
  for (int i = 0; i < 2 * ROWS; i++)
    x.at[i] = original[i % (2 * ORIGINALS)] + 0.01 * nearly_normal(&s);
  clf_fit_options o = brief(4);
  o.quick = 1;
  clf_flow *flow = fit(&(clf_fit_data){.x = &x}, &o);
  json_t *record = record_of(flow);
  ck_assert_double_gt(number(candidate(record, "kernels"), NULL, "test"), 0.4);
  ck_assert_double_gt(number(candidate(record, "kernels"), NULL, "weight"), 0.1);
  ck_assert(notes_about(record, "the model contains rows of the table"));
  json_decref(record);
  check_repeat(flow, &(clf_fit_data){.x = &x});
  clf_flow_free(flow);
  clf_table_free(&x);
}
END_TEST

/* With one column there are no couplings, and one kind of covariance. */
START_TEST(one_column) {
  clf_table x;
  WORKS(clf_table_new(1000, 1, &x));
  clf_table normal = drawn("gaussians:n=1000,seed=4");
  for (int64_t i = 0; i < x.rows; i++) x.at[i] = sinh(normal.at[2 * i]);
  const clf_fit_options o = brief(1);
  clf_flow *flow = fit(&(clf_fit_data){.x = &x}, &o);
  json_t *record = record_of(flow);
  ck_assert_double_gt(number(record, "result", "test"),
                      number(candidate(record, "gaussian"), NULL, "test"));
  json_decref(record);
  clf_flow_free(flow);
  clf_table_free(&x);
  clf_table_free(&normal);
}
END_TEST

/* A table without a density is fitted, and the record says what is wrong. */
START_TEST(tables_without_a_density) {
  clf_table x = drawn("moons:n=400"), more;
  WORKS(clf_table_new(400, 3, &more));
  for (int64_t i = 0; i < 400; i++) {
    more.at[3 * i] = x.at[2 * i];
    more.at[3 * i + 1] = i % 3 ? 0 : x.at[2 * i + 1];
    more.at[3 * i + 2] = 2 * x.at[2 * i] - more.at[3 * i + 1];
  }
  const clf_fit_options o = brief(0.5);
  clf_flow *flow = fit(&(clf_fit_data){.x = &more}, &o);
  json_t *record = record_of(flow);
  ck_assert(notes_about(record, "is a linear combination of"));
  ck_assert(notes_about(record, "a point mass without a density"));
  ck_assert(isfinite(number(record, "result", "test")));
  json_decref(record);
  clf_flow_free(flow);
  clf_table_free(&x);
  clf_table_free(&more);
}
END_TEST

/* The only 1 of a column of zeros is in a test row. */
START_TEST(rare_value_among_test_rows) {
  clf_table x = drawn("moons:n=60"), more;
  uint8_t part[60] = {0};
  WORKS(clf_table_new(60, 3, &more));
  for (int64_t i = 0; i < 60; i++) {
    more.at[3 * i] = x.at[2 * i];
    more.at[3 * i + 1] = x.at[2 * i + 1];
    more.at[3 * i + 2] = i == 50;
    part[i] = i < 50 ? CLF_ROW_TRAIN : CLF_ROW_TEST;
  }
  const clf_fit_options o = brief(0.2);
  clf_flow *flow = fit(&(clf_fit_data){.x = &more, .part = part}, &o);
  json_t *record = record_of(flow);
  ck_assert(number(record, "result", "test") > -20);
  json_decref(record);
  clf_flow_free(flow);
  clf_table_free(&x);
  clf_table_free(&more);
}
END_TEST

void tests_of_tables(TCase *tc) {
  tcase_add_test(tc, rare_value_among_test_rows);
  tcase_add_test(tc, rows_of_weight_0_do_not_count);
  tcase_add_test(tc, columns_are_modelled_given_others);
  tcase_add_test(tc, few_rows_of_many_columns);
  tcase_add_test(tc, columns_are_treated_only_if_that_is_better_together);
  tcase_add_test(tc, discrete_columns_are_scored_with_noise);
  tcase_add_test(tc, samples_stay_within_limits);
  tcase_add_test(tc, near_copies_are_found_by_kernels);
  tcase_add_test(tc, one_column);
  tcase_add_test(tc, tables_without_a_density);
}
