/* SPDX-License-Identifier: MIT */
/* activation.c: gradients of activations, from their outputs. */
#include "ref.h"

CLF_REF(act_bwd) {
  (void)scratch;
  PARALLEL_FOR(4.0 * (double)clf__count(&p->y), int n = 0; n < p->y.dim[0]; n++)
    EACH_OF(&p->y) {
      const real y = *at(&p->y, n, c, h, w), dy = *at(&p->dy, n, c, h, w);
      *at(&p->dx, n, c, h, w) = p->act == 1 ? dy * (1 - y * y) : p->act == 2 && y <= 0 ? 0 : dy;
    }
  return CLF_OK;
}
