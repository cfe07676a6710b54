/* SPDX-License-Identifier: MIT */
/* heads.c: whether columns are treated, by the Gaussian and the mixtures of validation rows.
 *
 * Treatments are chosen for each column by itself.  That is right for a skewed column, but a column
 * of many clusters looks skewed, too, and after a logarithm its clusters are no longer normal. */
#include <stdlib.h>
#include <string.h>
#include "fit_private.h"

/* Shares of the budget: most of it is for flows.  Both heads have the same time for mixtures. */
#define ONE_HEAD 0.25
#define EACH_HEAD 0.15
#define KERNELS 0.04

/* The time when this share of the budget from now on is over. */
static double in(const clf__fit *f, double share) {
  return clf__fit_seconds(f) + share * f->o.seconds;
}

/* The candidates of one head. */
typedef struct side {
  clf__fit_head head;
  clf__fit_candidate candidate[CLF_FIT_CANDIDATES];
  int candidates;
} side;

static void put_aside(clf__fit *f, side *to) {
  to->head = f->head;
  to->candidates = f->candidates;
  memcpy(to->candidate, f->candidate, sizeof to->candidate);
  f->head = (clf__fit_head){0};
  f->candidates = 0;
}

/* Replaces what the search has. */
static void take_back(clf__fit *f, side *from) {
  clf__fit_head_free(&f->head);
  for (int i = 0; i < f->candidates; i++) clf__fit_candidate_free(&f->candidate[i]);
  f->head = from->head;
  f->candidates = from->candidates;
  memcpy(f->candidate, from->candidate, sizeof f->candidate);
  *from = (side){0};
}

static void side_free(side *s) {
  clf__fit_head_free(&s->head);
  for (int i = 0; i < s->candidates; i++) clf__fit_candidate_free(&s->candidate[i]);
  *s = (side){0};
}

static const clf__fit_candidate *best_of(const side *s) {
  const clf__fit_candidate *best = NULL;
  for (int i = 0; i < s->candidates; i++)
    if (!best || s->candidate[i].valid.mean > best->valid.mean) best = &s->candidate[i];
  return best;
}

static clf_status keep_untreated(clf__fit *f, clf__fit_score by) {
  CLF_TRY(clf__fit_note(f,
                        "columns are not rescaled: a mixture of the columns as they are is better "
                        "by %.2g nats a row, with a standard error of %.2g",
                        by.mean, by.error));
  for (int i = 0; i < f->candidates; i++) clf__fit_report_end(f, &f->candidate[i]);
  return CLF_OK;
}

/* Treatments help flows more than mixtures, so they stay unless they are worse by more than a
 * standard error. */
static clf_status compare(clf__fit *f, side *treated) {
  const clf__fit_candidate *const a = best_of(treated), *const b = clf__fit_best(f);
  if (!a || !b) {
    if (a) take_back(f, treated);
    return CLF_OK;
  }
  const clf__fit_score by = clf__fit_difference(b->logp, a->logp, f->judge_weights, f->judges);
  if (by.mean > by.error) return keep_untreated(f, by);
  take_back(f, treated);
  return clf__fit_say_treatments(f);
}

static clf_status try_untreated(clf__fit *f, side *treated) {
  CLF_TRY(clf__fit_set_head(f, 0));
  f->silent = 1;
  const clf_status s = clf__fit_mixtures(f, in(f, EACH_HEAD));
  f->silent = 0;
  return s ? s : compare(f, treated);
}

static clf_status both_heads(clf__fit *f) {
  CLF_TRY(clf__fit_set_head(f, 1));
  CLF_TRY(clf__fit_mixtures(f, in(f, EACH_HEAD)));
  if (f->stopped) return clf__fit_say_treatments(f);
  side *treated = calloc(1, sizeof *treated);
  if (!treated) return clf__fail(CLF_ENOMEM, "no memory for candidates");
  put_aside(f, treated);
  const clf_status s = try_untreated(f, treated);
  side_free(treated);
  free(treated);
  return s;
}

static clf_status one_head(clf__fit *f) {
  CLF_TRY(clf__fit_set_head(f, 0));
  return clf__fit_mixtures(f, in(f, ONE_HEAD));
}

clf_status clf__fit_baselines(clf__fit *f) {
  CLF_TRY(clf__fit_has_treatments(f) ? both_heads(f) : one_head(f));
  return clf__fit_kernels(f, in(f, KERNELS));
}
