/* SPDX-License-Identifier: MIT */
/* lengths.c: the length of a training and of its rounds: `steps` and `valid_every`; interruptions
 * change no bit with any options. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "training.h"

enum { ROWS = 80, BATCH = 8 };

/* 60 training rows, which are 8 steps an epoch, and 20 validation rows. */
static clf_train_options with(const char *text) {
  clf_train_options o = options_of(4, BATCH);
  char words[256], *rest = words;
  o.valid_split = 0.25;
  snprintf(words, sizeof words, "%s", text);
  for (char *word; (word = strtok_r(NULL, " ", &rest));) {
    char *value = strchr(word, '=');
    *value++ = 0;
    WORKS(clf_train_options_set(&o, word, value));
  }
  return o;
}

/* ---- Rounds --------------------------------------------------------------------------------- */

typedef struct rounds {
  const clf_trainer *t;
  int64_t count, at[32], epochs, steps;
  double valid[32], want[32];
  int best[32];
  int64_t stop_step;
} rounds;

/* Mean log p of the validation rows under the current weights. */
static double valid_of(const clf_trainer *t) {
  const clf__table_source *s = table_of(t);
  double sum = 0;
  if (!s->base.held_out) return NAN;
  for (int64_t i = 0; i < s->base.held_out; i++)
    sum += mean_logp(t->f, s->all.data->at + s->base.index[i] * 2, 1);
  return sum / (double)s->base.held_out;
}

static int note(const clf_progress *p, void *context) {
  rounds *r = context;
  r->epochs = p->epochs;
  r->steps = p->steps;
  if (p->epoch_done) {
    ck_assert_int_lt(r->count, 32);
    r->want[r->count] = valid_of(r->t);
    r->valid[r->count] = p->valid;
    r->best[r->count] = p->best;
    r->at[r->count++] = p->step;
  }
  return r->stop_step && p->step >= r->stop_step;
}

static const struct {
  const char *options;
  int64_t epochs, steps, count, at[8], done; /* done: whole epochs */
} lengths[] = {
    {"epochs=2", 2, 16, 2, {8, 16}, 2},
    {"steps=19", 3, 19, 3, {8, 16, 19}, 2},
    {"steps=3", 1, 3, 1, {3}, 0},
    {"steps=16", 2, 16, 2, {8, 16}, 2},
    {"steps=19 valid_every=5", 3, 19, 4, {5, 10, 15, 19}, 2},
    {"epochs=2 valid_every=5", 2, 16, 4, {5, 10, 15, 16}, 2},
    {"epochs=2 valid_every=30", 2, 16, 1, {16}, 2},
    {"epochs=2 valid_every=10 valid_split=0", 2, 20, 2, {10, 20}, 2},
    {"steps=19 valid_every=5 warmup=2", 3, 19, 4, {5, 10, 15, 19}, 2}, /* step by step */
};
enum { LENGTHS = sizeof lengths / sizeof *lengths };

START_TEST(rounds_and_their_best) {
  clf_table data = make_data(ROWS, 2);
  const clf_train_options o = with(lengths[_i].options);
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  rounds r = {.t = t};
  WORKS(clf_trainer_run(t, note, &r));
  ck_assert_int_eq(r.epochs, lengths[_i].epochs);
  ck_assert_int_eq(r.steps, lengths[_i].steps);
  ck_assert_int_eq(r.count, lengths[_i].count);
  ck_assert_int_eq(memcmp(r.at, lengths[_i].at, sizeof *r.at * (size_t)r.count), 0);
  int best = 0;
  for (int k = 0; k < r.count && t->source->held_out; k++) {
    ck_assert_double_eq_tol(r.valid[k], r.want[k], 1e-5);
    ck_assert_int_eq(r.best[k], k == 0 || r.valid[k] > r.valid[best]);
    if (r.best[k]) best = k;
  }
  const clf_history h = clf_flow_history(f);
  ck_assert_int_eq(h.steps, lengths[_i].steps);
  ck_assert_int_eq(h.epochs, lengths[_i].done);
  if (t->source->held_out) {
    ck_assert_int_eq(h.best_step, r.at[best]);
    ck_assert_int_eq(h.best_epoch, (r.at[best] - 1) / 8 + 1);
    ck_assert_double_eq(h.valid, r.valid[best]);
    ck_assert_double_eq_tol(valid_of(t), r.want[best], 1e-6);
  } else {
    ck_assert_int_eq(h.best_step, 0);
  }
  done(t, f, &data);
}
END_TEST

/* A cosine ends with the last step. */
START_TEST(cosine_over_steps) {
  clf_table data = make_data(ROWS, 2);
  const clf_train_options o = with("steps=11 schedule=cosine warmup=1 lr=0.5");
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  ck_assert_double_eq_tol(clf__trainer_rate(t, 6), 0.25, 1e-15);
  ck_assert_double_eq_tol(clf__trainer_rate(t, 10), 0.25 * (1 + cos(0.9 * acos(-1))), 1e-15);
  done(t, f, &data);
}
END_TEST

