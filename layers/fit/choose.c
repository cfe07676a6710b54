/* SPDX-License-Identifier: MIT */
/* choose.c: which candidates form the result, and their weights: a blend, or one candidate if
 * that is better on the validation rows by more than chance.
 *
 * The weights maximise the likelihood of a blend of all candidates on the validation rows:
 * stacking of densities (Smyth and Wolpert 1998), by expectation maximisation, which converges
 * because the likelihood is concave in the weights.  Each candidate counts as if it had PRIOR
 * more rows:
 * otherwise, of several almost equal candidates, few rows would select the luckiest
 * one.  Candidates with small weights are removed one by one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "fit_private.h"

enum { ROUNDS = 200, MOST = 6 /* components of a blend */ };
#define SMALL 0.03
#define PRIOR 1.0

typedef struct blend {
  int member[CLF_FIT_CANDIDATES], members;
  double weight[CLF_FIT_CANDIDATES];
  double mean;  /* mean log p of the validation rows */
  double *logp; /* of each of them */
} blend;

/* log p of row i; share[k]: fraction of component k in it. */
static double row_logp(const clf__fit *f, const blend *b, int64_t i, double *posterior) {
  double maximum = -INFINITY, sum = 0;
  for (int k = 0; k < b->members; k++) {
    posterior[k] = log(b->weight[k]) + f->candidate[b->member[k]].logp[i];
    maximum = fmax(maximum, posterior[k]);
  }
  if (maximum == -INFINITY) {
    memset(posterior, 0, (size_t)b->members * sizeof *posterior);
    return maximum;
  }
  for (int k = 0; k < b->members; k++) sum += posterior[k] = exp(posterior[k] - maximum);
  for (int k = 0; k < b->members; k++) posterior[k] /= sum;
  return maximum + log(sum);
}

/* One iteration; returns the mean log p before it. */
static double improve(const clf__fit *f, blend *b) {
  double next[CLF_FIT_CANDIDATES] = {0}, posterior[CLF_FIT_CANDIDATES], sum = 0, all = 0, total = 0;
  for (int64_t i = 0; i < f->judges; i++) {
    const double w = f->judge_weights ? f->judge_weights[i] : 1;
    b->logp[i] = row_logp(f, b, i, posterior);
    if (w > 0) sum += w * b->logp[i];
    all += w;
    for (int k = 0; k < b->members; k++) next[k] += w * posterior[k];
  }
  for (int k = 0; k < b->members; k++) total += next[k] += PRIOR * all / (double)f->judges;
  for (int k = 0; k < b->members && total > 0; k++) b->weight[k] = fmax(next[k] / total, 1e-12);
  return sum / all;
}

static void optimise(const clf__fit *f, blend *b) {
  for (int i = 0; i < (b->members > 1 ? ROUNDS : 1); i++) b->mean = improve(f, b);
}

static int smallest(const blend *b) {
  int minimum = 0;
  for (int k = 1; k < b->members; k++)
    if (b->weight[k] < b->weight[minimum]) minimum = k;
  return minimum;
}

static void leave_out(blend *b, int k) {
  double sum = 0;
  b->members--;
  for (int i = k; i < b->members; i++) {
    b->member[i] = b->member[i + 1];
    b->weight[i] = b->weight[i + 1];
  }
  for (int i = 0; i < b->members; i++) sum += b->weight[i];
  for (int i = 0; i < b->members; i++) b->weight[i] /= sum;
}

static blend stack(const clf__fit *f, double *logp) {
  blend b = {.members = f->candidates, .logp = logp};
  for (int k = 0; k < b.members; k++) {
    b.member[k] = k;
    b.weight[k] = 1.0 / b.members;
  }
  optimise(f, &b);
  for (int k = smallest(&b); b.members > MOST || (b.members > 1 && b.weight[k] < SMALL);
       k = smallest(&b)) {
    leave_out(&b, k);
    optimise(f, &b);
  }
  return b;
}

/* With few rows PRIOR can make the blend worse than its best component.  Beyond two standard
 * errors of the paired difference that is no longer chance, and the component is the result. */
static void prefer_single(const clf__fit *f, blend *b) {
  const clf__fit_candidate *const best = clf__fit_best(f);
  const double *const logp = best->logp;
  const clf__fit_score by = clf__fit_difference(logp, b->logp, f->judge_weights, f->judges);
  if (b->members == 1 || !(by.mean > 2 * by.error)) return;
  b->members = 1;
  b->member[0] = (int)(best - f->candidate);
  b->weight[0] = 1;
  memcpy(b->logp, logp, (size_t)f->judges * sizeof *logp);
}

clf_status clf__fit_choose(clf__fit *f) {
  f->blended = malloc((size_t)f->judges * sizeof *f->blended);
  if (!f->blended) return clf__fail(CLF_ENOMEM, "no memory to choose among candidates");
  blend b = stack(f, f->blended);
  prefer_single(f, &b);
  for (int k = 0; k < b.members; k++) f->candidate[b.member[k]].weight = b.weight[k];
  f->valid = clf__fit_score_of(f->blended, f->judge_weights, f->judges);
  return CLF_OK;
}
