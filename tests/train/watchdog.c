/* SPDX-License-Identifier: MIT */
/* watchdog.c: losses and weights that are not finite. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "training.h"

static void all_finite(clf_flow *f, const clf_table *data, int64_t rows) {
  double *w = weights_of(f);
  for (int32_t i = 0; i < f->w.dim[0]; i++) ck_assert_msg(isfinite(w[i]), "weight %d", (int)i);
  free(w);
  ck_assert_msg(isfinite(mean_logp(f, data->at, rows)), "the loss of the weights left");
}

/* Runs t until a loss is not finite, at step `bad` from 1 (0: any); returns the step. */
static long long fails(clf_trainer *t, long long bad, const char *part) {
  long long step = 0, epoch = 0;
  char loss[32] = "", name[64] = "", tail[256] = "", want[512];
  ck_assert_int_eq(clf_trainer_run(t, NULL, NULL), CLF_ENUM);
  ck_assert_msg(sscanf(clf_errmsg(),
                       "step %lld (epoch %lld): the loss is %31[^:]: %63s is the first layer whose "
                       "output is not finite; %255[^\n]",
                       &step, &epoch, loss, name, tail) == 5 ||
                    strstr(clf_errmsg(), ": the sum over layers is the first"),
                "%s", clf_errmsg());
  if (bad) ck_assert_int_eq(step, bad);
  ck_assert_int_eq(epoch, (step - 1) / clf__steps_per_epoch(t) + 1);
  ck_assert_msg(strstr(loss, "inf") || strstr(loss, "nan"), "the loss is %s", loss);
  const char *whole = strcmp(part, "layers.") == 0 ? "" : " is the first layer"; /* any layer */
  snprintf(want, sizeof want, ": %s%s", part, whole);
  ck_assert_msg(strstr(clf_errmsg(), want) != NULL, "%s", clf_errmsg());
  return step;
}

/* Infinite weights in one coupling: it is named, and there is no snapshot to go back to. */
START_TEST(weights_that_overflow) {
  if (checking()) return;
  clf_table data = make_data(40, 2);
  const clf_train_options o = options_of(2, 8);
  clf_flow *f = make_flow(CLF_NVP, 2);
  const float huge[2] = {2000, 2000};
  int i = 0;
  while (i < clf_flow_param_count(f) && strcmp(clf_flow_param(f, i).name, "layers.2.map_s.2.bias"))
    i++;
  WORKS(clf_write(dev, clf_flow_param(f, i).at, huge));
  clf_trainer *t = make_trainer(f, &data, &o);
  double *before = weights_of(f);
  fails(t, 1, "layers.2");
  ck_assert_ptr_nonnull(strstr(clf_errmsg(),
                               "the flow has the weights it began with, before step 1; "
                               "a smaller lr, a clip or a bound s_max may keep them finite"));
  double *after = weights_of(f);
  ck_assert_int_eq(memcmp(before, after, (size_t)f->w.dim[0] * sizeof *after), 0);
  free(before);
  free(after);
  done(t, f, &data);
}
END_TEST

/* The weights after `steps` steps of the same training. */
static clf_flow *stepped(const clf_table *data, const clf_train_options *o, int64_t steps) {
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, data, o);
  WORKS(clf__trainer_steps(t, steps));
  clf_trainer_free(t);
  return f;
}

/* A learning rate that destroys the weights in one step. */
START_TEST(rate_that_explodes) {
  if (checking()) return;
  clf_table data = make_data(40, 2);
  clf_train_options o = options_of(4, 8);
  o.lr = 1e3;
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  const long long bad = fails(t, 0, "layers.");
  ck_assert_int_gt(bad, 1);
  ck_assert_int_eq(clf_flow_history(f).epochs, (bad - 2) / clf__steps_per_epoch(t));
  clf_flow *want = stepped(&data, &o, bad - 2);
  ck_assert_msg(same_weights(f, want), "not the last weights whose loss was finite");
  ck_assert_int_eq(clf_flow_history(f).steps, bad - 2);
  all_finite(f, &data, 8);
  fails(t, bad, "layers."); /* again, with the same result */
  ck_assert_msg(same_weights(f, want), "not the same weights the second time");
  clf_trainer_free(t);
  clf_flow_free(f);
  clf_flow_free(want);
  clf_table_free(&data);
}
END_TEST

/* The same if steps may be skipped: all steps after the one that destroys the weights are bad,
 * until there are too many; then the flow gets the weights before it. */
