/* SPDX-License-Identifier: MIT */
/* bits.c: trainings that give the same bits: interrupted and resumed, fused or not, continued after
 * the end. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "training.h"

/* Stops, saves, continues in the same trainer, and saves at the end. */
static void interrupted(const setting *s, const clf_table *data, const char *halfway,
                        const char *end, diary *d) {
  const clf_train_options o = options_for(s);
  clf_flow *f = make_flow(s->kind, dim_of(s));
  clf_trainer *t = make_trainer(f, data, &o);
  char text[96];
  begin(d, t);
  d->stop_at = s->stop_at;
  ck_assert_int_eq(clf_trainer_run(t, watch, d), CLF_ESTOPPED);
  snprintf(text, sizeof text, "stopped after step %lld of %lld", (long long)d->count,
           (long long)(o.epochs * d->S));
  ck_assert_str_eq(clf_errmsg(), text);
  WORKS(clf_trainer_save(t, path_of(halfway)));
  d->stop_at = 0;
  WORKS(clf_trainer_run(t, watch, d));
  check_diary(d, o.epochs * d->S);
  WORKS(clf_trainer_save(t, path_of(end)));
  clf_trainer_free(t);
  clf_flow_free(f);
}

/* Continues from a file to `epochs` epochs in total. */
static void resumed(const setting *s, const clf_table *data, int64_t epochs, const char *from,
                    const char *end, diary *d) {
  clf_train_options o = options_for(s);
  clf_flow *f = NULL;
  o.epochs = epochs;
  WORKS(clf_flow_load(dev, path_of(from), NULL, &f));
  clf_trainer *t = make_trainer(f, data, &o);
  WORKS(clf_trainer_resume(t, path_of(from)));
  WORKS(clf_trainer_run(t, d ? watch : NULL, d));
  if (d) check_diary(d, o.epochs * d->S);
  WORKS(clf_trainer_save(t, path_of(end)));
  clf_trainer_free(t);
  clf_flow_free(f);
}

START_TEST(interruptions_change_no_bit) {
  const setting *s = &settings[_i];
  static diary a, b;
  if (checking() && s->valid_split == 0)
    return; /* slow, and its bits are those of the inner device */
  clf_table data = make_data(s->rows, dim_of(s));
  fuse(s->fuse);
  whole(s, &data, "whole", &a);
  interrupted(s, &data, "halfway", "interrupted", &b);
  ck_assert_msg(memcmp(a.losses, b.losses, sizeof a.losses) == 0, "%s: other losses", s->label);
  ck_assert_msg(same_files("whole", "interrupted"), "%s: an interruption shows", s->label);
  clf_flow *f = NULL;
  WORKS(clf_flow_load(dev, path_of("halfway"), NULL, &f));
  const int64_t steps = clf_flow_history(f).steps;
  clf_flow_free(f);
  ck_assert_msg(steps > 0 && steps < a.count, "%s: saved at step %lld", s->label, (long long)steps);
  begin(&b, &(clf_trainer){.source = &(clf__source){.rows = a.rows, .held_out = a.held_out},
                           .o = options_for(s)});
  b.count = steps; /* the diary of the continued training begins there */
  b.epochs_done = steps / b.S;
  b.best = -INFINITY;
  for (int64_t i = 0; i < b.epochs_done; i++) b.best = fmax(b.best, a.valid[i]);
  memcpy(b.losses, a.losses, (size_t)steps * sizeof *a.losses);
  resumed(s, &data, s->epochs, "halfway", "resumed", &b);
  ck_assert_msg(memcmp(a.losses, b.losses, sizeof a.losses) == 0, "%s: other losses", s->label);
  ck_assert_msg(same_files("whole", "resumed"), "%s: a resume shows", s->label);
  fuse(NULL);
  clf_table_free(&data);
}
END_TEST

START_TEST(seeds_decide) {
  static diary a, b;
  clf_table data = make_data(70, 2);
  setting s = settings[1];
  s.epochs = 3;
  whole(&s, &data, "first", &a);
  whole(&s, &data, "second", &b);
  ck_assert_int_eq(memcmp(a.losses, b.losses, sizeof a.losses), 0);
  ck_assert_msg(same_files("first", "second"), "the same seed gives other weights");
  clf_train_options o = options_for(&s);
  o.seed = 6;
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  begin(&b, t);
  WORKS(clf_trainer_run(t, watch, &b));
  ck_assert_int_ne(memcmp(a.losses, b.losses, (size_t)a.count * sizeof *a.losses), 0);
  done(t, f, &data);
}
END_TEST

/* Many steps in one launch agree with separate operations to rounding; where a gradient is near
 * zero, Adam makes a step of any sign from the rounding. */
