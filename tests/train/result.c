/* SPDX-License-Identifier: MIT */
/* result.c: which weights are the result of a training, for all the ways it can end. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "training.h"

/* ---- Trainings that go wrong as planned ------------------------------------------------------ */

enum { ROWS = 60, EPOCHS = 6, BREAK_AFTER = 3 };

/* What a test does at the end of epoch BREAK_AFTER. */
typedef struct plan {
  double shift; /* added to the shift of the last coupling; costs about shift^2 / 2 nats for each
                   column */
  double later; /* the same, an epoch later */
  double moments;
  int64_t stop_epoch, stop_step; /* stops then, if not 0 */
  double valid_split;
  int32_t drops;
} plan;

typedef struct wreck {
  plan p;
  clf_table data;
  clf_flow *f;
  clf_trainer *t;
  diary d;
  double *good; /* the weights at the end of epoch BREAK_AFTER */
} wreck;

/* Changes weights as a bad step would; going back to a snapshot does not undo it. */
static void shift(wreck *w, double by) {
  double b[2];
  int i = 0;
  while (strcmp(clf_flow_param(w->f, i).name, "layers.3.map_t.2.bias")) i++;
  WORKS(clf_read64(dev, clf_flow_param(w->f, i).at, b));
  for (int d = 0; d < 2; d++) b[d] += by;
  WORKS(clf_write64(dev, clf_flow_param(w->f, i).at, b));
  ck_assert_int_eq(w->t->snapshot[0].step, w->t->step);
  WORKS(clf__vector_copy(dev, w->f->w, w->t->snapshot[0].w));
}

/* A file saved during training has the best weights so far; the flow has the last ones, and their
 * history. */
static void save_under_way(wreck *w) {
  clf_flow *loaded = NULL;
  double *last = weights_of(w->f);
  const clf_history before = clf_flow_history(w->f);
  WORKS(clf_trainer_save(w->t, path_of("under way")));
  const clf_history after = clf_flow_history(w->f);
  ck_assert(before.best_epoch == after.best_epoch && before.epochs == after.epochs);
  ck_assert(before.valid == after.valid || (isnan(before.valid) && isnan(after.valid)));
  double *now = weights_of(w->f);
  ck_assert_int_eq(memcmp(last, now, (size_t)w->f->w.dim[0] * sizeof *now), 0);
  WORKS(clf_flow_load(dev, path_of("under way"), NULL, &loaded));
  ck_assert_int_eq(clf_flow_history(loaded).best_epoch,
                   clf__trainer_prefers_best(w->t) ? clf__trainer_epoch_of(w->t, w->t->best_step)
                                                   : 0);
  clf_flow_free(loaded);
  free(last);
  free(now);
}

static int go_wrong(const clf_progress *p, void *context) {
  wreck *w = context;
  const clf_history h = clf_flow_history(w->f);
  ck_assert_int_eq(h.best_epoch, 0); /* during training the flow has the last weights */
  ck_assert(isnan(h.best_train));
  ck_assert_int_eq(h.steps, p->step);
  watch(p, &w->d);
  if (p->epoch_done) save_under_way(w);
  if (p->epoch_done && p->epoch == BREAK_AFTER) {
    w->good = weights_of(w->f);
    if (w->p.shift != 0) shift(w, w->p.shift);
    if (w->p.moments > 0) WORKS(clf_do(dev, fill, .y = w->t->v, .value = (float)w->p.moments));
  }
  if (p->epoch_done && p->epoch == BREAK_AFTER + 1 && w->p.later != 0) shift(w, w->p.later);
  return (w->p.stop_epoch && p->epoch == w->p.stop_epoch && p->epoch_done) ||
         (w->p.stop_step && p->step >= w->p.stop_step);
}

/* A rate so small that every epoch is a little better than the one before. */
static clf_status run(wreck *w, plan p) {
  memset(w, 0, sizeof *w);
  w->p = p;
  w->data = make_data(ROWS, 2);
  clf_train_options o = options_of(EPOCHS, 6);
  o.lr = 1e-3;
  o.valid_split = p.valid_split;
  o.drops = p.drops;
  w->f = make_flow(CLF_NVP, 2);
  w->t = make_trainer(w->f, &w->data, &o);
  begin(&w->d, w->t);
  return clf_trainer_run(w->t, go_wrong, w);
}

static void clear(wreck *w) {
  free(w->good);
  done(w->t, w->f, &w->data);
}

static int has(const clf_flow *f, const double *weights) {
  double *now = weights_of(f);
  const int same = memcmp(now, weights, (size_t)f->w.dim[0] * sizeof *now) == 0;
  free(now);
  return same;
}

