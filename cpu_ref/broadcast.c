/* SPDX-License-Identifier: MIT */
/* broadcast.c: adds numbers of an image to all its pixels. */
#include "ref.h"

/* Channels of a pixel, the same numbers for each of them. */
static inline void spread(int C, const real *restrict x, ptrdiff_t sx, real beta, real *restrict y,
                          ptrdiff_t sy) {
  for (int c = 0; c < C; c++) y[c * sy] = beta != 0 ? x[c * sx] + beta * y[c * sy] : x[c * sx];
}

CLF_REF_LOOP(broadcast_fwd, 2.0 * (double)clf__count(&p->y), p->y.dim[0], n) {
  const ptrdiff_t sx = p->x.stride[1], sy = p->y.stride[1];
  const real *x = at(&p->x, n, 0, 0, 0);
  for (int h = 0; h < p->y.dim[2]; h++)
    for (int w = 0; w < p->y.dim[3]; w++)
      if (sx == 1 && sy == 1)
        spread(p->y.dim[1], x, 1, p->beta, at(&p->y, n, 0, h, w), 1);
      else
        spread(p->y.dim[1], x, sx, p->beta, at(&p->y, n, 0, h, w), sy);
}

enum { CHANNELS = 64 }; /* summed at once, in double */

static inline void add(int C, const real *restrict x, ptrdiff_t sx, double *restrict sum) {
  for (int c = 0; c < C; c++) sum[c] += (double)x[c * sx];
}

/* Sums of channels c0 .. c0 + C - 1. */
static void sum_pixels(const clf_tensor *t, int n, int c0, int C, double *sum) {
  for (int c = 0; c < C; c++) sum[c] = 0;
  for (int h = 0; h < t->dim[2]; h++)
    for (int w = 0; w < t->dim[3]; w++)
      if (t->stride[1] == 1)
        add(C, at(t, n, c0, h, w), 1, sum);
      else
        add(C, at(t, n, c0, h, w), t->stride[1], sum);
}

CLF_REF_LOOP(broadcast_bwd, 2.0 * (double)clf__count(&p->dy), p->dy.dim[0], n) {
  double sum[CHANNELS];
  for (int c0 = 0; c0 < p->dy.dim[1]; c0 += CHANNELS) {
    const int left = p->dy.dim[1] - c0, C = left < CHANNELS ? left : CHANNELS;
    sum_pixels(&p->dy, n, c0, C, sum);
    for (int c = 0; c < C; c++) {
      real *dx = at(&p->dx, n, c0 + c, 0, 0);
      *dx = p->beta != 0 ? (real)sum[c] + p->beta * *dx : (real)sum[c];
    }
  }
}
