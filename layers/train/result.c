/* SPDX-License-Identifier: MIT */
/* result.c: which weights training leaves in the flow: the last ones or those of the best round.
 *
 * With validation rows, those of the best round.  Without, the last ones, unless they are much
 * worse than an earlier round: then training has diverged, and the result is the round with the
 * best training loss.  Training always continues from the last weights. */
#include <math.h>
#include "trainer.h"

/* How much lower the mean log p of the last weights may be than that of the best round: 1 nat;
 * for images 0.5 bits/dim, since over thousands of dimensions rounds differ by more than 1 nat. */
static double margin_of(const clf_trainer *t) {
  return t->f->traits & CLF_TAKES_PIXELS ? 0.5 * log(2) * t->f->spec.dim : 1;
}

/* The current round counts once half of its rows were seen. */
static double last_mean(const clf_trainer *t) {
  if (!clf__trainer_round_counts(t)) return t->last_mean;
  return fmin(t->last_mean, clf__trainer_round_mean(t));
}

int clf__trainer_prefers_best(const clf_trainer *t) {
  if (!t->best_step) return 0;
  return t->source->held_out || !(last_mean(t) >= t->best_mean - margin_of(t));
}

/* Without validation rows the averaged weights, if there are any, replace the last ones. */
static clf__shown result_of(const clf_trainer *t) {
  if (clf__trainer_prefers_best(t)) return CLF_SHOWS_BEST;
  return clf__trainer_averages(t) && t->step > 0 && !t->source->held_out ? CLF_SHOWS_AVERAGE
                                                                         : CLF_SHOWS_LAST;
}

/* Sets the history for the weights in the flow.  The watchdog may have gone back before the best
 * round, whose weights remain. */
static void tell_history(clf_trainer *t) {
  clf_history *h = &t->f->history;
  const int best = t->shows == CLF_SHOWS_BEST;
  if (best && h->steps < t->best_step) {
    h->steps = t->best_step;
    h->epochs = t->best_step / clf__steps_per_epoch(t);
  }
  h->best_step = best ? t->best_step : 0;
  h->best_epoch = clf__trainer_epoch_of(t, h->best_step);
  h->averaged = t->shows == CLF_SHOWS_AVERAGE || (best && t->best_averaged);
  h->best_train = best && !t->source->held_out ? t->best_mean : NAN;
  if (best && t->source->held_out) h->valid = t->best_mean;
}

clf_status clf__trainer_show(clf_trainer *t, clf__shown which) {
  if (which == CLF_SHOWS_LAST) return CLF_OK;
  CLF_TRY(clf__trainer_snapshot(t));
  if (which == CLF_SHOWS_BEST)
    CLF_TRY(clf__vector_copy(t->dev, t->best, t->f->w));
  else
    CLF_TRY(clf__trainer_use_average(t));
  if (t->recalibrated) CLF_TRY(clf__trainer_measure_batches(t));
  return clf_sync(t->dev);
}

clf_status clf__trainer_show_result(clf_trainer *t) {
  const clf__shown which = result_of(t);
  if (t->shows == CLF_SHOWS_LAST) {
    CLF_TRY(clf__trainer_show(t, which));
    t->shows = which;
  }
  tell_history(t);
  return CLF_OK;
}

clf_status clf__trainer_show_last(clf_trainer *t) {
  if (t->shows == CLF_SHOWS_LAST) return CLF_OK;
  CLF_TRY(clf__vector_copy(t->dev, t->snapshot[0].w, t->f->w));
  t->shows = CLF_SHOWS_LAST;
  t->recalibrated = 0;
  t->f->history.valid = NAN; /* unknown for the last weights */
  tell_history(t);
  return CLF_OK;
}
