/* SPDX-License-Identifier: MIT */
/* batchnorm.h: what the batch normalisation layer shares with couplings that are fused with one.
 * Private. */
#ifndef CLF_LAYER_BATCHNORM_H
#define CLF_LAYER_BATCHNORM_H
#include "batch_norm.h"
#include "layer.h"

/* batchnorm(transformed=1). */
extern const clf__layer_ops clf__batchnorm_transformed;

/* Whether layer l is batchnorm(transformed=1); works before it is made. */
int clf__batchnorm_of_transformed(const clf__layer *l);
/* Adds the normalisation that layer l describes, with running statistics under the name of l. */
void clf__batchnorm_add_slots(const clf__layer *l, clf__norm *n, int32_t channels,
                              clf__slots *slots);

#endif