START_TEST(fused_steps) {
  static diary many, single;
  static const clf_kind kinds[] = {CLF_NVP, CLF_NICE};
  clf_table data = make_data(70, 2);
  clf_train_options o = options_of(4, 20);
  o.lr = 1e-3;
  o.clip = _i / 2 ? 0.5 : 0; /* below most norms */
  for (int i = 0; i < 2; i++) {
    diary *const d = i ? &single : &many;
    if (i) setenv("CLFLOW_FUSE", "layers", 1);
    clf_flow *f = make_flow(kinds[_i % 2], 2);
    clf_trainer *t = make_trainer(f, &data, &o);
    ck_assert_int_eq(t->many, !i && !checking());
    begin(d, t);
    WORKS(clf_trainer_run(t, watch, d));
    clf_trainer_free(t);
    clf_flow_free(f);
  }
  unsetenv("CLFLOW_FUSE");
  ck_assert_int_eq(many.count, 16);
  /* Losses are floats near 3: their own steps are 2.4e-7. */
  const double most = dev->bits == 64 ? 3e-7 : 1e-5;
  for (int k = 0; k < many.count; k++)
    ck_assert_msg(fabs((double)many.losses[k] - (double)single.losses[k]) <= most,
                  "step %d: %.9g, not %.9g", k, (double)many.losses[k], (double)single.losses[k]);
  clf_table_free(&data);
}
END_TEST

/* After the end, training with a larger `epochs` continues from the last weights, not from the
 * best. */
START_TEST(more_epochs_than_at_first) {
  static diary d;
  setting s = settings[_i ? 1 : 3];
  clf_table data = make_data(s.rows, 2);
  s.epochs = 6;
  whole(&s, &data, "six", &d);
  resumed(&s, &data, 6, "six", "six again", NULL);
  ck_assert_msg(same_files("six", "six again"), "going on to where it ended changes the file");
  resumed(&s, &data, 9, "six", "nine of six", NULL);
  s.epochs = 9;
  whole(&s, &data, "nine", &d);
  ck_assert_msg(same_files("nine", "nine of six"), "6 and 3 epochs are not 9");
  clf_table_free(&data);
}
END_TEST

START_TEST(running_again_after_the_end) {
  const setting *s = &settings[3];
  static diary d;
  clf_table data = make_data(s->rows, 2);
  const clf_train_options o = options_for(s);
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  begin(&d, t);
  WORKS(clf_trainer_run(t, watch, &d));
  WORKS(clf_trainer_save(t, path_of("once")));
  WORKS(clf_trainer_run(t, watch, &d));
  check_diary(&d, o.epochs * d.S);
  WORKS(clf_trainer_save(t, path_of("twice")));
  ck_assert_msg(same_files("once", "twice"), "a second run after the end changes the file");
  done(t, f, &data);
}
END_TEST

/* A finished trainer that resumes from an earlier file ends with the same bits. */
START_TEST(back_from_the_end) {
  const setting *s = &settings[3];
  static diary d;
  clf_table data = make_data(s->rows, 2);
  const clf_train_options o = options_for(s);
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  begin(&d, t);
  d.stop_at = s->stop_at;
  ck_assert_int_eq(clf_trainer_run(t, watch, &d), CLF_ESTOPPED);
  WORKS(clf_trainer_save(t, path_of("halfway")));
  WORKS(clf_trainer_run(t, NULL, NULL));
  WORKS(clf_trainer_save(t, path_of("once")));
  WORKS(clf_trainer_resume(t, path_of("halfway")));
  WORKS(clf_trainer_run(t, NULL, NULL));
  WORKS(clf_trainer_save(t, path_of("twice")));
  ck_assert_msg(same_files("once", "twice"), "going back and on again changes the file");
  done(t, f, &data);
}
END_TEST

/* Training is not disturbed when the flow is used on more rows than a batch, or saved, between
 * steps. */
static int use_it(const clf_progress *p, void *context) {
  clf_trainer *t = context;
  double x[2 * 300], logp[300];
  (void)p;
  for (int i = 0; i < 600; i++) x[i] = 0.01 * i - 3;
  WORKS(clf_log_prob(t->f, x, 300, logp));
  WORKS(clf_sample(t->f, 1, 0, 300, x));
  WORKS(clf_trainer_save(t, path_of("between")));
  return 0;
}
START_TEST(using_the_flow_between_steps) {
  const setting *s = &settings[3];
  static diary d;
  clf_table data = make_data(s->rows, 2);
  const clf_train_options o = options_for(s);
  clf_flow *f = make_flow(CLF_NVP, 2);
  clf_trainer *t = make_trainer(f, &data, &o);
  WORKS(clf_trainer_run(t, use_it, t));
  WORKS(clf_trainer_save(t, path_of("used")));
  clf_trainer_free(t);
  clf_flow_free(f);
  whole(s, &data, "unused", &d);
  ck_assert_msg(same_files("used", "unused"), "a report that uses the flow changes the training");
  clf_table_free(&data);
}
END_TEST

void tests_of_bits(TCase *tc) {
  tcase_add_loop_test(tc, interruptions_change_no_bit, 0, SETTINGS);
  tcase_add_test(tc, seeds_decide);
  tcase_add_loop_test(tc, fused_steps, 0, 4);
  tcase_add_loop_test(tc, more_epochs_than_at_first, 0, 2);
  tcase_add_test(tc, running_again_after_the_end);
  tcase_add_test(tc, back_from_the_end);
  tcase_add_test(tc, using_the_flow_between_steps);
}
