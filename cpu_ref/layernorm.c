/* SPDX-License-Identifier: MIT */
/* layernorm.c: layer normalisation without parameters, row by row. */
#include "ref.h"

typedef struct row {
  real mean, rstd;
} row;

static row measure(const clf_tensor *x, int n, float eps, int ddof) {
  const int D = x->dim[1], step = x->stride[1];
  const real *v = at(x, n, 0, 0, 0);
  real sum = 0, squares = 0;
  VECTOR_SUM(sum)
  for (int d = 0; d < D; d++) sum += v[(ptrdiff_t)d * step];
  const real mean = sum / (real)D;
  VECTOR_SUM(squares)
  for (int d = 0; d < D; d++) {
    const real c = v[(ptrdiff_t)d * step] - mean;
    squares += c * c;
  }
  return (row){mean, 1 / real_sqrt(squares / (real)(D - ddof) + eps)};
}

CLF_REF_LOOP(layernorm_fwd, 8.0 * (double)clf__count(&p->x), p->x.dim[0], n) {
  const row r = measure(&p->x, n, p->eps, p->ddof);
  for (int d = 0; d < p->x.dim[1]; d++)
    *at(&p->y, n, d, 0, 0) = (*at(&p->x, n, d, 0, 0) - r.mean) * r.rstd;
}

CLF_REF_LOOP(layernorm_bwd, 16.0 * (double)clf__count(&p->x), p->x.dim[0], n) {
  const int D = p->x.dim[1], sx = p->x.stride[1], sd = p->dy.stride[1];
  const row r = measure(&p->x, n, p->eps, p->ddof);
  const real *x = at(&p->x, n, 0, 0, 0), *dy = at(&p->dy, n, 0, 0, 0);
  real sum = 0, along = 0;
  VECTOR_SUM(sum)
  for (int d = 0; d < D; d++) sum += dy[(ptrdiff_t)d * sd];
  VECTOR_SUM(along)
  for (int d = 0; d < D; d++) along += dy[(ptrdiff_t)d * sd] * (x[(ptrdiff_t)d * sx] - r.mean);
  const real mean = sum / (real)D, slope = along * r.rstd * r.rstd / (real)(D - p->ddof);
  for (int d = 0; d < D; d++)
    *at(&p->dx, n, d, 0, 0) =
        r.rstd * (dy[(ptrdiff_t)d * sd] - mean - (x[(ptrdiff_t)d * sx] - r.mean) * slope);
}
