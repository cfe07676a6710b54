/* SPDX-License-Identifier: MIT */
/* weightnorm.c: weight normalisation (Salimans and Kingma 2016) and its gradient, row by row of
 * v, vectorised if the rows of all tensors are dense in the same order. */
#include "ref.h"

/* The product of rows n of two tensors. */
static double product(const clf_tensor *a, const clf_tensor *b, int n, int flat) {
  double sum = 0;
  if (flat) {
    const real *x = at(a, n, 0, 0, 0), *y = at(b, n, 0, 0, 0);
    const int size = a->dim[1] * a->dim[2] * a->dim[3];
    VECTOR_SUM(sum)
    for (int i = 0; i < size; i++) sum += (double)x[i] * (double)y[i];
  } else
    EACH_OF(a) sum += (double)*at(a, n, c, h, w) * (double)*at(b, n, c, h, w);
  return sum;
}

static real magnitude(const clf_tensor *g, int n) { return g->buf ? *at(g, n, 0, 0, 0) : 1; }

static int row_size(const clf_tensor *t) { return t->dim[1] * t->dim[2] * t->dim[3]; }

CLF_REF_LOOP(wn_fwd, 3.0 * (double)clf__count(&p->v), p->v.dim[0], n) {
  const int size = row_size(&p->v), order = dense_order(&p->v);
  const int flat = order && order == dense_order(&p->w);
  const real scale = magnitude(&p->g, n) / (real)sqrt(product(&p->v, &p->v, n, flat));
  const real *restrict v = at(&p->v, n, 0, 0, 0);
  real *restrict to = at(&p->w, n, 0, 0, 0);
  if (flat)
    for (int i = 0; i < size; i++) to[i] = scale * v[i];
  else
    EACH_OF(&p->v) *at(&p->w, n, c, h, w) = scale * *at(&p->v, n, c, h, w);
}

CLF_REF_LOOP(wn_bwd, 6.0 * (double)clf__count(&p->v), p->v.dim[0], n) {
  const int size = row_size(&p->v), order = dense_order(&p->v);
  const int flat = order && order == dense_order(&p->dw) && order == dense_order(&p->dv);
  const double square = product(&p->v, &p->v, n, flat), along = product(&p->v, &p->dw, n, flat);
  const real scale = magnitude(&p->g, n) / (real)sqrt(square), back = (real)(along / square);
  const real *restrict v = at(&p->v, n, 0, 0, 0), *restrict dw = at(&p->dw, n, 0, 0, 0);
  real *restrict dv = at(&p->dv, n, 0, 0, 0);
  if (flat)
    for (int i = 0; i < size; i++) dv[i] += scale * (dw[i] - back * v[i]);
  else
    EACH_OF(&p->v)
      *at(&p->dv, n, c, h, w) += scale * (*at(&p->dw, n, c, h, w) - back * *at(&p->v, n, c, h, w));
  if (p->dg.buf) *at(&p->dg, n, 0, 0, 0) += (real)(along / sqrt(square));
}
