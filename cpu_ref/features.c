/* SPDX-License-Identifier: MIT */
/* features.c: angles as periodic features. */
#include "ref.h"

static inline real real_cos(real x) { return (real)cos((double)x); }
static inline real real_sin(real x) { return (real)sin((double)x); }

CLF_REF_LOOP(angles_fwd, 60.0 * (double)clf__count(&p->x), p->x.dim[0], n) {
  const int d = p->x.dim[1];
  for (int k = 0; k < d; k++) {
    const real angle = *at(&p->scale, k, 0, 0, 0) * *at(&p->x, n, k, 0, 0);
    *at(&p->y, n, k, 0, 0) = real_cos(angle);
    *at(&p->y, n, d + k, 0, 0) = real_sin(angle);
  }
}

CLF_REF_LOOP(angles_bwd, 4.0 * (double)clf__count(&p->dx), p->dx.dim[0], n) {
  const int d = p->dx.dim[1];
  for (int k = 0; k < d; k++)
    *at(&p->dx, n, k, 0, 0) =
        *at(&p->scale, k, 0, 0, 0) * (*at(&p->y, n, k, 0, 0) * *at(&p->dy, n, d + k, 0, 0) -
                                      *at(&p->y, n, d + k, 0, 0) * *at(&p->dy, n, k, 0, 0));
}

CLF_REF_LOOP(angles_mix_fwd, 3.0 * (double)clf__count(&p->y), p->y.dim[0], n) {
  const int d = p->y.dim[1];
  for (int k = 0; k < d; k++)
    *at(&p->y, n, k, 0, 0) = *at(&p->w, k, 0, 0, 0) * *at(&p->a, n, d + k, 0, 0) +
                             *at(&p->w, k, 1, 0, 0) * *at(&p->a, n, k, 0, 0);
}

/* One angle at a time, so that sums have a fixed order. */
CLF_REF_LOOP(angles_mix_bwd, 6.0 * (double)clf__count(&p->dy), p->dy.dim[1], k) {
  const int d = p->dy.dim[1];
  const real by_sin = *at(&p->w, k, 0, 0, 0), by_cos = *at(&p->w, k, 1, 0, 0);
  double sin_sum = 0, cos_sum = 0;
  for (int n = 0; n < p->dy.dim[0]; n++) {
    const real dy = *at(&p->dy, n, k, 0, 0);
    sin_sum += *at(&p->a, n, d + k, 0, 0) * dy;
    cos_sum += *at(&p->a, n, k, 0, 0) * dy;
    *at(&p->da, n, k, 0, 0) = by_cos * dy;
    *at(&p->da, n, d + k, 0, 0) = by_sin * dy;
  }
  *at(&p->dw, k, 0, 0, 0) += (real)sin_sum;
  *at(&p->dw, k, 1, 0, 0) += (real)cos_sum;
}
