/* SPDX-License-Identifier: MIT */
/* mlp_coupling.h: the two ways to run couplings with small networks; mlp_coupling.c chooses.
 * Private.
 *
 * Layers l[0] .. l[count - 1] of a flow's list run together, where `count` is that of l. */
#ifndef CLF_MLP_COUPLING_H
#define CLF_MLP_COUPLING_H
#include "layer.h"

/* A coupling's parts: its mask b (1: kept), and a row of all its numbers. */
typedef struct clf__mlp_own {
  clf__slot b, row;
  int fused; /* 1: one launch, where matrix products do not pay for theirs */
  clf__slot S1, s1, S2, s2, T1, t1, T2, t2; /* views of the row: matrices, biases */
} clf__mlp_own;

/* Whether they only add, as NICE's do: then there is no net for the scale. */
int clf__mlp_adds(const clf__layer *l);
/* Whether whole training steps may be fused, where that pays. */
int clf__mlp_in_steps(void);
clf_tensor clf__mlp_masks(const clf__layer *l, const clf__vectors *v); /* (count, D) */
/* Whether forward, loss and backward of a flow of these layers alone are one operation; and it: the
 * loss of rows x that count `weight` each, its gradient added. */
int clf__mlp_has_nll(const clf__layer *l);
clf_status clf__mlp_nll(const clf__layer *l, const clf__pass *p, clf_tensor x, clf_tensor loss,
                        float weight);

/* By matrix products. */
clf_status clf__unfused_plan(const clf__layer *l, int32_t rows, int train, clf_arena *a,
                             clf__layer_memory *k);
clf_status clf__unfused_forward(const clf__layer *l, const clf__pass *p, const clf__layer_memory *k,
                                clf_tensor x, clf_tensor y, clf_tensor logdet);
clf_status clf__unfused_inverse(const clf__layer *l, const clf__pass *p, const clf__layer_memory *k,
                                clf_tensor y, clf_tensor x, clf_tensor logdet);
clf_status clf__unfused_backward(const clf__layer *l, const clf__pass *p,
                                 const clf__layer_memory *k, clf_tensor y, clf_tensor dy,
                                 clf_tensor dx);
/* The gradient through the inverse, at its solution x; only with stored activations. */
clf_status clf__unfused_backward_inverse(const clf__layer *l, const clf__pass *p,
                                         const clf__layer_memory *k, clf_tensor x, clf_tensor dx,
                                         clf_tensor dy);
/* Runs the couplings of a flow by matrix products from here on, or again as is best: what one
 * operation does for all couplings has no gradient through the inverse.  The workspace has to be
 * made anew. */
void clf__mlp_unfuse(clf__layer *l, int unfuse);

#endif
