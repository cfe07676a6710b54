/* SPDX-License-Identifier: MIT */
/* flows.c: the flows of a search: a trial of each row of fit.def, then longer trainings of the
 * best ones.
 *
 * Time is converted to steps: a step of each flow is timed, and its share of the time limit
 * divided by that.  The record contains the number of steps, over which the step size falls to 0.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arch_private.h"
#include "fit_private.h"

#define MIXTURE NULL
#define ANY INT32_MAX

static const struct row {
  const char *title;
  int32_t dims_from, dims_to;
  double share;
  const char *layers;
  const char *base; /* MIXTURE: the best one found */
  const char *options;
} rows[] = {
#define CLF_FIT_FLOW(title, from, to, share, layers, base, options)                                \
  {title, from, to, share, layers, base, options},
#include "fit.def"
#undef CLF_FIT_FLOW
};
enum { ROWS = sizeof rows / sizeof *rows };

static const clf__fit_candidate *find(const clf__fit *f, const char *title) {
  for (int i = 0; i < f->candidates; i++)
    if (strcmp(f->candidate[i].title, title) == 0) return &f->candidate[i];
  return NULL;
}

static int applies(const clf__fit *f, const struct row *r) {
  const int32_t D = f->data->x->cols;
  return D >= r->dims_from && D <= r->dims_to && (r->base || find(f, "mixture"));
}

/* ---- Candidates ---------------------------------------------------------------------------- */

static clf_status begin_row(clf__fit *f, const struct row *r, clf__fit_candidate *c) {
  const clf__fit_sizes size = clf__fit_size(f);
  clf__parameter values[8];
  clf__out layers = {0};
  char options[256];
  const int n = clf__parameters_read(size.values, values, 8);
  clf__parameters_fill(&layers, r->layers, values, n);
  if (layers.failed) return clf__fail(CLF_ENOMEM, "no memory for an architecture");
  snprintf(options, sizeof options, "%s%s%s", size.options, *r->options ? ", " : "", r->options);
  const clf_status s = clf__fit_begin(f, r->title, layers.s,
                                      r->base ? r->base : find(f, "mixture")->base, options, c);
  free(layers.s);
  if (s) return s;
  c->row = (int)(r - rows);
  if (!r->base) snprintf(c->start, sizeof c->start, "%.95s", find(f, "mixture")->options);
  return CLF_OK;
}

/* Trains it for this number of steps, and adds it to the search. */
static clf_status try_steps(clf__fit *f, clf__fit_candidate *c, int64_t steps) {
  c->steps = steps;
  clf_status s = clf__fit_train(f, c);
  if (!s) s = clf__fit_score_candidate(f, c);
  if (!s) return clf__fit_end(f, c);
  if (s == CLF_ESTOPPED && !f->stopped)
    s = clf__fit_note(f, "%s took longer than planned and was left out", c->title);
  s = clf__fit_leave_out(f, c, s);
  clf__fit_candidate_free(c);
  return s == CLF_ESTOPPED ? CLF_OK : s;
}

enum { FEWEST_STEPS = 50 };

/* The number of steps in `seconds`, for all splits together: at least FEWEST_STEPS if the whole
 * time limit allows that, else 0. */
static int64_t steps_in(const clf__fit *f, double seconds, double of_a_step) {
  const double one = of_a_step * f->splits, steps = seconds / one;
  if (steps < FEWEST_STEPS) return FEWEST_STEPS * one < clf__fit_left(f) ? FEWEST_STEPS : 0;
  return steps > 1e6 ? 1000000 : (int64_t)steps;
}

/* ---- Trials -------------------------------------------------------------------------------- */

#define TRIALS 0.35 /* share of the time after the baselines */
/* For timing a step: a share of a trial's time, and at least this share of the budget. */
#define TIMING 0.15
#define SHORTEST_TIMING 0.002

static clf_status skip(clf__fit *f, clf__fit_candidate *c, double of_a_step) {
  const clf_status s = clf__fit_note(f,
                                     "%s: a step takes about %.2g s, and the budget of %g s has no "
                                     "time for %d; a longer --time has",
                                     c->title, of_a_step, f->o.seconds, FEWEST_STEPS * f->splits);
  clf__fit_candidate_free(c);
  return s;
}

static clf_status try_row(clf__fit *f, const struct row *r, double seconds, double *of_a_step) {
  clf__fit_candidate c;
  const int64_t maximum = clf__fit_size(f).most_steps;
  CLF_TRY(begin_row(f, r, &c));
  const double limit = fmax(TIMING * seconds, SHORTEST_TIMING * f->o.seconds);
  const clf_status timed = clf__fit_time_step(f, &c, limit, of_a_step);
  if (timed || f->stopped) {
    const clf_status s = clf__fit_leave_out(f, &c, timed);
    clf__fit_candidate_free(&c);
    return s;
  }
  const int64_t steps = steps_in(f, (1 - TIMING) * seconds, *of_a_step);
  if (!steps) return skip(f, &c, *of_a_step);
  const int before = f->candidates;
  CLF_TRY(try_steps(f, &c, steps < maximum ? steps : maximum));
  const clf__fit_candidate *const done = &f->candidate[before];
  if (f->candidates > before && done->done) *of_a_step = done->seconds / (double)done->done;
  return CLF_OK;
}

