/* SPDX-License-Identifier: MIT */
/* result.c: the flow that a search returns: a single candidate, or a blend of several, each of
 * which is represented by the mean of the flows of its splits. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arch_private.h"
#include "fit_private.h"
#include "flow_private.h"

/* ---- A blend ------------------------------------------------------------------------------- */

/* HEAD -> blend(0.3: LAYERS -> BASE; 0.7: ...) */
static clf_status blend_arch(const clf__fit *f, clf_arch **arch) {
  char weight[32];
  clf__out base = {0};
  clf__out_text(&base, "blend(");
  for (int i = 0, any = 0; i < f->candidates; i++) {
    const clf__fit_candidate *c = &f->candidate[i];
    for (int k = 0; k < f->splits && c->weight > 0; k++) {
      snprintf(weight, sizeof weight, "%s%.17g: ", any ? "; " : "", c->weight / f->splits);
      clf__out_text(&base, weight);
      clf__out_text(&base, c->layers);
      clf__out_text(&base, *c->layers ? " -> " : "-> ");
      clf__out_text(&base, c->base);
      any = 1;
    }
  }
  clf__out_text(&base, ")");
  char *text = base.failed ? NULL : clf__fit_arch(f, "", base.s);
  free(base.s);
  if (!text) return clf__fail(CLF_ENOMEM, "no memory for an architecture");
  const clf_status s = clf_arch_parse(text, arch);
  free(text);
  return s;
}

static clf_status fill_blend(const clf__fit *f, clf_flow *blend) {
  int at = 1; /* after the logits of the weights */
  for (int i = 0; i < f->candidates; i++)
    for (int k = 0; k < f->splits && f->candidate[i].weight > 0; k++)
      CLF_TRY(clf__flow_copy_part(f->candidate[i].flow[k], blend, &at));
  CLF_TRY(clf__flow_derive_again(blend));
  return clf__fit_set_scaling(f, blend);
}

static clf_status make_blend(const clf__fit *f, clf_flow **flow) {
  clf_arch *arch = NULL;
  clf_flow *blend = NULL;
  CLF_TRY(blend_arch(f, &arch));
  clf_status s = clf_flow_create_arch(f->dev, arch, f->o.seed, &blend);
  clf_arch_free(arch);
  if (!s) s = fill_blend(f, blend);
  if (s)
    clf_flow_free(blend);
  else
    *flow = blend;
  return s;
}

/* ---- The flow ------------------------------------------------------------------------------ */

static clf_status make(clf__fit *f, clf_flow **flow) {
  clf__fit_candidate *only = NULL;
  int parts = 0;
  for (int i = 0; i < f->candidates; i++)
    if (f->candidate[i].weight > 0) only = &f->candidate[i], parts++;
  if (parts > 1 || f->splits > 1) return make_blend(f, flow);
  *flow = only->flow[0];
  only->flow[0] = NULL; /* scores no longer need it */
  return CLF_OK;
}

static clf_status describe(const clf__fit *f, clf_flow *flow) {
  const clf_table *x = f->data->x, *given = f->data->given;
  if (f->grid) CLF_TRY(clf_flow_set_grid(flow, f->grid));
  if (x->names) CLF_TRY(clf_flow_set_columns(flow, x->names));
  if (x->columns) CLF_TRY(clf_flow_set_kinds(flow, x->columns));
  return given && given->names ? clf_flow_set_context_columns(flow, given->names) : CLF_OK;
}

static double *memory_for(int64_t rows) { return malloc((size_t)(rows + 1) * sizeof(double)); }

static clf_status no_memory(int64_t rows) {
  return clf__fail(CLF_ENOMEM, "no memory for the densities of %lld rows", (long long)rows);
}

/* Scores that influence no choice. */
static clf_status score_test(clf__fit *f) {
  const int64_t n = f->test.x.rows;
  for (int i = 0; i < f->candidates && n; i++) {
    clf__fit_candidate *c = &f->candidate[i];
    c->tested = memory_for(n);
    if (!c->tested) return no_memory(n);
    CLF_TRY(clf__fit_mean_density(c, f->splits, &f->test, c->tested));
    c->test = clf__fit_score_of(c->tested, f->test.weights, n);
  }
  return CLF_OK;
}

/* Scores the result, and on test rows its gain over each candidate. */
static clf_status score_rows(clf__fit *f, clf_flow *flow, const clf__fit_rows *rows,
                             clf__fit_score *score) {
  const int64_t n = rows->x.rows;
  double *logp = memory_for(n);
  if (!logp) return no_memory(n);
  const clf_status s = clf__fit_log_prob(flow, rows, logp);
  if (!s) *score = clf__fit_score_of(logp, rows->weights, n);
  for (int i = 0; i < f->candidates && !s && rows == &f->test; i++)
    if (n)
      f->candidate[i].gain = clf__fit_difference(logp, f->candidate[i].tested, rows->weights, n);
  free(logp);
  return s;
}

/* ---- Refit with all rows --------------------------------------------------------------------- */

/* Retrains the flows of the candidates in the result on all rows. */
static clf_status refit(clf__fit *f) {
  CLF_TRY(clf__fit_copy_all(f));
  for (int i = 0; i < f->candidates; i++) {
    clf__fit_candidate *c = &f->candidate[i];
    clf_flow *flow = NULL;
    if (!(c->weight > 0)) continue;
    CLF_TRY(c->steps ? clf__fit_train_again(f, c, &f->all, &flow)
                     : clf__fit_em_again(f, c, &f->all, &flow));
    clf_flow_free(c->flow[0]);
    c->flow[0] = flow;
  }
  f->splits = 1;
  return CLF_OK;
}

static clf_status score(clf__fit *f, clf_flow *flow) {
  CLF_TRY(describe(f, flow));
  CLF_TRY(score_rows(f, flow, &f->test, &f->tested));
  return score_rows(f, flow, &f->split[0].train, &f->train);
}

static clf_status record(clf__fit *f, clf_flow *flow) {
  char *text = NULL;
  CLF_TRY(clf__fit_write_record(f, &text));
  const clf_status s = clf_flow_set_record(flow, text);
  free(text);
  return s;
}

/* The scores remain those of the model before it saw all rows. */
static clf_status again(clf__fit *f, const char *text, clf_flow **flow) {
  clf_flow *other = NULL;
  CLF_TRY(refit(f));
  CLF_TRY(make(f, &other));
  clf_status s = describe(f, other);
  if (!s) s = clf_flow_set_record(other, text);
  if (s) {
    clf_flow_free(other);
    return s;
  }
  clf_flow_free(*flow);
  *flow = other;
  return CLF_OK;
}

clf_status clf__fit_result(clf__fit *f, clf_flow **flow) {
  CLF_TRY(score_test(f));
  CLF_TRY(make(f, flow));
  clf_status s = score(f, *flow);
  if (!s) s = record(f, *flow);
  if (!s && f->o.refit) s = again(f, clf_flow_record(*flow), flow);
  if (!s) return CLF_OK;
  clf_flow_free(*flow);
  *flow = NULL;
  return s;
}
