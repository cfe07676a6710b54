/* SPDX-License-Identifier: MIT */
/* mixture_private.h: fits of mixtures that only the search for a density needs. */
#ifndef CLF_MIXTURE_PRIVATE_H
#define CLF_MIXTURE_PRIVATE_H
#include "clflow/mixture.h"

/* How a mixture is fitted; all 0: by EM alone. */
typedef struct clf__mixture_form {
  /* Elements of full covariances off the diagonal are multiplied by 1 - shrink after each iteration
   * (Ledoit and Wolf 2004): with few rows for the number of columns a covariance is close to
   * singular, and log p of new rows is without bound.  0 to 1. */
  double shrink;
  /* Full covariances are a diagonal one plus one of this rank (factor analysis), which suits many
   * columns that have few common causes; 0: any covariance. */
  int32_t factors;
  /* Above 0: no EM, but a kernel density estimate.  The components are evenly spaced rows, as many
   * as there are rows at most, and `width` is their standard deviation in each dimension of the
   * latents, or a multiple of the distance to the nearest of the others by number `neighbour`
   * (Breiman, Meisel and Purcell 1977), divided by the square root of the number of dimensions. */
  double width;
  int neighbour; /* 0: the same standard deviation for all */
  int continues; /* 1: EM of all rows begins with the mixture that the base is */
} clf__mixture_form;

/* clf_mixture_fit() in one of these forms. */
clf_status clf__mixture_fit_as(clf_flow *flow, const clf_train_data *data,
                               const clf_mixture_options *options, const clf__mixture_form *form,
                               clf_mixture_result *result);

#endif
