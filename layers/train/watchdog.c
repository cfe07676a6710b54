/* SPDX-License-Identifier: MIT */
/* watchdog.c: handles non-finite losses.
 *
 * Losses are read many steps late, when the weights are NaN already.  But steps are
 * deterministic: from a snapshot they are repeated up to the bad one, whose batch is evaluated
 * layer by layer to find the cause.  Then they are repeated once more without that step, up to
 * the current one; or, if this happened too often, up to the last good one. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "trainer.h"

static clf_status restore(clf_trainer *t, const clf__snapshot *s) {
  return clf__trainer_tell_later(t, clf__trainer_restore(t, s));
}

static clf_status replay(clf_trainer *t, int64_t to) {
  const clf__snapshot *s = clf__trainer_snapshot_before(t, to);
  if (!s) return clf__fail(CLF_ENUM, "there is no earlier state to go back to");
  if (s->step != t->step) CLF_TRY(restore(t, s));
  return clf__trainer_steps(t, to);
}

/* Against a log-density: the layer whose inverse of the latents is not finite, or that has no
 * finite log q there. */
static clf_status locate_inverse(clf_trainer *t, clf_tensor z, char *name, size_t size) {
  clf_flow *f = t->f;
  const clf_tensor logdet = clf__rows(f->ws.logdet, z.dim[0]);
  clf_tensor x;
  CLF_TRY(clf_do(t->dev, fill, .y = logdet, .value = 0));
  CLF_TRY(clf__flow_inverse(f, z, logdet, CLF_KEEP, &x));
  CLF_TRY(clf__flow_find_bad_inverse(f, x.dim[0], name, size));
  if (*name) return CLF_OK;
  CLF_TRY(clf__flow_forward(f, x, logdet, CLF_KEEP, &z));
  return clf__flow_find_bad(f, x, name, size);
}

/* Names the layer that fails on the batch of step `bad`, with the weights at that step. */
static clf_status find_layer(clf_trainer *t, int64_t bad, double loss, char *name, size_t size) {
  for (int32_t at = 0; at < clf__trainer_batch_size(t, bad);
       at += clf__trainer_micro_rows(t, bad, at)) {
    clf_tensor x, z;
    CLF_TRY(clf__trainer_micro_batch(t, bad, at, &x));
    if (clf__source_is_density(t->source)) {
      CLF_TRY(locate_inverse(t, x, name, size));
      if (*name) return CLF_OK;
      continue;
    }
    const clf_tensor logdet = clf__rows(t->f->ws.logdet, x.dim[0]);
    CLF_TRY(clf_do(t->dev, fill, .y = logdet, .value = 0));
    CLF_TRY(clf__flow_forward(t->f, x, logdet, CLF_TRAIN, &z));
    CLF_TRY(clf__flow_find_bad(t->f, x, name, size));
    if (*name) return CLF_OK;
  }
  snprintf(name, size, "%s", isfinite(loss) ? "the gradient" : "the sum over layers");
  return CLF_OK;
}

static clf_status locate(clf_trainer *t, int64_t bad, double loss, char *name, size_t size) {
  CLF_TRY(replay(t, bad));
  *name = 0;
  CLF_TRY(clf__trainer_tell_later(t, find_layer(t, bad, loss, name, size)));
  if (!*name) snprintf(name, size, "a layer"); /* the device failed before it was found */
  return CLF_OK;
}

/* Resets counters to the snapshot; the sums of the round begin with what is next.  The weights
 * are judged by the next batch, whose loss is still in the ring buffer. */
static clf_status start_over(clf_trainer *t) {
  clf_history *h = &t->f->history;
  const int64_t R = clf__trainer_round(t);
  if (t->step / R < h->steps / R) h->train = h->valid = NAN; /* they belong to a later round */
  t->read = t->step;
  clf__trainer_note_step(t);
  t->round_sum = 0;
  t->round_rows = 0;
  CLF_TRY(clf__trainer_tell_later(t, clf__trainer_mean_of(t, t->step, &t->last_mean)));
  return clf__trainer_snapshot(t);
}

/* ---- Skipping steps -------------------------------------------------------------------------- */

/* Adds a skipped step, and forgets those before every snapshot. */
static void add_dropped(clf_trainer *t, int64_t step) {
  if (t->drops == CLF_DROPS)
    memmove(t->dropped, t->dropped + 1, (size_t)--t->drops * sizeof *t->dropped);
  t->dropped[t->drops++] = step;
}

