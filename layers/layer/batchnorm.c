/* SPDX-License-Identifier: MIT */
/* batchnorm.c: batch normalisation as a layer (Dinh et al. 2017, section 3.7; Papamakarios et al.
 * 2017; nflows' BatchNorm): y = w (x - mean) / sqrt(var + eps) + bias, w = softplus(weight) + eps.
 * While training mean and the unbiased variance are the batch's, and the running ones follow; a
 * batch of one has variance 0.  Afterwards, and in the inverse, they are the running ones. */
#include <stdlib.h>
#include "arch_private.h"
#include "channels.h"

typedef struct batchnorm {
  clf__part weight, bias, mean, var;
} batchnorm;

enum { NORMED, MEAN, BIASED, VAR, GRADIENT, UNUSED };
enum { SOFTPLUS = 2 }; /* the kind of scale_shift_fwd's scale */

static const clf__arch_batchnorm *node_of(const clf__layer *l) {
  return (const clf__arch_batchnorm *)l->node;
}
static float eps_of(const clf__layer *l) { return (float)node_of(l)->eps; }

static clf_status make(clf__layer *l, clf__parts *parts, const char *path) {
  const int32_t C = clf__channels(l);
  const double one = log(exp(1 - node_of(l)->eps) - 1); /* w = 1 */
  if (node_of(l)->transformed)
    return clf__fail(CLF_EINVAL, "%s: transformed=1 runs in the preset realnvp alone", l->label);
  batchnorm *b = l->own = calloc(1, sizeof *b);
  if (!b) return clf__fail(CLF_ENOMEM, "no memory for %s", l->label);
  clf__parts_add(parts, &b->weight, CLF_PLAIN, one, 0, 1, &C, "%s.weight", path);
  clf__parts_add(parts, &b->bias, CLF_PLAIN, 0, 0, 1, &C, "%s.bias", path);
  clf__parts_add(parts, &b->mean, CLF_STATE, 0, 0, 1, &C, "%s.running_mean", path);
  clf__parts_add(parts, &b->var, CLF_STATE, 1, 0, 1, &C, "%s.running_var", path);
  return CLF_OK;
}
static void unmake(clf__layer *l) {
  free(l->own);
  l->own = NULL;
}

static clf_status plan(const clf__layer *l, int32_t rows, int train, clf_arena *a, clf__kept *k) {
  const int32_t whole[4] = {rows, l->in.dim, 1, 1}, each[4] = {clf__channels(l), 1, 1, 1};
  CLF_TRY(clf_new(a, whole, &k->t[NORMED]));
  for (int i = MEAN; i <= VAR; i++) CLF_TRY(clf_new(a, each, &k->t[i]));
  if (train == CLF_VALUES) return CLF_OK;
  CLF_TRY(clf_new(a, (int32_t[4]){rows}, &k->t[UNUSED]));
  return clf_new(a, whole, &k->t[GRADIENT]);
}

/* The rows of a kept tensor that this pass uses, by channel. */
static clf_tensor kept(const clf__layer *l, const clf__kept *k, int which, int32_t n) {
  return clf__by_channel(l, clf__rows(k->t[which], n));
}

/* M / (M - 1) - 1 for the M numbers of a channel: by what the unbiased variance exceeds the other.
 */
static double wider(const clf__layer *l, int32_t n) {
  const double M = (double)n * clf__pixels(l);
  return M > 1 ? 1 / (M - 1) : 0;
}

static clf_status measure(const clf__layer *l, const clf__pass *p, clf__kept *k, clf_tensor x) {
  CLF_TRY(clf_do(p->dev, bn_stats, .x = clf__by_channel(l, x), .mean = k->t[MEAN],
                 .var = k->t[BIASED]));
  return clf_do(p->dev, axpby, .x = k->t[BIASED], .y = k->t[VAR],
                .a = (float)(1 + wider(l, x.dim[0])));
}

/* The running statistics follow the batch's. */
static clf_status follow(const clf__layer *l, const clf__pass *p, const clf__kept *k) {
  const batchnorm *b = l->own;
  const double share = p->momentum > 0 ? p->momentum : node_of(l)->momentum;
  CLF_TRY(clf_do(p->dev, axpby, .x = k->t[MEAN], .y = clf__weight(p, &b->mean), .a = (float)share,
                 .b = (float)(1 - share)));
  return clf_do(p->dev, axpby, .x = k->t[VAR], .y = clf__weight(p, &b->var), .a = (float)share,
                .b = (float)(1 - share));
}

/* The statistics that a pass normalises by. */
typedef struct statistics {
  clf_tensor mean, var;
} statistics;
static statistics statistics_of(const clf__layer *l, const clf__pass *p, const clf__kept *k) {
  const batchnorm *b = l->own;
  if (p->mode == CLF_TRAIN) return (statistics){k->t[MEAN], k->t[VAR]};
  return (statistics){clf__weight(p, &b->mean), clf__weight(p, &b->var)};
}

