/* SPDX-License-Identifier: MIT */
/* made_maps.c: the maps of autoregressive layers, for a block of samples whose numbers lie in rows.
 */
#include "made.h"
#include "rqs.h"
#include "scales.h"

/* Lanes of a map from l0 on; those beyond a block repeat its last. */
static int source(int l0, int l) { return l0 + l < MADE_LANES ? l0 + l : MADE_LANES - 1; }

void CLF_REAL(clf__made_affine)(const void *args, int j, const real *u, const real *y, real *x,
                                real *logdet) {
  const clf_made_affine_inv_args *p = args;
  const scales q = SCALES(p, NULL);
  const real *t = u + p->shift_at * MADE_LANES, *s = u + p->scale_at * MADE_LANES;
  (void)j;
  for (int l0 = 0; l0 < MADE_LANES; l0 += LANES) {
    lanes raw, L = {0};
    for (int l = 0; l < LANES && p->scale_at >= 0; l++) raw[l] = s[source(l0, l)];
    if (p->scale_at >= 0) scales_of(&q, raw, L, NULL);
    for (int l = 0; l < LANES && l0 + l < MADE_LANES; l++) {
      x[l0 + l] = affine_inverse(y[l0 + l], t[l0 + l], L[l], p->first);
      logdet[l0 + l] -= L[l];
    }
  }
}

void CLF_REAL(clf__made_rqs)(const void *args, int j, const real *u, const real *y, real *x,
                             real *logdet) {
  const clf_made_rqs_inv_args *p = args;
  const spline s = SPLINE(p, p->numbers, NULL);
  for (int l0 = 0; l0 < MADE_LANES; l0 += LANES) {
    splines q;
    lanes in, out, L;
    for (int k = 0; k < p->numbers; k++)
      for (int l = 0; l < LANES; l++) q.u[k][l] = u[k * MADE_LANES + source(l0, l)];
    for (int l = 0; l < LANES; l++) in[l] = y[source(l0, l)];
    splines_bound(&s, &q);
    for (int l = 0; l < LANES && columns_differ(&s); l++) spline_bound(&s, &q, l, j);
    splines_sizes(&s, &q);
    splines_inverse(&s, &q, in, out, L);
    for (int l = 0; l < LANES && l0 + l < MADE_LANES; l++) {
      x[l0 + l] = out[l];
      logdet[l0 + l] -= L[l];
    }
  }
}
