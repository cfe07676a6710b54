/* SPDX-License-Identifier: MIT */
/* made_maps.c: the maps of autoregressive layers, for a block of samples stored in rows. */
#include "made.h"
#include "rqs.h"
#include "scales.h"

/* The MADE_LANES numbers of a row are BLOCKS blocks of lanes, USED of which are used; the others
 * are 0. */
enum {
  WIDE = (int)MADE_LANES >= (int)LANES,
  BLOCKS = WIDE ? (int)MADE_LANES / LANES : 1,
  USED = WIDE ? (int)LANES : (int)MADE_LANES
};

static inline void lanes_in(const real *from, lanes v) {
  for (int l = USED; l < LANES; l++) v[l] = 0;
  memcpy(v, from, USED * sizeof *v);
}
static inline void lanes_out(const lanes v, real *to) { memcpy(to, v, USED * sizeof *v); }
static inline void subtract(const lanes v, real *from) {
  for (int l = 0; l < USED; l++) from[l] -= v[l];
}

void CLF_REAL(clf__made_affine)(const void *args, int j, const real *u, const real *y, real *x,
                                real *logdet) {
  const clf_made_affine_inv_args *p = args;
  const scales q = trained((scales)SCALES(p, NULL), &p->g, &p->g0);
  (void)j;
  for (int b = 0; b < BLOCKS; b++, u += LANES, y += LANES, x += LANES, logdet += LANES) {
    lanes raw, shift, in, out, L = {0};
    if (p->scale_at >= 0) {
      lanes_in(u + p->scale_at * MADE_LANES, raw);
      scales_of(&q, raw, L, NULL);
      apply_trained(&q, L);
    }
    lanes_in(u + p->shift_at * MADE_LANES, shift);
    lanes_in(y, in);
    EACH_LANE out[l] = affine_inverse(in[l], shift[l], L[l], q.first);
    lanes_out(out, x);
    subtract(L, logdet);
  }
}

void CLF_REAL(clf__made_rqs)(const void *args, int j, const real *u, const real *y, real *x,
                             real *logdet) {
  const clf_made_rqs_inv_args *p = args;
  const spline s = SPLINE(p, p->numbers, NULL);
  for (int b = 0; b < BLOCKS; b++, u += LANES, y += LANES, x += LANES, logdet += LANES) {
    splines q;
    lanes in, out, L;
    for (int k = 0; k < p->numbers; k++) lanes_in(u + k * MADE_LANES, q.u[k]);
    lanes_in(y, in);
    splines_bound(&s, &q);
    for (int l = 0; l < LANES && columns_differ(&s); l++) spline_bound(&s, &q, l, j);
    splines_sizes(&s, &q);
    splines_inverse(&s, &q, in, out, L);
    lanes_out(out, x);
    subtract(L, logdet);
  }
}
