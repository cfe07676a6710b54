/* SPDX-License-Identifier: MIT */
/* elementwise.c: copy, fill, axpby, scale_rows, add_ratio. */
#include "ref.h"

CLF_LOOP(copy_dense, clf_copy_args, p, n) {
  const int size = p->x.dim[1] * p->x.dim[2] * p->x.dim[3];
  memcpy(at(&p->y, n, 0, 0, 0), at(&p->x, n, 0, 0, 0), (size_t)size * sizeof(real));
}
CLF_LOOP(copy_apart, clf_copy_args, p, n) {
  EACH_OF(&p->x) *at(&p->y, n, c, h, w) = *at(&p->x, n, c, h, w);
}

CLF_REF(copy) {
  (void)scratch;
  const int size = p->x.dim[1] * p->x.dim[2] * p->x.dim[3], order = dense_order(&p->x);
  const int dense = size > 1 && order && order == dense_order(&p->y);
  in_threads((double)clf__count(&p->x), p->x.dim[0], dense ? copy_dense : copy_apart, p);
  return CLF_OK;
}

CLF_REF(fill) {
  (void)scratch;
  real *y = at(&p->y, 0, 0, 0, 0);
  if (clf__dense(&p->y))
    for (size_t i = 0; i < clf__count(&p->y); i++) y[i] = p->value;
  else
    for (int n = 0; n < p->y.dim[0]; n++)
      EACH_OF(&p->y) *at(&p->y, n, c, h, w) = p->value;
  return CLF_OK;
}

CLF_REF_LOOP(axpby, 2.0 * (double)clf__count(&p->x), p->x.dim[0], n) {
  EACH_OF(&p->x) {
    real *y = at(&p->y, n, c, h, w);
    const real ax = p->a * *at(&p->x, n, c, h, w);
    *y = p->b != 0 ? ax + p->b * *y : ax;
  }
}

CLF_REF_LOOP(scale_rows, (double)clf__count(&p->y), p->y.dim[0], n) {
  const real a = *at(&p->a, n, 0, 0, 0);
  EACH_OF(&p->y) *at(&p->y, n, c, h, w) *= a;
}

CLF_REF_LOOP(add_ratio, 2.0 * (double)clf__count(&p->y), p->y.dim[0], n) {
  EACH_OF(&p->y) *at(&p->y, n, c, h, w) += *at(&p->a, n, c, h, w) / *at(&p->b, n, c, h, w);
}
