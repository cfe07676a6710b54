/* SPDX-License-Identifier: MIT */
/* rates.c: learning rates over a training, weight decay, and early stopping. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "flows.h"
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

/* A step with weight decay equals one without, minus rate times decay times the initial weights;
 * the decay does not enter Adam. */
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

/* Whether weight k of the flow is the trained factor of an affine map. */
static int is_factor(const clf_flow *f, int64_t k) {
  for (int i = 0; i < clf_flow_param_count(f); i++) {
    const clf_param p = clf_flow_param(f, i);
    const char *end = strrchr(p.name, '.');
    if (p.trainable && p.at.offset - f->w.offset == k) return end && strcmp(end, ".scale") == 0;
  }
  return 0;
}

/* Adam's first moments after one step are the gradient times 1 - beta1. L2 adds 2 l2 w to the
 * gradient of the trained factors, which begin at 1, and to no other. */
START_TEST(l2_reaches_trained_factors) {
  static const char *const flow =
      "2: coupling(affine(scale=realnvp), mlp(4x1, tanh)), ar(affine(scale=realnvp), made(5x1, "
      "tanh, residual=0)), elementwise(affine(scale=realnvp)) -> normal";
  clf_table data = make_data(40, 2);
  double *m[2] = {0};
  int factors = 0;
  for (int i = 0; i < 2; i++) {
    clf_flow *f = flows_of(dev, flow, 3);
    clf_train_options o = options_of(1, 20);
    o.l2 = i ? 0.25 : 0;
    clf_trainer *t = make_trainer(f, &data, &o);
    const int64_t n = clf_flow_weight_count(f);
    m[i] = calloc((size_t)f->w.dim[0], sizeof **m);
    ck_assert_ptr_nonnull(m[i]);
    WORKS(clf__trainer_steps(t, 1));
    WORKS(clf_read64(dev, t->m, m[i]));
    for (int64_t k = 0; i && k < n; k++) {
      const double want = is_factor(f, k) ? 0.1 * 2 * 0.25 : 0;
      ck_assert_double_eq_tol(m[1][k] - m[0][k], want, 1e-6);
      factors += want > 0;
    }
    clf_trainer_free(t);
    clf_flow_free(f);
  }
  ck_assert_int_eq(factors, 3);
  free(m[0]);
  free(m[1]);
  clf_table_free(&data);
}
END_TEST

/* With a cosine each step has its own rate. */
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

/* ---- Plateaus ------------------------------------------------------------------------------- */

typedef struct rounds {
  clf_trainer *t;
  int count;
  double lr[12];
  char ended[160];
} rounds;

/* After round 4 one validation is better than all before. */
static int note(const clf_progress *p, void *context) {
  rounds *r = context;
  if (!p->epoch_done) return 0;
  ck_assert_int_lt(r->count, 12);
  r->lr[r->count++] = p->lr;
  if (r->count == 4) r->t->best_mean = -1e9;
  if (p->ended) snprintf(r->ended, sizeof r->ended, "%s", p->ended);
  return 0;
}

/* With weights that do not move, no validation is better than the first. With two steps in a round,
 * the rate is cut after the third round, and after the seventh, since the fifth is better. */
