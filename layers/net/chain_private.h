/* SPDX-License-Identifier: MIT */
/* chain_private.h: the tensors of a chain, for chain.c and chain_backward.c. */
#ifndef CLF_CHAIN_PRIVATE_H
#define CLF_CHAIN_PRIVATE_H
#include "chain.h"

/* A net's tensors: features before the first layer, contributions of the context in a sweep,
 * scratch memory of backward, and then those of each layer; an absent one equals the one before
 * it. */
enum { FEATURES, DFEATURES, CONTEXTS, SCRATCH, SCRATCHES = 4, LAYERS = SCRATCH + SCRATCHES };
typedef enum clf__chain_tensor {
  VALUE, /* the layer's value, unless the next one's activation is fused */
  BEFORE_STATS,
  BEFORE_H,
  BEFORE, /* from the value of the layer before to a */
  ACT,
  DROPPED,
  AFTER_STATS,
  AFTER_H,
  AFTER,
  UNGATED,
  GATE,     /* W a + b and J c + j of a gate */
  DPRODUCT, /* dL/d(W a + b), of nets that may leave gradients of weights to the end of a step */
  CLF_CHAIN_TENSORS
} clf__chain_tensor;

/* The stages from the value of the layer before to a; an absent stage equals the one before it.
 * Of their tensors a pass with the net's input x uses as many rows as x has. */
typedef struct clf__stages {
  int fused; /* ACT was written in place of the value, which there is not */
  int drops; /* dropout is active in this pass */
  int32_t rows;
  const clf_tensor *value, *before, *act, *dropped, *a;
} clf__stages;

clf__stages clf__chain_stages(const clf__net *n, const clf__pass *p, const clf__net_memory *k,
                              int l, const clf_tensor *x);
static inline clf_tensor clf__stage(const clf__stages *s, const clf_tensor *t) {
  return clf__rows(*t, s->rows);
}
clf_tensor clf__chain_tensor_of(const clf__net_memory *k, int l, clf__chain_tensor s, int32_t n);
clf__unit_norm_memory clf__chain_norm(const clf__net_memory *k, int l, int after);

/* y = dropout(x) with the masks of layer l; also for gradients. */
clf_status clf__chain_drop(const clf__net *n, const clf__pass *p, int l, clf_tensor x,
                           clf_tensor y);

/* (masked nets) The degrees of layer l's inputs. */
static inline clf_tensor clf__chain_inputs(const clf__chain *c, const clf__pass *p, int l) {
  return clf__weight(p, l ? &c->layer[l - 1].rank : &c->rank);
}

/* The columns of a layer's weights for its input, and those for the context. */
static inline clf_tensor clf__of_input(const clf__dense_layer *d, clf_tensor w) {
  return clf_slice(w, 1, 0, d->in);
}
static inline clf_tensor clf__of_context(const clf__dense_layer *d, clf_tensor w) {
  return clf_slice(w, 1, d->in, w.dim[1]);
}

#endif
