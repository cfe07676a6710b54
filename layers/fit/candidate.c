/* SPDX-License-Identifier: MIT */
/* candidate.c: a candidate of the search: its architecture, its flows, its scores. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fit_private.h"

/* ---- Architectures ------------------------------------------------------------------------- */

/* "6|3: standardize, LAYERS -> BASE; context: standardize" */
char *clf__fit_arch(const clf__fit *f, const char *layers, const char *base) {
  char context[32] = "";
  const int32_t D = f->data->x->cols, C = f->data->given ? f->data->given->cols : 0;
  if (C) snprintf(context, sizeof context, "|%d", (int)C);
  const size_t size = strlen(f->head.layers) + strlen(layers) + strlen(base) + 128;
  char *text = malloc(size);
  if (text)
    snprintf(text, size, "%d%s: %s%s%s -> %s%s", (int)D, context, f->head.layers,
             *f->head.layers && *layers ? ", " : "", layers, base,
             C ? "; context: standardize" : "");
  return text;
}

clf_status clf__fit_begin(clf__fit *f, const char *title, const char *layers, const char *base,
                          const char *options, clf__fit_candidate *c) {
  *c = (clf__fit_candidate){.seed = f->o.seed,
                            .train = {NAN, NAN},
                            .valid = {NAN, NAN},
                            .test = {NAN, NAN},
                            .gain = {NAN, NAN},
                            .layers = strdup(layers),
                            .base = strdup(base),
                            .arch = clf__fit_arch(f, layers, base),
                            .logp = malloc((size_t)f->judges * sizeof(double))};
  snprintf(c->title, sizeof c->title, "%s", title);
  snprintf(c->options, sizeof c->options, "%s", options);
  if (c->layers && c->base && c->arch && c->logp) return CLF_OK;
  clf__fit_candidate_free(c);
  return clf__fail(CLF_ENOMEM, "no memory for the candidate \"%s\"", title);
}

clf_status clf__fit_leave_out(clf__fit *f, const clf__fit_candidate *c, clf_status s) {
  char why[512];
  if (s != CLF_ENUM && s != CLF_ENOMEM) return s;
  snprintf(why, sizeof why, "%s", clf_errmsg());
  return clf__fit_note(f, "%s was left out: %s", c->title, why);
}

void clf__fit_candidate_free(clf__fit_candidate *c) {
  for (int k = 0; k < CLF_FIT_FOLDS; k++) clf_flow_free(c->flow[k]);
  free(c->layers);
  free(c->base);
  free(c->arch);
  free(c->logp);
  free(c->tested);
  free(c->curve);
  *c = (clf__fit_candidate){0};
}

/* Splits have different seeds, so that random parts of an architecture differ, too. */
clf_status clf__fit_flow(const clf__fit *f, const clf__fit_candidate *c, int split,
                         clf_flow **flow) {
  clf_arch *arch = NULL;
  CLF_TRY(clf_arch_parse(c->arch, &arch));
  clf_status s = clf_flow_create_arch(f->dev, arch, c->seed + (uint64_t)split, flow);
  clf_arch_free(arch);
  if (s) return s;
  if (f->grid) s = clf_flow_set_grid(*flow, f->grid);
  if (!s) s = clf__fit_set_scaling(f, *flow);
  if (s) {
    clf_flow_free(*flow);
    *flow = NULL; /* a candidate frees its flows */
  }
  return s;
}

/* ---- Scores -------------------------------------------------------------------------------- */

enum { TRAIN_ROWS = 1000 }; /* at least, for the score of a model on its own training rows */

static clf_status score_train(const clf__fit *f, clf__fit_candidate *c) {
  const int64_t most = f->judges > TRAIN_ROWS ? f->judges : TRAIN_ROWS;
  double sum = 0;
  for (int k = 0; k < f->splits; k++) {
    clf__fit_rows rows = f->split[k].train;
    if (rows.x.rows > most) rows.x.rows = most;
    double *logp = malloc((size_t)rows.x.rows * sizeof *logp);
    if (!logp) return clf__fail(CLF_ENOMEM, "no memory for the densities of rows");
    const clf_status s = clf__fit_log_prob(c->flow[k], &rows, logp);
    if (!s) sum += clf__fit_score_of(logp, rows.weights, rows.x.rows).mean;
    free(logp);
    CLF_TRY(s);
  }
  c->train.mean = sum / f->splits;
  return CLF_OK;
}

clf_status clf__fit_score_candidate(const clf__fit *f, clf__fit_candidate *c) {
  for (int k = 0; k < f->splits; k++)
    CLF_TRY(clf__fit_log_prob(c->flow[k], &f->split[k].valid, c->logp + f->split[k].first));
  c->valid = clf__fit_score_of(c->logp, f->judge_weights, f->judges);
  return CLF_OK;
}

clf_status clf__fit_end(clf__fit *f, clf__fit_candidate *c) {
  const clf_status s = score_train(f, c);
  if (s || f->candidates == CLF_FIT_CANDIDATES) {
    clf__fit_candidate_free(c);
    return s;
  }
  f->candidate[f->candidates++] = *c;
  clf__fit_report_end(f, &f->candidate[f->candidates - 1]);
  return CLF_OK;
}

const clf__fit_candidate *clf__fit_best(const clf__fit *f) {
  const clf__fit_candidate *best = NULL;
  for (int i = 0; i < f->candidates; i++)
    if (!best || f->candidate[i].valid.mean > best->valid.mean) best = &f->candidate[i];
  return best;
}
