/* SPDX-License-Identifier: MIT */
/* batchnorm.c: batch normalisation as a layer (Dinh et al. 2017, section 3.7; Papamakarios et
 * al. 2017; nflows' BatchNorm): y = w (x - mean) / sqrt(var + eps) + bias, w = softplus(weight)
 * + eps.  In training, mean and unbiased variance are those of the batch, and running statistics
 * are updated; a batch of one row has variance 0.  Otherwise, and in the inverse, the running
 * statistics are used. */
#include "batchnorm.h"
#include <stdlib.h>
#include "arch_private.h"
#include "channel_affine.h"

typedef struct batchnorm {
  clf__norm norm;
  clf__channel_affine affine;
} batchnorm;

/* Tensors of clf__layer_memory: normalised values, a gradient, unused log-dets, and statistics. */
enum { NORMED, GRADIENT, UNUSED, NORM };

static const clf__arch_batchnorm *node_of(const clf__layer *l) {
  return (const clf__arch_batchnorm *)l->node;
}
static const batchnorm *own_of(const clf__layer *l) { return l->own; }

int clf__batchnorm_of_transformed(const clf__layer *l) {
  return l->node && l->node->type->id == CLF__ARCH_batchnorm && node_of(l)->transformed;
}

void clf__batchnorm_add_slots(const clf__layer *l, clf__norm *n, int32_t channels,
                              clf__slots *slots) {
  const clf__arch_batchnorm *a = node_of(l);
  *n = (clf__norm){.eps = (float)a->eps, .momentum = a->momentum, .rho = a->rho};
  clf__slots_add(slots, &n->mean, CLF_STATE, 0, 0, 1, &channels, "%s.running_mean", l->label);
  clf__slots_add(slots, &n->var, CLF_STATE, 1, 0, 1, &channels, "%s.running_var", l->label);
}

static clf_status make(clf__layer *l, clf__slots *slots, const char *path) {
  const int32_t C = clf__channels(l);
  const double one = log(exp(1 - node_of(l)->eps) - 1); /* w = 1 */
  if (node_of(l)->transformed) {
    l->ops = &clf__batchnorm_transformed;
    return l->ops->make(l, slots, path);
  }
  batchnorm *b = l->own = calloc(1, sizeof *b);
  if (!b) return clf__fail(CLF_ENOMEM, "no memory for %s", l->label);
  b->affine.kind = CLF_FACTOR_SOFTPLUS;
  b->affine.eps = (float)node_of(l)->eps;
  clf__slots_add(slots, &b->affine.scale, CLF_PLAIN, one, 0, 1, &C, "%s.weight", path);
  clf__slots_add(slots, &b->affine.shift, CLF_PLAIN, 0, 0, 1, &C, "%s.bias", path);
  clf__batchnorm_add_slots(l, &b->norm, C, slots);
  clf__norm_add_without(slots, &b->norm, C);
  b->norm.unbiased = 1;
  return CLF_OK;
}
static void draw(const clf__layer *l, clf__host_random *r, double *c) {
  (void)r;
  clf__norm_draw(&own_of(l)->norm, c);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static clf_status plan(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                       clf__layer_memory *k) {
  const int32_t whole[4] = {rows, l->in.dim, 1, 1};
  CLF_TRY(clf_new(a, whole, &k->t[NORMED]));
  if (!train) return CLF_OK;
  CLF_TRY(clf_new(a, (int32_t[4]){rows}, &k->t[UNUSED]));
  return clf_new(a, whole, &k->t[GRADIENT]);
}

static clf_status keep(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                       clf__layer_memory *k) {
  (void)rows;
  return clf__norm_keep(&own_of(l)->norm, clf__channels(l), train, a, k->t + NORM);
}

/* ---- Passes ---------------------------------------------------------------------------------- */

static clf_status forward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor x, clf_tensor y, clf_tensor logdet) {
  const batchnorm *b = own_of(l);
  const clf_tensor normed = clf__rows(k->t[NORMED], x.dim[0]), from = clf__by_channel(l, x);
  const clf__norm_memory norm = clf__norm_at(k->t + NORM);
  CLF_TRY(clf__norm_measure(p, &b->norm, &norm, from, CLF_PIXELS_ALL));
  CLF_TRY(clf__norm_flow_forward(p, &b->norm, &norm, from, CLF_PIXELS_ALL,
                                 clf__by_channel(l, normed), logdet));
  return clf__channel_affine_forward(l, p, &b->affine, normed, y, logdet);
}

static clf_status inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                          clf_tensor y, clf_tensor x, clf_tensor logdet) {
  const batchnorm *b = own_of(l);
  const clf_tensor normed = clf__rows(k->t[NORMED], y.dim[0]);
  CLF_TRY(clf__channel_affine_inverse(l, p, &b->affine, y, normed, logdet));
  return clf__norm_flow_inverse(p, &b->norm, clf__by_channel(l, normed), CLF_PIXELS_ALL,
                                clf__by_channel(l, x), logdet);
}

static clf_status backward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                           clf_tensor x, clf_tensor y, clf_tensor dy, clf_tensor dx) {
  const batchnorm *b = own_of(l);
  const clf_tensor normed = clf__rows(k->t[NORMED], x.dim[0]);
  const clf_tensor gradient = clf__rows(k->t[GRADIENT], x.dim[0]);
  const clf__norm_memory norm = clf__norm_at(k->t + NORM);
  (void)y;
  CLF_TRY(clf__channel_affine_backward(l, p, &b->affine, normed, dy, gradient));
  return clf__norm_flow_backward(p, &b->norm, &norm, clf__by_channel(l, x), CLF_PIXELS_ALL,
                                 clf__by_channel(l, gradient), clf__by_channel(l, dx));
}

/* The inverse uses running statistics in training, too, which do not depend on the batch. */
static clf_status backward_inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                                   clf_tensor y, clf_tensor x, clf_tensor dx, clf_tensor dy) {
  const batchnorm *b = own_of(l);
  const int32_t n = x.dim[0];
  const clf_tensor gradient = clf__rows(k->t[GRADIENT], n);
  (void)y;
  CLF_TRY(clf__norm_flow_backward_inverse(p, &b->norm, clf__by_channel(l, dx), CLF_PIXELS_ALL,
                                          clf__rows(k->t[UNUSED], n),
                                          clf__by_channel(l, gradient)));
  return clf__channel_affine_backward_inverse(l, p, &b->affine, clf__rows(k->t[NORMED], n),
                                              gradient, dy);
}

const clf__layer_ops clf__layer_batchnorm = {
    .name = "batchnorm",
    .make = make,
    .unmake = clf__layer_free_own,
    .draw = draw,
    .plan = plan,
    .keep = keep,
    .forward = forward,
    .inverse = inverse,
    .backward = CLF_TRAINS(backward),
    .backward_inverse = CLF_TRAINS(backward_inverse),
    .traits = CLF_HAS_BATCH_STATISTICS,
};
