/* SPDX-License-Identifier: MIT */
/* unit_norm.h: normalisations of the units inside a net: batch normalisation with a gain and a bias
 * for each unit, as PyTorch's BatchNorm1d, and layer normalisation without numbers of its own.
 * Private. */
#ifndef CLF_UNIT_NORM_H
#define CLF_UNIT_NORM_H
#include "pass.h"

typedef enum clf__norm_kind { CLF_NO_NORM, CLF_BATCH_NORM, CLF_LAYER_NORM } clf__norm_kind;

typedef struct clf__unit_norm {
  clf__slot weight, bias, mean, var; /* of a batch norm; mean and var are the running ones */
} clf__unit_norm;

/* Of one pass. */
typedef struct clf__unit_norm_memory {
  clf_tensor stats; /* (2 units) mean and variance of the batch; training alone */
  clf_tensor h, y;  /* (rows, units) normalised; then with gain and bias, batch norm alone */
} clf__unit_norm_memory;

/* Adds the parts of a batch norm. */
void clf__unit_norm_add(clf__slots *slots, clf__unit_norm *norm, int32_t units, const char *name);
/* y = norm(x), to k->h and k->y; *y is where. */
clf_status clf__unit_norm_forward(const clf__pass *p, const clf__unit_norm *norm,
                                  clf__norm_kind kind, const clf__unit_norm_memory *k, clf_tensor x,
                                  clf_tensor *y);
/* dx = add dx + dL/dx, from dy, which a batch norm overwrites with `spare`'s help; adds to
 * gradients. add 1: batch norms alone. */
clf_status clf__unit_norm_backward(const clf__pass *p, const clf__unit_norm *norm,
                                   clf__norm_kind kind, const clf__unit_norm_memory *k,
                                   clf_tensor x, clf_tensor dy, clf_tensor spare, float add,
                                   clf_tensor dx);

#endif
