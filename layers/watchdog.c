/* SPDX-License-Identifier: MIT */
/* watchdog.c: what is done about a loss that is not finite.
 *
 * Losses are read many steps late, when the weights are NaN already.  But steps are
 * deterministic: from a state that was remembered before, they are taken again up to
 * the last good one, and the batch that broke is looked at layer by layer. */
#include <math.h>
#include <stdio.h>
#include "trainer.h"

static clf_status restore(clf_trainer *t, const clf__snapshot *s) {
  CLF_TRY(clf__vector_copy(t->dev, s->w, t->f->w));
  CLF_TRY(clf__vector_copy(t->dev, s->m, t->m));
  CLF_TRY(clf__vector_copy(t->dev, s->v, t->v));
  CLF_TRY(clf_do(t->dev, fill, .y = t->f->g, .value = 0));
  CLF_TRY(clf_do(t->dev, fill, .y = t->f->ws.train_logdet, .value = 0));
  t->step = s->step;
  return CLF_OK;
}

clf_status clf__trainer_remember(clf_trainer *t) {
  if (t->snapshot[0].step == t->step) return CLF_OK;
  const clf__snapshot oldest = t->snapshot[CLF_SNAPSHOTS - 1];
  for (int i = CLF_SNAPSHOTS - 1; i > 0; i--) t->snapshot[i] = t->snapshot[i - 1];
  t->snapshot[0] = oldest;
  t->snapshot[0].step = t->step;
  CLF_TRY(clf__vector_copy(t->dev, t->f->w, t->snapshot[0].w));
  CLF_TRY(clf__vector_copy(t->dev, t->m, t->snapshot[0].m));
  return clf__vector_copy(t->dev, t->v, t->snapshot[0].v);
}

/* The newest state from which step `to` can be reached. */
static const clf__snapshot *before(const clf_trainer *t, int64_t to) {
  for (int i = 0; i < CLF_SNAPSHOTS; i++)
    if (t->snapshot[i].step >= 0 && t->snapshot[i].step <= to) return &t->snapshot[i];
  return NULL;
}

static clf_status replay(clf_trainer *t, int64_t to) {
  const clf__snapshot *s = before(t, to);
  if (!s) return clf__fail(CLF_ENUM, "no earlier state is left to go back to");
  if (s->step != t->step) CLF_TRY(restore(t, s));
  while (t->step < to) CLF_TRY(clf__trainer_step(t));
  return CLF_OK;
}

/* Names the layer that fails on the batch of step `bad`, with the weights of then. */
static clf_status locate(clf_trainer *t, int64_t bad, char *name, size_t size) {
  clf_tensor x, z;
  CLF_TRY(replay(t, bad));
  CLF_TRY(clf__trainer_batch(t, bad, &x));
  const clf_tensor logdet = clf__rows(t->f->ws.logdet, x.dim[0]);
  CLF_TRY(clf_do(t->dev, fill, .y = logdet, .value = 0));
  CLF_TRY(clf__flow_forward(t->f, x, logdet, 1, &z));
  if (!clf__flow_find_bad(t->f, x.dim[0], name, size))
    snprintf(name, size, "%s", "the sum over layers");
  return CLF_OK;
}

/* Counters of the state that was gone back to; the epoch's sums begin with what is next. */
static void start_over(clf_trainer *t) {
  t->read = t->step;
  t->epoch_sum = 0;
  t->epoch_rows = 0;
  t->f->history.steps = t->step;
  t->f->history.epochs = t->step / clf__steps_per_epoch(t);
}

clf_status clf__trainer_diagnose(clf_trainer *t, int64_t bad, double loss) {
  char name[64] = "an unknown layer";
  const int64_t S = clf__steps_per_epoch(t);
  const int64_t good = bad > 0 && before(t, bad - 1) ? bad - 1 : bad; /* bad: the first of all */
  CLF_TRY(locate(t, bad, name, sizeof name));
  CLF_TRY(replay(t, good));
  start_over(t);
  CLF_TRY(clf__trainer_remember(t));
  return clf__fail(CLF_ENUM,
                   "step %lld (epoch %lld): the loss is %g: %s is the first layer whose output is "
                   "not finite; the flow has the weights %s step %lld; a smaller lr or a bound "
                   "s_max may keep them finite",
                   (long long)bad + 1, (long long)(bad / S + 1), isnan(loss) ? fabs(loss) : loss,
                   name,
                   good < bad ? "whose loss was last finite, before" : "it began with, before",
                   (long long)good + 1);
}

clf_status clf__trainer_undo(clf_trainer *t, const char *what) {
  const int64_t step = t->step;
  CLF_TRY(restore(t, &t->snapshot[0]));
  start_over(t);
  return clf__fail(
      CLF_ENUM,
      "by step %lld %s are not finite: the gradients overflow; the flow has the weights "
      "after step %lld; standardised data or a smaller lr may keep them finite",
      (long long)step, what, (long long)t->step);
}
