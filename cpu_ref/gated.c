/* SPDX-License-Identifier: MIT */
/* gated.c: gated linear units. */
#include "ref.h"

static inline void fwd(int C, const real *restrict v, int sv, const real *restrict g, int sg,
                       const real *restrict x, int sx, real *restrict y, int sy) {
  for (int c = 0; c < C; c++)
    y[(ptrdiff_t)c * sy] = v[(ptrdiff_t)c * sv] * ACT_SIGMOID(g[(ptrdiff_t)c * sg]);
  for (int c = 0; c < C && x; c++) y[(ptrdiff_t)c * sy] += x[(ptrdiff_t)c * sx];
}

CLF_REF_ELEMENTS(gated_fwd, 30.0 * (double)clf__count(&p->v), p->v.dim[0], n) {
  const int sv = p->v.stride[1], sg = p->g.stride[1], sx = p->x.stride[1], sy = p->y.stride[1];
  const int dense = sv == 1 && sg == 1 && sy == 1 && (!p->x.buf || sx == 1), C = p->v.dim[1];
  for (int h = 0; h < p->v.dim[2]; h++)
    for (int w = 0; w < p->v.dim[3]; w++) {
      const real *v = at(&p->v, n, 0, h, w), *g = at(&p->g, n, 0, h, w);
      const real *x = p->x.buf ? at(&p->x, n, 0, h, w) : NULL;
      real *y = at(&p->y, n, 0, h, w);
      if (dense)
        fwd(C, v, 1, g, 1, x, 1, y, 1);
      else
        fwd(C, v, sv, g, sg, x, sx, y, sy);
    }
}

static inline void bwd(int C, const real *restrict v, int sv, const real *restrict g, int sg,
                       const real *restrict dy, int sd, real *restrict dv, int tv,
                       real *restrict dg, int tg) {
  for (int c = 0; c < C; c++) {
    const real gate = g[(ptrdiff_t)c * sg], d = dy[(ptrdiff_t)c * sd] * ACT_SIGMOID(gate);
    dv[(ptrdiff_t)c * tv] = d;
    dg[(ptrdiff_t)c * tg] = d * v[(ptrdiff_t)c * sv] * ACT_SIGMOID(-gate);
  }
}

CLF_REF_ELEMENTS(gated_bwd, 50.0 * (double)clf__count(&p->v), p->v.dim[0], n) {
  const int sv = p->v.stride[1], sg = p->g.stride[1], sd = p->dy.stride[1];
  const int tv = p->dv.stride[1], tg = p->dg.stride[1], C = p->v.dim[1];
  for (int h = 0; h < p->v.dim[2]; h++)
    for (int w = 0; w < p->v.dim[3]; w++) {
      const real *v = at(&p->v, n, 0, h, w), *g = at(&p->g, n, 0, h, w);
      const real *dy = at(&p->dy, n, 0, h, w);
      real *dv = at(&p->dv, n, 0, h, w), *dg = at(&p->dg, n, 0, h, w);
      if (sv == 1 && sg == 1 && sd == 1 && tv == 1 && tg == 1)
        bwd(C, v, 1, g, 1, dy, 1, dv, 1, dg, 1);
      else
        bwd(C, v, sv, g, sg, dy, sd, dv, tv, dg, tg);
    }
}
