/* SPDX-License-Identifier: MIT */
/* unit_norm.h: normalisations of the units inside a net: batch normalisation with gain and bias
 * per unit, as PyTorch's BatchNorm1d, and layer normalisation without parameters.  Private. */
#ifndef CLF_UNIT_NORM_H
#define CLF_UNIT_NORM_H
#include "pass.h"

typedef enum clf__norm_kind { CLF_NO_NORM, CLF_BATCH_NORM, CLF_LAYER_NORM } clf__norm_kind;

typedef struct clf__unit_norm {
  clf__slot weight, bias, mean, var; /* of batch norm; mean and var are the running ones */
} clf__unit_norm;

/* Of one pass. */
typedef struct clf__unit_norm_memory {
  clf_tensor stats; /* (2 units) mean and variance of the batch; only in training */
  clf_tensor h, y;  /* (rows, units) normalised; then with gain and bias, for batch norm */
} clf__unit_norm_memory;

/* Adds the arrays of a batch norm. */
void clf__unit_norm_add(clf__slots *slots, clf__unit_norm *norm, int32_t units, const char *name);
/* y = norm(x), to k->h and k->y; *y is the one with the result. */
clf_status clf__unit_norm_forward(const clf__pass *p, const clf__unit_norm *norm,
                                  clf__norm_kind kind, const clf__unit_norm_memory *k, clf_tensor x,
                                  clf_tensor *y);
/* dx = add dx + dL/dx, from dy, which batch norm overwrites, using `spare`; adds to gradients.
 * add = 1: only batch norm. */
clf_status clf__unit_norm_backward(const clf__pass *p, const clf__unit_norm *norm,
                                   clf__norm_kind kind, const clf__unit_norm_memory *k,
                                   clf_tensor x, clf_tensor dy, clf_tensor spare, float add,
                                   clf_tensor dx);

#endif
