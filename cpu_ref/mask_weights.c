/* SPDX-License-Identifier: MIT */
/* mask_weights.c: sets masked weights to zero. */
#include "ref.h"

static inline void mask_row(int C, const real *restrict mask, int sm, real *restrict w, int sw) {
  for (int c = 0; c < C; c++)
    w[(ptrdiff_t)c * sw] = mask[(ptrdiff_t)c * sm] == 0 ? 0 : w[(ptrdiff_t)c * sw];
}

CLF_REF_LOOP(mask_weights, (double)clf__count(&p->w), p->w.dim[0], n) {
  const int sm = p->mask.stride[1], sw = p->w.stride[1], C = p->w.dim[1];
  for (int h = 0; h < p->w.dim[2]; h++)
    for (int w = 0; w < p->w.dim[3]; w++)
      if (sm == 1 && sw == 1)
        mask_row(C, at(&p->mask, n, 0, h, w), 1, at(&p->w, n, 0, h, w), 1);
      else
        mask_row(C, at(&p->mask, n, 0, h, w), sm, at(&p->w, n, 0, h, w), sw);
}
