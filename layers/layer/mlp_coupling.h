/* SPDX-License-Identifier: MIT */
/* mlp_coupling.h: the fused and the unfused version of couplings with small nets; mlp_coupling.c
 * chooses.  Private.
 *
 * Layers l[0] .. l[count - 1] of a flow's list run together, where `count` is that of l. */
#ifndef CLF_MLP_COUPLING_H
#define CLF_MLP_COUPLING_H
#include "layer.h"

/* The arrays of a coupling: its mask b (1: identity), and a row with all its weights. */
typedef struct clf__mlp_own {
  clf__slot b, row;
  int fused;                                /* 1: fused, because matrix products would be slower */
  clf__slot S1, s1, S2, s2, T1, t1, T2, t2; /* views of the row: matrices, biases */
} clf__mlp_own;

/* Whether the couplings are additive, as NICE's: then there is no net for the scale. */
int clf__mlp_adds(const clf__layer *l);
/* Whether whole training steps may be fused, if that is faster. */
int clf__mlp_in_steps(void);
clf_tensor clf__mlp_masks(const clf__layer *l, const clf__vectors *v); /* (count, D) */
/* Whether forward, loss and backward of a flow with only these layers are one operation; and
 * that operation: the loss of rows x with weight `weight` each, whose gradient is added. */
int clf__mlp_has_nll(const clf__layer *l);
clf_status clf__mlp_nll(const clf__layer *l, const clf__pass *p, clf_tensor x, clf_tensor loss,
                        float weight);

/* The version with matrix products. */
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
/* Runs the couplings of a flow as matrix products from now on, or (unfuse = 0) as is fastest
 * again: the operation for all couplings has no gradient through the inverse.  The workspace
 * must be recreated afterwards. */
void clf__mlp_unfuse(clf__layer *l, int unfuse);

#endif
