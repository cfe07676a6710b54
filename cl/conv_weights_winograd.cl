/* SPDX-License-Identifier: MIT */
/* conv_weights_winograd.cl: the gradient of 3x3 convolutions by their weights, by Winograd's
 * algorithm, for vectors.  For each of the 36 points a product sums over tiles (the transforms
 * are those of winograd.clh):
 *
 *   rows of x [36][tiles][Ci]  (B' d B)   rows of dy [36][tiles][Co]  (A e A')
 *     for each tile: sums [36][Ci][Co] += x's row * dy's row         TM x TN of them in registers
 *   dw = G' sums G
 *
 * A work-item whose tiles are transformed first writes `edges` (e.edges floats): zeros, and
 * where x is normalised what stands for its pixels beyond the edges, and the table of the
 * normalisation. */
#include "winograd.clh"

#if LANES > 1
typedef struct {
  global float *zeros, *outside;
  conv_norm norm;
} winograd_edges;
/* Filled, not returned: Oclgrind cannot run what becomes of the latter. */
INLINE void winograd_edges_of(winograd_edges *q, global float *zeros, int floats, conv_stats s,
                              int Ci) {
  q->zeros = zeros;
  q->outside = s.normed ? zeros + floats / 4 : zeros;
  for (int i = 0; i < floats; i++) zeros[i] = i < floats / 4 || !s.normed ? 0 : -MAXFLOAT;
  q->norm = winograd_norm(s, Ci, q->outside + floats / 4);
}

/* Where the 3 x 3 taps of LANES columns go, of which `left` exist; beta times what is there is
 * added. */
typedef struct {
  global float *at;
  int step, tap_h, tap_w, left; /* from column to column */
  float beta;
} wino_tap_gradients;
INLINE void wino_add_tap(wino_tap_gradients q, int i, int j, V v) {
  global float *to = q.at + i * q.tap_h + j * q.tap_w;
  lanes_store(q.beta != 0 ? v + q.beta * lanes_load(to, q.step, q.left) : v, to, q.step, q.left);
}

/* A tile of sums, s[36][..][TN], its points `step` apart, of `bands` bands, to the taps of `rows`
 * channels of x from c0 on by the channels of dy from j0 on. */
INLINE void conv_wino_taps(global const float *s, int step, int bands, size_t band,
                           global float *dw, clf_view v, float beta, int c0, int rows, int j0) {
  const int so = v.stride[0], columns = min(TN, v.dim[0] - j0);
  for (int l = 0; l < columns; l += LANES)
    for (int r = 0; r < rows; r++) {
      V sum[36];
#pragma unroll
      for (int t = 0; t < 36; t++) {
        sum[t] = 0;
        for (int i = 0; i < bands; i++) sum[t] += VLOAD(s + t * step + (r * TN + l) + i * band);
      }
      const wino_vectors from = {sum, 6};
      const wino_tap_gradients to = {dw + v.offset + (j0 + l) * so + (c0 + r) * v.stride[1],
                                     so,
                                     v.stride[2],
                                     v.stride[3],
                                     columns - l,
                                     beta};
      WINO_BOTH(wino_g_back, 6, 3, wino_vector, from, wino_add_tap, to)
    }
}

/* Co in whole panels. */
INLINE int winograd_columns(clf_view dw) { return (dw.dim[0] + TN - 1) / TN * TN; }

/* ---- Few tiles: all are transformed; then the sums of a work-item go to taps at once, where bands
 * would write theirs to memory and read them again. Scratch memory: rows of x [36][panels of
 * x][tiles][WINO_WIDE], of dy [36][panels][tiles][TN]; behind them each work-item of the first
 * launch has its edges, of the second its sums [36][WINO_WIDE][TN]. */

typedef struct {
  int tiles, Ci, wide_panels, columns, x_matrix, dy_matrix;
  global float *x, *dy, *slices;
} winograd_few;
INLINE winograd_few winograd_few_of(global float *scratch, clf_view x, clf_view dw) {
  winograd_few q;
  q.tiles = wino_tiles(x);
  q.Ci = x.dim[1];
  q.wide_panels = (q.Ci + WINO_WIDE - 1) / WINO_WIDE;
  q.columns = winograd_columns(dw);
  q.x_matrix = WINO_MATRIX(q.wide_panels * q.tiles, WINO_WIDE);
  q.dy_matrix = WINO_MATRIX(q.columns / TN * q.tiles, TN);
  q.x = scratch;
  q.dy = q.x + (size_t)36 * q.x_matrix;
  q.slices = q.dy + (size_t)36 * q.dy_matrix;
  return q;
}

/* Each work-item transforms some tiles. */
kernel BY_LANES void conv_bwd_weights_winograd_rows(CLF_IN(x), CLF_IN(mean), CLF_IN(var),
                                                    CLF_IN(shift), CLF_IN(dy), CLF_OUT(dw),
                                                    const conv_bwd_weights_args p,
                                                    CLF_SCRATCH(conv_weights_plan)) {
  const conv_stats stats = conv_stats_of(mean_, p.mean, var_, p.var, shift_, p.shift, p.eps);
  const winograd_few q = winograd_few_of(scratch, p.x, p.dw);
  const int each = (q.tiles - 1) / (int)get_global_size(0) + 1, first = get_global_id(0) * each;
  const int count = min(each, q.tiles - first);
  winograd_edges edges;
  winograd_edges_of(&edges, q.slices + get_global_id(0) * (size_t)e.edges, e.edges, stats, q.Ci);
  if (count <= 0) return;
  wino_in(x_, p.x, edges.norm, first, count, edges.outside, q.x + first * WINO_WIDE, WINO_WIDE,
          q.x_matrix, (q.tiles - 1) * WINO_WIDE);
  wino_gradients(dy_, p.dy, first, count, q.columns, edges.zeros, q.dy + first * TN, TN,
                 q.dy_matrix, (q.tiles - 1) * TN);
}

