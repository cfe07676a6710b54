/* SPDX-License-Identifier: MIT */
/* squeeze.c: moves pixels to channels and back. */
#include "ref.h"

/* In either tensor, position k of one row of the small image: its first element, and the steps
 * from channel to channel and from pixel to pixel. */
typedef struct pixels {
  real *at;
  ptrdiff_t c, w;
} pixels;

/* Position k of pixel (i, j) is pixel (2i + dy, 2j + dx) of the large image. */
static pixels in_large(const clf_tensor *t, int ordered, int k, int n, int i) {
  const int dy = ordered ? k % 2 : k / 2, dx = ordered ? (k / 2 + k) % 2 : k % 2;
  return (pixels){at(t, n, 0, 2 * i + dy, dx), t->stride[1], 2 * (ptrdiff_t)t->stride[3]};
}
static pixels in_small(const clf_tensor *t, int ordered, int k, int n, int i) {
  return (pixels){at(t, n, ordered ? t->dim[1] / 4 * k : k, i, 0),
                  (ptrdiff_t)t->stride[1] * (ordered ? 1 : 4), t->stride[3]};
}

static void copy_run(int n, const real *restrict x, ptrdiff_t xs, real *restrict y, ptrdiff_t ys) {
  if (xs == 1 && ys == 1)
    for (int i = 0; i < n; i++) y[i] = x[i];
  else
    for (int i = 0; i < n; i++) y[i * ys] = x[i * xs];
}

/* The inner loop runs along the longer axis. */
static void copy_pixels(int C, int W, pixels x, pixels y) {
  if (C >= W)
    for (int w = 0; w < W; w++) copy_run(C, x.at + w * x.w, x.c, y.at + w * y.w, y.c);
  else
    for (int c = 0; c < C; c++) copy_run(W, x.at + c * x.c, x.w, y.at + c * y.c, y.w);
}

static int small_rows(const clf_squeeze_args *p) {
  const clf_tensor *small = p->inverse ? &p->x : &p->y;
  return small->dim[0] * small->dim[2];
}

CLF_REF_LOOP(squeeze, (double)clf__count(&p->x), small_rows(p), row) {
  const clf_tensor *large = p->inverse ? &p->y : &p->x, *small = p->inverse ? &p->x : &p->y;
  const int H = small->dim[2];
  for (int k = 0; k < 4; k++) {
    const pixels l = in_large(large, p->ordered, k, row / H, row % H);
    const pixels s = in_small(small, p->ordered, k, row / H, row % H);
    copy_pixels(large->dim[1], small->dim[3], p->inverse ? s : l, p->inverse ? l : s);
  }
}
