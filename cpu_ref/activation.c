/* SPDX-License-Identifier: MIT */
/* activation.c: activations and their gradients.  Each thread takes rows of an image; the inner
 * loops run along channels. */
#include "ref.h"

static inline real relu(real v) { return v <= 0 ? 0 : v; } /* NaN stays NaN */

static int rows_of(const clf_tensor *t) { return t->dim[0] * t->dim[2]; }

/* The pixels of row r, counted over all images. */
#define EACH_OF_ROW(t, r)                                                                          \
  for (int n = (r) / (t)->dim[2], h = (r) % (t)->dim[2], w = 0; w < (t)->dim[3]; w++)

/* A separate loop for each activation, so that all are vectorised. */
static inline void fwd(int C, const real *restrict from, int sx, real *restrict y, int sy,
                       int act) {
#define ROW(name, source, flops, value, through)                                                   \
  case CLF_ACT_##name:                                                                             \
    for (int c = 0; c < C; c++) {                                                                  \
      const real x = from[(ptrdiff_t)c * sx];                                                      \
      y[(ptrdiff_t)c * sy] = value;                                                                \
    }                                                                                              \
    break;
  switch (act) { CLF_ACTIVATIONS(ROW) }
#undef ROW
}

static double flops_of(int act) {
#define ROW(name, source, flops, value, through) flops,
  static const double all[] = {CLF_ACTIVATIONS(ROW)};
#undef ROW
  return all[act];
}

CLF_REF_ELEMENTS(act_fwd, flops_of(p->act) * (double)clf__count(&p->x), rows_of(&p->x), r) {
  const int C = p->x.dim[1], sx = p->x.stride[1], sy = p->y.stride[1];
  EACH_OF_ROW(&p->x, r) {
    const real *x = at(&p->x, n, 0, h, w);
    real *y = at(&p->y, n, 0, h, w);
    if (sx == 1 && sy == 1)
      fwd(C, x, 1, y, 1, p->act);
    else
      fwd(C, x, sx, y, sy, p->act);
  }
}

static inline void bwd(int C, const real *restrict from, int sy, const real *restrict dy, int sd,
                       real *restrict dx, int sx, int act, real add) {
#define ROW(name, source, flops, value, through)                                                   \
  case CLF_ACT_##name:                                                                             \
    for (int c = 0; c < C; c++) {                                                                  \
      const real v = from[(ptrdiff_t)c * sy], d = dy[(ptrdiff_t)c * sd];                           \
      (void)v;                                                                                     \
      dx[(ptrdiff_t)c * sx] = add != 0 ? add * dx[(ptrdiff_t)c * sx] + (through) : (through);      \
    }                                                                                              \
    break;
  switch (act) { CLF_ACTIVATIONS(ROW) }
#undef ROW
}

CLF_REF_ELEMENTS(act_bwd, flops_of(p->act) * (double)clf__count(&p->y), rows_of(&p->y), r) {
  const int C = p->y.dim[1], sy = p->y.stride[1], sd = p->dy.stride[1], sx = p->dx.stride[1];
  const int dense = sx == 1 && sy == 1 && sd == 1;
  EACH_OF_ROW(&p->y, r) {
    const real *y = at(&p->y, n, 0, h, w), *dy = at(&p->dy, n, 0, h, w);
    real *dx = at(&p->dx, n, 0, h, w);
    if (dense && p->add == 0)
      bwd(C, y, 1, dy, 1, dx, 1, p->act, 0);
    else if (dense)
      bwd(C, y, 1, dy, 1, dx, 1, p->act, p->add);
    else
      bwd(C, y, sy, dy, sd, dx, sx, p->act, p->add);
  }
}

/* ---- Concatenated ReLU (Shang et al. 2016) ------------------------------------------------ */

static inline void crelu(int C, const real *restrict x, int sx, real *restrict y, int sy, real a) {
  for (int c = 0; c < C; c++) y[(ptrdiff_t)c * sy] = relu(a * x[(ptrdiff_t)c * sx]);
  for (int c = 0; c < C; c++) y[(ptrdiff_t)(C + c) * sy] = relu(-a * x[(ptrdiff_t)c * sx]);
}

CLF_REF_LOOP(crelu_fwd, 6.0 * (double)clf__count(&p->x), rows_of(&p->x), r) {
  const int C = p->x.dim[1], sx = p->x.stride[1], sy = p->y.stride[1];
  EACH_OF_ROW(&p->x, r) {
    const real *x = at(&p->x, n, 0, h, w);
    real *y = at(&p->y, n, 0, h, w);
    if (sx == 1 && sy == 1)
      crelu(C, x, 1, y, 1, p->a);
    else
      crelu(C, x, sx, y, sy, p->a);
    if (p->y.dim[1] > 2 * C) y[(ptrdiff_t)2 * C * sy] = (real)on_pixels(p->pixels, h, w);
  }
}

static inline void crelu_back(int C, const real *restrict x, int sx, const real *restrict dy,
                              int sd, real *restrict dx, int st, real a) {
  for (int c = 0; c < C; c++) {
    const real ax = a * x[(ptrdiff_t)c * sx];
    const real up = a * dy[(ptrdiff_t)c * sd], down = -a * dy[(ptrdiff_t)(C + c) * sd];
    dx[(ptrdiff_t)c * st] = ax > 0 ? up : ax < 0 ? down : 0 * ax; /* NaN stays NaN */
  }
}

CLF_REF_LOOP(crelu_bwd, 6.0 * (double)clf__count(&p->x), rows_of(&p->x), r) {
  const int C = p->x.dim[1], sx = p->x.stride[1], sd = p->dy.stride[1], st = p->dx.stride[1];
  EACH_OF_ROW(&p->x, r) {
    const real *x = at(&p->x, n, 0, h, w), *dy = at(&p->dy, n, 0, h, w);
    real *dx = at(&p->dx, n, 0, h, w);
    if (sx == 1 && sd == 1 && st == 1)
      crelu_back(C, x, 1, dy, 1, dx, 1, p->a);
    else
      crelu_back(C, x, sx, dy, sd, dx, st, p->a);
  }
}
