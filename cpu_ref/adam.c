/* SPDX-License-Identifier: MIT */
/* adam.c: one Adam step (Kingma and Ba 2015, algorithm 1). */
#include "ref.h"

CLF_REF(adam_step) {
  (void)scratch;
  const real b1 = p->beta1, b2 = p->beta2;
  PARALLEL_FOR(12.0 * p->w.dim[0], int i = 0; i < p->w.dim[0]; i++) {
    real *g = at(&p->g, i, 0, 0, 0), *m = at(&p->m, i, 0, 0, 0), *v = at(&p->v, i, 0, 0, 0);
    *m = b1 * *m + (1 - b1) * *g;
    *v = b2 * *v + (1 - b2) * *g * *g;
    *at(&p->w, i, 0, 0, 0) -= p->lr * (*m / p->c1) / (real_sqrt(*v / p->c2) + p->eps);
    *g = 0;
  }
  return CLF_OK;
}
