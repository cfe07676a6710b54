/* SPDX-License-Identifier: MIT */
/* norm.c: batch normalisation in image flows: which statistics a pass uses, and how the
 * running ones move.
 *
 * In training a batch is normalised by its own mean and variance, or with rho > 0 by
 * rho times the running ones plus 1 - rho times its own (Dinh et al. 2017, section 3.7);
 * gradients go through the batch's part.  Elsewhere the running ones serve.  A flow
 * without normalisation has neither: a mean of 0 and a variance of 1 stand in. */
#include "image.h"

static const float epsilon = 1e-4f; /* var in files excludes it */

void clf__norm_build(clf__parts *p, clf__norm *n, int32_t channels, int with_beta,
                     const char *name) {
  if (with_beta) clf__parts_add(p, &n->beta, CLF_PLAIN, 0, 0, 1, &channels, "%s.beta", name);
  clf__parts_add(p, &n->mean, CLF_STATE, 0, 0, 1, &channels, "%s.mean", name);
  clf__parts_add(p, &n->var, CLF_STATE, 1, 0, 1, &channels, "%s.var", name);
}

/* Mean and variance lie one behind the other wherever they are, so that both move in one call. */
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

clf_status clf__norm_plan(const clf__layer *l, int32_t channels, clf_arena *a, clf__norm_kept *k) {
  if (l->spec.variant.no_norm) return CLF_OK;
  CLF_TRY(new_pair(a, channels, &k->bmean, &k->bvar));
  k->mean = k->bmean;
  k->var = k->bvar;
  return l->spec.variant.bn_rho == 0 ? CLF_OK : new_pair(a, channels, &k->mean, &k->var);
}

/* ---- Statistics -------------------------------------------------------------------------- */

/* to = a x + b to, where b = 0 replaces it. */
static clf_status mix(const clf__image_pass *p, clf_tensor x, double a, double b, clf_tensor to) {
  return clf_do(p->dev, axpby, .x = x, .y = to, .a = (float)a, .b = (float)b);
}

/* used = rho running + (1 - rho) batch, then the batch moves the running ones. */
static clf_status blend(const clf__image_pass *p, clf_tensor batch, clf_tensor running,
                        clf_tensor used) {
  const double rho = p->l->spec.variant.bn_rho;
  const double momentum = p->pass->momentum > 0 ? p->pass->momentum : 0.1;
  if (rho > 0) {
    CLF_TRY(mix(p, running, rho, 0, used));
    CLF_TRY(mix(p, batch, 1 - rho, 1, used));
  }
  return mix(p, batch, momentum, 1 - momentum, running);
}

clf_status clf__norm_measure(const clf__image_pass *p, const clf__norm *n, const clf__norm_kept *k,
                             clf_tensor x, int pixels) {
  if (p->mode != CLF_TRAIN || p->again || !n->mean.rank) return CLF_OK;
  CLF_TRY(clf_do(p->dev, bn_stats, .x = x, .mean = k->bmean, .var = k->bvar, .pixels = pixels));
  return blend(p, pair(k->bmean), pair(clf__weight(p->pass, &n->mean)), pair(k->mean));
}

void clf__norm_add_constants(clf__parts *p, clf__part *constants, int32_t most_channels) {
  const int32_t both = 2 * most_channels;
  clf__parts_add(p, constants, CLF_CONSTANT, 0, 0, 1, &both, NULL);
}
void clf__norm_init_constants(const clf__part *constants, double *c) {
  const int32_t both = constants->dim[0];
  for (int32_t i = 0; i < both; i++) c[constants->at + i] = i >= both / 2;
}

clf__statistics clf__norm_statistics(const clf__image_pass *p, const clf__norm *n,
                                     const clf__norm_kept *k, int32_t channels) {
  const double rho = p->l->spec.variant.bn_rho;
  const clf_tensor c = clf__weight(p->pass, p->constants), beta = clf__weight(p->pass, &n->beta);
  if (!n->mean.rank)
    return (clf__statistics){.mean = clf__vector(c, 0, channels, 1),
                             .var = clf__vector(c, c.dim[0] / 2, channels, 1)};
  if (p->mode != CLF_TRAIN)
    return (clf__statistics){.mean = clf__weight(p->pass, &n->mean),
                             .var = clf__weight(p->pass, &n->var),
                             .beta = beta,
                             .eps = epsilon};
  return (clf__statistics){.mean = k->mean,
                           .var = k->var,
                           .bmean = rho > 0 ? k->bmean : (clf_tensor){0},
                           .beta = beta,
                           .eps = epsilon,
                           .batch = (float)(1 - rho)};
}

/* ---- In networks -------------------------------------------------------------------------- */

clf_status clf__norm_forward(const clf__image_pass *p, const clf__norm *n, const clf__norm_kept *k,
                             clf_tensor x, int pixels, clf_tensor y) {
  const clf__statistics s = clf__norm_statistics(p, n, k, x.dim[1]);
  return clf_do(p->dev, bn_fwd, .x = x, .mean = s.mean, .var = s.var, .beta = s.beta, .y = y,
                .eps = s.eps, .pixels = pixels);
}

clf_status clf__norm_backward(const clf__image_pass *p, const clf__norm *n, const clf__norm_kept *k,
                              clf_tensor x, int pixels, int act, clf_tensor dy, float add,
                              clf_tensor dx) {
  const clf__statistics s = clf__norm_statistics(p, n, k, x.dim[1]);
  return clf_do(p->dev, bn_bwd, .x = x, .mean = s.mean, .var = s.var, .bmean = s.bmean,
                .beta = s.beta, .dy = dy, .dx = dx, .dbeta = clf__gradient(p->pass, &n->beta),
                .eps = s.eps, .act = act, .pixels = pixels, .batch = s.batch, .add = add);
}

/* ---- As layers of the flow ---------------------------------------------------------------- */

clf_status clf__norm_flow_forward(const clf__image_pass *p, const clf__norm *n,
                                  const clf__norm_kept *k, clf_tensor x, int pixels, clf_tensor y,
                                  clf_tensor logdet) {
  const clf__statistics s = clf__norm_statistics(p, n, k, x.dim[1]);
  return clf_do(p->dev, bn_flow_fwd, .x = x, .mean = s.mean, .var = s.var, .y = y, .logdet = logdet,
                .eps = s.eps, .pixels = pixels);
}

clf_status clf__norm_flow_inverse(const clf__image_pass *p, const clf__norm *n, clf_tensor y,
                                  int pixels, clf_tensor x, clf_tensor logdet) {
  const clf__statistics s = clf__norm_statistics(p, n, NULL, y.dim[1]);
  return clf_do(p->dev, bn_flow_inv, .y = y, .mean = s.mean, .var = s.var, .x = x, .logdet = logdet,
                .eps = s.eps, .pixels = pixels);
}

clf_status clf__norm_flow_backward(const clf__image_pass *p, const clf__norm *n,
                                   const clf__norm_kept *k, clf_tensor x, int pixels, clf_tensor dy,
                                   float dlogdet, clf_tensor dx) {
  const clf__statistics s = clf__norm_statistics(p, n, k, x.dim[1]);
  return clf_do(p->dev, bn_flow_bwd, .x = x, .mean = s.mean, .var = s.var, .bmean = s.bmean,
                .dy = dy, .dx = dx, .eps = s.eps, .pixels = pixels, .batch = s.batch,
                .dlogdet = dlogdet);
}
