/* SPDX-License-Identifier: MIT */
/* squeeze.cl: squeezes 2 x 2 pixels into channels, and back.  Pixel (i, j) of the small image holds
 * pixels k = 0 .. 3 of the large one:
 *
 *   large image         k, usual    k, ordered
 *   (2i, 2j) (2i, 2j+1)   0  1        0  2
 *   (2i+1, 2j)   ...      2  3        3  1 */
#include "lanes.clh"

static int squeeze_dy(int k, int ordered) { return ordered ? k & 1 : k >> 1; }
static int squeeze_dx(int k, int ordered) { return ordered ? k + (k >> 1) & 1 : k & 1; }

/* The addresses of channel c of pixel k of (i, j) in the large image, and in the small one.  These
 * are macros, since pocl makes a faster loop of them than of functions of a view. */
#define LARGE(t, c, j)                                                                             \
  AT(t, n, c, 2 * i + squeeze_dy(k, p.ordered), 2 * (j) + squeeze_dx(k, p.ordered))
#define SMALL(t, c, j) AT(t, n, p.ordered ? k *C + (c) : 4 * (c) + k, i, j)
#define FROM(c, j) (p.inverse ? &SMALL(x, c, j) : &LARGE(x, c, j))
#define TO(c, j) (p.inverse ? &LARGE(y, c, j) : &SMALL(y, c, j))
/* The sizes of the small image (C channels of the large one), the image and row of this work-item.
 */
#define SIZES                                                                                      \
  const int C = p.inverse ? p.y.dim[1] : p.x.dim[1], H = p.inverse ? p.x.dim[2] : p.y.dim[2],      \
            W = p.inverse ? p.x.dim[3] : p.y.dim[3], n = get_global_id(1) / H,                     \
            i = get_global_id(1) % H

#if LANES > 1
static void squeeze_copy(int n, global const float *restrict x, int x_step,
                         global float *restrict y, int y_step) {
  int i = 0;
  if (x_step == 1 && y_step == 1)
    for (; i + LANES <= n; i += LANES) VSTORE(VLOAD(x + i), y + i);
  for (; i < n; i++) y[i * y_step] = x[i * x_step];
}

/* A work-item has a row of the small image; the longer of channels and pixels is its inner loop. */
kernel BY_LANES void squeeze(CLF_IN(x), CLF_OUT(y), const squeeze_args p) {
  SIZES;
  for (int k = 0; k < 4; k++) {
    const int xc = FROM(1, 0) - FROM(0, 0), xw = FROM(0, 1) - FROM(0, 0);
    const int yc = TO(1, 0) - TO(0, 0), yw = TO(0, 1) - TO(0, 0);
    if (C >= W)
      for (int j = 0; j < W; j++) squeeze_copy(C, FROM(0, j), xc, TO(0, j), yc);
    else
      for (int c = 0; c < C; c++) squeeze_copy(W, FROM(c, 0), xw, TO(c, 0), yw);
  }
}
#else
/* A work-item has one element; neighbours are neighbouring channels of the small image. */
kernel BY_LANES void squeeze(CLF_IN(x), CLF_OUT(y), const squeeze_args p) {
  SIZES;
  const int j = get_global_id(0) / (4 * C), q = get_global_id(0) % (4 * C);
  const int k = p.ordered ? q / C : q % 4, c = p.ordered ? q % C : q / 4;
  if (j < W) *TO(c, j) = *FROM(c, j);
}
#endif
