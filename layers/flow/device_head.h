/* SPDX-License-Identifier: MIT */
/* device_head.h: the head of a flow (bounds, then standardisation; head.c) on the device, for rows
 * that are there already, and the scaling of contexts.  Private. */
#ifndef CLF_DEVICE_HEAD_H
#define CLF_DEVICE_HEAD_H
#include "flow_private.h"

/* Makes memory for calls of up to `rows` rows; it follows the flow's scaling. */
clf_status clf__device_head_reserve(clf_flow *f, int32_t rows);
void clf__device_head_free(clf_flow *f);

/* The context c of n rows, in the units of the data, scaled and embedded; c without a buffer: none.
 */
clf_status clf__device_head_context(clf_flow *f, clf_tensor c);
/* From x in the units of the data to y in the flow's own; logdet[n] += the log-det. */
clf_status clf__device_head_forward(clf_flow *f, clf_tensor x, clf_tensor y, clf_tensor logdet);
/* And back, from y to x, which must not overlap. */
clf_status clf__device_head_inverse(clf_flow *f, clf_tensor y, clf_tensor x, clf_tensor logdet);
/* Rounds x to the grids of discrete columns, and keeps it within the limits of others. */
clf_status clf__device_head_grid(clf_flow *f, clf_tensor x);

#endif
