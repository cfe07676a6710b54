/* SPDX-License-Identifier: MIT */
/* rate.c: the step size over a training, and decoupled weight decay (Loshchilov and Hutter 2019,
 * "Decoupled Weight Decay Regularization"). */
#define _USE_MATH_DEFINES
#define _XOPEN_SOURCE 700 /* for M_PI */
#include <math.h>
#include "options.h"
#include "trainer.h"

enum { CONSTANT, COSINE, PLATEAU }; /* the option `schedule` */

static int64_t schedule_of(const clf_trainer *t) {
  return clf__option_whole(&t->o, CLF_OPTION_schedule);
}

int clf__trainer_is_scheduled(const clf_trainer *t) { return schedule_of(t) == COSINE; }

int clf__trainer_is_plain(const clf_trainer *t) {
  return schedule_of(t) == CONSTANT && clf__option_whole(&t->o, CLF_OPTION_warmup) == 0 &&
         !(clf__option_real(&t->o, CLF_OPTION_weight_decay) > 0);
}

/* ---- Plateaus ----------------------------------------------------------------------------- */

static double factor_of(const clf_trainer *t) {
  const double factor = clf__option_real(&t->o, CLF_OPTION_plateau_factor);
  return factor > 0 ? factor : 0.5;
}

void clf__trainer_note_plateau(clf_trainer *t) {
  const int64_t patience = clf__option_whole(&t->o, CLF_OPTION_plateau_patience);
  if (schedule_of(t) != PLATEAU || t->since_cut < (patience ? patience : 5)) return;
  t->cut_at[t->cuts++ % CLF_CUTS] = t->step;
  t->since_cut = 0;
}

/* Number of cuts before step `step`: repeated steps have their previous step size. */
static int64_t cuts_before(const clf_trainer *t, int64_t step) {
  int64_t n = t->cuts;
  while (n > 0 && n > t->cuts - CLF_CUTS && t->cut_at[(n - 1) % CLF_CUTS] > step) n--;
  return n;
}

/* ---- The step size ------------------------------------------------------------------------ */

/* A linear warm-up over `warmup` steps; then, with schedule cosine, half a period over the
 * remaining steps, which would reach 0 one step after the last (Loshchilov and Hutter 2017, eq.
 * 5). */
double clf__trainer_rate(const clf_trainer *t, int64_t step) {
  const int64_t warmup = clf__option_whole(&t->o, CLF_OPTION_warmup);
  const int64_t steps = clf__trainer_total(t);
  const double lr = t->o.lr * (t->cuts ? pow(factor_of(t), (double)cuts_before(t, step)) : 1);
  if (step < warmup) return lr * (double)(step + 1) / (double)warmup;
  if (!clf__trainer_is_scheduled(t) || step >= steps) return lr;
  return t->o.lr * 0.5 * (1 + cos(M_PI * (double)(step - warmup) / (double)(steps - warmup)));
}

clf_status clf__trainer_decay(clf_trainer *t, double rate) {
  const double decay = clf__option_real(&t->o, CLF_OPTION_weight_decay);
  const int64_t *size = t->f->slots.size;
  const size_t trained = (size_t)(size[CLF_PLAIN] + size[CLF_DECAYED]);
  const clf_tensor w = clf__trainer_slice_part(t, t->f->w, 0, trained);
  if (!(decay > 0) || !w.dim[0]) return CLF_OK;
  /* axpby reads a second tensor, which it multiplies by 0 */
  return clf_do(t->dev, axpby, .x = clf__trainer_slice_part(t, t->m, 0, trained), .y = w, .a = 0,
                .b = (float)(1 - rate * decay));
}
