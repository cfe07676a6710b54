/* SPDX-License-Identifier: MIT */
/* run.h: a row of an image in pieces of up to RUN elements, along its channels or its pixels,
 * whichever are more, so that loops over a piece are vectorised for any layout. */
#ifndef CLF_REF_RUN_H
#define CLF_REF_RUN_H
#include "ref.h"

enum { RUN = 128 };

typedef struct run {
  int n, h, along_c, w0, step; /* pixels w0, w0 + step, ... of row h */
  int inner, outer;            /* elements along the pieces, and number of repetitions */
  int i, o, count;             /* the piece begins at i and has `count` elements */
} run;

/* pixels: 0 all, 1 those with even h + w, 2 those with odd. */
static inline run run_begin(const clf_tensor *t, int n, int h, int pixels) {
  const int C = t->dim[1], w0 = pixels ? (h + pixels - 1) % 2 : 0, step = pixels ? 2 : 1;
  const int W = (t->dim[3] - w0 + step - 1) / step, along_c = C > W;
  const int inner = along_c ? C : W;
  return (run){n, h, along_c, w0, step, inner, along_c ? W : C, 0, 0, inner < RUN ? inner : RUN};
}
static inline void run_next(run *r) {
  r->i += r->count;
  if (r->i == r->inner) {
    r->i = 0;
    r->o++;
  }
  r->count = r->inner - r->i < RUN ? r->inner - r->i : RUN;
}
#define EACH_RUN(r, t, n, h, pixels)                                                               \
  for (run r = run_begin(t, n, h, pixels); r.o < r.outer; run_next(&r))

static inline real *run_at(const run *r, const clf_tensor *t, int c0, ptrdiff_t *step) {
  *step = r->along_c ? t->stride[1] : (ptrdiff_t)r->step * t->stride[3];
  return at(t, r->n, c0 + (r->along_c ? r->i : r->o), r->h,
            r->w0 + r->step * (r->along_c ? r->o : r->i));
}

/* Reads the piece's elements from t, channels c0 and following; and writes them. */
static inline void run_get(const run *r, const clf_tensor *t, int c0, real v[RUN]) {
  ptrdiff_t step;
  const real *from = run_at(r, t, c0, &step);
  if (step == 1)
    for (int i = 0; i < r->count; i++) v[i] = from[i];
  else
    for (int i = 0; i < r->count; i++) v[i] = from[i * step];
}
static inline void run_put(const run *r, const clf_tensor *t, int c0, const real v[RUN]) {
  ptrdiff_t step;
  real *to = run_at(r, t, c0, &step);
  if (step == 1)
    for (int i = 0; i < r->count; i++) to[i] = v[i];
  else
    for (int i = 0; i < r->count; i++) to[i * step] = v[i];
}
#endif
