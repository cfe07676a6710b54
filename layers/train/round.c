/* SPDX-License-Identifier: MIT */
/* round.c: the end of a round: its mean log p, and whether its weights are the best.  A round is
 * an epoch, or options.valid_every steps. */
#include <math.h>
#include "options.h"
#include "trainer.h"

double clf__trainer_round_mean(const clf_trainer *t) {
  return clf__trainer_shift(t) - t->round_sum / (double)t->round_rows;
}

int clf__trainer_round_counts(const clf_trainer *t) {
  const int64_t R = clf__trainer_round(t), S = clf__steps_per_epoch(t);
  return 2 * (double)t->round_rows >= (double)t->source->rows * (double)R / (double)S;
}

int clf__trainer_at_round_end(const clf_trainer *t) {
  return t->round_rows && clf__trainer_ends_round(t, t->read);
}

clf_status clf__trainer_note_best(clf_trainer *t, double mean, int averaged) {
  if (!isfinite(mean) || mean <= t->best_mean) return CLF_OK;
  CLF_TRY(clf__vector_copy(t->dev, t->f->w, t->best));
  t->best_mean = mean;
  t->best_step = t->step;
  t->best_averaged = averaged;
  return CLF_OK;
}

/* Members of a group evaluate the rows together. */
static clf_status validate(clf_trainer *t, clf_progress *report) {
  double averaged;
  if (!t->source->held_out)
    return clf__trainer_round_counts(t) ? clf__trainer_note_best(t, report->train, 0) : CLF_OK;
  CLF_TRY(t->source->ops->validate(t->source, &report->valid));
  const clf_status s = clf__trainer_note_best(t, report->valid, 0);
  if (!clf__trainer_averages(t)) return s;
  CLF_TRY(clf__trainer_validate_average(t, s, &averaged));
  report->averaged = averaged > report->valid || isnan(report->valid);
  if (report->averaged) report->valid = averaged;
  return CLF_OK;
}

clf_status clf__trainer_validate(clf_trainer *t, clf_progress *report) {
  t->f->members = t->group.g;
  const clf_status s = validate(t, report);
  t->f->members = NULL;
  return s;
}

int clf__trainer_ended_early(const clf_trainer *t) {
  const int64_t patience = clf__option_whole(&t->o, CLF_OPTION_patience);
  return patience > 0 && t->since_best >= patience;
}

/* Counts the rounds since the best one, for plateaus and patience. */
static void count_rounds(clf_trainer *t) {
  const int better = t->best_step == t->step;
  if (!t->source->held_out && !clf__trainer_round_counts(t)) return;
  t->since_best = better ? 0 : t->since_best + 1;
  t->since_cut = better ? 0 : t->since_cut + 1;
  clf__trainer_note_plateau(t);
  t->f->history.early = clf__trainer_ended_early(t) ? t->since_best : 0;
}

void clf__trainer_note_step(clf_trainer *t) {
  t->f->history.steps = t->step;
  t->f->history.epochs = t->step / clf__steps_per_epoch(t);
}

void clf__trainer_end_round(clf_trainer *t, clf_progress *report) {
  clf_history *h = &t->f->history;
  report->epoch_done = 1;
  report->best = t->source->held_out && t->best_step == t->step;
  h->valid = report->valid;
  h->reverse = clf__source_is_density(t->source);
  h->train = report->train;
  clf__trainer_note_step(t);
  count_rounds(t);
  /* NaN if every step of the round was skipped. */
  if (!isnan(report->train) && clf__trainer_round_counts(t)) t->last_mean = report->train;
  clf__trainer_note_growth(t, report->epoch);
  t->round_sum = 0;
  t->round_rows = 0;
}
