/* SPDX-License-Identifier: MIT */
/* batch_norm.c: which statistics a pass normalises by, and updates of the running ones. */
#include "batch_norm.h"

void clf__norm_add(clf__slots *p, clf__norm *n, int32_t channels, int with_beta, const char *name) {
  if (with_beta) clf__slots_add(p, &n->beta, CLF_PLAIN, 0, 0, 1, &channels, "%s.beta", name);
  clf__slots_add(p, &n->mean, CLF_STATE, 0, 0, 1, &channels, "%s.mean", name);
  clf__slots_add(p, &n->var, CLF_STATE, 1, 0, 1, &channels, "%s.var", name);
}

void clf__norm_add_without(clf__slots *p, clf__norm *n, int32_t channels) {
  const int32_t both = 2 * channels;
  clf__slots_add(p, &n->without, CLF_CONSTANT, 0, 0, 1, &both, NULL);
}

void clf__norm_draw(const clf__norm *n, double *c) {
  const int32_t both = n->without.rank ? n->without.dim[0] : 0;
  for (int32_t i = 0; i < both; i++) c[n->without.at + i] = i >= both / 2;
}

/* Mean and variance are always adjacent, so that one call updates both. */
static clf_status new_pair(clf_arena *a, int32_t channels, clf_tensor *mean, clf_tensor *var) {
  clf_tensor both;
  CLF_TRY(clf_new(a, (int32_t[4]){2 * channels}, &both));
  *mean = clf_slice(both, 0, 0, channels);
  *var = clf_slice(both, 0, channels, 2 * channels);
  return CLF_OK;
}
static clf_tensor pair(clf_tensor mean) {
  mean.dim[0] *= 2;
  return mean;
}

static clf_status keep(const clf__norm *n, int32_t channels, clf_arena *a, clf__norm_memory *k) {
  if (!n->mean.rank) return CLF_OK;
  CLF_TRY(new_pair(a, channels, &k->bmean, &k->bvar));
  k->mean = k->bmean;
  k->var = k->bvar;
  if (n->unbiased) CLF_TRY(clf_new(a, (int32_t[4]){channels}, &k->biased));
  return n->rho == 0 ? CLF_OK : new_pair(a, channels, &k->mean, &k->var);
}

clf_status clf__norm_keep(const clf__norm *n, int32_t channels, int train, clf_arena *a,
                          clf_tensor *to) {
  clf__norm_memory k = {0};
  if (train) CLF_TRY(keep(n, channels, a, &k));
  memcpy(to, &k, sizeof k);
  return CLF_OK;
}

/* ---- Statistics -------------------------------------------------------------------------- */

/* to = a x + b to; b = 0 replaces it. */
static clf_status mix(const clf__pass *p, clf_tensor x, double a, double b, clf_tensor to) {
  return clf_do(p->dev, axpby, .x = x, .y = to, .a = (float)a, .b = (float)b);
}

/* used = rho running + (1 - rho) batch; then the batch updates the running ones. */
static clf_status blend(const clf__pass *p, const clf__norm *n, clf_tensor batch,
                        clf_tensor running, clf_tensor used) {
  const double momentum = p->momentum > 0 ? p->momentum : n->momentum;
  if (n->rho > 0) {
    CLF_TRY(mix(p, running, n->rho, 0, used));
    CLF_TRY(mix(p, batch, 1 - n->rho, 1, used));
  }
  return mix(p, batch, momentum, 1 - momentum, running);
}

/* M / (M - 1) - 1 for the M elements of a channel: the relative difference of the unbiased
 * variance. */
static double wider(const clf__norm *n, clf_tensor x) {
  const double M = (double)x.dim[0] * x.dim[2] * x.dim[3];
  return n->unbiased && M > 1 ? 1 / (M - 1) : 0;
}

clf_status clf__norm_measure(const clf__pass *p, const clf__norm *n, const clf__norm_memory *k,
                             clf_tensor x, int pixels) {
  if (p->mode != CLF_TRAIN || p->recompute || !n->mean.rank) return CLF_OK;
  const clf_tensor var = n->unbiased ? k->biased : k->bvar;
  CLF_TRY(clf_do(p->dev, bn_stats, .x = x, .mean = k->bmean, .var = var, .pixels = pixels));
  if (n->unbiased) CLF_TRY(mix(p, var, 1 + wider(n, x), 0, k->bvar));
  return blend(p, n, pair(k->bmean), pair(clf__weight(p, &n->mean)), pair(k->mean));
}