/* The flow has the weights of epoch BREAK_AFTER, and so do its files. */
static void has_the_best(wreck *w, const char *when) {
  clf_flow *loaded = NULL;
  const clf_history h = clf_flow_history(w->f);
  ck_assert_msg(has(w->f, w->good), "%s: not the best weights", when);
  ck_assert_msg(h.best_epoch == BREAK_AFTER, "%s: best epoch %d", when, (int)h.best_epoch);
  if (w->p.valid_split > 0) {
    ck_assert_double_eq(h.valid, w->d.valid[BREAK_AFTER - 1]);
    ck_assert(isnan(h.best_train));
  } else {
    ck_assert_double_eq(h.best_train, w->d.train[BREAK_AFTER - 1]);
    ck_assert(isnan(h.valid));
  }
  ck_assert_int_ge(h.epochs, BREAK_AFTER);
  for (int whole = 0; whole < 2; whole++) {
    WORKS(whole ? clf_trainer_save(w->t, path_of("best")) : clf_flow_save(w->f, path_of("best")));
    WORKS(clf_flow_load(dev, path_of("best"), NULL, &loaded));
    const clf_history had = clf_flow_history(loaded);
    ck_assert_msg(has(loaded, w->good), "%s: the file has other weights", when);
    ck_assert_int_eq(had.best_epoch, BREAK_AFTER);
    ck_assert_int_eq(had.epochs, h.epochs);
    ck_assert_int_eq(had.steps, h.steps);
    ck_assert(memcmp(&had.best_train, &h.best_train, sizeof had.best_train) == 0 ||
              (isnan(had.best_train) && isnan(h.best_train)));
    clf_flow_free(loaded);
  }
}

/* ---- Without validation rows ----------------------------------------------------------------- */

START_TEST(much_worse_at_the_end) {
  static wreck w;
  WORKS(run(&w, (plan){.shift = _i ? 1.8 : 3}));
  const double fall = w.d.train[BREAK_AFTER - 1] - w.d.train[EPOCHS - 1];
  ck_assert_msg(_i ? fall > 1 && fall < 1.9 : fall > 3, "it falls by %g nats", fall);
  has_the_best(&w, "at the end");
  ck_assert_double_eq(clf_flow_history(w.f).train, w.d.train[EPOCHS - 1]);
  ck_assert_int_eq(clf_flow_history(w.f).epochs, EPOCHS);
  clear(&w);
}
END_TEST

/* The copy on the host at the end of a training has the last weights, not those that the flow got.
 */
START_TEST(device_lost_behind_the_end) {
  static wreck w;
  WORKS(run(&w, (plan){.shift = 3}));
  WORKS(clf_trainer_save(w.t, path_of("before")));
  WORKS(clf_trainer_run(w.t, NULL, NULL));
  w.t->owed = 1; /* as after a permanent failure of the device */
  WORKS(clf_trainer_save(w.t, path_of("after")));
  ck_assert_msg(same_files("before", "after"), "a device that failed shows");
  has_the_best(&w, "after its device failed");
  clear(&w);
}
END_TEST

/* Worse by less than 1 nat: the last weights are the result. */
START_TEST(a_little_worse_at_the_end) {
  static wreck w;
  WORKS(run(&w, (plan){.shift = 0.8}));
  ck_assert_double_lt(w.d.train[EPOCHS - 1], w.d.train[BREAK_AFTER - 1] - 0.1);
  ck_assert_double_gt(w.d.train[EPOCHS - 1], w.d.train[BREAK_AFTER - 1] - 1);
  const clf_history h = clf_flow_history(w.f);
  ck_assert_int_eq(h.best_epoch, 0);
  ck_assert(isnan(h.best_train) && isnan(h.valid));
  ck_assert(!has(w.f, w.good));
  ck_assert_double_le(fabs(mean_logp(w.f, w.data.at, ROWS) - h.train), 0.1);
  clear(&w);
}
END_TEST

/* A training that ended with the best weights continues from the last ones in another trainer, with
 * the same bits. */
