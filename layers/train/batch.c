/* SPDX-License-Identifier: MIT */
/* batch.c: which samples a step takes, and where its loss is stored. */
#include <math.h>
#include "options.h"
#include "trainer.h"

clf_status clf__vector_copy(clf_device *dev, clf_tensor from, clf_tensor to) {
  return clf_do(dev, copy, .x = from, .y = to);
}

int64_t clf__steps_per_epoch(const clf_trainer *t) { return (t->source->rows - 1) / t->take + 1; }

int64_t clf__trainer_total(const clf_trainer *t) {
  const int64_t steps = clf__option_whole(&t->o, CLF_OPTION_steps);
  return steps ? steps : t->o.epochs * clf__steps_per_epoch(t);
}

int64_t clf__trainer_round(const clf_trainer *t) {
  const int64_t steps = clf__option_whole(&t->o, CLF_OPTION_valid_every);
  return steps ? steps : clf__steps_per_epoch(t);
}

int clf__trainer_ends_round(const clf_trainer *t, int64_t step) {
  return step % clf__trainer_round(t) == 0 || step == clf__trainer_total(t);
}

int64_t clf__trainer_epoch_of(const clf_trainer *t, int64_t step) {
  return step ? (step - 1) / clf__steps_per_epoch(t) + 1 : 0;
}

int32_t clf__trainer_batch_size(const clf_trainer *t, int64_t step) {
  const int64_t first = step % clf__steps_per_epoch(t) * t->take, left = t->source->rows - first;
  return left < t->take ? (int32_t)left : t->take;
}

static clf__positions positions_of(const clf_trainer *t, int64_t step, int32_t at, int32_t n) {
  const int64_t S = clf__steps_per_epoch(t);
  return (clf__positions){.epoch = step / S, .first = step % S * t->take + at, .n = n};
}

int32_t clf__trainer_micro_rows(const clf_trainer *t, int64_t step, int32_t at) {
  const int32_t left = clf__trainer_batch_size(t, step) - at;
  const int32_t part = clf__trainer_micro_size(t, step);
  if (t->grains.count) return clf__grains_rows(t, step, at);
  return left < part ? left : part;
}

clf_status clf__trainer_micro_batch(clf_trainer *t, int64_t step, int32_t at, clf_tensor *x) {
  return clf__trainer_rows(t, step, at, clf__trainer_micro_rows(t, step, at), x);
}

/* The positions after sample `at` of step `step`, if training continues. */
static clf__positions positions_after(const clf_trainer *t, int64_t step, int32_t at) {
  const int grains = t->grains.count != 0;
  const int32_t end = grains ? clf__grains_end(t, step) : clf__trainer_batch_size(t, step);
  if (at >= end) {
    step++;
    at = grains ? clf__grains_begin(t, step) : 0;
  }
  if (at >= clf__trainer_batch_size(t, step)) at = 0; /* a short last batch may be empty */
  return positions_of(t, step, at, clf__trainer_micro_rows(t, step, at));
}

clf_status clf__trainer_rows(clf_trainer *t, int64_t step, int32_t at, int32_t n, clf_tensor *x) {
  const clf__positions here = positions_of(t, step, at, n), next = positions_after(t, step, at + n);
  clf_flow *f = t->f;
  CLF_TRY(t->source->ops->batch(t->source, &here, &next, x));
  f->ws.each = t->source->each;
  if (!f->context) return CLF_OK;
  return clf_do(t->dev, copy, .x = t->source->c, .y = clf__rows(f->ws.c, here.n));
}

clf_tensor clf__trainer_slot(const clf_trainer *t, int32_t slot) {
  return clf_slice(t->ring, 0, slot, slot + 1);
}

clf_status clf__trainer_mean_of(clf_trainer *t, int64_t step, double *mean) {
  float loss;
  CLF_TRY(clf_read(t->dev, clf__trainer_slot(t, (int32_t)(step % CLF_RING)), &loss));
  *mean = clf__trainer_shift(t) - (double)loss;
  return CLF_OK;
}

int clf__trainer_is_dropped(const clf_trainer *t, int64_t step) {
  for (int i = 0; i < t->drops; i++)
    if (t->dropped[i] == step) return 1;
  return 0;
}
