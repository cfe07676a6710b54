/* SPDX-License-Identifier: MIT */
/* chain.h: nets that are chains of dense layers.  Private.
 *
 * mlp, resnet, made and masked differ in their lists of layers alone; planning, forward and
 * backward are the same code for all.  A layer takes the value of the one before it, the first one
 * the net's input, and makes its own:
 *
 *   a = after(dropout(act(before(value before))))       before, after: normalisations
 *   value = gate(W a + b + context) + the value of an earlier layer
 *
 * and the last one's value is the net's output. */
#ifndef CLF_CHAIN_H
#define CLF_CHAIN_H
#include "arch_private.h"
#include "net.h"
#include "unit_norm.h"

/* How the context c enters a layer, by a linear map J c + j of its own unless it is among the
 * inputs. */
typedef enum clf__join {
  CLF_JOIN_NONE,
  CLF_JOIN_INPUT, /* columns of W behind those of the net's input; the first layer's alone */
  CLF_JOIN_ADD,   /* + J c + j */
  CLF_JOIN_ACT,   /* + act(J c + j) */
  CLF_JOIN_GATE   /* (W a + b) sigmoid(J c + j) */
} clf__join;

typedef struct clf__dense_layer {
  int32_t in, out;   /* in: without the context */
  int before, after; /* clf__norm_kind */
  int act;           /* clf_act */
  double dropout;    /* share of the activations that training drops */
  clf__join join;
  int stream;    /* the layer whose value is added, or -1 */
  int is_stream; /* 1: a later layer adds this one's value */
  double spread; /* weights and biases start in -spread .. spread; < 0: 1 / sqrt(inputs) */
  /* (masked nets) A unit sees the inputs whose degree is not above its own. */
  int32_t *in_degree, *out_degree;
  clf__slot weight, bias, mask, join_weight, join_bias;
  clf__unit_norm norm_before, norm_after;
} clf__dense_layer;

typedef struct clf__chain {
  int count;
  clf__dense_layer *layer;
  int join_act;     /* of CLF_JOIN_ACT */
  int32_t widest;   /* units of the widest layer but the last */
  int32_t *degrees; /* (masked nets) memory of all degrees */
  clf__slot ranks;  /* (masked nets) the dimensions in their order */
  /* (masked nets) Unit i of each hidden layer has the degree i mod period + from; 0: it has not. */
  int32_t period, from;
  struct clf__angles *angles; /* features in front of the first layer */
} clf__chain;

/* Makes n->own a chain of `count` layers without anything. */
clf_status clf__chain_new(clf__net *n, int count, clf__chain **chain);
void clf__chain_free(clf__net *n);
static inline clf__chain *clf__chain_of(const clf__net *n) { return n->own; }

/* Adds the parts of layer l, whose description is set: named path.name.weight and so on; those of
 * its join path.join.weight, those of its batch norm path.norm.weight. */
void clf__chain_add(clf__net *n, clf__slots *slots, int l, const char *path, const char *name,
                    const char *join, const char *norm);

/* (masked nets, optional) The inverse of an autoregressive layer, as net.h has it; and how many
 * columns what the context adds to layers has in it. */
clf_status clf__chain_sweep(const clf__net *n, const clf__pass *p, clf__net_memory *k,
                            const struct clf__map *map, clf_tensor y, clf_tensor x,
                            clf_tensor logdet);
int32_t clf__chain_contexts(const clf__net *n);

/* Masks from degrees, and zeros where they have zeros. */
void clf__chain_draw_masks(const clf__net *n, double *c);
void clf__chain_init_masked(const clf__net *n, clf__host_random *r, double *w);

/* Adds u[i mod count] to the bias of output i, as net.h has it. */
void clf__chain_shift(const clf__net *n, const double *u, int32_t count, double *w);

/* What all such nets do. */
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
/* The same plan for one of several chains that run one after the other: scratch memory is that of
 * `shared`, where it is not NULL. */
clf_status clf__chain_plan_sharing(const clf__net *n, int32_t rows, int train, clf_arena *a,
                                   clf__net_memory *k, const clf__net_memory *shared);

extern const clf__net_ops clf__net_mlp, clf__net_resnet, clf__net_made, clf__net_masked;

/* The activation that a word of arch.def names. */
int clf__net_act(int word);

#endif