START_TEST(resumed_behind_the_best) {
  static wreck w;
  clf_flow *f = NULL;
  ck_assert_int_eq(run(&w, (plan){.shift = 3, .stop_epoch = EPOCHS - 1}), CLF_ESTOPPED);
  has_the_best(&w, "stopped");
  WORKS(clf_trainer_save(w.t, path_of("stopped")));
  WORKS(clf_flow_load(dev, path_of("stopped"), NULL, &f));
  clf_trainer *t = make_trainer(f, &w.data, &w.t->o);
  WORKS(clf_trainer_resume(t, path_of("stopped")));
  ck_assert_msg(has(f, w.good), "resumed, the flow has not the file's result");
  ck_assert_int_eq(clf_flow_history(f).best_epoch, BREAK_AFTER);
  WORKS(clf_trainer_run(t, NULL, NULL));
  WORKS(clf_trainer_save(t, path_of("resumed")));
  w.p.stop_epoch = 0;
  WORKS(clf_trainer_run(w.t, go_wrong, &w));
  has_the_best(&w, "after it went on");
  WORKS(clf_trainer_save(w.t, path_of("went on")));
  ck_assert_msg(same_files("resumed", "went on"), "a resume shows");
  ck_assert_double_lt(clf_flow_history(f).train, clf_flow_history(f).best_train - 1);
  clf_trainer_free(t);
  clf_flow_free(f);
  clear(&w);
}
END_TEST

/* If the last weights are the result, the file has the best ones too, since a resumed training may
 * still return to them. */
START_TEST(best_weights_in_the_file) {
  static wreck w;
  clf_flow *f = NULL;
  ck_assert_int_eq(run(&w, (plan){.shift = 0.8, .stop_epoch = EPOCHS - 1}), CLF_ESTOPPED);
  ck_assert_int_eq(clf_flow_history(w.f).best_epoch, 0);
  WORKS(clf_trainer_save(w.t, path_of("stopped")));
  WORKS(clf_flow_load(dev, path_of("stopped"), NULL, &f));
  clf_trainer *t = make_trainer(f, &w.data, &w.t->o);
  WORKS(clf_trainer_resume(t, path_of("stopped")));
  double *best = malloc((size_t)f->w.dim[0] * sizeof *best);
  WORKS(clf_read64(dev, t->best, best));
  ck_assert_int_eq(memcmp(best, w.good, (size_t)f->w.dim[0] * sizeof *best), 0);
  ck_assert_int_eq(clf__trainer_epoch_of(t, t->best_step), BREAK_AFTER);
  ck_assert_double_eq(t->best_mean, w.d.train[BREAK_AFTER - 1]);
  ck_assert_int_eq(clf_flow_history(f).best_epoch, 0);
  free(best);
  clf_trainer_free(t);
  clf_flow_free(f);
  clear(&w);
}
END_TEST

/* An unfinished epoch counts once half of its rows were seen; an epoch has 10 steps. Each run reads
 * losses after its first step. */
START_TEST(stopped_within_an_epoch) {
  static wreck w;
  fuse("layers"); /* steps go one by one */
  ck_assert_int_eq(run(&w, (plan){.shift = 3, .stop_epoch = BREAK_AFTER}), CLF_ESTOPPED);
  w.p.stop_epoch = 0;
  for (int step = 10 * BREAK_AFTER + 1; step < 10 * BREAK_AFTER + 9; step++) {
    w.p.stop_step = step;
    ck_assert_int_eq(clf_trainer_run(w.t, go_wrong, &w), CLF_ESTOPPED);
    ck_assert_int_eq(w.t->step, step);
    if (step >= 10 * BREAK_AFTER + 5)
      has_the_best(&w, "half an epoch later");
    else
      ck_assert_int_eq(clf_flow_history(w.f).best_epoch, 0);
  }
  fuse(NULL);
  clear(&w);
}
END_TEST

/* ---- With validation rows, and numbers that are not finite ------------------------------------
 */

/* However training ends, the flow has the weights that were best on the validation rows. */
START_TEST(stopped_with_validation) {
  static wreck w;
  ck_assert_int_eq(run(&w, (plan){.shift = 0.5, .valid_split = 0.2, .stop_epoch = EPOCHS - 1}),
                   CLF_ESTOPPED);
  has_the_best(&w, "stopped");
  w.p.stop_epoch = 0;
  WORKS(clf_trainer_run(w.t, go_wrong, &w));
  has_the_best(&w, "at the end");
  clear(&w);
}
END_TEST

static double huge(void) { return dev->bits == 64 ? 1e200 : 1e25; }

static void is_told(const char *what) {
  ck_assert_msg(strstr(clf_errmsg(), what) != NULL, "%s", clf_errmsg());
}