/* Time that a row does not use is left to the following ones. */
static clf_status trials(clf__fit *f, double of_a_step[ROWS]) {
  double shares = 0;
  for (int i = 0; i < ROWS; i++) shares += applies(f, &rows[i]) ? rows[i].share : 0;
  const double end = clf__fit_seconds(f) + TRIALS * clf__fit_left(f);
  for (int i = 0; i < ROWS && !f->stopped; i++) {
    if (!applies(f, &rows[i])) continue;
    const double seconds = (end - clf__fit_seconds(f)) * rows[i].share / shares;
    CLF_TRY(try_row(f, &rows[i], fmax(seconds, 0.01), &of_a_step[i]));
    shares -= rows[i].share;
    if (f->o.quick) break;
  }
  return CLF_OK;
}

/* ---- Longer trainings ---------------------------------------------------------------------- */

#define LONGER 0.7     /* share of the remaining time for the first one */
#define OVERFITTED 0.5 /* the best weights came before this share of the steps */
enum {
  LONGER_MOST = 3,
  MUCH_LONGER = 12, /* times the steps of a trial */
  STARTS = 6,       /* of the best flow */
  APART = 100       /* seeds between two starts; splits use those in between */
};

/* A training that does not end in time is useless. */
static int may_train(const clf__fit *f) {
  return !f->stopped && f->candidates < CLF_FIT_CANDIDATES &&
         clf__fit_left(f) > 0.08 * f->o.seconds;
}

/* The best of the trials whose row is not in `done`. */
static const clf__fit_candidate *best_trial(const clf__fit *f, const int *done, int count) {
  const clf__fit_candidate *best = NULL;
  for (int i = 0; i < f->candidates; i++) {
    const clf__fit_candidate *c = &f->candidate[i];
    int is_done = !c->steps;
    for (int j = 0; j < count; j++) is_done |= done[j] == c->row;
    if (!is_done && (!best || c->valid.mean > best->valid.mean)) best = c;
  }
  return best;
}

/* A training that overfitted is repeated up to its best step, with the step size falling to 0
 * there; any other continues for as long as there is time, within reason. */
static int64_t longer_steps(const clf__fit *f, const clf__fit_candidate *c, double seconds,
                            double of_a_step) {
  const int64_t in_time = steps_in(f, seconds, of_a_step);
  const int overfitted = (double)c->best < OVERFITTED * (double)c->steps;
  int64_t enough = overfitted ? c->best * 3 / 2 : MUCH_LONGER * c->steps;
  if (enough < FEWEST_STEPS) enough = FEWEST_STEPS;
  return enough < in_time ? enough : in_time;
}

/* A training is only repeated if its number of steps changes by a third. */
static int is_other(int64_t a, int64_t b) { return 3 * a > 4 * b || 3 * b > 4 * a; }

/* The same flow with other initial weights, or for another time. */
static clf_status try_like(clf__fit *f, const clf__fit_candidate *c, const char *what, int number,
                           uint64_t seed, int64_t steps) {
  clf__fit_candidate next;
  char title[64];
  snprintf(title, sizeof title, number ? "%.44s, %s %d" : "%.44s, %s", c->title, what, number);
  CLF_TRY(clf__fit_begin(f, title, c->layers, c->base, c->options, &next));
  next.row = c->row;
  memcpy(next.start, c->start, sizeof next.start);
  next.seed = seed;
  return try_steps(f, &next, steps);
}

static clf_status longer(clf__fit *f, const double of_a_step[ROWS]) {
  int done[LONGER_MOST];
  for (int n = 0; n < LONGER_MOST && may_train(f); n++) {
    const clf__fit_candidate *trial = best_trial(f, done, n);
    if (!trial) break;
    const int64_t steps = longer_steps(f, trial, LONGER * clf__fit_left(f), of_a_step[trial->row]);
    done[n] = trial->row;
    if (steps && is_other(steps, trial->steps))
      CLF_TRY(
          try_like(f, trial, steps > trial->steps ? "longer" : "shorter", 0, trial->seed, steps));
  }
  return CLF_OK;
}

/* ---- Several starts -------------------------------------------------------------------------- */

/* The best flow of the first start. */
static const clf__fit_candidate *best_start(const clf__fit *f) {
  const clf__fit_candidate *best = NULL;
  for (int i = 0; i < f->candidates; i++) {
    const clf__fit_candidate *c = &f->candidate[i];
    if (c->steps && c->seed == f->o.seed && (!best || c->valid.mean > best->valid.mean)) best = c;
  }
  return best;
}

/* Seconds of another training with as many steps, unless it ends early. */
static double seconds_of(const clf__fit *f, const clf__fit_candidate *c) {
  return c->seconds / (double)c->done * (double)(c->steps * f->splits);
}

#define FEWER 0.25 /* share of the steps that a start must have, if there is no time for all */

/* Models that differ only in their initial weights make different errors: a blend of them is
 * better than each one.  The last one may have fewer steps. */
static clf_status starts(clf__fit *f) {
  for (int n = 2; n <= STARTS && may_train(f); n++) {
    const clf__fit_candidate *const best = best_start(f);
    const double share = best ? fmin(1, clf__fit_left(f) / seconds_of(f, best)) : 0;
    if (!(share >= FEWER)) break;
    CLF_TRY(try_like(f, best, "start", n, f->o.seed + APART * (uint64_t)(n - 1),
                     (int64_t)(share * (double)best->steps)));
  }
  return CLF_OK;
}

clf_status clf__fit_flows(clf__fit *f) {
  double of_a_step[ROWS];
  CLF_TRY(trials(f, of_a_step));
  if (f->o.quick) return CLF_OK;
  CLF_TRY(longer(f, of_a_step));
  return starts(f);
}
