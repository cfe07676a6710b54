/* SPDX-License-Identifier: MIT */
/* normal.c: log-density under N(0, I), and the loss of maximum likelihood. */
#include "ref.h"

static const double log_2pi = 1.8378770664093454836;

CLF_REF_LOOP(normal_logp, 2.0 * (double)clf__count(&p->z), p->z.dim[0], n) {
  const double constant = 0.5 * log_2pi * p->z.dim[1] * p->z.dim[2] * p->z.dim[3];
  double square = 0;
  EACH_OF(&p->z) square += (double)*at(&p->z, n, c, h, w) * (double)*at(&p->z, n, c, h, w);
  *at(&p->logp, n, 0, 0, 0) = (real)((double)*at(&p->logdet, n, 0, 0, 0) - 0.5 * square - constant);
}

CLF_REF(normal_nll) {
  (void)scratch;
  const double constant = 0.5 * log_2pi * p->z.dim[1] * p->z.dim[2] * p->z.dim[3];
  double loss = 0;
  for (int n = 0; n < p->z.dim[0]; n++) {
    double square = 0;
    EACH_OF(&p->z) {
      const real z = *at(&p->z, n, c, h, w);
      *at(&p->dz, n, c, h, w) = p->weight * z;
      square += (double)z * (double)z;
    }
    loss += 0.5 * square + constant - (double)*at(&p->logdet, n, 0, 0, 0);
    *at(&p->logdet, n, 0, 0, 0) = 0;
  }
  *at(&p->loss, 0, 0, 0, 0) = (real)((double)p->weight * loss);
  return CLF_OK;
}
