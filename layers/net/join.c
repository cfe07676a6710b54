/* SPDX-License-Identifier: MIT */
/* join.c: see join.h. */
#include "join.h"
#include <math.h>

void clf__linear_add(clf__slots *slots, clf__slot *weight, clf__slot *bias, int32_t in, int32_t out,
                     double spread, const char *name) {
  const double s = spread < 0 ? 1 / sqrt(in) : spread;
  clf__slots_add(slots, weight, CLF_PLAIN, 0, s, 2, (int32_t[2]){out, in}, "%s.weight", name);
  weight->is_factor = 1;
  clf__slots_add(slots, bias, CLF_PLAIN, 0, s, 1, &out, "%s.bias", name);
}

clf_status clf__joint_forward(const clf__pass *p, const clf__joint *j, int act, clf_tensor y) {
  const clf__factor w = clf__factor_of(p, &j->weight);
  return clf_do(p->dev, gemm, .a = p->c, .b = w.b, .bias = clf__weight(p, &j->bias), .c = y,
                .tb = w.tb, .act = act, .alpha = 1);
}

clf_status clf__joint_backward(const clf__pass *p, const clf__joint *j, clf_tensor dy) {
  if (p->gradients.w.buf) {
    CLF_TRY(clf_do(p->dev, gemm, .a = dy, .b = p->c, .c = clf__gradient(p, &j->weight), .ta = 1,
                   .alpha = 1, .beta = 1));
    CLF_TRY(clf_do(p->dev, sum_rows, .x = dy, .y = clf__gradient(p, &j->bias), .beta = 1));
  }
  if (!p->dc.buf) return CLF_OK;
  return clf_do(p->dev, gemm, .a = dy, .b = clf__weight(p, &j->weight), .c = p->dc, .alpha = 1,
                .beta = 1);
}