clf__statistics clf__norm_statistics(const clf__pass *p, const clf__norm *n,
                                     const clf__norm_memory *k, int32_t channels) {
  const clf_tensor c = clf__weight(p, &n->without), beta = clf__weight(p, &n->beta);
  if (!n->mean.rank)
    return (clf__statistics){.mean = clf__vector(c, 0, channels, 1),
                             .var = clf__vector(c, c.dim[0] / 2, channels, 1)};
  if (p->mode != CLF_TRAIN)
    return (clf__statistics){.mean = clf__weight(p, &n->mean),
                             .var = clf__weight(p, &n->var),
                             .beta = beta,
                             .eps = n->eps};
  return (clf__statistics){.mean = k->mean,
                           .var = k->var,
                           .bmean = n->rho > 0 ? k->bmean : (clf_tensor){0},
                           .beta = beta,
                           .eps = n->eps,
                           .batch = (float)(1 - n->rho)};
}

/* ---- In nets ------------------------------------------------------------------------------ */

clf_status clf__norm_forward(const clf__pass *p, const clf__norm *n, const clf__norm_memory *k,
                             clf_tensor x, int pixels, clf_tensor y) {
  const clf__statistics s = clf__norm_statistics(p, n, k, x.dim[1]);
  return clf_do(p->dev, bn_fwd, .x = x, .mean = s.mean, .var = s.var, .beta = s.beta, .y = y,
                .eps = s.eps, .pixels = pixels);
}

clf_status clf__norm_backward(const clf__pass *p, const clf__norm *n, const clf__norm_memory *k,
                              clf_tensor x, int pixels, int act, clf_tensor dy, float add,
                              clf_tensor dx) {
  const clf__statistics s = clf__norm_statistics(p, n, k, x.dim[1]);
  return clf_do(p->dev, bn_bwd, .x = x, .mean = s.mean, .var = s.var, .bmean = s.bmean,
                .beta = s.beta, .dy = dy, .dx = dx, .dbeta = clf__gradient(p, &n->beta),
                .eps = s.eps, .act = act, .pixels = pixels, .batch = s.batch, .add = add);
}

/* ---- As layers of a flow ------------------------------------------------------------------ */

clf_status clf__norm_flow_forward(const clf__pass *p, const clf__norm *n, const clf__norm_memory *k,
                                  clf_tensor x, int pixels, clf_tensor y, clf_tensor logdet) {
  const clf__statistics s = clf__norm_statistics(p, n, k, x.dim[1]);
  return clf_do(p->dev, bn_flow_fwd, .x = x, .mean = s.mean, .var = s.var, .y = y, .logdet = logdet,
                .eps = s.eps, .pixels = pixels);
}

/* A batch of latents has no statistics of x: the running ones are used. */
clf_status clf__norm_flow_inverse(const clf__pass *p, const clf__norm *n, clf_tensor y, int pixels,
                                  clf_tensor x, clf_tensor logdet) {
  clf__pass running = *p;
  running.mode = CLF_EVAL;
  const clf__statistics s = clf__norm_statistics(&running, n, NULL, y.dim[1]);
  return clf_do(p->dev, bn_flow_inv, .y = y, .mean = s.mean, .var = s.var, .x = x, .logdet = logdet,
                .eps = s.eps, .pixels = pixels);
}

clf_status clf__norm_flow_backward(const clf__pass *p, const clf__norm *n,
                                   const clf__norm_memory *k, clf_tensor x, int pixels,
                                   clf_tensor dy, clf_tensor dx) {
  const clf__statistics s = clf__norm_statistics(p, n, k, x.dim[1]);
  return clf_do(p->dev, bn_flow_bwd, .x = x, .mean = s.mean, .var = s.var, .bmean = s.bmean,
                .dy = dy, .dl = p->each, .dx = dx, .eps = s.eps, .pixels = pixels, .batch = s.batch,
                .wider = (float)(s.batch > 0 ? wider(n, x) : 0), .dlogdet = p->dlogdet);
}

/* The inverse with mean 0: dy = dx sqrt(var + eps). */
clf_status clf__norm_flow_backward_inverse(const clf__pass *p, const clf__norm *n, clf_tensor dx,
                                           int pixels, clf_tensor unused, clf_tensor dy) {
  const clf_tensor none = clf__vector(clf__weight(p, &n->without), 0, dx.dim[1], 1);
  CLF_TRY(clf_do(p->dev, fill, .y = unused, .value = 0));
  return clf_do(p->dev, bn_flow_inv, .y = dx, .mean = none, .var = clf__weight(p, &n->var), .x = dy,
                .logdet = unused, .eps = n->eps, .pixels = pixels);
}
