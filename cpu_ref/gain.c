/* SPDX-License-Identifier: MIT */
/* gain.c: a factor and an offset per column. */
#include "ref.h"

CLF_REF_LOOP(gain_fwd, 2.0 * (double)clf__count(&p->x), p->x.dim[0], n) {
  for (int d = 0; d < p->x.dim[1]; d++)
    *at(&p->y, n, d, 0, 0) =
        *at(&p->gain, d, 0, 0, 0) * *at(&p->x, n, d, 0, 0) + *at(&p->bias, d, 0, 0, 0);
}

enum { BAND = 256 }; /* rows of a partial sum */

typedef struct sums {
  const clf_gain_bwd_args *p;
  real *sum; /* [bands][2][D] */
} sums;

CLF_LOOP(gain_band, sums, q, band) {
  const clf_gain_bwd_args *p = q->p;
  const int D = p->x.dim[1], n0 = band * BAND, left = p->x.dim[0] - n0;
  real *by_x = q->sum + (ptrdiff_t)band * 2 * D, *alone = by_x + D;
  for (int i = 0; i < 2 * D; i++) by_x[i] = 0;
  for (int n = n0; n < n0 + (left < BAND ? left : BAND); n++)
    for (int d = 0; d < D; d++) {
      const real dy = *at(&p->dy, n, d, 0, 0);
      by_x[d] += dy * *at(&p->x, n, d, 0, 0);
      alone[d] += dy;
      *at(&p->dx, n, d, 0, 0) = dy * *at(&p->gain, d, 0, 0, 0);
    }
}

CLF_REF(gain_bwd) {
  const int D = p->x.dim[1], bands = (p->x.dim[0] - 1) / BAND + 1;
  real *sum = clf_scratch_get(scratch, (size_t)bands * 2 * (size_t)D);
  CLF_NEED(sum, bands * 2 * D);
  const sums q = {p, sum};
  in_threads(5.0 * (double)clf__count(&p->x), bands, gain_band, &q);
  for (int band = 0; band < bands; band++)
    for (int d = 0; d < D; d++) {
      if (p->dgain.buf) *at(&p->dgain, d, 0, 0, 0) += sum[band * 2 * D + d];
      if (p->dbias.buf) *at(&p->dbias, d, 0, 0, 0) += sum[band * 2 * D + D + d];
    }
  return CLF_OK;
}
