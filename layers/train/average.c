/* SPDX-License-Identifier: MIT */
/* average.c: an exponential moving average of the weights (option ema), which varies less between
 * steps than the weights do (Polyak and Juditsky 1992).
 *
 * After n steps it is the sum of x^(n - i) w_i over steps i, divided by the sum of x^(n - i),
 * where w_i are the weights after step i.  As in Adam, this corrects the bias: the initial
 * weights have no influence.  States, which are flags and running statistics, are not averaged:
 * those of the last step are used. */
#include <math.h>
#include "options.h"
#include "trainer.h"

int clf__trainer_averages(const clf_trainer *t) {
  return clf__option_real(&t->o, CLF_OPTION_ema) > 0;
}

static int32_t trained(const clf_trainer *t) {
  const int64_t *size = t->f->slots.size;
  return (int32_t)(size[CLF_PLAIN] + size[CLF_DECAYED]);
}

/* mean += a (w - mean), where a is 1 at the first step and approaches 1 - x. */
clf_status clf__trainer_average(clf_trainer *t) {
  const double x = clf__option_real(&t->o, CLF_OPTION_ema);
  const int32_t n = trained(t);
  if (!(x > 0) || !n) return CLF_OK;
  const double a = (1 - x) / (1 - pow(x, (double)t->step));
  return clf_do(t->dev, axpby, .x = clf__vector(t->f->w, 0, n, 1),
                .y = clf__vector(t->mean, 0, n, 1), .a = (float)a, .b = (float)(1 - a));
}

clf_status clf__trainer_use_average(clf_trainer *t) {
  const int32_t n = trained(t);
  if (!n) return CLF_OK;
  return clf__vector_copy(t->dev, clf__vector(t->mean, 0, n, 1), clf__vector(t->f->w, 0, n, 1));
}

static clf_status validate(clf_trainer *t, double *mean) {
  CLF_TRY(t->source->ops->validate(t->source, mean));
  return clf__trainer_note_best(t, *mean, 1);
}

clf_status clf__trainer_validate_average(clf_trainer *t, clf_status s, double *mean) {
  if (!s) s = clf__vector_copy(t->dev, t->f->w, t->aside);
  if (!s) s = clf__trainer_use_average(t);
  CLF_TRY(clf__trainer_is_member(t) ? clf_group_agree(t->group.g, s) : s);
  s = validate(t, mean);
  const clf_status back = clf__vector_copy(t->dev, t->aside, t->f->w);
  return s ? s : back;
}
