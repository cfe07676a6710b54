/* SPDX-License-Identifier: MIT */
/* shrunk.h: EM whose covariances are shrunk towards their diagonals.  Private. */
#ifndef CLF_SHRUNK_H
#define CLF_SHRUNK_H
#include "clflow/mixture.h"

/* clf_mixture_fit() with the elements of full covariances off the diagonal multiplied by
 * 1 - shrink after each iteration (Ledoit and Wolf 2004): with few rows for the number of columns a
 * covariance is close to singular, and log p of new rows is without bound.  shrink: 0 to 1. */
clf_status clf__mixture_fit_shrunk(clf_flow *flow, const clf_train_data *data,
                                   const clf_mixture_options *options, double shrink,
                                   clf_mixture_result *result);

#endif
