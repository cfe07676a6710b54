/* SPDX-License-Identifier: MIT */
/* plot.h: plots of flows and of training, as PNG.  A separate library, clflow_plot, so that
 * other programs need no graphics library. */
#ifndef CLFLOW_PLOT_H
#define CLFLOW_PLOT_H
#include "clflow/data.h"
#include "clflow/flow.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Plots a flow.  In one dimension: its density over a histogram of the data (if any), and the
 * map f.  In two: the density; the data (if any); samples; the latent grid mapped to data space.
 * ENOTSUP for other dimensions.  `data` may be NULL; the plot then covers samples. */
CLF_API clf_status clf_plot_flow(clf_flow *flow, const clf_table *data, uint64_t seed,
                                 const char *path);

/* Plots points of a table of two columns, or a histogram of one. */
CLF_API clf_status clf_plot_table(const clf_table *t, const char *title, const char *path);

/* Plots loss curves over epochs: `train` and `valid` (may be NULL) are mean log p after each of
 * n epochs. */
CLF_API clf_status clf_plot_training(const double *train, const double *valid, int64_t n,
                                     const char *path);
/* The same in bits per dimension, where lower is better. */
CLF_API clf_status clf_plot_bits(const double *train, const double *valid, int64_t n,
                                 const char *path);

#ifdef __cplusplus
}
#endif
#endif
