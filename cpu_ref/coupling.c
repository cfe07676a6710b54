/* SPDX-License-Identifier: MIT */
/* coupling.c: affine and additive couplings, their inverses and gradients. */
#include "ref.h"

#define MASK(b) (*at(b, 0, c, h, w))

/* One column of many samples, reading its mask once. */
static void mask_column(const clf_mask_apply_args *p, int c) {
  const ptrdiff_t sx = p->x.stride[0], sy = p->y.stride[0];
  const real *x = at(&p->x, 0, c, 0, 0);
  real *y = at(&p->y, 0, c, 0, 0);
  const int keeps = *at(&p->b, 0, c, 0, 0) != 0, N = p->x.dim[0];
  const real beta = p->beta;
  if (beta != 0)
    for (int n = 0; n < N; n++) y[n * sy] = (keeps ? x[n * sx] : 0) + beta * y[n * sy];
  else
    for (int n = 0; n < N; n++) y[n * sy] = keeps ? x[n * sx] : 0;
}
CLF_LOOP(mask_samples, clf_mask_apply_args, p, n) {
  EACH_OF(&p->x) {
    real *y = at(&p->y, n, c, h, w);
    const real kept = MASK(&p->b) != 0 ? *at(&p->x, n, c, h, w) : 0;
    *y = p->beta != 0 ? kept + p->beta * *y : kept;
  }
}
CLF_REF(mask_apply) {
  const int columns = by_column(&p->x) && by_column(&p->y);
  (void)scratch;
  for (int c = 0; c < p->x.dim[1] && columns; c++) mask_column(p, c);
  if (!columns) in_threads(2.0 * (double)clf__count(&p->x), p->x.dim[0], mask_samples, p);
  return CLF_OK;
}

/* Dinh et al. 2017, eq. 7, in the lecture's order: scale, then shift. */
CLF_REF_LOOP(affine_fwd, 20.0 * (double)clf__count(&p->x), p->x.dim[0], n) {
  double logdet = 0;
  EACH_OF(&p->x) {
    const real x = *at(&p->x, n, c, h, w);
    real *y = at(&p->y, n, c, h, w);
    if (MASK(&p->b) != 0) {
      *y = x;
      continue;
    }
    const real s = bounded(*at(&p->h, n, c, h, w), p->s_max);
    *y = x * real_exp(s) + *at(&p->t, n, c, h, w);
    logdet += s;
  }
  *at(&p->logdet, n, 0, 0, 0) += (real)logdet;
}

/* Dinh et al. 2017, eq. 8. */
CLF_REF_LOOP(affine_inv, 20.0 * (double)clf__count(&p->y), p->y.dim[0], n) {
  double logdet = 0;
  EACH_OF(&p->y) {
    const real y = *at(&p->y, n, c, h, w);
    real *x = at(&p->x, n, c, h, w);
    if (MASK(&p->b) != 0) {
      *x = y;
      continue;
    }
    const real s = bounded(*at(&p->h, n, c, h, w), p->s_max);
    *x = (y - *at(&p->t, n, c, h, w)) * real_exp(-s);
    logdet += s;
  }
  *at(&p->logdet, n, 0, 0, 0) -= (real)logdet;
}

CLF_REF_LOOP(affine_bwd, 20.0 * (double)clf__count(&p->x), p->x.dim[0], n) {
  EACH_OF(&p->x) {
    const int moved = MASK(&p->b) == 0;
    const real dy = *at(&p->dy, n, c, h, w);
    const real out = *at(&p->h, n, c, h, w), s = moved ? bounded(out, p->s_max) : 0;
    const real dx = dy * real_exp(s);
    const real ds = dx * *at(&p->x, n, c, h, w) + dlogdet_of(&p->dl, p->dlogdet, n);
    *at(&p->dx, n, c, h, w) = dx;
    *at(&p->dt, n, c, h, w) = moved ? dy : 0;
    *at(&p->dh, n, c, h, w) = moved ? ds * bounded_slope(out, p->s_max) : 0;
  }
}

/* Dinh et al. 2015, eq. 8. */
CLF_REF_LOOP(additive, 2.0 * (double)clf__count(&p->x), p->x.dim[0], n) {
  EACH_OF(&p->x) {
    const real shift = MASK(&p->b) != 0 ? 0 : p->sign * *at(&p->t, n, c, h, w);
    *at(&p->y, n, c, h, w) = *at(&p->x, n, c, h, w) + shift;
  }
}

CLF_REF_LOOP(additive_bwd, 2.0 * (double)clf__count(&p->dy), p->dy.dim[0], n) {
  EACH_OF(&p->dy)
    *at(&p->dt, n, c, h, w) = MASK(&p->b) != 0 ? 0 : p->sign * *at(&p->dy, n, c, h, w);
}
