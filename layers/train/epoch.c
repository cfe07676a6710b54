/* SPDX-License-Identifier: MIT */
/* epoch.c: what the end of an epoch decides: its mean log p, and whether its weights are the best.
 */
#include <math.h>
#include "trainer.h"

double clf__trainer_epoch_mean(const clf_trainer *t) {
  return clf__trainer_shift(t) - t->epoch_sum / (double)t->epoch_rows;
}

int clf__trainer_at_epoch_end(const clf_trainer *t) {
  return t->epoch_rows && t->read % clf__steps_per_epoch(t) == 0;
}

/* Copies the weights of an epoch with this mean log p if it is the best. */
static clf_status note_epoch(clf_trainer *t, int64_t epoch, double mean) {
  if (!isfinite(mean) || mean <= t->best_mean) return CLF_OK;
  CLF_TRY(clf__vector_copy(t->dev, t->f->w, t->best));
  t->best_mean = mean;
  t->best_epoch = epoch;
  return CLF_OK;
}

clf_status clf__trainer_validate(clf_trainer *t, const clf_progress *report, double *valid) {
  const int validates = t->source->held_out > 0;
  if (validates) CLF_TRY(t->source->ops->validate(t->source, valid));
  return note_epoch(t, report->epoch, validates ? *valid : report->train);
}

void clf__trainer_end_epoch(clf_trainer *t, clf_progress *report) {
  clf_history *h = &t->f->history;
  report->epoch_done = 1;
  report->best = t->source->held_out && t->best_epoch == report->epoch;
  h->valid = report->valid;
  h->epochs = report->epoch;
  h->reverse = clf__source_is_density(t->source);
  h->train = report->train;
  /* The mean is NaN if every step of the epoch was left out. */
  if (!isnan(report->train)) t->last_mean = report->train;
  clf__trainer_note_growth(t, report->epoch);
  t->epoch_sum = 0;
  t->epoch_rows = 0;
}
