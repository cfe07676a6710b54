/* SPDX-License-Identifier: MIT */
/* judge.c: the facts and the verdict of models whose fit is known. */
#include <math.h>
#include <string.h>
#include "statistics.h"
#include "report/sources.h"

START_TEST(a_model_fits_its_own_rows) {
  clf_flow *flow = flow_of("3: lu, (coupling(affine, mlp(8x1)), perm)*2 -> normal");
  clf_table t = own_rows(flow, 2000, 77), train = own_rows(flow, 3000, 78);
  const clf_report_source source = {
      .flow = flow, .seed = 1, .test = {.x = &t}, .train = {.x = &train}};
  clf__facts f;
  clf__verdict v;
  WORKS(clf__judge(&f, &source));
  clf__verdict_of(&f, &v);
  ck_assert_str_eq(v.sentence, "The model fits the 2000 test rows.");
  for (int i = 0; i < v.count; i++) ck_assert_msg(v.bad[i] == CLF__FITS, "%s", v.detail[i]);
  ck_assert_int_eq(f.samples, 10000);
  ck_assert_double_eq_tol(f.rank.rows, 2000.0 * 10000 / 12000, 1e-9);
  ck_assert_double_eq_tol(f.rank.band, clf__ks_band(0.01 / 4, f.rank.rows), 1e-12);
  ck_assert_double_eq_tol(f.column[0].band, clf__ks_band(0.01 / 4, f.rank.rows), 1e-12);
  ck_assert_ptr_nonnull(f.chi.u);
  ck_assert_int_eq(f.chi.level, CLF__FITS);
  ck_assert_double_eq_tol(f.gap, 0, 3 * f.gap_error);
  clf__judge_free(&f);
  clf_table_free(&t);
  clf_table_free(&train);
  clf_flow_free(flow);
}
END_TEST

/* Columns that are shifted, stretched and squeezed against a standard normal model. The expected KS
 * distances are those of normal distribution functions, such as Phi(0.25) - Phi(-0.25). */
START_TEST(columns_that_do_not_fit) {
  clf_flow *flow = flow_of("4: -> normal");
  clf_table t = own_rows(flow, 4000, 5);
  stretch(&t, 0, 0.5, 1);
  stretch(&t, 1, 0, 2);
  stretch(&t, 2, 0, 0.5);
  clf_report_source source = {.flow = flow, .seed = 1, .test = {.x = &t}};
  clf__facts f = judged(&source);
  const double shifted = erf(0.25 / sqrt(2));
  ck_assert_double_eq_tol(f.column[0].distance, shifted, 0.02);
  const double x = sqrt(2 * log(2) / (1 - 0.25)); /* where N(0, 1) and N(0, 4) have equal density */
  ck_assert_double_eq_tol(f.column[1].distance, (erf(x / sqrt(2)) - erf(x / sqrt(8))) / 2, 0.02);
  ck_assert_int_eq(f.column[3].level, CLF__FITS);
  ck_assert_int_eq(f.worst[3], 3);
  ck_assert_int_eq(f.worst[0], 0);
  ck_assert_str_eq(clf__column_verdict(&f.column[0]), "higher than the samples");
  ck_assert_str_eq(clf__column_verdict(&f.column[1]), "wider than the samples");
  ck_assert_str_eq(clf__column_verdict(&f.column[2]), "narrower than the samples");
  ck_assert_str_eq(clf__rank_verdict(&f.rank), "less probable than the model's own samples");
  clf__judge_free(&f);
  clf_table_free(&t);
  clf_flow_free(flow);
}
END_TEST

