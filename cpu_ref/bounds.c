/* SPDX-License-Identifier: MIT */
/* bounds.c: scalar maps between intervals and the real line, one kind per column; the maps are
 * in runtime/core/bounds.def. */
#include "ref.h"
#define BOUNDS_REAL real
#define BOUNDS_EXP real_exp
#define BOUNDS_LOG real_log
#define BOUNDS_LOG1P(x) ((real)log1p((double)(x)))
#define BOUNDS_EXPM1(x) ((real)expm1((double)(x)))
#define BOUNDS_FLOOR(x) ((real)floor((double)(x)))
#define BOUNDS_ABS real_abs
#define BOUNDS_SQRT real_sqrt
#define BOUNDS_MAX(a, b) ((a) > (b) ? (a) : (b))
#define BOUNDS_MIN(a, b) ((a) < (b) ? (a) : (b))
#include "bounds.def"

static bounds_column column_of(const clf_tensor *how, int d) {
  return (bounds_column){(int)*at(how, d, 0, 0, 0), *at(how, d, 1, 0, 0), *at(how, d, 2, 0, 0),
                         *at(how, d, 3, 0, 0)};
}

CLF_REF_LOOP(bounds_fwd, 20.0 * (double)clf__count(&p->x), p->x.dim[0], n) {
  double sum = 0;
  for (int d = 0; d < p->x.dim[1]; d++) {
    const bounds_column q = column_of(&p->how, d);
    const real x = *at(&p->x, n, d, 0, 0);
    const bounds_pair m = bounds_forward(q, x);
    *at(&p->y, n, d, 0, 0) = m.value;
    sum += bounds_inside(q, x) ? (double)m.of_log : -INFINITY;
  }
  *at(&p->logdet, n, 0, 0, 0) += (real)sum;
}

CLF_REF_LOOP(bounds_inv, 20.0 * (double)clf__count(&p->y), p->y.dim[0], n) {
  double sum = 0;
  for (int d = 0; d < p->y.dim[1]; d++) {
    const bounds_pair m = bounds_inverse(column_of(&p->how, d), *at(&p->y, n, d, 0, 0));
    *at(&p->x, n, d, 0, 0) = m.value;
    sum += (double)m.of_log;
  }
  *at(&p->logdet, n, 0, 0, 0) -= (real)sum;
}

#define WEIGHT(n) (p->dlogdet * (p->dl.buf ? *at(&p->dl, n, 0, 0, 0) : 1))

CLF_REF_LOOP(bounds_bwd, 20.0 * (double)clf__count(&p->x), p->x.dim[0], n) {
  for (int d = 0; d < p->x.dim[1]; d++) {
    const bounds_pair s = bounds_slopes(column_of(&p->how, d), *at(&p->x, n, d, 0, 0));
    *at(&p->dx, n, d, 0, 0) = *at(&p->dy, n, d, 0, 0) * s.value + WEIGHT(n) * s.of_log;
  }
}

CLF_REF_LOOP(bounds_inv_bwd, 20.0 * (double)clf__count(&p->x), p->x.dim[0], n) {
  for (int d = 0; d < p->x.dim[1]; d++) {
    const bounds_pair s = bounds_inverse_slopes(column_of(&p->how, d), *at(&p->x, n, d, 0, 0));
    *at(&p->dy, n, d, 0, 0) = *at(&p->dx, n, d, 0, 0) * s.value - WEIGHT(n) * s.of_log;
  }
}