/* Work-item (j, h): panel j of dy, and panels h, h + ... of x. */
kernel BY_LANES void conv_bwd_weights_winograd_few(CLF_IN(x), CLF_IN(mean), CLF_IN(var),
                                                   CLF_IN(shift), CLF_IN(dy), CLF_OUT(dw),
                                                   const conv_bwd_weights_args p,
                                                   CLF_SCRATCH(conv_weights_plan)) {
  const winograd_few q = winograd_few_of(scratch, p.x, p.dw);
  const int j = get_global_id(0), j0 = j * TN, wide = p.dy.dim[1] - j0 > LANES;
  global float *sums =
      q.slices + (j + get_global_id(1) * get_global_size(0)) * (size_t)(36 * WINO_WIDE * TN);
  for (int g = get_global_id(1); g < q.wide_panels; g += get_global_size(1)) {
    const int c0 = g * WINO_WIDE, rows = min(WINO_WIDE, q.Ci - c0);
    for (int t = 0; t < 36; t++)
      for (int r = 0; r < rows; r += TM)
        wino_outer(q.x + (size_t)t * q.x_matrix + g * q.tiles * WINO_WIDE + r, WINO_WIDE,
                   q.dy + (size_t)t * q.dy_matrix + j * q.tiles * TN, TN, q.tiles, wide,
                   sums + (t * WINO_WIDE + r) * TN, TN, TM, 0);
    conv_wino_taps(sums, WINO_WIDE * TN, 1, 0, dw_, p.dw, p.beta, c0, rows, j0);
  }
}

/* ---- Many tiles: e.bands bands of e.band blocks of e.at_once tiles ------------------------------
 * Scratch memory: each band's sums [blocks of TM channels of x][panels][36][TM][TN]; for each band
 * x's rows [36][e.at_once][Ci], each a little longer, its edges, and rows of dy
 * [36][e.at_once][columns]. */

/* Where the sums of a block of x by a panel are; the sums of one band. */
INLINE size_t winograd_tile(int columns, int block, int panel) {
  return ((size_t)block * columns / TN + panel) * 36 * TM * TN;
}
INLINE int winograd_blocks(int Ci) { return (Ci + TM - 1) / TM; }

kernel BY_LANES void conv_bwd_weights_winograd(CLF_IN(x), CLF_IN(mean), CLF_IN(var), CLF_IN(shift),
                                               CLF_IN(dy), CLF_OUT(dw),
                                               const conv_bwd_weights_args p,
                                               CLF_SCRATCH(conv_weights_plan)) {
  const conv_stats stats = conv_stats_of(mean_, p.mean, var_, p.var, shift_, p.shift, p.eps);
  const int Ci = p.x.dim[1], blocks = winograd_blocks(Ci), columns = winograd_columns(p.dw);
  const int panels = columns / TN, band = get_global_id(0), n = e.at_once;
  const int row = WINO_MATRIX(1, Ci), x_matrix = WINO_MATRIX(n, row);
  const int dy_matrix = WINO_MATRIX(n, columns);
  const int begin = band * e.band * n, end = min(begin + e.band * n, wino_tiles(p.x));
  const size_t slice = (size_t)36 * (x_matrix + dy_matrix) + e.edges;
  const size_t sums = winograd_tile(columns, blocks, 0);
  global float *d = scratch + band * sums, *x = scratch + e.bands * sums + band * slice;
  global float *zeros = x + 36 * x_matrix, *dy = zeros + e.edges;
  winograd_edges edges;
  winograd_edges_of(&edges, zeros, e.edges, stats, Ci);
  for (int first = begin; first < end; first += n) {
    const int count = min(n, end - first);
    wino_in(x_, p.x, edges.norm, first, count, edges.outside, x, row, x_matrix, 0);
    wino_gradients(dy_, p.dy, first, count, columns, zeros, dy, columns, dy_matrix, 0);
    for (int t = 0; t < 36; t++)
      for (int j = 0; j < panels; j++)
        for (int b = 0; b < blocks; b++)
          wino_outer(x + t * x_matrix + b * TM, row, dy + t * dy_matrix + j * TN, columns, count,
                     p.dy.dim[1] - j * TN > LANES, d + winograd_tile(columns, b, j) + t * TM * TN,
                     TN, TM, first > begin);
  }
}

/* Work-item (b, j): block b of channels of x by panel j of dy, over the bands in order. */
kernel BY_LANES void conv_bwd_weights_winograd_add(CLF_IN(x), CLF_IN(mean), CLF_IN(var),
                                                   CLF_IN(shift), CLF_IN(dy), CLF_OUT(dw),
                                                   const conv_bwd_weights_args p,
                                                   CLF_SCRATCH(conv_weights_plan)) {
  const int b = get_global_id(0), j = get_global_id(1), c0 = b * TM;
  const int columns = winograd_columns(p.dw);
  const size_t sums = winograd_tile(columns, winograd_blocks(p.x.dim[1]), 0);
  conv_wino_taps(scratch + winograd_tile(columns, b, j), TM * TN, e.bands, sums, dw_, p.dw, p.beta,
                 c0, min(TM, p.dw.dim[1] - c0), j * TN);
}
#endif
