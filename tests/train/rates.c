/* SPDX-License-Identifier: MIT */
/* rates.c: step sizes over a training, and weight decay. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "training.h"

/* 10 steps: 5 epochs of 2. */
static clf_trainer *trainer_of(clf_flow *f, const clf_table *data, const char *schedule,
                               const char *warmup, const char *decay) {
  clf_train_options o = options_of(5, 20);
  o.lr = 0.5;
  WORKS(clf_train_options_set(&o, "schedule", schedule));
  WORKS(clf_train_options_set(&o, "warmup", warmup));
  WORKS(clf_train_options_set(&o, "weight_decay", decay));
  return make_trainer(f, data, &o);
}

START_TEST(rates_of_steps) {
  clf_table data = make_data(40, 2);
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = trainer_of(f, &data, "constant", "0", "0");
  for (int64_t i = 0; i < 10; i++) ck_assert(clf__trainer_rate(t, i) == 0.5);
  ck_assert(clf__trainer_is_plain(t));
  clf_trainer_free(t);
  t = trainer_of(f, &data, "cosine", "0", "0");
  ck_assert(clf__trainer_rate(t, 0) == 0.5);
  ck_assert_double_eq_tol(clf__trainer_rate(t, 5), 0.25, 1e-15);
  ck_assert_double_eq_tol(clf__trainer_rate(t, 9), 0.25 * (1 + cos(0.9 * acos(-1))), 1e-15);
  ck_assert(!clf__trainer_is_plain(t) && !t->many);
  clf_trainer_free(t);
  t = trainer_of(f, &data, "cosine", "4", "0");
  const double want[] = {0.125, 0.25, 0.375, 0.5, 0.5};
  for (int64_t i = 0; i < 5; i++) ck_assert(clf__trainer_rate(t, i) == want[i]);
  ck_assert_double_eq_tol(clf__trainer_rate(t, 7), 0.25, 1e-15);
  done(t, f, &data);
}
END_TEST

/* One step with decay ends where one without does, less rate times decay times the first weights:
 * Adam's step itself does not know of it. */
START_TEST(weights_decay) {
  clf_table data = make_data(40, 2);
  double *w[2], *first = NULL;
  int64_t n = 0;
  for (int i = 0; i < 2; i++) {
    clf_flow *f = make_flow(CLF_NVP, 2);
    clf_trainer *t = trainer_of(f, &data, "constant", "2", i ? "0.5" : "0");
    n = clf_flow_weight_count(f);
    if (!i) first = weights_of(f);
    WORKS(clf__trainer_steps(t, 1));
    w[i] = weights_of(f);
    clf_trainer_free(t);
    clf_flow_free(f);
  }
  const double tolerance = dev->bits == 64 ? 1e-7 : 1e-6; /* 1 - rate decay is a float */
  for (int64_t k = 0; k < n; k++) {
    ck_assert_double_eq_tol(w[1][k], w[0][k] - 0.25 * 0.5 * first[k], tolerance);
    ck_assert(fabs(first[k]) < 1e-3 || w[0][k] != w[1][k]);
  }
  for (int i = 0; i < 2; i++) free(w[i]);
  free(first);
  clf_table_free(&data);
}
END_TEST

/* With a cosine every step would have had another size. */
START_TEST(a_schedule_is_not_extended) {
  const setting *s = &settings[SETTINGS - 1];
  static diary d;
  clf_table data = make_data(s->rows, 2);
  clf_train_options o = options_for(s);
  clf_flow *f = NULL;
  whole(s, &data, "scheduled", &d);
  WORKS(clf_flow_load(dev, path_of("scheduled"), NULL, &f));
  o.epochs++;
  clf_trainer *t = make_trainer(f, &data, &o);
  ck_assert_int_eq(clf_trainer_resume(t, path_of("scheduled")), CLF_EFORMAT);
  ck_assert(strstr(clf_errmsg(), "another value of epochs, on which its schedule depends"));
  clf_trainer_free(t);
  o.epochs--;
  WORKS(clf_train_options_set(&o, "warmup", "21"));
  t = make_trainer(f, &data, &o);
  ck_assert_int_eq(clf_trainer_resume(t, path_of("scheduled")), CLF_EFORMAT);
  ck_assert(strstr(clf_errmsg(), "another value of warmup"));
  done(t, f, &data);
}
END_TEST

void tests_of_rates(TCase *tc) {
  tcase_add_test(tc, rates_of_steps);
  tcase_add_test(tc, weights_decay);
  tcase_add_test(tc, a_schedule_is_not_extended);
}