START_TEST(plateaus_by_hand) {
  clf_table data = make_data(40, 2);
  clf_train_options o = options_of(10, 16);
  o.lr = still;
  o.valid_split = _i ? 0 : 0.2;
  if (_i) o.batch = 40, o.shuffle = 0; /* the same mean in each round */
  WORKS(clf_train_options_set(&o, "schedule", "plateau"));
  WORKS(clf_train_options_set(&o, "plateau_patience", "2"));
  WORKS(clf_train_options_set(&o, "plateau_factor", "0.25"));
  WORKS(clf_train_options_set(&o, "warmup", _i ? "0" : "4"));
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  rounds r = {.t = t};
  WORKS(clf_trainer_run(t, note, &r));
  static const double want[] = {1, 1, 1, 0.25, 0.25, 0.25, 0.25, 0.0625, 0.0625, 0.015625};
  ck_assert_int_eq(r.count, 10);
  for (int i = 0; i < 10; i++) {
    const double warm = _i || i > 1 ? 1 : i ? 1 : 0.5; /* the second of 4 steps, the fourth */
    ck_assert_msg(fabs(r.lr[i] / still - want[i] * warm) < 1e-12, "round %d: %g", i + 1,
                  r.lr[i] / still);
  }
  /* Repeated steps have the same rate. */
  const int64_t S = _i ? 1 : 2;
  ck_assert_double_eq_tol(clf__trainer_rate(t, 3 * S - 1) / still, 1, 1e-12);
  ck_assert_double_eq_tol(clf__trainer_rate(t, 3 * S) / still, 0.25, 1e-12);
  ck_assert_int_eq(t->cuts, 3);
  done(t, f, &data);
}
END_TEST

/* With the defaults the rate is halved after five rounds. */
START_TEST(plateaus_by_default) {
  clf_table data = make_data(40, 2);
  clf_train_options o = options_of(8, 16);
  o.lr = still;
  o.valid_split = 0.2;
  WORKS(clf_train_options_set(&o, "schedule", "plateau"));
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  WORKS(clf_trainer_run(t, NULL, NULL));
  ck_assert_int_eq(t->cuts, 1);
  ck_assert_int_eq(t->cut_at[0], 12);
  ck_assert_double_eq_tol(clf__trainer_rate(t, 12) / still, 0.5, 1e-12);
  done(t, f, &data);
}
END_TEST

/* ---- An early end --------------------------------------------------------------------------- */

START_TEST(patience_ends) {
  clf_table data = make_data(40, 2);
  clf_train_options o = options_of(10, 16);
  o.lr = still;
  o.valid_split = 0.2;
  WORKS(clf_train_options_set(&o, "patience", "4"));
  clf_flow *f = make_flow(CLF_NVP, 2), *g = NULL;
  clf_trainer *t = make_trainer(f, &data, &o);
  rounds r = {.t = t};
  WORKS(clf_trainer_run(t, note, &r)); /* the fifth round is better again */
  ck_assert_int_eq(r.count, 9);
  ck_assert_str_eq(r.ended, "training ends early, after step 18 of 20: no validation was better in "
                            "the last 4");
  ck_assert_int_eq(clf_flow_history(f).early, 4);
  ck_assert_int_eq(clf_flow_history(f).best_step, 10);
  WORKS(clf_trainer_save(t, path_of("early")));
  WORKS(clf_flow_load(dev, path_of("early"), NULL, &g));
  ck_assert_int_eq(clf_flow_history(g).early, 4);
  clf_trainer *u = make_trainer(g, &data, &o);
  WORKS(clf_trainer_resume(u, path_of("early")));
  WORKS(clf_trainer_run(u, NULL, NULL)); /* is at its end */
  ck_assert_int_eq(u->step, 18);
  ck_assert_int_eq(clf_flow_history(g).early, 4);
  clf_trainer_free(u);
  clf_flow_free(g);
  clf_trainer_free(t);
  o.valid_split = 0;
  REFUSED(clf_trainer_create(f, &data, &o, &t), CLF_EINVAL,
          "patience needs validation rows, and there are none: reserve some (valid_split), or pass "
          "them");
  clf_flow_free(f);
  clf_table_free(&data);
}
END_TEST

void tests_of_rates(TCase *tc) {
  tcase_add_test(tc, rates_of_steps);
  tcase_add_loop_test(tc, plateaus_by_hand, 0, 2);
  tcase_add_test(tc, plateaus_by_default);
  tcase_add_test(tc, patience_ends);
  tcase_add_test(tc, weights_decay);
  tcase_add_test(tc, l2_reaches_trained_factors);
  tcase_add_test(tc, a_schedule_is_not_extended);
}
