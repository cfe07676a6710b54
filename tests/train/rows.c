/* SPDX-License-Identifier: MIT */
/* rows.c: which rows a step sees, in which order, and on which scale. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "training.h"

/* ---- Batches -------------------------------------------------------------------------------- */

START_TEST(batches_in_order) {
  static diary d;
  clf_table data = make_data(70, 2);
  clf_train_options o = options_of(2, 8);
  o.shuffle = 0;
  o.lr = still;
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  begin(&d, t);
  WORKS(clf_trainer_run(t, watch, &d));
  check_diary(&d, 18);
  for (int k = 0; k < 18; k++) { /* 8 batches of 8 and one of 6, twice */
    const int at = k % 9 * 8, n = k % 9 == 8 ? 6 : 8;
    const double want = -mean_logp(f, data.at + 2 * at, n);
    ck_assert_msg(fabs((double)d.losses[k] - want) < 1e-5, "step %d: %g, not %g", k,
                  (double)d.losses[k], want);
  }
  done(t, f, &data);
}
END_TEST

START_TEST(batches_shuffled) {
  static diary d;
  clf_table data = make_data(70, 2);
  clf_train_options o = options_of(3, 8);
  o.lr = still;
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  begin(&d, t);
  WORKS(clf_trainer_run(t, watch, &d));
  const double all = mean_logp(f, data.at, 70);
  int differ = 0;
  for (int e = 0; e < 3; e++) { /* each row once, whatever the order */
    ck_assert_double_le(fabs(d.train[e] - all), 1e-5);
    differ += e && memcmp(d.losses, d.losses + 9 * e, 9 * sizeof *d.losses) != 0;
  }
  ck_assert_int_eq(differ, 2);
  ck_assert_double_gt(fabs((double)d.losses[0] + mean_logp(f, data.at, 8)), 1e-5);
  done(t, f, &data);
}
END_TEST

/* Launches return long before their steps are done; still, reports are frequent and the training
 * can be stopped. */
START_TEST(readings_keep_up) {
  static diary d;
  clf_flow_spec spec = clf_flow_spec_default(CLF_NVP, 2);
  clf_table data = make_data(10000, 2);
  const clf_train_options o = options_of(1, 500);
  clf_flow *f = NULL;
  spec.hidden = 256;
  spec.depth = 8;
  WORKS(clf_flow_create(dev, &spec, &f));
  clf_trainer *t = make_trainer(f, &data, &o);
  begin(&d, t);
  WORKS(clf_trainer_run(t, watch, &d));
  check_diary(&d, 20);
  ck_assert_int_ge(d.reports, 3); /* after 1, 5 and 20 steps, or more */
  done(t, f, &data);
}
END_TEST

/* ---- Rows held out -------------------------------------------------------------------------- */

/* Adds `add` to the marks of the rows of the table that are in `rows`, compared in float as the
 * device has them. */
static void mark(const clf_table *data, clf_tensor rows, int add, int *marks) {
  const int32_t n = rows.dim[0];
  float *x = malloc((size_t)n * 2 * sizeof *x);
  WORKS(clf_read(dev, rows, x));
  for (int32_t i = 0; i < n; i++) {
    int64_t r = 0;
    while (r < data->rows &&
           ((float)data->at[2 * r] != x[2 * i] || (float)data->at[2 * r + 1] != x[2 * i + 1]))
      r++;
    ck_assert_msg(r < data->rows, "row %d of the subset is no row of the data", (int)i);
    marks[r] += add;
  }
  free(x);
}

enum { SPLIT_ROWS = 61 };
static void split_with(const clf_table *data, const clf_train_options *o, int *marks) {
  memset(marks, 0, SPLIT_ROWS * sizeof *marks);
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, data, o);
  ck_assert_int_eq(table_of(t)->valid.dim[0], 15); /* 0.25 of 61, rounded */
  ck_assert_int_eq(table_of(t)->train.dim[0], 46);
  mark(data, table_of(t)->train, 1, marks);
  mark(data, table_of(t)->valid, 100, marks);
  clf_trainer_free(t);
  clf_flow_free(f);
}

START_TEST(rows_held_out) {
  clf_table data = make_data(SPLIT_ROWS, 2);
  clf_train_options o = options_of(2, 8);
  int first[SPLIT_ROWS], other[SPLIT_ROWS], ordered = 1;
  o.valid_split = 0.25;
  split_with(&data, &o, first);
  for (int i = 0; i < SPLIT_ROWS; i++) {
    ck_assert_msg(first[i] == 1 || first[i] == 100, "row %d has the marks %d", i, first[i]);
    ordered &= i < 15 ? first[i] == 100 : first[i] == 1;
  }
  ck_assert_msg(!ordered, "the rows held out are simply the first");
  o.batch = 3;
  o.lr = 0.5;
  o.epochs = 77;
  o.shuffle = 0;
  split_with(&data, &o, other);
  ck_assert_msg(memcmp(first, other, sizeof first) == 0, "more than the seed decides");
  o.seed++;
  split_with(&data, &o, other);
  ck_assert_msg(memcmp(first, other, sizeof first) != 0, "another seed holds out the same rows");
  clf_table_free(&data);
}
END_TEST

