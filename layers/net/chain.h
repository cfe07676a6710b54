/* SPDX-License-Identifier: MIT */
/* chain.h: nets that are chains of dense layers.  Private.
 *
 * mlp, resnet, made and masked differ only in their lists of layers; they share planning,
 * forward and backward.  A layer reads the value of the one before it (the first one reads the
 * net's input) and computes its own:
 *
 *   a = after(dropout(act(before(value before))))       before, after: normalisations
 *   value = gate(W a + b + context) + the value of an earlier layer
 *
 * The value of the last layer is the net's output. */
#ifndef CLF_CHAIN_H
#define CLF_CHAIN_H
#include "arch_private.h"
#include "join.h"
#include "net.h"
#include "unit_norm.h"

typedef struct clf__dense_layer {
  int32_t in, out;   /* in: without the context */
  int before, after; /* clf__norm_kind */
  int act;           /* clf_act */
  double dropout;    /* dropout probability in training */
  clf__join join;
  int stream;    /* the layer whose value is added, or -1 */
  int is_stream; /* 1: a later layer adds this one's value */
  double spread; /* weights and biases start in -spread .. spread; < 0: 1 / sqrt(inputs) */
  /* (masked nets) A unit sees the inputs whose degree is not above its own.  rank: the degrees of
   * the units as an array. */
  int32_t *in_degree, *out_degree;
  clf__slot rank, weight, bias, mask;
  clf__joint joint;
  clf__unit_norm norm_before, norm_after;
} clf__dense_layer;

typedef struct clf__chain {
  int count;
  clf__dense_layer *layer;
  int join_act;     /* of CLF_JOIN_ACT */
  int32_t widest;   /* units of the widest layer except the last */
  int32_t *degrees; /* (masked nets) memory of all degrees */
  clf__slot ranks;  /* (masked nets) the dimensions in their order */
  clf__slot rank;   /* (masked nets) the degrees of the first layer's inputs as an array */
  int follows;      /* (masked nets) 1: all masks are what the degrees say */
  /* (masked nets) Unit i of each hidden layer has the degree i mod period + from, and units are
   * stored sorted by degree (sorted.h); 0: they do not follow this rule, and are in order. */
  int32_t period, from;
  struct clf__angles *angles; /* features before the first layer */
} clf__chain;

/* Makes n->own a chain of `count` empty layers. */
clf_status clf__chain_new(clf__net *n, int count, clf__chain **chain);
void clf__chain_free(clf__net *n);
static inline clf__chain *clf__chain_of(const clf__net *n) { return n->own; }

/* Adds the arrays of layer l, whose description is set: path.name.weight etc.; those of its join
 * path.join.weight, those of its batch norm path.norm.weight. */
void clf__chain_add(clf__net *n, clf__slots *slots, int l, const char *path, const char *name,
                    const char *join, const char *norm);

/* (masked nets, optional) The inverse of an autoregressive layer, see net.h; and the number of
 * columns for the context's contributions to layers. */
clf_status clf__chain_sweep(const clf__net *n, const clf__pass *p, clf__net_memory *k,
                            const struct clf__map *map, clf_tensor y, clf_tensor x,
                            clf_tensor logdet);
int32_t clf__chain_contexts(const clf__net *n);

/* Masks from degrees, and zeros in masked weights. */
void clf__chain_draw_masks(const clf__net *n, double *c);
void clf__chain_init_masked(const clf__net *n, clf__host_random *r, double *w);

/* Adds u[i mod count] to the bias of output i, see net.h. */
void clf__chain_shift(const clf__net *n, const double *u, int32_t count, double *w);

/* The functions that all such nets share. */
clf_status clf__chain_keep(const clf__net *n, int32_t rows, int train, clf_arena *a,
                           clf__net_memory *k);
clf_status clf__chain_plan(const clf__net *n, int32_t rows, int train, clf_arena *a,
                           clf__net_memory *k);
clf_status clf__chain_finish(const clf__net *n, const clf__pass *p);
clf_status clf__chain_forward(const clf__net *n, const clf__pass *p, clf__net_memory *k,
                              clf_tensor x, clf_tensor u);
clf_status clf__chain_backward(const clf__net *n, const clf__pass *p, clf__net_memory *k,
                               clf_tensor x, clf_tensor du, clf_tensor dx);
/* The same, but dx = beta dx + dL/dx. */
clf_status clf__chain_backward_add(const clf__net *n, const clf__pass *p, clf__net_memory *k,
                                   clf_tensor x, clf_tensor du, float beta, clf_tensor dx);
/* The plan of one of several chains that run one after the other: uses the scratch memory of
 * `shared` unless that is NULL. */
clf_status clf__chain_plan_sharing(const clf__net *n, int32_t rows, int train, clf_arena *a,
                                   clf__net_memory *k, const clf__net_memory *shared);

/* The functions that masked nets share, apart from name, make and draw. */
#define CLF_MASKED_CHAIN                                                                           \
  .unmake = clf__chain_free, .derive = clf__degrees_derive, .init = clf__chain_init_masked,        \
  .shift = clf__chain_shift, .plan = clf__chain_plan, .finish = CLF_TRAINS(clf__chain_finish),     \
  .forward = clf__chain_forward, .backward = CLF_TRAINS(clf__chain_backward),                      \
  .sweep = clf__chain_sweep

extern const clf__net_ops clf__net_mlp, clf__net_resnet, clf__net_made, clf__net_masked;

/* The activation of a word of arch.def. */
int clf__net_act(int word);

#endif
