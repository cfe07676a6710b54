/* SPDX-License-Identifier: MIT */
/* squeeze.cl: positions to channels and back.  Place k of pixel (i, j) of the small image
 * is position (2i + dy, 2j + dx) of the large one. */
static int squeeze_dy(int k, int ordered) { return ordered ? k & 1 : k >> 1; }
static int squeeze_dx(int k, int ordered) { return ordered ? k + (k >> 1) & 1 : k & 1; }

/* Channel c of place k. */
#define LARGE(t, c, j)                                                                             \
  AT(t, n, c, 2 * i + squeeze_dy(k, p.ordered), 2 * (j) + squeeze_dx(k, p.ordered))
#define SMALL(t, c, j) AT(t, n, p.ordered ? k *C + (c) : 4 * (c) + k, i, j)
#define FROM(c, j) (p.inverse ? &SMALL(x, c, j) : &LARGE(x, c, j))
#define TO(c, j) (p.inverse ? &LARGE(y, c, j) : &SMALL(y, c, j))
#define SIZES                                                                                      \
  const int C = p.inverse ? p.y.dim[1] : p.x.dim[1], H = p.inverse ? p.x.dim[2] : p.y.dim[2],      \
            W = p.inverse ? p.x.dim[3] : p.y.dim[3], n = get_global_id(1) / H,                     \
            i = get_global_id(1) % H

#if LANES > 1
static void squeeze_run(int n, global const float *restrict x, int xs, global float *restrict y,
                        int ys) {
  int i = 0;
  if (xs == 1 && ys == 1)
    for (; i + LANES <= n; i += LANES) VSTORE(VLOAD(x + i), y + i);
  for (; i < n; i++) y[i * ys] = x[i * xs];
}

/* An item takes a row of the small image; its inner loop goes where it is longer. */
kernel BY_LANES void squeeze(CLF_IN(x), CLF_OUT(y), const squeeze_args p) {
  SIZES;
  for (int k = 0; k < 4; k++) {
    const int xc = FROM(1, 0) - FROM(0, 0), xw = FROM(0, 1) - FROM(0, 0);
    const int yc = TO(1, 0) - TO(0, 0), yw = TO(0, 1) - TO(0, 0);
    if (C >= W)
      for (int j = 0; j < W; j++) squeeze_run(C, FROM(0, j), xc, TO(0, j), yc);
    else
      for (int c = 0; c < C; c++) squeeze_run(W, FROM(c, 0), xw, TO(c, 0), yw);
  }
}
#else
/* An item takes an element; neighbours are neighbouring channels of the small image. */
kernel BY_LANES void squeeze(CLF_IN(x), CLF_OUT(y), const squeeze_args p) {
  SIZES;
  const int j = get_global_id(0) / (4 * C), q = get_global_id(0) % (4 * C);
  const int k = p.ordered ? q / C : q % 4, c = p.ordered ? q % C : q / 4;
  if (j < W) *TO(c, j) = *FROM(c, j);
}
#endif
#undef LARGE
#undef SMALL
#undef FROM
#undef TO
#undef SIZES
