/* SPDX-License-Identifier: MIT */
/* normal.c: log-density under N(0, I), and the loss of maximum likelihood. */
#include "ref.h"

static const double log_2pi = 1.8378770664093454836;

static double constant_of(const clf_tensor *z) {
  return 0.5 * log_2pi * z->dim[1] * z->dim[2] * z->dim[3];
}

enum { SIDE = 16 }; /* samples whose squares are summed at once */

/* |z|^2 of samples n0 .. n0 + count - 1, each summed in order. */
static void squares_of(const clf_tensor *z, int n0, int count, double square[SIDE]) {
  for (int i = 0; i < SIDE; i++) square[i] = 0;
  for (int c = 0; c < z->dim[1]; c++)
    for (int h = 0; h < z->dim[2]; h++)
      for (int w = 0; w < z->dim[3]; w++) {
        const real *v = at(z, n0, c, h, w);
        const ptrdiff_t step = z->stride[0];
        if (step == 1 && count == SIDE)
          for (int i = 0; i < SIDE; i++) square[i] += (double)v[i] * (double)v[i];
        else
          for (int i = 0; i < count; i++) square[i] += (double)v[i * step] * (double)v[i * step];
      }
}

CLF_REF_LOOP(normal_logp, 2.0 * (double)clf__count(&p->z), (p->z.dim[0] - 1) / SIDE + 1, block) {
  const double constant = constant_of(&p->z);
  const int n0 = block * SIDE, left = p->z.dim[0] - n0, count = left < SIDE ? left : SIDE;
  double square[SIDE];
  squares_of(&p->z, n0, count, square);
  for (int i = 0; i < count; i++) {
    const double logdet = (double)*at(&p->logdet, n0 + i, 0, 0, 0);
    *at(&p->logp, n0 + i, 0, 0, 0) = (real)(logdet - 0.5 * square[i] - constant);
  }
}

static void scale_latents(const clf_normal_nll_args *p) {
  const int by_columns = by_column(&p->z) && by_column(&p->dz), N = p->z.dim[0];
  for (int c = 0; c < p->z.dim[1] && by_columns; c++) {
    const real *z = at(&p->z, 0, c, 0, 0), weight = p->weight;
    real *dz = at(&p->dz, 0, c, 0, 0);
    for (int n = 0; n < N; n++) dz[n] = weight * z[n];
  }
  for (int n = 0; n < N && !by_columns; n++)
    EACH_OF(&p->z) *at(&p->dz, n, c, h, w) = p->weight * *at(&p->z, n, c, h, w);
}

CLF_REF(normal_nll) {
  (void)scratch;
  const double constant = constant_of(&p->z);
  double loss = 0;
  for (int n0 = 0; n0 < p->z.dim[0]; n0 += SIDE) {
    const int left = p->z.dim[0] - n0, count = left < SIDE ? left : SIDE;
    double square[SIDE];
    squares_of(&p->z, n0, count, square);
    for (int i = 0; i < count; i++) {
      real *logdet = at(&p->logdet, n0 + i, 0, 0, 0);
      loss += 0.5 * square[i] + constant - (double)*logdet;
      *logdet = 0;
    }
  }
  scale_latents(p);
  *at(&p->loss, 0, 0, 0, 0) = (real)((double)p->weight * loss);
  return CLF_OK;
}
