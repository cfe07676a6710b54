/* SPDX-License-Identifier: MIT */
/* statistics.c: computes the running statistics of batch normalisation over all batches. */
#include "trainer.h"

static clf_status take_batches(clf_trainer *t) {
  const int64_t S = clf__steps_per_epoch(t); /* an additional epoch */
  const int64_t begin = clf__trainer_epoch_of(t, clf__trainer_total(t)) * S;
  int64_t parts = 0;
  CLF_TRY(clf__flow_reserve(t->f, t->plan.part, clf__trainer_mode(t, begin)));
  for (int64_t step = begin; step < begin + S; step++)
    for (int32_t at = 0; at < clf__trainer_batch_size(t, step);
         at += clf__trainer_micro_rows(t, step, at)) {
      clf_tensor x, z;
      CLF_TRY(clf__trainer_micro_batch(t, step, at, &x));
      const clf_tensor logdet = clf__rows(t->f->ws.logdet, x.dim[0]);
      CLF_TRY(clf_do(t->dev, fill, .y = logdet, .value = 0));
      t->f->momentum = 1 / (double)++parts;
      CLF_TRY(clf__flow_forward(t->f, x, logdet, CLF_TRAIN, &z));
    }
  return clf_sync(t->dev);
}

clf_status clf__trainer_measure_batches(clf_trainer *t) {
  const double before = t->f->momentum;
  const clf_status s = take_batches(t);
  t->f->momentum = before;
  return s;
}

clf_status clf_trainer_recalibrate(clf_trainer *t) {
  CLF_GIVEN("trainer", t);
  if (clf__source_is_density(t->source))
    return clf__fail(CLF_EINVAL, "running statistics need data; a log-density has none");
  clf__attempt a = {0};
  while (clf__trainer_attempt(t, &a)) a.status = clf__trainer_measure_batches(t);
  if (a.status) return a.status;
  clf__trainer_say_rest(t);
  if (t->shows == CLF_SHOWS_LAST) return clf__trainer_copy(t);
  t->recalibrated = 1;
  return CLF_OK;
}
