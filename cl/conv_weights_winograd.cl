/* SPDX-License-Identifier: MIT */
/* conv_weights_winograd.cl: the gradient of convolutions by their weights by winograd.clh. */
#if LANES > 1
/* What every item has that transforms: e.w zeros, where x is normalised a fourth of them, what
 * stands for its pixels beyond the edges and its table. */
#define WINO_EDGES                                                                                 \
  global float *outside = NORMED ? zeros + e.w / 4 : zeros;                                        \
  for (int i = 0; i < e.w; i++) zeros[i] = i < e.w / 4 || !NORMED ? 0 : -MAXFLOAT;                 \
  MAKE_NORM(outside + e.w / 4)

/* A tile of sums, s[36][..][TN], its points `step` apart, of `bands` bands, to the taps of `rows`
 * channels of x from c0 on by the channels of dy from j0 on. */
INLINE void conv_wino_taps(global const float *s, int step, int bands, size_t band,
                           global float *dw_, const conv_bwd_weights_args p, int c0, int rows,
                           int j0) {
  const int so = p.dw.stride[0], columns = min(TN, p.dw.dim[0] - j0);
  for (int l = 0; l < columns; l += LANES)
    for (int r = 0; r < rows; r++) {
      V sum[36];
#pragma unroll
      for (int t = 0; t < 36; t++) {
        sum[t] = 0;
        for (int i = 0; i < bands; i++) sum[t] += VLOAD(s + t * step + (r * TN + l) + i * band);
      }
#define FROM(i, j) sum[(i)*6 + (j)]
#define TO(a, b, v)                                                                                \
  {                                                                                                \
    global float *to = &AT(dw, j0 + l, c0 + r, a, b);                                              \
    lanes_store(p.beta != 0 ? v + p.beta * lanes_load(to, so, columns - l) : v, to, so,            \
                columns - l);                                                                      \
  }
      WINO_BOTH(WINO_G_BACK, 6, 3)
#undef FROM
#undef TO
    }
}

/* ---- Few tiles: all are transformed, and an item's sums over them go to taps at once, where bands
 * would write theirs to memory and read them again.
 * The pool: rows of x [36][panels of x][tiles][WINO_WIDE], of dy [36][panels][tiles][TN]; for each
 * item of the first kernel what WINO_EDGES needs, of the second sums [36][WINO_WIDE][TN]. */
#define WIDE_PANELS ((p.x.dim[1] + WINO_WIDE - 1) / WINO_WIDE)
#define FEW                                                                                        \
  const int tiles = wino_tiles(p.x), Ci = p.x.dim[1];                                              \
  const int x_matrix = MATRIX(WIDE_PANELS * tiles, WINO_WIDE);                                     \
  const int dy_matrix = MATRIX(COLUMNS / TN * tiles, TN);                                          \
  global float *x = pool, *dy = x + (size_t)36 * x_matrix, *slices = dy + (size_t)36 * dy_matrix

/* Each item transforms some tiles. */
kernel BY_LANES void conv_bwd_weights_winograd_rows(WEIGHTS) {
  FEW;
  const int each = (tiles - 1) / (int)get_global_size(0) + 1, first = get_global_id(0) * each;
  const int count = min(each, tiles - first);
  global float *zeros = slices + get_global_id(0) * (size_t)e.w;
  WINO_EDGES
  if (count <= 0) return;
  wino_in(x_, p.x, norm, first, count, outside, x + first * WINO_WIDE, WINO_WIDE, x_matrix,
          (tiles - 1) * WINO_WIDE);
  wino_gradients(dy_, p.dy, first, count, COLUMNS, zeros, dy + first * TN, TN, dy_matrix,
                 (tiles - 1) * TN);
}

