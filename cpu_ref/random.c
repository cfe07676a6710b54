/* SPDX-License-Identifier: MIT */
/* random.c: numbers from counters, and the order of an epoch. */
#include "philox.h"
#include "ref.h"

/* Element e, in c h w order, of row n. */
static real *element(const clf_tensor *t, int n, int e) {
  const int w = e % t->dim[3], h = e / t->dim[3] % t->dim[2], c = e / (t->dim[3] * t->dim[2]);
  return at(t, n, c, h, w);
}
static int row_size(const clf_tensor *t) { return t->dim[1] * t->dim[2] * t->dim[3]; }

CLF_REF(random_bits) {
  (void)scratch;
  for (int n = 0; n < p->y.dim[0]; n++)
    for (int e = 0; e < row_size(&p->y); e++) {
      const uint32_t word = CLF_WORDS(p, e / 8, n).v[e / 2 % 4];
      *element(&p->y, n, e) = (real)(e % 2 == 0 ? word >> 16 : word & 0xffff);
    }
  return CLF_OK;
}

CLF_REF(random_uniform) {
  (void)scratch;
  PARALLEL_FOR(20.0 * (double)clf__count(&p->y), int n = 0; n < p->y.dim[0]; n++)
    for (int e = 0; e < row_size(&p->y); e++)
      *element(&p->y, n, e) = (real)(CLF_WORDS(p, e / 4, n).v[e % 4] >> 8) * (real)0x1p-24;
  return CLF_OK;
}

/* u in (0, 1) has 23 bits and half a step, so that log u is finite. */
CLF_REF(random_normal) {
  (void)scratch;
  PARALLEL_FOR(60.0 * (double)clf__count(&p->y), int n = 0; n < p->y.dim[0]; n++)
    for (int e = 0; e < row_size(&p->y); e += 2) {
      const clf__words k = CLF_WORDS(p, e / 4, n);
      const real u = ((real)(k.v[e % 4] >> 9) + (real)0.5) * (real)0x1p-23;
      const real turn = (real)(k.v[e % 4 + 1] >> 8) * (real)0x1p-24;
      const real r = real_sqrt(-2 * real_log(u)), angle = (real)6.283185307179586477 * turn;
#ifdef CLF_REAL64
      const real x = cos(angle), y = sin(angle);
#else
      const real x = cosf(angle), y = sinf(angle);
#endif
      *element(&p->y, n, e) = r * x;
      if (e + 1 < row_size(&p->y)) *element(&p->y, n, e + 1) = r * y;
    }
  return CLF_OK;
}

/* ---- Shuffling ------------------------------------------------------------------- */

CLF_REF(shuffle_rows) {
  (void)scratch;
  const clf__order order =
      clf__order_of(clf__join(p->seed_lo, p->seed_hi), (uint32_t)p->epoch, (uint32_t)p->x.dim[0]);
  PARALLEL_FOR(200.0 * p->y.dim[0], int n = 0; n < p->y.dim[0]; n++) {
    const uint32_t i = clf__order_at(&order, (uint32_t)(p->first + n));
    EACH_OF(&p->y) *at(&p->y, n, c, h, w) = *at(&p->x, (int)i, c, h, w);
  }
  return CLF_OK;
}
