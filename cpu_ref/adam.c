/* SPDX-License-Identifier: MIT */
/* adam.c: one Adam step (Kingma and Ba 2015, algorithm 1); clipping by the global norm. */
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

CLF_REF(clip_norm) {
  (void)scratch;
  const real square = *at(&p->square, 0, 0, 0, 0), norm = real_sqrt(square);
  const real scale = !isfinite(square) ? NAN : norm > p->most ? p->most / norm : 1;
  real *g = at(&p->g, 0, 0, 0, 0);
  const ptrdiff_t stride = p->g.stride[0];
  const int n = p->g.dim[0];
  if (scale == 1) return CLF_OK;
  if (stride == 1)
    PARALLEL_FOR((double)n, int i = 0; i < n; i++) g[i] *= scale;
  else
    PARALLEL_FOR((double)n, int i = 0; i < n; i++) g[i * stride] *= scale;
  return CLF_OK;
}