/* Item (j, h): panel j of dy, panels of x from h on. */
kernel BY_LANES void conv_bwd_weights_winograd_few(WEIGHTS) {
  FEW;
  const int j = get_global_id(0), j0 = j * TN, wide = p.dy.dim[1] - j0 > LANES;
  global float *sums =
      slices + (j + get_global_id(1) * get_global_size(0)) * (size_t)(36 * WINO_WIDE * TN);
  for (int g = get_global_id(1); g < WIDE_PANELS; g += get_global_size(1)) {
    const int c0 = g * WINO_WIDE, rows = min(WINO_WIDE, Ci - c0);
    for (int t = 0; t < 36; t++)
      for (int r = 0; r < rows; r += TM)
        wino_outer(x + (size_t)t * x_matrix + g * tiles * WINO_WIDE + r, WINO_WIDE,
                   dy + (size_t)t * dy_matrix + j * tiles * TN, TN, tiles, wide,
                   sums + (t * WINO_WIDE + r) * TN, TN, TM, 0);
    conv_wino_taps(sums, WINO_WIDE * TN, 1, 0, dw_, p, c0, rows, j0);
  }
}
#undef FEW
#undef WIDE_PANELS

/* ---- Many: e.y bands of e.x blocks of e.z tiles ------------------------------------------------
 * The pool: each band's sums [blocks of TM channels of x][panels][36][TM][TN]; for each band x's
 * rows [36][e.z][Ci], each a little longer, what WINO_EDGES needs, and rows of dy
 * [36][e.z][COLUMNS]. */
#define WINO_BLOCKS ((p.x.dim[1] + TM - 1) / TM)
#define WINO_TILE(block, panel) (((size_t)(block)*COLUMNS / TN + (panel)) * 36 * TM * TN)
#define WINO_SUMS WINO_TILE(WINO_BLOCKS, 0)

kernel BY_LANES void conv_bwd_weights_winograd(WEIGHTS) {
  const int Ci = p.x.dim[1], panels = COLUMNS / TN, band = get_global_id(0);
  const int row = MATRIX(1, Ci), x_matrix = MATRIX(e.z, row), dy_matrix = MATRIX(e.z, COLUMNS);
  const int begin = band * e.x * e.z, end = min(begin + e.x * e.z, wino_tiles(p.x));
  const size_t slice = (size_t)36 * (x_matrix + dy_matrix) + e.w;
  global float *d = pool + band * WINO_SUMS, *x = pool + e.y * WINO_SUMS + band * slice;
  global float *zeros = x + 36 * x_matrix, *dy = zeros + e.w;
  WINO_EDGES
  for (int first = begin; first < end; first += e.z) {
    const int count = min(e.z, end - first);
    wino_in(x_, p.x, norm, first, count, outside, x, row, x_matrix, 0);
    wino_gradients(dy_, p.dy, first, count, COLUMNS, zeros, dy, COLUMNS, dy_matrix, 0);
    for (int t = 0; t < 36; t++)
      for (int j = 0; j < panels; j++)
        for (int b = 0; b < WINO_BLOCKS; b++)
          wino_outer(x + t * x_matrix + b * TM, row, dy + t * dy_matrix + j * TN, COLUMNS, count,
                     p.dy.dim[1] - j * TN > LANES, d + WINO_TILE(b, j) + t * TM * TN, TN, TM,
                     first > begin);
  }
}

/* Item (b, j): block b of channels of x by panel j of dy, over the bands in order. */
kernel BY_LANES void conv_bwd_weights_winograd_add(WEIGHTS) {
  const int b = get_global_id(0), j = get_global_id(1), c0 = b * TM;
  conv_wino_taps(pool + WINO_TILE(b, j), TM * TN, e.y, WINO_SUMS, dw_, p, c0,
                 min(TM, p.dw.dim[1] - c0), j * TN);
}
#undef WINO_BLOCKS
#undef WINO_TILE
#undef WINO_SUMS
#undef WINO_EDGES
#endif
#undef MAKE_NORM
#undef WEIGHTS
#undef COLUMNS
#undef SUMS_SIZE