START_TEST(rate_that_explodes_again) {
  if (checking()) return;
  clf_table data = make_data(40, 2);
  clf_train_options o = options_of(60, 8);
  o.lr = 1e3;
  o.drops = 3;
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  fails(t, 0, "layers.");
  ck_assert_int_ge(t->drops, 3);
  all_finite(f, &data, 8);
  done(t, f, &data);
}
END_TEST

/* Gradients whose squares overflow: losses stay finite, but Adam would no longer move. */
START_TEST(moments_that_overflow) {
  if (checking() || dev->bits == 64) return;
  clf_table data = make_data(40, 2);
  for (int64_t i = 0; i < 80; i++) data.at[i] *= 1e12;
  const clf_train_options o = options_of(3, 8);
  clf_flow *f = make_flow(CLF_NVP, 2), *fresh = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  ck_assert_int_eq(clf_trainer_run(t, NULL, NULL), CLF_ENUM);
  ck_assert_msg(strstr(clf_errmsg(),
                       "Adam's second moments are not finite: the gradients overflow; "
                       "the flow has the weights after step 0;") != NULL,
                "%s", clf_errmsg());
  ck_assert_msg(same_weights(f, fresh), "not the weights that were remembered");
  WORKS(clf_trainer_save(t, path_of("failed")));
  clf_trainer_free(t);
  clf_flow_free(f);
  clf_flow_free(fresh);
  clf_table_free(&data);
}
END_TEST

static int far_apart(const clf_progress *p, void *context) {
  const clf_trainer *t = context;
  (void)p;
  if (t->snapshot[1].step >= 0)
    ck_assert_int_ge(t->snapshot[0].step - t->snapshot[1].step, CLF_APART);
  return 0;
}

/* Losses are read every second step; snapshots are less frequent, except for the last one. */
START_TEST(states_that_are_remembered) {
  clf_table data = make_data(20, 2);
  clf_train_options o = options_of(12, 8);
  o.valid_split = 0.25;
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  WORKS(clf_trainer_run(t, far_apart, t));
  ck_assert_int_eq(t->snapshot[0].step, 24);
  ck_assert_int_ge(t->snapshot[1].step, CLF_APART);
  done(t, f, &data);
}
END_TEST

/* A sample whose square overflows, long after the last snapshot. */
START_TEST(sample_that_overflows_late) {
  if (checking()) return;
  enum { ROW = 280 };
  clf_table data = make_data(300, 2);
  clf_train_options o = options_of(1, 1);
  o.shuffle = 0;
  data.at[2 * ROW] = data.at[2 * ROW + 1] = dev->bits == 64 ? 1e180 : 1e30;
  clf_flow *f = make_flow(CLF_NVP, 2), *loaded = NULL;
  clf_trainer *t = make_trainer(f, &data, &o);
  fails(t, ROW + 1, "the sum over layers");
  char text[128];
  snprintf(text, sizeof text, "the weights whose loss was last finite, before step %d;", ROW);
  ck_assert_msg(strstr(clf_errmsg(), text) != NULL, "%s", clf_errmsg());
  clf_flow *want = stepped(&data, &o, ROW - 1);
  ck_assert_msg(same_weights(f, want), "not the last weights whose loss was finite");
  all_finite(f, &data, ROW);
  WORKS(clf_trainer_save(t, path_of("failed")));
  WORKS(clf_flow_load(dev, path_of("failed"), NULL, &loaded));
  ck_assert_msg(same_weights(f, loaded), "the file has other weights");
  clf_trainer_free(t);
  t = make_trainer(loaded, &data, &o);
  WORKS(clf_trainer_resume(t, path_of("failed")));
  fails(t, ROW + 1, "the sum over layers");
  ck_assert_msg(same_weights(loaded, want), "resumed, it does not come back to these weights");
  clf_trainer_free(t);
  clf_flow_free(f);
  clf_flow_free(loaded);
  clf_flow_free(want);
  clf_table_free(&data);
}
END_TEST

void tests_of_watchdog(TCase *tc) {
  tcase_add_test(tc, weights_that_overflow);
  tcase_add_test(tc, rate_that_explodes);
  tcase_add_test(tc, rate_that_explodes_again);
  tcase_add_test(tc, moments_that_overflow);
  tcase_add_test(tc, states_that_are_remembered);
  tcase_add_test(tc, sample_that_overflows_late);
}
