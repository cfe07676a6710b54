/* SPDX-License-Identifier: MIT */
/* direction.c: passes in list direction: the forward pass of an inverted layer is its inverse. */
#include "layer.h"

clf_status clf__layer_forward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                              clf_tensor x, clf_tensor y, clf_tensor logdet) {
  return l->inverted ? l->ops->inverse(l, p, k, x, y, logdet)
                     : l->ops->forward(l, p, k, x, y, logdet);
}
clf_status clf__layer_inverse(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                              clf_tensor y, clf_tensor x, clf_tensor logdet) {
  return l->inverted ? l->ops->forward(l, p, k, y, x, logdet)
                     : l->ops->inverse(l, p, k, y, x, logdet);
}
static clf_status no_gradient(const clf__layer *l) {
  return clf__fail(CLF_ENOTSUP, "%s: there is no gradient through the inverse of %s", l->label,
                   l->ops->name);
}
clf_status clf__layer_backward(const clf__layer *l, const clf__pass *p, clf__layer_memory *k,
                               clf_tensor x, clf_tensor y, clf_tensor dy, clf_tensor dx) {
  if (!l->inverted) return l->ops->backward(l, p, k, x, y, dy, dx);
  if (!l->ops->backward_inverse) return no_gradient(l);
  return l->ops->backward_inverse(l, p, k, x, y, dy, dx);
}
clf_status clf__layer_backward_inverse(const clf__layer *l, const clf__pass *p,
                                       clf__layer_memory *k, clf_tensor y, clf_tensor x,
                                       clf_tensor dx, clf_tensor dy) {
  if (l->inverted) return l->ops->backward(l, p, k, y, x, dx, dy);
  if (!l->ops->backward_inverse) return no_gradient(l);
  return l->ops->backward_inverse(l, p, k, y, x, dx, dy);
}
