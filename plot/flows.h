/* SPDX-License-Identifier: MIT */
/* flows.h: plots of flows, by dimension.  Private. */
#ifndef CLF_PLOT_FLOWS_H
#define CLF_PLOT_FLOWS_H
#include "view.h"

/* The input of a plot of a flow; data may be NULL. */
typedef struct clf__scene {
  clf_flow *flow;
  const clf_table *data;
  uint64_t seed;
  char title[256], subtitle[256];
} clf__scene;

/* Begin the figure; on success the caller saves and ends it. */
clf_status clf__draw_flow1(const clf__scene *s, clf__chart *c);
clf_status clf__draw_flow2(const clf__scene *s, clf__chart *c);

#endif