static clf_status forward(const clf__layer *l, const clf__pass *p, clf__kept *k, clf_tensor x,
                          clf_tensor y, clf_tensor logdet) {
  const batchnorm *b = l->own;
  const clf_tensor normed = kept(l, k, NORMED, x.dim[0]);
  if (p->mode == CLF_TRAIN) CLF_TRY(measure(l, p, k, x));
  const statistics s = statistics_of(l, p, k);
  CLF_TRY(clf_do(p->dev, bn_flow_fwd, .x = clf__by_channel(l, x), .mean = s.mean, .var = s.var,
                 .y = normed, .logdet = logdet, .eps = eps_of(l)));
  CLF_TRY(clf_do(p->dev, scale_shift_fwd, .x = normed, .u = clf__weight(p, &b->weight),
                 .shift = clf__weight(p, &b->bias), .y = clf__by_channel(l, y), .logdet = logdet,
                 .kind = SOFTPLUS, .eps = eps_of(l)));
  return p->mode == CLF_TRAIN && !p->again ? follow(l, p, k) : CLF_OK;
}

static clf_status inverse(const clf__layer *l, const clf__pass *p, clf__kept *k, clf_tensor y,
                          clf_tensor x, clf_tensor logdet) {
  const batchnorm *b = l->own;
  const clf_tensor normed = kept(l, k, NORMED, y.dim[0]);
  CLF_TRY(clf_do(p->dev, scale_shift_inv, .y = clf__by_channel(l, y),
                 .u = clf__weight(p, &b->weight), .shift = clf__weight(p, &b->bias), .x = normed,
                 .logdet = logdet, .kind = SOFTPLUS, .eps = eps_of(l)));
  return clf_do(p->dev, bn_flow_inv, .y = normed, .mean = clf__weight(p, &b->mean),
                .var = clf__weight(p, &b->var), .x = clf__by_channel(l, x), .logdet = logdet,
                .eps = eps_of(l));
}

static clf_status backward(const clf__layer *l, const clf__pass *p, clf__kept *k, clf_tensor x,
                           clf_tensor y, clf_tensor dy, clf_tensor dx) {
  const batchnorm *b = l->own;
  const int32_t n = x.dim[0];
  const statistics s = statistics_of(l, p, k);
  (void)y;
  CLF_TRY(clf_do(p->dev, scale_shift_bwd, .x = kept(l, k, NORMED, n),
                 .u = clf__weight(p, &b->weight), .dy = clf__by_channel(l, dy), .dl = p->each,
                 .dx = kept(l, k, GRADIENT, n), .du = clf__gradient(p, &b->weight),
                 .dshift = clf__gradient(p, &b->bias), .kind = SOFTPLUS, .eps = eps_of(l),
                 .dlogdet = p->dlogdet));
  return clf_do(p->dev, bn_flow_bwd, .x = clf__by_channel(l, x), .mean = s.mean, .var = s.var,
                .dy = kept(l, k, GRADIENT, n), .dl = p->each, .dx = clf__by_channel(l, dx),
                .eps = eps_of(l), .batch = p->mode == CLF_TRAIN, .wider = (float)wider(l, n),
                .dlogdet = p->dlogdet);
}

/* The inverse takes running statistics in training too, which are no function of the batch.  The
 * gradient by its normalised values is their inverse with mean 0. */
static clf_status backward_inverse(const clf__layer *l, const clf__pass *p, clf__kept *k,
                                   clf_tensor y, clf_tensor x, clf_tensor dx, clf_tensor dy) {
  const batchnorm *b = l->own;
  const int32_t n = x.dim[0];
  const clf_tensor unused = clf__rows(k->t[UNUSED], n), none = k->t[MEAN];
  (void)y;
  CLF_TRY(clf_do(p->dev, fill, .y = unused, .value = 0));
  CLF_TRY(clf_do(p->dev, fill, .y = none, .value = 0));
  CLF_TRY(clf_do(p->dev, bn_flow_inv, .y = clf__by_channel(l, dx), .mean = none,
                 .var = clf__weight(p, &b->var), .x = kept(l, k, GRADIENT, n), .logdet = unused,
                 .eps = eps_of(l)));
  return clf_do(p->dev, scale_shift_inv_bwd, .x = kept(l, k, NORMED, n),
                .u = clf__weight(p, &b->weight), .dx = kept(l, k, GRADIENT, n), .dl = p->each,
                .dy = clf__by_channel(l, dy), .du = clf__gradient(p, &b->weight),
                .dshift = clf__gradient(p, &b->bias), .kind = SOFTPLUS, .eps = eps_of(l),
                .dlogdet = p->dlogdet);
}

const clf__layer_ops clf__layer_batchnorm = {
    .name = "batchnorm",
    .make = make,
    .unmake = unmake,
    .plan = plan,
    .forward = forward,
    .inverse = inverse,
    .backward = backward,
    .backward_inverse = backward_inverse,
    .traits = CLF_HAS_BATCH_STATISTICS,
};