static int too_often(const clf_trainer *t, int64_t bad) {
  int lately = 0;
  for (int i = 0; i < t->drops; i++) lately += t->dropped[i] > bad - 100;
  return lately >= t->o.drops;
}

/* "step 7 (epoch 2): the loss is nan: scale0.coupling1" */
static void describe(const clf_trainer *t, int64_t bad, double loss, double norm, const char *name,
                     char *text, size_t size) {
  const double number = isfinite(loss) ? norm : loss;
  snprintf(text, size, "step %lld (epoch %lld): the %s is %g: %s", (long long)bad + 1,
           (long long)(bad / clf__steps_per_epoch(t) + 1),
           isfinite(loss) ? "gradient's norm" : "loss", isnan(number) ? fabs(number) : number,
           name);
}

/* Ends training in the current state, with the result in the flow: says what happened, which
 * weights the flow has, and what may help. */
static clf_status end_training(clf_trainer *t, const char *what, const char *last) {
  char weights[128], remedy[CLF_SENTENCE];
  CLF_TRY(clf__trainer_show_result(t));
  if (t->shows == CLF_SHOWS_BEST)
    snprintf(weights, sizeof weights, "weights of epoch %lld, the best %s",
             (long long)clf__trainer_epoch_of(t, t->best_step),
             t->source->held_out ? "by its validation" : "by its training loss");
  else
    snprintf(weights, sizeof weights, "%s", last);
  clf__trainer_remedy(t, remedy, sizeof remedy);
  return clf__fail(CLF_ENUM, "%s; the flow has the %s; %s", what, weights, remedy);
}

/* Several bad steps in a row mean that the last good one damaged the weights: go back to before
 * it. */
static clf_status give_up(clf_trainer *t, int64_t bad, const char *what) {
  char why[256], weights[128];
  int64_t last = bad - 1;
  while (clf__trainer_is_dropped(t, last)) last--;
  const int64_t good =
      last >= 0 && clf__trainer_snapshot_before(t, last) ? last : bad; /* bad: the first of all */
  CLF_TRY(restore(t, clf__trainer_snapshot_before(t, good)));
  CLF_TRY(replay(t, good));
  CLF_TRY(start_over(t));
  snprintf(why, sizeof why, "%s is the first layer whose output is not finite", what);
  snprintf(weights, sizeof weights, "weights %s step %lld",
           good < bad ? "whose loss was last finite, before" : "it began with, before",
           (long long)good + 1);
  return end_training(t, why, weights);
}

static clf_status again(clf_trainer *t, int64_t from, int64_t to) {
  CLF_TRY(restore(t, clf__trainer_snapshot_before(t, from)));
  return replay(t, to);
}

/* A finite loss with a non-finite gradient: the inverse may be the cause. */
static clf_status mend_inverse(clf_trainer *t, int64_t bad) {
  const int64_t step = t->step;
  char why[96];
  if (!clf__trainer_snapshot_before(t, bad))
    return clf__fail(CLF_ENUM, "there is no earlier state to go back to");
  snprintf(why, sizeof why, "step %lld: the gradient from rebuilt inputs is not finite",
           (long long)bad + 1);
  CLF_TRY(clf__trainer_store_from(t, bad, why));
  return again(t, bad, step);
}

clf_status clf__trainer_skip(clf_trainer *t, int64_t bad, double loss, double norm, char *said,
                             size_t size) {
  char name[64], what[160];
  const int64_t step = t->step;
  if (isfinite(loss) && clf__trainer_inverts(t, bad)) return mend_inverse(t, bad);
  CLF_TRY(locate(t, bad, loss, name, sizeof name));
  describe(t, bad, loss, norm, name, what, sizeof what);
  if (too_often(t, bad)) return give_up(t, bad, what);
  add_dropped(t, bad);
  snprintf(said, size, "%s is not finite; that step is skipped, and training continues", what);
  return again(t, bad, step);
}

clf_status clf__trainer_go_back(clf_trainer *t) {
  CLF_TRY(restore(t, clf__trainer_snapshot_before(t, t->step)));
  return start_over(t);
}

clf_status clf__trainer_undo(clf_trainer *t, const char *what) {
  char why[128], weights[64];
  snprintf(why, sizeof why, "by step %lld %s are not finite: the gradients overflow",
           (long long)t->step, what);
  CLF_TRY(clf__trainer_go_back(t));
  snprintf(weights, sizeof weights, "weights after step %lld", (long long)t->step);
  return end_training(t, why, weights);
}