/* Without training rows, each test row is compared with a Gaussian of the other test rows. */
START_TEST(the_gaussian_baseline) {
  enum { N = 60 };
  clf_flow *flow = flow_of("2: -> normal");
  clf_table t = own_rows(flow, N, 5);
  stretch(&t, 0, 3, 2);
  for (int64_t i = 0; i < N; i++) t.at[2 * i + 1] += 0.5 * t.at[2 * i];
  double want = 0;
  for (int64_t i = 0; i < N; i++) { /* by definition: moments of the others */
    double m[2] = {0}, c[3] = {0};
    for (int64_t j = 0; j < N; j++)
      for (int d = 0; d < 2 && j != i; d++) m[d] += t.at[2 * j + d] / (N - 1);
    for (int64_t j = 0; j < N; j++) {
      const double a = t.at[2 * j] - m[0], b = t.at[2 * j + 1] - m[1];
      if (j == i) continue;
      c[0] += a * a / (N - 1);
      c[1] += a * b / (N - 1);
      c[2] += b * b / (N - 1);
    }
    const double a = t.at[2 * i] - m[0], b = t.at[2 * i + 1] - m[1];
    const double det = c[0] * c[2] - c[1] * c[1];
    const double q = (c[2] * a * a - 2 * c[1] * a * b + c[0] * b * b) / det;
    want -= (log(4 * acos(-1) * acos(-1) * det) + q) / 2 / N;
  }
  clf__facts f = judged(&(clf_report_source){.flow = flow, .seed = 1, .test = {.x = &t}});
  ck_assert_double_eq_tol(f.gaussian, want, 1e-9);
  ck_assert_double_eq_tol(f.gain, f.set[CLF__TEST].mean - want, 1e-9);
  clf__judge_free(&f);
  clf_table_free(&t);
  clf_flow_free(flow);
}
END_TEST

START_TEST(rows_far_out_and_rows_of_zero_density) {
  clf_flow_spec spec = clf_flow_spec_default(CLF_PIECEWISE, 1);
  clf_flow *flow, *normal = flow_of("2: -> normal");
  spec.xmin = -3;
  spec.xmax = 3;
  WORKS(clf_flow_create(dev, &spec, &flow));
  clf_table t = own_rows(flow, 500, 5), u = own_rows(normal, 1000, 5);
  t.at[17] = 50;
  for (int i = 0; i < 5; i++) u.at[2 * i] = 30 + i;
  clf__facts f = judged(&(clf_report_source){.flow = flow, .seed = 1, .test = {.x = &t}});
  ck_assert_int_eq(f.set[CLF__TEST].zeros, 1);
  ck_assert(isfinite(f.set[CLF__TEST].mean) && isfinite(f.gain));
  ck_assert_int_eq(f.strange[0].row, 17);
  ck_assert(isinf(f.strange[0].gain[0]));
  clf__judge_free(&f);
  f = judged(&(clf_report_source){.flow = normal, .seed = 1, .test = {.x = &u}});
  ck_assert_int_eq(f.beyond, 5);
  ck_assert_double_eq_tol(f.beyond_expected, 1000.0 / 10001, 1e-9);
  ck_assert_int_eq(f.beyond_level, CLF__SLIGHT);
  ck_assert_int_eq(f.strange[0].row, 4);
  ck_assert_double_eq_tol(f.strange[0].gain[0], 34 * 34 / 2.0, 0.1);
  ck_assert_int_eq(f.strange_count, CLF__STRANGE_ROWS);
  clf__judge_free(&f);
  clf_table_free(&t);
  clf_table_free(&u);
  clf_flow_free(flow);
  clf_flow_free(normal);
}
END_TEST

/* Overfitting shows as a gap between training and test rows. */
START_TEST(training_rows_that_are_more_probable) {
  clf_flow *flow = flow_of("2: -> normal");
  clf_table t = own_rows(flow, 1000, 5), train = own_rows(flow, 1000, 6);
  stretch(&train, 0, 0, 0.1);
  const clf_report_source source = {
      .flow = flow, .seed = 1, .test = {.x = &t}, .train = {.x = &train}};
  clf__facts f = judged(&source);
  clf__verdict v;
  ck_assert_double_eq_tol(f.gap, 0.495, 0.1);
  clf__verdict_of(&f, &v);
  ck_assert_str_eq(v.sentence, "The model fits the 1000 test rows.");
  const char *const last = v.detail[v.count - 1];
  ck_assert_msg(strstr(last, "It overfits: training rows are 0.5"), "%s", last);
  ck_assert_int_eq(v.bad[v.count - 1], CLF__SLIGHT);
  clf__judge_free(&f);
  clf_table_free(&t);
  clf_table_free(&train);
  clf_flow_free(flow);
}
END_TEST

void tests_of_judge(TCase *tc) {
  tcase_add_test(tc, a_model_fits_its_own_rows);
  tcase_add_test(tc, columns_that_do_not_fit);
  tcase_add_test(tc, the_gaussian_baseline);
  tcase_add_test(tc, rows_far_out_and_rows_of_zero_density);
  tcase_add_test(tc, training_rows_that_are_more_probable);
}
