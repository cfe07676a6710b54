/* SPDX-License-Identifier: MIT */
/* control.h: the layer of layer.h, which the loader loads too, in the hands of a test. */
#ifndef CLF_FAULT_CONTROL_H
#define CLF_FAULT_CONTROL_H
#include "layer.h"

/* Its functions, once find_layer() has found them. */
extern clf_fault_arm_fn *arm;
extern clf_fault_above_fn *above;
extern clf_fault_answer_fn *answer;
extern clf_fault_count_fn *count_calls;
extern clf_fault_alive_fn *alive;

void find_layer(void);

/* Nothing fails from here on; what was counted since it was armed. */
void disarm(long *calls, long *failed);

#endif