START_TEST(best_epoch_is_kept) {
  static diary d;
  clf_table data = make_data(60, 2);
  clf_train_options o = options_of(25, 9);
  o.valid_split = 0.3;
  o.lr = 0.1; /* a rate so large that losses go up and down */
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  double held[2 * 18];
  ck_assert_int_eq(t->source->held_out, 18);
  WORKS(clf_read64(dev, table_of(t)->valid, held));
  begin(&d, t);
  WORKS(clf_trainer_run(t, watch, &d));
  const clf_history h = clf_flow_history(f);
  ck_assert_int_eq(h.epochs, 25);
  ck_assert_int_eq(h.steps, 25 * 5);
  ck_assert_int_eq(h.best_epoch, d.best_epoch);
  ck_assert_int_lt(h.best_epoch, 25); /* else this tests nothing */
  ck_assert_double_eq(h.valid, d.best);
  ck_assert_double_eq(h.train, d.train[24]);
  ck_assert_double_le(fabs(mean_logp(f, held, 18) - d.best), 1e-5);
  ck_assert_double_gt(d.best - d.valid[24], 1e-4);
  done(t, f, &data);
}
END_TEST

START_TEST(history_without_rows_held_out) {
  static diary d;
  clf_table data = make_data(20, 2);
  const clf_train_options o = options_of(4, 7);
  clf_flow *f = make_flow(CLF_NVP, 2);
  ck_assert_int_eq(clf_flow_history(f).steps, 0);
  ck_assert_msg(isnan(clf_flow_history(f).train), "a flow never trained");
  clf_trainer *t = make_trainer(f, &data, &o);
  begin(&d, t);
  WORKS(clf_trainer_run(t, watch, &d));
  const clf_history h = clf_flow_history(f);
  ck_assert_int_eq(h.epochs, 4);
  ck_assert_int_eq(h.steps, 12);
  ck_assert_int_eq(h.best_epoch, 0);
  ck_assert_double_eq(h.train, d.train[3]);
  ck_assert_msg(isnan(h.valid), "valid is %g", h.valid);
  done(t, f, &data);
}
END_TEST

/* ---- Standardised data ---------------------------------------------------------------------- */

START_TEST(standardised_as_by_hand) {
  static diary a, b;
  clf_table data = make_data(70, 2), by_hand;
  WORKS(clf_table_new(70, 2, &by_hand));
  double mean[2], std[2], x[2 * 70], u[2 * 70];
  const double *m, *s;
  for (int i = 0; i < 70; i++) data.at[2 * i] = 1000 + 25 * data.at[2 * i];
  clf_table_moments(&data, NULL, 0, mean, std);
  for (int i = 0; i < 140; i++) by_hand.at[i] = (data.at[i] - mean[i % 2]) / std[i % 2];
  clf_train_options o = options_of(4, 8);
  clf_flow *f = make_flow(CLF_NVP, 2), *g = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(g, &by_hand, &o);
  begin(&b, t);
  WORKS(clf_trainer_run(t, watch, &b));
  ck_assert_int_eq(clf_flow_scaling(g, &m, &s), 0);
  clf_trainer_free(t);
  o.standardize = 1;
  t = make_trainer(f, &data, &o);
  begin(&a, t);
  WORKS(clf_trainer_run(t, watch, &a));
  ck_assert_int_eq(clf_flow_scaling(f, &m, &s), 1);
  ck_assert_int_eq(memcmp(m, mean, sizeof mean), 0);
  ck_assert_int_eq(memcmp(s, std, sizeof std), 0);
  ck_assert_msg(same_weights(f, g), "standardising by hand gives other weights");
  /* losses and densities are in the data's units */
  const double logdet = -log(std[0]) - log(std[1]);
  for (int64_t i = 0; i < a.count; i++)
    ck_assert_double_le(fabs((double)a.losses[i] - ((double)b.losses[i] - logdet)), 1e-5);
  WORKS(clf_log_prob(f, data.at, 70, x));
  WORKS(clf_log_prob(g, by_hand.at, 70, u));
  for (int i = 0; i < 70; i++) ck_assert_double_le(fabs(x[i] - (u[i] + logdet)), 1e-9);
  WORKS(clf_sample(f, 9, 0, 70, x));
  WORKS(clf_sample(g, 9, 0, 70, u));
  for (int i = 0; i < 140; i++)
    ck_assert_double_le(fabs(x[i] - (u[i] * std[i % 2] + mean[i % 2])), 1e-9 * fabs(x[i]) + 1e-12);
  clf_trainer_free(t);
  clf_flow_free(f);
  clf_flow_free(g);
  clf_table_free(&data);
  clf_table_free(&by_hand);
}
END_TEST

/* The scaling is that of the training rows, without the validation rows. */
START_TEST(standardised_without_rows_held_out) {
  clf_table data = make_data(40, 2);
  clf_train_options o = options_of(1, 8);
  o.valid_split = 0.5;
  o.standardize = 1;
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  double x[2 * 20], sum[2] = {0}, square[2] = {0};
  WORKS(clf_read64(dev, table_of(t)->train, x));
  for (int i = 0; i < 40; i++) sum[i % 2] += x[i];
  for (int i = 0; i < 40; i++) square[i % 2] += x[i] * x[i];
  for (int d = 0; d < 2; d++) {
    ck_assert_double_le(fabs(sum[d] / 20), 1e-6);
    ck_assert_double_le(fabs(square[d] / 20 - 1), 1e-6);
  }
  done(t, f, &data);
}
END_TEST

void tests_of_rows(TCase *tc) {
  tcase_add_test(tc, batches_in_order);
  tcase_add_test(tc, batches_shuffled);
  tcase_add_test(tc, readings_keep_up);
  tcase_add_test(tc, rows_held_out);
  tcase_add_test(tc, best_epoch_is_kept);
  tcase_add_test(tc, history_without_rows_held_out);
  tcase_add_test(tc, standardised_as_by_hand);
  tcase_add_test(tc, standardised_without_rows_held_out);
}
