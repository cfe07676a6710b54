/* SPDX-License-Identifier: MIT */
/* guard.c: which steps rebuild activations, and whether rebuilt activations are accurate.
 *
 * An inverse that is exact in real numbers loses digits in floating point; with large scales,
 * all of them (Behrmann et al. 2020, "Understanding and Mitigating Exploding Inverses in
 * Invertible Neural Networks").  So at the first step and every GUARD_EVERY steps the rebuilt
 * input of the flow is compared with the true one.  If the error exceeds 1024 eps of its size
 * (1.2e-4 in float), that step is repeated with stored activations, which all later steps use,
 * too.  All losses before a guarded step are read before it, so that the decision depends only on
 * the steps. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include "trainer.h"

enum { GUARD_EVERY = 100 };

int clf__trainer_mode(const clf_trainer *t, int64_t step) {
  return t->plan.way == CLF_ACTIVATIONS_REVERSE && step < t->stored_from ? CLF_REBUILT : CLF_STORED;
}

int32_t clf__trainer_micro_size(const clf_trainer *t, int64_t step) {
  return step < t->stored_from ? t->plan.part : t->stored_part;
}

/* Image flows evaluate nets a second time at inputs that were stored: no digits are lost. */
int clf__trainer_inverts(const clf_trainer *t, int64_t step) {
  return clf__trainer_mode(t, step) == CLF_REBUILT && t->f->traits & CLF_REBUILDS_BY_INVERSE;
}

int clf__trainer_guarded(const clf_trainer *t, int64_t step) {
  return step % GUARD_EVERY == 0 && clf__trainer_inverts(t, step);
}

clf_status clf__trainer_store_from(clf_trainer *t, int64_t step, const char *why) {
  clf_train_options o = t->o;
  clf_train_plan p = t->plan;
  if (t->stored_from <= step) return CLF_OK; /* decided before a device failed */
  o.activations = CLF_ACTIVATIONS_STORE;
  o.batch = t->grains.count ? p.batch : p.part;
  o.part = 0;
  /* A group's members all store, also one whose planning fails: they must stay alike. */
  CLF_TRY(clf__trainer_tell_later(t, clf_train_plan_of(t->f, &o, t->source->resident, &p)));
  t->stored_from = step;
  t->stored_part = p.part;
  snprintf(t->notice, sizeof t->notice, "%s; from this step on activations are stored", why);
  return CLF_OK;
}

/* The largest permitted error. */
static double most_of(const clf_trainer *t) {
  return 1024 * (t->dev->bits == 64 ? DBL_EPSILON : (double)FLT_EPSILON);
}

clf_status clf__trainer_trip(clf_trainer *t, clf_tensor x, clf_tensor loss, double *error,
                             int *off) {
  const double maximum = most_of(t);
  const clf_tensor back = clf__flow_rebuilt(t->f, x.dim[0]);
  float square[2], nll;
  *off = 0;
  if (!back.buf) return CLF_OK; /* the first layers do not rebuild their inputs */
  CLF_TRY(clf_do(t->dev, axpby, .x = x, .y = back, .a = -1, .b = 1));
  CLF_TRY(clf_do(t->dev, sum_squares, .x = back, .y = clf_slice(t->trip, 0, 0, 1)));
  CLF_TRY(clf_do(t->dev, sum_squares, .x = x, .y = clf_slice(t->trip, 0, 1, 2)));
  CLF_TRY(clf_read(t->dev, t->trip, square));
  CLF_TRY(clf_read(t->dev, loss, &nll));
  /* A non-finite loss is handled by the watchdog: the rebuilt input then means nothing. */
  *off = isfinite(nll) && !((double)square[0] <= maximum * maximum * (double)square[1]);
  *error = fabs(sqrt((double)square[0] / (double)square[1]));
  return CLF_OK;
}

clf_status clf__trainer_check_trip(clf_trainer *t, clf_tensor x, clf_tensor loss, int *off) {
  double error;
  char why[160];
  CLF_TRY(clf__trainer_trip(t, x, loss, &error, off));
  if (!*off) return CLF_OK;
  snprintf(why, sizeof why,
           "step %lld: the input rebuilt from the output is off by %.2g of its size, more than "
           "%.2g",
           (long long)t->step + 1, error, most_of(t));
  return clf__trainer_store_from(t, t->step, why);
}
