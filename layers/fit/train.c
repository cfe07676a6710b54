/* SPDX-License-Identifier: MIT */
/* train.c: trains the flows of a candidate, one for each split. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arch_private.h"
#include "clock.h"
#include "fit_private.h"

clf_status clf__fit_read_options(const char *text, clf_train_options *o) {
  clf__parameter all[16];
  const int n = clf__parameters_read(text, all, 16);
  if (n < 0) return clf__fail(CLF_EINVAL, "\"%s\" is not a list of options", text);
  for (int i = 0; i < n; i++) {
    char name[64], value[64];
    snprintf(name, sizeof name, "%.*s", (int)all[i].name_n, all[i].name);
    snprintf(value, sizeof value, "%.*s", (int)all[i].value_n, all[i].value);
    CLF_TRY(clf_train_options_set(o, name, value));
  }
  return CLF_OK;
}

static clf_status set_whole(clf_train_options *o, const char *name, int64_t value) {
  char text[32];
  snprintf(text, sizeof text, "%lld", (long long)value);
  return clf_train_options_set(o, name, text);
}

enum {
  VALIDATIONS = 60,
  PATIENCE = 20,
  VALID_ROWS = 8192, /* more do not change which weights are the best */
  VALID_STEPS = 2    /* rows trained between two validations for each row of a validation, which
                        takes about a third of a step's time, for the weights and their average */
};

/* For a training with this number of steps and of validation rows. */
static clf_status options_of(const clf__fit_candidate *c, int split, int64_t valid,
                             clf_train_options *o) {
  *o = clf_train_options_default();
  CLF_TRY(clf__fit_read_options(c->options, o));
  o->seed = c->seed + (uint64_t)split;
  const int64_t even = c->steps / VALIDATIONS, cheap = VALID_STEPS * valid / o->batch;
  const int64_t every = even > cheap ? even : cheap < c->steps ? cheap : c->steps;
  CLF_TRY(set_whole(o, "steps", c->steps));
  return set_whole(o, "valid_every", every > 1 ? every : 1);
}

/* The candidate whose mixture is the base of another one; NULL: it is not part of the search. */
static const clf__fit_candidate *mixture_of(const clf__fit *f, const clf__fit_candidate *c) {
  for (int i = 0; i < f->candidates; i++) {
    const clf__fit_candidate *m = &f->candidate[i];
    if (!m->steps && strcmp(m->base, c->base) == 0 && strcmp(m->options, c->start) == 0) return m;
  }
  return NULL;
}

/* Layers over a mixture start as the identity, so it is that of the columns, which a split of the
 * search has already. */
static clf_status start(const clf__fit *f, const clf__fit_candidate *c, const clf__fit_rows *rows,
                        int split, clf_flow **flow) {
  const int searches = split < CLF_FIT_FOLDS;
  CLF_TRY(clf__fit_flow(f, c, searches ? split : 0, flow));
  if (!clf__fit_is_mixture(c->base)) return CLF_OK;
  const clf__fit_candidate *const same = searches ? mixture_of(f, c) : NULL;
  const clf_status s = same ? clf_flow_set_base_of(*flow, same->flow[split])
                            : clf__fit_em_base(f, rows, c->start, *flow);
  if (s) clf_flow_free(*flow);
  return s;
}

/* ---- One split ----------------------------------------------------------------------------- */

typedef struct watch {
  clf__fit *f;
  clf__fit_candidate *c;
  int split;
  int64_t best, last; /* steps: of the best weights so far, and done */
  /* For clf__fit_time_step(): the steps that count, and when they began and must end. */
  int64_t first;
  double first_at, last_at, limit, until;
} watch;

static void add_point(clf__fit_candidate *c, const clf_progress *p) {
  if (!c->curve || c->points == CLF_FIT_POINTS) return;
  c->curve[c->points++] = (clf__fit_point){p->step, p->train, p->valid};
}

static int on_progress(const clf_progress *p, void *context) {
  watch *w = context;
  if (p->epoch_done && w->split == 0) add_point(w->c, p);
  if (p->epoch_done && p->best) w->best = p->step;
  w->last = p->step;
  const int searches = w->split < CLF_FIT_FOLDS; /* otherwise it retrains the result */
  return clf__fit_report(w->f, w->c, p->step) || (searches && clf__fit_is_late(w->f));
}

/* A non-finite loss ends a training, not the search: the flow has its best weights. */
static clf_status run(clf__fit_candidate *c, const clf__fit_rows *train, const clf__fit_rows *valid,
                      watch *w, clf_flow *flow) {
  const clf_train_data d = clf__fit_train_data(train, valid);
  clf_train_options o;
  clf_trainer *t = NULL;
  CLF_TRY(options_of(c, w->split, valid ? valid->x.rows : 0, &o));
  if (valid) CLF_TRY(set_whole(&o, "patience", PATIENCE));
  CLF_TRY(clf_trainer_create_with(flow, &d, &o, &t));
  const clf_status s = clf_trainer_run(t, on_progress, w);
  clf_trainer_free(t);
  return s == CLF_ENUM && w->best ? CLF_OK : s;
}

