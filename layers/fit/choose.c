/* SPDX-License-Identifier: MIT */
/* choose.c: which candidates the result is made of, and with what weights.
 *
 * The best candidate on the rows that judge is joined by another as long as that is worth more than
 * chance would give.  The weights of a blend maximise its likelihood of these rows, by expectation
 * maximisation, which converges since that is concave in the weights. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "fit_private.h"

enum { ROUNDS = 200, MOST = 6 /* components of a blend */ };

/* A component more has to be worth LEAST nats, and FEW / n with n rows that judge: a weight more
 * gains 1 / (2 n) by chance. */
#define LEAST 0.001
#define FEW 1.0

typedef struct blend {
  int part[MOST], parts;
  double weight[MOST];
  double mean;  /* mean log p of the rows that judge */
  double *logp; /* of each of them */
} blend;

static double weight_of(const clf__fit *f, int64_t i) {
  return f->judge_weights ? f->judge_weights[i] : 1;
}

/* log p of row i; share[k]: of component k in it. */
static double row_logp(const clf__fit *f, const blend *b, int64_t i, double *share) {
  double most = -INFINITY, sum = 0;
  for (int k = 0; k < b->parts; k++) {
    share[k] = log(b->weight[k]) + f->candidate[b->part[k]].logp[i];
    most = fmax(most, share[k]);
  }
  if (most == -INFINITY) {
    memset(share, 0, MOST * sizeof *share);
    return most;
  }
  for (int k = 0; k < b->parts; k++) sum += share[k] = exp(share[k] - most);
  for (int k = 0; k < b->parts; k++) share[k] /= sum;
  return most + log(sum);
}

/* One iteration; the mean log p before it. */
static double improve(const clf__fit *f, blend *b) {
  double next[MOST] = {0}, share[MOST], sum = 0, all = 0;
  for (int64_t i = 0; i < f->judges; i++) {
    const double w = weight_of(f, i);
    b->logp[i] = row_logp(f, b, i, share);
    if (w > 0) sum += w * b->logp[i];
    all += w;
    for (int k = 0; k < b->parts; k++) next[k] += w * share[k];
  }
  double total = 0;
  for (int k = 0; k < b->parts; k++) total += next[k];
  for (int k = 0; k < b->parts && total > 0; k++) b->weight[k] = fmax(next[k] / total, 1e-12);
  return sum / all;
}

static void optimise(const clf__fit *f, blend *b) {
  for (int k = 0; k < b->parts; k++) b->weight[k] = 1.0 / b->parts;
  for (int i = 0; i < (b->parts > 1 ? ROUNDS : 1); i++) b->mean = improve(f, b);
}

/* The best blend of b's components and one more; parts stays where there is none. */
static blend with_one_more(const clf__fit *f, const blend *b, double *memory) {
  blend best = *b;
  for (int i = 0; i < f->candidates; i++) {
    blend more = *b;
    int in = 0;
    for (int k = 0; k < b->parts; k++) in |= b->part[k] == i;
    if (in) continue;
    more.part[more.parts++] = i;
    more.logp = memory;
    optimise(f, &more);
    if (best.parts == b->parts || more.mean > best.mean) best = more;
  }
  best.logp = b->logp;
  return best;
}

/* 0 - infinity is not above anything. */
static int is_worth_it(const clf__fit *f, const blend *more, const blend *b) {
  const double gain = more->mean - b->mean;
  return more->parts > b->parts && gain > LEAST && gain > FEW / (double)f->judges;
}

clf_status clf__fit_choose(clf__fit *f) {
  const size_t n = (size_t)f->judges;
  double *memory = malloc(n * sizeof *memory);
  f->blended = malloc(n * sizeof *f->blended);
  if (!memory || !f->blended) {
    free(memory);
    return clf__fail(CLF_ENOMEM, "no memory to choose among candidates");
  }
  blend b = {.part = {(int)(clf__fit_best(f) - f->candidate)}, .parts = 1, .logp = f->blended};
  optimise(f, &b);
  while (b.parts < MOST) {
    const blend more = with_one_more(f, &b, memory);
    if (!is_worth_it(f, &more, &b)) break;
    b = more;
    optimise(f, &b);
  }
  for (int k = 0; k < b.parts; k++) f->candidate[b.part[k]].weight = b.weight[k];
  f->valid = clf__fit_score_of(f->blended, f->judge_weights, f->judges);
  free(memory);
  return CLF_OK;
}
