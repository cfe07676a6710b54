/* SPDX-License-Identifier: MIT */
/* em.c: mixtures as candidates, fitted by expectation maximisation. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "../mixture/mixture_private.h"
#include "arch_private.h"
#include "clock.h"
#include "mixtures.h"

int clf__fit_is_mixture(const char *base) { return strncmp(base, "mixture(", 8) == 0; }

int clf__fit_value(const char *options, const char *name, double *value) {
  clf__parameter all[16];
  const int n = clf__parameters_read(options, all, 16);
  const clf__parameter *p = n > 0 ? clf__parameters_find(all, n, name, strlen(name)) : NULL;
  return p && sscanf(p->value, "%lf", value) == 1;
}

typedef struct em_watch {
  clf__fit *f;
  clf__fit_candidate *c;
} em_watch;
static int on_iteration(void *context) {
  em_watch *w = context;
  w->c->done++;
  return clf__fit_report(w->f, w->c, 0);
}

/* How a mixture is fitted, from the options of its candidate. */
typedef struct em_plan {
  clf_mixture_options o;
  clf__mixture_form form;
  int64_t rows; /* evenly spaced ones of the table; 0: all */
  int32_t all;  /* iterations of all rows after that */
} em_plan;

static em_plan plan_of(const clf__fit *f, const char *options, em_watch *watch) {
  double v;
  em_plan p = {.o = clf_mixture_options_default()};
  p.o.seed = f->o.seed;
  if (clf__fit_value(options, "starts", &v)) p.o.starts = (int32_t)v;
  if (clf__fit_value(options, "tied", &v)) p.o.tied = v != 0;
  if (clf__fit_value(options, "prior", &v)) p.o.prior = v;
  if (clf__fit_value(options, "reg", &v)) p.o.reg = v;
  if (clf__fit_value(options, "shrink", &v)) p.form.shrink = v;
  if (clf__fit_value(options, "factors", &v)) p.form.factors = (int32_t)v;
  if (clf__fit_value(options, "kernels", &v)) p.form.width = v;
  if (clf__fit_value(options, "neighbour", &v)) p.form.neighbour = (int)v;
  if (clf__fit_value(options, "rows", &v)) p.rows = (int64_t)v;
  if (clf__fit_value(options, "all", &v)) p.all = (int32_t)v;
  if (watch) p.o.stop = on_iteration, p.o.context = watch;
  return p;
}

static clf_status fit_plan(const em_plan *p, const clf__fit_rows *rows, clf_flow *flow) {
  const clf_train_data d = clf__fit_train_data(rows, NULL);
  return clf__mixture_fit_as(flow, &d, &p->o, &p->form, NULL);
}

static clf_status em_of_some(const em_plan *p, const clf__fit_rows *rows, clf_flow *flow) {
  clf__fit_rows some;
  CLF_TRY(clf__fit_thin(rows, p->rows, &some));
  const clf_status s = fit_plan(p, &some, flow);
  clf__fit_rows_free(&some);
  return s;
}

/* From the mixture that `flow` has. */
static clf_status em_of_all(em_plan p, const clf__fit_rows *rows, clf_flow *flow) {
  if (!p.all) return CLF_OK;
  p.form.continues = 1;
  p.o.iterations = p.all;
  return fit_plan(&p, rows, flow);
}

static clf_status em(const clf__fit *f, const clf__fit_rows *rows, const char *options,
                     em_watch *watch, clf_flow *flow) {
  const em_plan p = plan_of(f, options, watch);
  if (!p.rows || p.rows >= rows->x.rows) return fit_plan(&p, rows, flow);
  CLF_TRY(em_of_some(&p, rows, flow));
  return em_of_all(p, rows, flow);
}

clf_status clf__fit_em_base(const clf__fit *f, const clf__fit_rows *rows, const char *options,
                            clf_flow *flow) {
  return em(f, rows, options, NULL, flow);
}

clf_status clf__fit_em_again(clf__fit *f, clf__fit_candidate *c, const clf__fit_rows *rows,
                             clf_flow **flow) {
  CLF_TRY(clf__fit_flow(f, c, 0, flow));
  const clf_status s = em(f, rows, c->options, NULL, *flow);
  if (s) clf_flow_free(*flow);
  return s;
}

clf_status clf__fit_em(clf__fit *f, clf__fit_candidate *c) {
  const double began = clf__now();
  em_watch watch = {f, c};
  clf_status s = CLF_OK;
  for (int k = 0; k < f->splits && !s; k++) {
    s = clf__fit_flow(f, c, k, &c->flow[k]);
    if (!s) s = em(f, &f->split[k].train, c->options, &watch, c->flow[k]);
  }
  c->seconds = clf__now() - began;
  return s;
}

/* ---- Candidates ---------------------------------------------------------------------------- */

clf_status clf__fit_mixture(clf__fit *f, const char *title, const char *base, const char *options,
                            clf__fit_candidate *c) {
  CLF_TRY(clf__fit_begin(f, title, "", base, options, c));
  clf_status s = clf__fit_em(f, c);
  if (!s) s = clf__fit_score_candidate(f, c);
  if (s) clf__fit_candidate_free(c);
  return s == CLF_ENUM ? CLF_OK : s;
}

int clf__fit_keep_better(clf__fit_candidate *best, clf__fit_candidate *other) {
  const int better = !best->arch || other->valid.mean > best->valid.mean;
  if (better) {
    const clf__fit_candidate old = *best;
    *best = *other;
    *other = old;
  }
  clf__fit_candidate_free(other);
  return better;
}

int clf__fit_has_time(const clf__fit *f, double seconds, double end) {
  return !f->stopped && clf__fit_seconds(f) + seconds < end;
}

clf_status clf__fit_improve(clf__fit *f, clf__fit_candidate *c, int iterations) {
  const double began = clf__now();
  const size_t n = strlen(c->options);
  em_watch watch = {f, c};
  snprintf(c->options + n, sizeof c->options - n, ", all=%d", iterations);
  const clf_status s = em_of_all(plan_of(f, c->options, &watch), &f->split[0].train, c->flow[0]);
  c->seconds += clf__now() - began;
  if (!s) return clf__fit_score_candidate(f, c);
  c->options[n] = 0; /* the mixture is as before */
  return s == CLF_ENUM ? CLF_OK : s;
}

/* ---- Series -------------------------------------------------------------------------------- */

int clf__fit_goes_on(const clf__fit *f, const clf__fit_series *r, double end) {
  return r->worse < 2 && clf__fit_has_time(f, r->longest, end);
}

clf_status clf__fit_next(clf__fit *f, clf__fit_series *r, const char *name, const char *base,
                         const char *options, clf__fit_candidate *best) {
  const double began = clf__fit_seconds(f);
  clf__fit_candidate c;
  CLF_TRY(clf__fit_mixture(f, name, base, options, &c));
  r->longest = fmax(r->longest, clf__fit_seconds(f) - began);
  r->worse = c.arch && c.valid.mean > r->top ? 0 : r->worse + 1;
  if (!c.arch) return CLF_OK;
  r->top = fmax(r->top, c.valid.mean);
  clf__fit_keep_better(best, &c);
  return CLF_OK;
}