/* Validation rows that choose the weights: a view of all, or a copy of some in *few. */
static clf_status valid_of(const clf__fit *f, int split, clf__fit_rows *few,
                           const clf__fit_rows **valid) {
  *few = (clf__fit_rows){0};
  *valid = &f->split[split].valid;
  if ((*valid)->x.rows <= VALID_ROWS) return CLF_OK;
  CLF_TRY(clf__fit_thin(*valid, VALID_ROWS, few));
  *valid = few;
  return CLF_OK;
}

static clf_status train_split(clf__fit *f, clf__fit_candidate *c, watch *w) {
  const clf__fit_rows *const train = &f->split[w->split].train, *valid;
  clf__fit_rows few;
  CLF_TRY(start(f, c, train, w->split, &c->flow[w->split]));
  clf_status s = valid_of(f, w->split, &few, &valid);
  if (!s) s = run(c, train, valid, w, c->flow[w->split]);
  clf__fit_rows_free(&few);
  return s;
}

clf_status clf__fit_train(clf__fit *f, clf__fit_candidate *c) {
  const double began = clf__now();
  clf_status s = CLF_OK;
  int64_t best = 0;
  c->curve = malloc(CLF_FIT_POINTS * sizeof *c->curve);
  if (!c->curve) return clf__fail(CLF_ENOMEM, "no memory for a training's curve");
  for (int k = 0; k < f->splits && !s; k++) {
    watch w = {.f = f, .c = c, .split = k};
    s = train_split(f, c, &w);
    best += w.best;
    c->done += w.last;
  }
  c->best = best / f->splits;
  c->seconds = clf__now() - began;
  return s;
}

/* As many steps as the best weights took, with the step size falling to 0 there. */
clf_status clf__fit_train_again(clf__fit *f, clf__fit_candidate *c, const clf__fit_rows *rows,
                                clf_flow **flow) {
  watch w = {.f = f, .c = c, .split = CLF_FIT_FOLDS};
  const int64_t steps = c->steps;
  CLF_TRY(start(f, c, rows, w.split, flow));
  if (c->best) c->steps = c->best;
  const clf_status s = run(c, rows, NULL, &w, *flow);
  c->steps = steps;
  if (s) clf_flow_free(*flow);
  return s;
}

/* ---- Timing a step --------------------------------------------------------------------------- */

/* One-time work of a device, such as compiling kernels, is over after the first validation. */
static int on_timing(const clf_progress *p, void *context) {
  watch *w = context;
  w->last = p->step;
  w->last_at = clf__now();
  if (!w->first && p->epoch_done) {
    w->first = p->step;
    w->first_at = w->last_at;
    w->until = w->last_at + w->limit;
  }
  return clf__fit_report(w->f, w->c, 0) || w->last_at > w->until;
}

enum { FEW_STEPS = 400, SLOW = 10 /* times the limit, for one-time work of a device */ };

static clf_status run_timing(clf__fit *f, clf__fit_candidate *c, const clf__fit_rows *valid,
                             watch *w) {
  const clf_train_data d = clf__fit_train_data(&f->split[0].train, valid);
  clf_flow *flow = NULL;
  clf_trainer *t = NULL;
  clf_train_options o;
  clf_status s = clf__fit_flow(f, c, 0, &flow);
  if (!s) s = options_of(c, 0, valid->x.rows, &o);
  if (!s) s = clf_trainer_create_with(flow, &d, &o, &t);
  if (!s) s = clf_trainer_run(t, on_timing, w);
  clf_trainer_free(t);
  clf_flow_free(flow);
  return s == CLF_ESTOPPED || s == CLF_ENUM ? CLF_OK : s;
}

clf_status clf__fit_time_step(clf__fit *f, clf__fit_candidate *c, double limit, double *seconds) {
  const int64_t steps = c->steps;
  const double began = clf__now();
  const clf__fit_rows *valid;
  clf__fit_rows few;
  watch w = {.f = f, .c = c, .limit = limit, .until = began + SLOW * limit};
  CLF_TRY(valid_of(f, 0, &few, &valid));
  c->steps = FEW_STEPS;
  const clf_status s = run_timing(f, c, valid, &w);
  c->steps = steps;
  clf__fit_rows_free(&few);
  const int timed = w.first && w.last > w.first;
  *seconds = timed ? (w.last_at - w.first_at) / (double)(w.last - w.first)
                   : (clf__now() - began) / (double)(w.last ? w.last : 1);
  return s;
}
