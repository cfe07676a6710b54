/* SPDX-License-Identifier: MIT */
/* channels.c: see channels.h. */
#include "channels.h"

clf_status clf__add_logdet_gradient(const clf__pass *p, int32_t n, int32_t times, clf_tensor to) {
  return clf_do(p->dev, logdet_add, .value = p->each, .logdet = to, .factor = p->dlogdet,
                .times = p->each.buf ? times : times * n);
}

clf_status clf__negate(const clf__pass *p, clf_tensor x, clf_tensor y) {
  return clf_do(p->dev, axpby, .x = x, .y = y, .a = 0, .b = -1);
}
