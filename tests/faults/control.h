/* SPDX-License-Identifier: MIT */
/* control.h: functions of the layer of layer.h, called by a test; the loader loads the same
 * library. */
#ifndef CLF_FAULT_CONTROL_H
#define CLF_FAULT_CONTROL_H
#include "layer.h"

/* Functions of the layer, set by find_layer(). */
extern clf_fault_arm_fn *arm;
extern clf_fault_above_fn *above;
extern clf_fault_answer_fn *answer;
extern clf_fault_count_fn *count_calls;
extern clf_fault_alive_fn *alive;

void find_layer(void);

/* Disarms the layer; returns the calls that were counted since it was armed. */
void disarm(long *calls, long *failed);

#endif
