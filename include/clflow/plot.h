/* SPDX-License-Identifier: MIT */
/* plot.h: pictures of flows and of training, as PNG.  A library of its own,
 * clflow_plot, so that programs which draw nothing need no graphics library. */
#ifndef CLFLOW_PLOT_H
#define CLFLOW_PLOT_H
#include "clflow/data.h"
#include "clflow/flow.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A flow of one dimension: its density over a histogram of the data (if any),
 * and the map f.  Of two: the density; the data (if any); samples; the latent grid
 * warped into data space.  ENOTSUP for other dimensions.
 * `data` may be NULL; the view then covers samples. */
CLF_API clf_status clf_plot_flow(clf_flow *flow, const clf_table *data, uint64_t seed,
                                 const char *path);

/* Points of a table of two columns, or a histogram of one. */
CLF_API clf_status clf_plot_table(const clf_table *t, const char *title, const char *path);

/* Loss curves over epochs: `train` and `valid` (may be NULL) are mean log p
 * after each of n epochs. */
CLF_API clf_status clf_plot_training(const double *train, const double *valid, int64_t n,
                                     const char *path);
/* The same of bits per dimension, of which fewer are better. */
CLF_API clf_status clf_plot_bits(const double *train, const double *valid, int64_t n,
                                 const char *path);

#ifdef __cplusplus
}
#endif
#endif
