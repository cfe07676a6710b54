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

/* The sizes of the small image: C channels of the large one, rows and columns. */
typedef struct {
  int C, H, W, n, i; /* n, i: the image and row of this work-item */
} squeeze_shape;
INLINE squeeze_shape squeeze_shape_of(clf_view large, clf_view small) {
  squeeze_shape s;
  s.C = large.dim[1];
  s.H = small.dim[2];
  s.W = small.dim[3];
  s.n = get_global_id(1) / s.H;
  s.i = get_global_id(1) % s.H;
  return s;
}
/* Where channel c of pixel k of (s.i, j) is in the large image, and in the small one. */
INLINE int squeeze_large(clf_view t, squeeze_shape s, int k, int c, int j, int ordered) {
  return t.offset + s.n * t.stride[0] + c * t.stride[1] +
         (2 * s.i + squeeze_dy(k, ordered)) * t.stride[2] +
         (2 * j + squeeze_dx(k, ordered)) * t.stride[3];
}
INLINE int squeeze_small(clf_view t, squeeze_shape s, int k, int c, int j, int ordered) {
  return t.offset + s.n * t.stride[0] + (ordered ? k * s.C + c : 4 * c + k) * t.stride[1] +
         s.i * t.stride[2] + j * t.stride[3];
}
INLINE int squeeze_at(clf_view t, int is_small, squeeze_shape s, int k, int c, int j, int ordered) {
  return is_small ? squeeze_small(t, s, k, c, j, ordered) : squeeze_large(t, s, k, c, j, ordered);
}
#define X_AT(c, j) squeeze_at(p.x, p.inverse, s, k, c, j, p.ordered)
#define Y_AT(c, j) squeeze_at(p.y, !p.inverse, s, k, c, j, p.ordered)

#if LANES > 1
static void squeeze_copy(int n, global const float *x, int x_step, global float *y, int y_step) {
  int i = 0;
  if (x_step == 1 && y_step == 1)
    for (; i + LANES <= n; i += LANES) VSTORE(VLOAD(x + i), y + i);
  for (; i < n; i++) y[i * y_step] = x[i * x_step];
}

/* A work-item has a row of the small image; the longer of channels and pixels is its inner loop. */
kernel BY_LANES void squeeze(CLF_IN(x), CLF_OUT(y), const squeeze_args p) {
  const squeeze_shape s = squeeze_shape_of(p.inverse ? p.y : p.x, p.inverse ? p.x : p.y);
  for (int k = 0; k < 4; k++) {
    const int x0 = X_AT(0, 0), xc = X_AT(1, 0) - x0, xw = X_AT(0, 1) - x0;
    const int y0 = Y_AT(0, 0), yc = Y_AT(1, 0) - y0, yw = Y_AT(0, 1) - y0;
    if (s.C >= s.W)
      for (int j = 0; j < s.W; j++) squeeze_copy(s.C, x_ + X_AT(0, j), xc, y_ + Y_AT(0, j), yc);
    else
      for (int c = 0; c < s.C; c++) squeeze_copy(s.W, x_ + X_AT(c, 0), xw, y_ + Y_AT(c, 0), yw);
  }
}
#else
/* A work-item has one element; neighbours are neighbouring channels of the small image. */
kernel BY_LANES void squeeze(CLF_IN(x), CLF_OUT(y), const squeeze_args p) {
  const squeeze_shape s = squeeze_shape_of(p.inverse ? p.y : p.x, p.inverse ? p.x : p.y);
  const int j = get_global_id(0) / (4 * s.C), q = get_global_id(0) % (4 * s.C);
  const int k = p.ordered ? q / s.C : q % 4, c = p.ordered ? q % s.C : q / 4;
  if (j < s.W) y_[Y_AT(c, j)] = x_[X_AT(c, j)];
}
#endif
