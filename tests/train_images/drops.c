/* SPDX-License-Identifier: MIT */
/* drops.c: steps that are skipped. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "images.h"
#include "trainer.h"

/* With the logit of the paper, a pixel at the upper end is infinite: a bad row. */
static clf_table rows_with_a_bad_one(int64_t bad) {
  clf_table t;
  WORKS(clf_table_new(48, 64, &t));
  clf__host_random r = {3};
  for (int64_t i = 0; i < t.rows * t.cols; i++) t.at[i] = 250 * clf__host_uniform(&r);
  t.at[bad * 64 + 7] = 256;
  return t;
}

typedef struct dropped {
  char said[512];
  int64_t without_loss, steps;
} dropped;

static int note_drops(const clf_progress *p, void *context) {
  dropped *d = context;
  if (p->dropped) snprintf(d->said, sizeof d->said, "%s", p->dropped);
  for (int64_t i = 0; i < p->count; i++) d->without_loss += !isfinite(p->losses[i]);
  d->steps += p->count;
  return 0;
}

static clf_flow *paper_flow(void) {
  clf_flow_spec s = small_spec(1, 5);
  s.variant.paper_logit = 1;
  clf_flow *f;
  WORKS(clf_flow_create(flows_dev, &s, &f));
  return f;
}

/* An epoch ends even if all of its steps were skipped; it has no loss then. */
static int note_ends(const clf_progress *p, void *context) {
  int *ends = context;
  if (!p->epoch_done) return 0;
  ck_assert_int_eq(p->epoch, ++*ends);
  ck_assert(isnan(p->train) && !p->best);
  return 0;
}

START_TEST(epochs_that_are_left_out) {
  if (flows_checking()) return;
  clf_table data = rows_with_a_bad_one(21);
  clf_train_options o = options_of(2, 48);
  clf_flow *f = paper_flow();
  clf_trainer *t;
  int ends = 0;
  WORKS(clf_trainer_create(f, &data, &o, &t));
  WORKS(clf_trainer_run(t, note_ends, &ends));
  ck_assert_int_eq(ends, 2);
  ck_assert_int_eq(clf_flow_history(f).epochs, 2);
  ck_assert_int_eq(clf_flow_history(f).best_epoch, 0);
  ck_assert(isnan(clf_flow_history(f).train));
  clf_trainer_free(t);
  clf_flow_free(f);
  clf_table_free(&data);
}
END_TEST

START_TEST(bad_steps_are_left_out) {
  if (flows_checking()) return;
  clf_table data = rows_with_a_bad_one(21);
  clf_train_options o = options_of(2, 8);
  o.shuffle = 0;
  clf_flow *f = paper_flow();
  clf_trainer *t;
  dropped d = {.steps = 0};
  WORKS(clf_trainer_create(f, &data, &o, &t));
  WORKS(clf_trainer_run(t, note_drops, &d));
  ck_assert_int_eq(d.steps, 12);
  ck_assert_int_eq(d.without_loss, 2); /* steps 3 and 9 */
  ck_assert_msg(strstr(d.said, "step 9 (epoch 2): the loss is ") &&
                    strstr(d.said, "the logit of the pixels is not finite; that step is skipped"),
                "%s", d.said);
  double *w = weights_of(f);
  for (size_t i = 0; i < clf__count(&f->w); i++) ck_assert(isfinite(w[i]));
  free(w);
  clf_trainer_free(t);
  clf_flow_free(f);

  /* The weights are those of a training that was told to skip these steps. */
  clf_flow *knowing = paper_flow(), *again = paper_flow();
  WORKS(clf_trainer_create(knowing, &data, &o, &t));
  t->dropped[0] = 2, t->dropped[1] = 8, t->drops = 2;
  WORKS(clf_trainer_run(t, NULL, NULL));
  clf_trainer_free(t);
  WORKS(clf_trainer_create(again, &data, &o, &t));
  WORKS(clf_trainer_run(t, NULL, NULL));
  clf_trainer_free(t);
  ck_assert_double_eq(distance(knowing, again), 0);
  clf_flow_free(knowing);
  clf_flow_free(again);
  clf_table_free(&data);
}
END_TEST

/* Two bad steps in a row, and again in the next epoch, with a snapshot in between. */
START_TEST(bad_steps_in_a_row) {
  if (flows_checking()) return;
  clf_table data = rows_with_a_bad_one(0);
  data.at[8 * 64 + 7] = 256; /* the second batch too */
  clf_train_options o = options_of(1, 8);
  o.shuffle = 0;
  o.drops = 10;
  clf_flow *f = paper_flow(), *knowing = paper_flow();
  clf_trainer *t;
  WORKS(clf_trainer_create(f, &data, &o, &t));
  WORKS(clf_trainer_run(t, NULL, NULL)); /* six steps, with losses read and a snapshot */
  t->o.epochs = 2;
  WORKS(clf_trainer_run(t, NULL, NULL));
  ck_assert_int_eq(t->drops, 4);
  clf_trainer_free(t);
  o.epochs = 2;
  WORKS(clf_trainer_create(knowing, &data, &o, &t));
  for (int i = 0; i < 4; i++) t->dropped[t->drops++] = (const int[]){0, 1, 6, 7}[i];
  WORKS(clf_trainer_run(t, NULL, NULL));
  clf_trainer_free(t);
  ck_assert_double_eq(distance(f, knowing), 0);
  clf_flow_free(knowing);
  clf_flow_free(f);
  clf_table_free(&data);
}
END_TEST

START_TEST(bad_steps_again_and_again) {
  if (flows_checking()) return;
  clf_table data = rows_with_a_bad_one(21);
  clf_train_options o = options_of(40, 8);
  o.shuffle = 0;
  clf_flow *f = paper_flow();
  clf_trainer *t;
  WORKS(clf_trainer_create(f, &data, &o, &t));
  ck_assert_int_eq(clf_trainer_run(t, NULL, NULL), CLF_ENUM);
  ck_assert_msg(strncmp(clf_errmsg(), "step 21 (epoch 4): the loss is ", 31) == 0, "%s",
                clf_errmsg());
  double *w = weights_of(f);
  for (size_t i = 0; i < clf__count(&f->w); i++) ck_assert(isfinite(w[i]));
  free(w);
  clf_trainer_free(t);
  clf_flow_free(f);
  clf_table_free(&data);
}
END_TEST

void tests_of_drops(TCase *tc) {
  tcase_add_test(tc, epochs_that_are_left_out);
  tcase_add_test(tc, bad_steps_are_left_out);
  tcase_add_test(tc, bad_steps_in_a_row);
  tcase_add_test(tc, bad_steps_again_and_again);
}