/* A few steps after a whole round do not count as a round that got worse. */
START_TEST(short_round_is_no_judge) {
  clf_table data = make_data(ROWS, 2);
  for (int64_t i = 0; i < ROWS; i += 7) data.at[2 * i] += 30; /* batches differ by many nats */
  clf_train_options o = with("steps=33 valid_split=0");
  o.lr = still;
  o.batch = 4;
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o); /* 20 steps an epoch */
  rounds r = {.t = t};
  WORKS(clf_trainer_run(t, note, &r));
  ck_assert_int_eq(r.count, 2);
  ck_assert_int_eq(clf_flow_history(f).best_epoch, 0);
  ck_assert_int_eq(t->best_step > 0, 1);
  done(t, f, &data);
  data = make_data(ROWS, 2);
  WORKS(clf_train_options_set(&o, "steps", "23"));
  f = make_flow(CLF_NVP, 2);
  t = make_trainer(f, &data, &o);
  WORKS(clf_trainer_run(t, note, &(rounds){.t = t}));
  ck_assert_int_eq(t->best_step, 20);
  done(t, f, &data);
}
END_TEST

/* ---- Bits ----------------------------------------------------------------------------------- */

static const struct {
  const char *options;
  int64_t stop_step;
} bits[] = {
    {"steps=19", 3},
    {"steps=19", 9},
    {"steps=19 valid_every=5", 7},
    {"steps=19 valid_every=5 valid_split=0 warmup=3", 7},
    {"steps=40 valid_every=2 schedule=plateau plateau_patience=1 plateau_factor=0.7 lr=0.3", 21},
    {"steps=40 valid_every=2 patience=4 lr=0.3", 6},
    {"steps=19 valid_every=3 ema=0.8 lr=0.1", 7},
    {"steps=19 ema=0.8 lr=0.1 valid_split=0", 9},
    {"steps=19 ema=0.8 lr=0.1 valid_split=0", 1},
};
enum { BITS = sizeof bits / sizeof *bits };

/* A training that is saved and resumed by another trainer has the same file and the same rounds. */
START_TEST(resumes_change_no_bit) {
  clf_table data = make_data(ROWS, 2);
  const clf_train_options o = with(bits[_i].options);
  rounds all[2] = {{.count = 0}, {.count = 0}};
  for (int k = 0; k < 2; k++) {
    clf_flow *f = make_flow(CLF_NVP, 2);
    clf_trainer *t = make_trainer(f, &data, &o);
    rounds *r = &all[k];
    r->t = t;
    r->stop_step = k ? bits[_i].stop_step : 0;
    if (k) {
      ck_assert_int_eq(clf_trainer_run(t, note, r), CLF_ESTOPPED);
      WORKS(clf_trainer_save(t, path_of("halfway")));
      clf_trainer_free(t);
      clf_flow_free(f);
      WORKS(clf_flow_load(dev, path_of("halfway"), NULL, &f));
      r->t = t = make_trainer(f, &data, &o);
      WORKS(clf_trainer_resume(t, path_of("halfway")));
      r->stop_step = 0;
    }
    WORKS(clf_trainer_run(t, note, r));
    WORKS(clf_trainer_save(t, path_of(k ? "resumed" : "whole")));
    clf_trainer_free(t);
    clf_flow_free(f);
  }
  ck_assert_msg(same_files("whole", "resumed"), "%s: a resume shows", bits[_i].options);
  ck_assert_int_eq(all[0].count, all[1].count);
  ck_assert_int_eq(memcmp(all[0].at, all[1].at, sizeof all[0].at), 0);
  clf_table_free(&data);
}
END_TEST

/* A resumed training may have more epochs or steps, but not with a cosine; other options stay the
 * same. */
START_TEST(extensions) {
  clf_table data = make_data(ROWS, 2);
  static const struct {
    const char *first, *then, *says;
  } cases[] = {
      {"steps=16", "steps=24", NULL},
      {"epochs=2", "steps=24", NULL},
      {"steps=16 schedule=cosine", "steps=17 schedule=cosine",
       "another value of steps, on which its schedule depends"},
      {"steps=16 schedule=cosine", "epochs=2 schedule=cosine", NULL},
      {"steps=16", "steps=16 valid_every=4", "another value of valid_every"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const clf_train_options first = with(cases[i].first), then = with(cases[i].then);
    clf_flow *f = make_flow(CLF_NVP, 2), *g = NULL;
    clf_trainer *t = make_trainer(f, &data, &first), *u;
    WORKS(clf_trainer_run(t, NULL, NULL));
    WORKS(clf_trainer_save(t, path_of("first")));
    WORKS(clf_flow_load(dev, path_of("first"), NULL, &g));
    u = make_trainer(g, &data, &then);
    const clf_status s = clf_trainer_resume(u, path_of("first"));
    ck_assert_int_eq(s, cases[i].says ? CLF_EFORMAT : CLF_OK);
    ck_assert(!cases[i].says || strstr(clf_errmsg(), cases[i].says));
    if (!s) WORKS(clf_trainer_run(u, NULL, NULL));
    if (!s) ck_assert_int_eq(u->step, clf__trainer_total(u));
    clf_trainer_free(u);
    clf_flow_free(g);
    clf_trainer_free(t);
    clf_flow_free(f);
  }
  clf_table_free(&data);
}
END_TEST

void tests_of_lengths(TCase *tc) {
  tcase_add_loop_test(tc, rounds_and_their_best, 0, LENGTHS);
  tcase_add_test(tc, cosine_over_steps);
  tcase_add_test(tc, short_round_is_no_judge);
  tcase_add_loop_test(tc, resumes_change_no_bit, 0, BITS);
  tcase_add_test(tc, extensions);
}
