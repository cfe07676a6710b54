/* SPDX-License-Identifier: MIT */
/* adam.c: one Adam step (Kingma and Ba 2015, algorithm 1); clipping by the global norm. */
#include "ref.h"

static void adam_elements(const void *args, int first, int end) {
  const clf_adam_step_args *p = args;
  const real b1 = p->beta1, b2 = p->beta2;
  for (int i = first; i < end; i++) {
    real *g = at(&p->g, i, 0, 0, 0), *m = at(&p->m, i, 0, 0, 0), *v = at(&p->v, i, 0, 0, 0);
    *m = b1 * *m + (1 - b1) * *g;
    *v = b2 * *v + (1 - b2) * *g * *g;
    *at(&p->w, i, 0, 0, 0) -= p->lr * (*m / p->c1) / (real_sqrt(*v / p->c2) + p->eps);
    *g = 0;
  }
}

CLF_REF(adam_step) {
  (void)scratch;
  in_threads(12.0 * p->w.dim[0], p->w.dim[0], adam_elements, p);
  return CLF_OK;
}

typedef struct scaled {
  real *g, scale;
  ptrdiff_t stride;
} scaled;
static void scale_elements(const void *context, int first, int end) {
  const scaled *c = context;
  const ptrdiff_t stride = c->stride;
  const real scale = c->scale;
  real *g = c->g;
  if (stride == 1)
    for (int i = first; i < end; i++) g[i] *= scale;
  else
    for (int i = first; i < end; i++) g[i * stride] *= scale;
}

CLF_REF(clip_norm) {
  (void)scratch;
  const real square = *at(&p->square, 0, 0, 0, 0), norm = real_sqrt(square);
  const real scale = !isfinite(square) ? NAN : norm > p->most ? p->most / norm : 1;
  const scaled c = {at(&p->g, 0, 0, 0, 0), scale, p->g.stride[0]};
  if (scale == 1) return CLF_OK;
  in_threads(p->g.dim[0], p->g.dim[0], scale_elements, &c);
  return CLF_OK;
}