START_TEST(not_finite_with_validation) {
  static wreck w;
  if (checking()) return;
  const int32_t drops = _i == 1 ? 3 : 0;
  const plan p = _i == 2 ? (plan){.moments = 1e38, .valid_split = 0.2}
                         : (plan){.shift = huge(), .valid_split = 0.2, .drops = drops};
  ck_assert_int_eq(run(&w, p), CLF_ENUM);
  is_told(_i == 2 ? "Adam's second moments are not finite" : " is the first layer whose output");
  is_told("; the flow has the weights of epoch 3, the best by its validation; ");
  has_the_best(&w, "not finite");
  if (_i == 2) WORKS(clf_do(dev, fill, .y = w.t->v, .value = 1)); /* the bad weights are restored */
  if (_i == 2) WORKS(clf__vector_copy(dev, w.t->v, w.t->snapshot[0].v));
  const clf_status again = clf_trainer_run(w.t, NULL, NULL); /* from the last weights on */
  ck_assert_msg(!again || again == CLF_ENUM, "%s", clf_errmsg());
  clear(&w);
}
END_TEST

/* Without validation rows the last weights remain if no epoch was better, else those of the best
 * epoch. */
START_TEST(not_finite_without_validation) {
  static wreck w;
  if (checking()) return;
  ck_assert_int_eq(run(&w, (plan){.shift = huge()}), CLF_ENUM);
  is_told("; the flow has the weights whose loss was last finite, before step 30; ");
  clf_history h = clf_flow_history(w.f);
  ck_assert_int_eq(h.best_epoch, 0);
  ck_assert_int_eq(h.steps, 29);
  ck_assert_int_eq(h.epochs, 2);
  ck_assert(isnan(h.train)); /* epoch 3 did end, but these are not its weights */
  ck_assert_double_gt(mean_logp(w.f, w.data.at, ROWS), w.d.train[0] - 0.1);
  clear(&w);
  ck_assert_int_eq(run(&w, (plan){.shift = 3, .later = huge()}), CLF_ENUM);
  is_told("; the flow has the weights of epoch 3, the best by its training loss; ");
  has_the_best(&w, "not finite, and worse before that");
  clear(&w);
  /* No epoch ended with the weights of the snapshot; the next batch gives their loss. */
  ck_assert_int_eq(run(&w, (plan){.shift = 3, .moments = 1e38}), CLF_ENUM);
  is_told("Adam's second moments are not finite");
  has_the_best(&w, "moments");
  ck_assert_int_eq(clf_flow_history(w.f).epochs, BREAK_AFTER);
  clear(&w);
}
END_TEST

/* ---- Reports ----------------------------------------------------------------------------------
 */

typedef struct exact {
  clf_trainer *t;
  int64_t reports;
} exact;

static int is_exact(const clf_progress *p, void *context) {
  exact *e = context;
  clf_flow *f = NULL;
  ck_assert_int_eq(e->t->step, p->step);
  if (e->reports++) return 1;
  WORKS(clf_trainer_save(e->t, path_of("first")));
  WORKS(clf_flow_load(dev, path_of("first"), NULL, &f));
  ck_assert_int_eq(clf_flow_history(f).steps, p->step);
  ck_assert_int_eq(clf_flow_history(f).epochs, p->epoch_done ? p->epoch : p->epoch - 1);
  clf_flow_free(f);
  return p->epoch_done;
}

/* With many tiny epochs, a stop after the first one leaves its weights. */
START_TEST(stops_where_it_is_asked_to) {
  clf_table data = make_data(50, 2);
  const clf_train_options o = options_of(20000, 25);
  clf_flow *f = make_flow(CLF_NVP, 2);
  exact e = {make_trainer(f, &data, &o), 0};
  for (int64_t epoch = 1; epoch < 4; epoch++) {
    e.reports = 0;
    while (clf_flow_history(f).epochs < epoch)
      ck_assert_int_eq(clf_trainer_run(e.t, is_exact, &e), CLF_ESTOPPED);
    ck_assert_int_eq(clf_flow_history(f).epochs, epoch);
    ck_assert_int_eq(clf_flow_history(f).steps, 2 * epoch);
    ck_assert_int_eq(e.t->step, 2 * epoch);
  }
  done(e.t, f, &data);
}
END_TEST

void tests_of_result(TCase *tc) {
  tcase_add_loop_test(tc, much_worse_at_the_end, 0, 2);
  tcase_add_test(tc, device_lost_behind_the_end);
  tcase_add_test(tc, a_little_worse_at_the_end);
  tcase_add_test(tc, resumed_behind_the_best);
  tcase_add_test(tc, best_weights_in_the_file);
  tcase_add_test(tc, stopped_within_an_epoch);
  tcase_add_test(tc, stopped_with_validation);
  tcase_add_loop_test(tc, not_finite_with_validation, 0, 3);
  tcase_add_test(tc, not_finite_without_validation);
  tcase_add_test(tc, stops_where_it_is_asked_to);
}
