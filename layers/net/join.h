/* SPDX-License-Identifier: MIT */
/* join.h: how a context c enters a layer of a net: by a linear map J c + j of its own, or among the
 * inputs.  Private. */
#ifndef CLF_JOIN_H
#define CLF_JOIN_H
#include "pass.h"

typedef enum clf__join {
  CLF_JOIN_NONE,
  CLF_JOIN_INPUT, /* columns of W after those of the net's input; only in the first layer */
  CLF_JOIN_ADD,   /* + J c + j */
  CLF_JOIN_ACT,   /* + act(J c + j) */
  CLF_JOIN_GATE   /* (W a + b) sigmoid(J c + j) */
} clf__join;

typedef struct clf__joint {
  clf__slot weight, bias; /* J (out, C), j (out) */
} clf__joint;

/* Adds name.weight (out, in) and name.bias (out), which start in -spread .. spread; spread < 0:
 * 1 / sqrt(in). */
void clf__linear_add(clf__slots *slots, clf__slot *weight, clf__slot *bias, int32_t in, int32_t out,
                     double spread, const char *name);

/* y = act(J c + j), (n, out). */
clf_status clf__joint_forward(const clf__pass *p, const clf__joint *j, int act, clf_tensor y);
/* From dL/d(J c + j), (n, out): adds to the gradients of J and j and to p->dc, if they are
 * computed.
 */
clf_status clf__joint_backward(const clf__pass *p, const clf__joint *j, clf_tensor dy);

#endif
