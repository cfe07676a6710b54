/* SPDX-License-Identifier: MIT */
/* batchnorm.h: what batch normalisation as a layer shares with a coupling that is fused with it.
 * Private. */
#ifndef CLF_LAYER_BATCHNORM_H
#define CLF_LAYER_BATCHNORM_H
#include "batch_norm.h"
#include "layer.h"

/* batchnorm(transformed=1). */
extern const clf__layer_ops clf__batchnorm_part;

/* Whether layer l is batchnorm(transformed=1), as which it need not be made yet. */
int clf__batchnorm_of_transformed(const clf__layer *l);
/* The normalisation as layer l describes it, with running statistics under its name. */
void clf__batchnorm_add_parts(const clf__layer *l, clf__norm *n, int32_t channels,
                              clf__parts *parts);

#endif
