/* SPDX-License-Identifier: MIT */
/* conv_chain.h: nets that are chains of convolutions, on channels-last images.  Private.
 *
 *   a = dropout(act(bn(value before)))
 *   value = norm(gate(W * a + b + context)) + the value of an earlier layer
 *
 * The value of the last layer is the net's output.  A context enters as in chains of dense layers,
 * with the same numbers at all pixels. */
#ifndef CLF_CONV_CHAIN_H
#define CLF_CONV_CHAIN_H
#include "join.h"
#include "net.h"
#include "unit_norm.h"

typedef struct clf__conv_layer {
  int32_t in, out, kernel; /* in: without the context */
  clf__join join;
  int act;        /* clf_act, of the value before */
  int bn;         /* 1: batch normalisation of the value before */
  double dropout; /* dropout probability in training */
  int norm;   /* 1: scaled and shifted by channel, as actnorm does, initialised from the first batch
               */
  int stream; /* the layer whose value is added, or -1 */
  double spread; /* weights and biases start in -spread .. spread; < 0: 1 / sqrt(inputs) */
  clf__slot weight, bias, log_scale, shift, fitted, mean, var;
  clf__joint joint;
  clf__unit_norm unit_norm;
} clf__conv_layer;

typedef struct clf__conv_chain {
  int count;
  int32_t widest; /* channels of the widest value or input */
  clf__conv_layer *layer;
} clf__conv_chain;

/* Makes n->own a chain of `count` empty layers; n->shape must be an image. */
clf_status clf__conv_chain_new(clf__net *n, int count, clf__conv_chain **chain);
void clf__conv_chain_free(clf__net *n);
static inline clf__conv_chain *clf__conv_chain_of(const clf__net *n) { return n->own; }
/* Adds the arrays of layer l, whose description is set, and n->tensors. */
void clf__conv_chain_add(clf__net *n, clf__slots *slots, int l, const char *path, const char *name,
                         const char *bn);

clf_status clf__conv_chain_plan(const clf__net *n, int32_t rows, int train, clf_arena *a,
                                clf__net_memory *k);
clf_status clf__conv_chain_keep(const clf__net *n, int32_t rows, int train, clf_arena *a,
                                clf__net_memory *k);
clf_status clf__conv_chain_fit(const clf__net *n, const clf__pass *p, clf__net_memory *k,
                               clf_tensor x);
clf_status clf__conv_chain_forward(const clf__net *n, const clf__pass *p, clf__net_memory *k,
                                   clf_tensor x, clf_tensor u);
clf_status clf__conv_chain_backward(const clf__net *n, const clf__pass *p, clf__net_memory *k,
                                    clf_tensor x, clf_tensor du, clf_tensor dx);

#endif
