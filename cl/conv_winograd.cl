/* SPDX-License-Identifier: MIT */
/* conv_winograd.cl: 3x3 convolutions and their gradient by the input by Winograd's algorithm, for
 * vectors: winograd.clh has the picture. */
#include "winograd.clh"

#if LANES > 1
/* ---- Many tiles, in blocks of e.tiles ----------------------------------------------------------
 * Scratch memory: what stands for pixels beyond an edge, as in conv.clh; at e.at the panels of
 * weights [panels][36][rows][TN]; for each work-item rows [36][e.tiles][C] and sums
 * [36][e.tiles][TN]. */

/* The 3 x 3 taps of LANES columns of the weights from `at` on, of which `left` exist. */
typedef struct {
  global const float *at;
  int tap_h, tap_w, col, left;
} wino_taps;
INLINE V wino_tap(wino_taps q, int i, int j) {
  return lanes_load(q.at + (i * q.tap_h + j * q.tap_w), q.col, q.left);
}
INLINE wino_taps wino_taps_of(global const float *w, conv_weights q, int row, int col) {
  const wino_taps taps = {w + (q.offset + row * q.row + (ptrdiff_t)col * q.col), q.tap_h, q.tap_w,
                          q.col, q.cols - col};
  return taps;
}

/* Work-group (c, j) packs row c of panel j. */
static void conv_wino_pack(global const float *w, conv_weights q, global float *panels) {
  const int c = get_global_id(0), j = get_global_id(1);
  const int matrix = WINO_MATRIX(q.rows, TN);
  global float *d = panels + (size_t)j * 36 * matrix + c * TN;
  for (int l = 0; l < TN; l += LANES) {
    const wino_taps taps = wino_taps_of(w, q, c, j * TN + l);
    const wino_points points = {d + l, matrix};
    WINO_BOTH(wino_g, 3, 6, wino_tap, taps, wino_put_point, points)
  }
}

/* Floats of the rows of `tiles` tiles. */
INLINE size_t conv_wino_rows_size(int tiles, int C) { return (size_t)36 * WINO_MATRIX(tiles, C); }

/* Work-item i has the blocks i, i + work-items, ... of e.tiles tiles, and all panels. */
static void conv_wino(global const float *x, clf_view xv, conv_norm norm, global float *scratch,
                      conv_plan e, global float *y, clf_view yv, float beta,
                      global const float *bias, int bias_stride) {
  const int C = xv.dim[1], panels = (yv.dim[1] + TN - 1) / TN, tiles = wino_tiles(xv);
  const int matrix = WINO_MATRIX(e.tiles, C), step = WINO_MATRIX(C, TN);
  global float *panel0 = scratch + e.at;
  global float *rows =
      panel0 + (size_t)(panels * 36) * step +
      get_global_id(0) * (conv_wino_rows_size(e.tiles, C) + (size_t)(36 * e.tiles * TN));
  global float *sums = rows + conv_wino_rows_size(e.tiles, C);
  for (int first = get_global_id(0) * e.tiles; first < tiles;
       first += get_global_size(0) * e.tiles) {
    const int count = min(e.tiles, tiles - first), whole = (count + TM - 1) / TM * TM;
    wino_in(x, xv, norm, first, whole, scratch, rows, C, matrix, 0);
    for (int j = 0; j < panels; j++) {
      wino_products(36, rows, matrix, C, whole, panel0 + (size_t)j * 36 * step, step,
                    yv.dim[1] - j * TN > LANES, sums);
      wino_out(sums, whole, first, count, j * TN, y, yv, beta, bias, bias_stride);
    }
  }
}

/* ---- Few tiles: all of them are one block, and a work-item has a panel of weights, which stays in
 * its cache.  (Weights packed for all work-items would be written to memory, which takes longer
 * than the products.)  Scratch memory: what stands for pixels beyond an edge; at e.at rows
 * [36][tiles][C]; for each work-item the weights of its panel, transformed along their columns
 * [6][3][C][TN], six matrices [C][TN] of them, and sums [36][tiles][TN]. */

/* Each work-item transforms some tiles. */
static void conv_wino_rows(global const float *x, clf_view xv, conv_norm norm,
                           global float *scratch, conv_plan e) {
  const int C = xv.dim[1], each = (e.tiles - 1) / (int)get_global_size(0) + 1;
  const int first = get_global_id(0) * each, count = min(each, e.tiles - first);
  wino_in(x, xv, norm, first, count, scratch, scratch + e.at + first * C, C,
          WINO_MATRIX(e.tiles, C), 0);
}

/* taps[i][j][rows][TN]: the weights of panel p, transformed along their columns. */
static void conv_wino_columns(global const float *w, conv_weights q, int p, global float *taps) {
  const int matrix = q.rows * TN;
  for (int c = 0; c < q.rows; c++)
    for (int l = 0; l < TN; l += LANES)
      for (int j = 0; j < 3; j++) {
        const wino_taps from = wino_taps_of(w, q, c, p * TN + l);
        V in[3], out[6];
#pragma unroll
        for (int i = 0; i < 3; i++) in[i] = wino_tap(from, i, j);
        wino_g(in, out);
#pragma unroll
        for (int i = 0; i < 6; i++) VSTORE(out[i], taps + (i * 3 + j) * matrix + c * TN + l);
      }
}
/* six[j][rows][TN] of taps[j][rows][TN]: the transform along rows. */
static void conv_wino_six(global const float *taps, int rows, global float *six) {
  const int matrix = rows * TN;
  for (int at = 0; at < matrix; at += LANES) {
    V in[3], out[6];
#pragma unroll
    for (int j = 0; j < 3; j++) in[j] = VLOAD(taps + j * matrix + at);
    wino_g(in, out);
#pragma unroll
    for (int j = 0; j < 6; j++) VSTORE(out[j], six + j * WINO_MATRIX(rows, TN) + at);
  }
}

static void conv_wino_few(global const float *w, conv_weights q, clf_view xv, global float *scratch,
                          conv_plan e, global float *y, clf_view yv, float beta,
                          global const float *bias, int bias_stride) {
  const int C = xv.dim[1], j = get_global_id(0), matrix = WINO_MATRIX(e.tiles, C),
            step = WINO_MATRIX(C, TN);
  global const float *rows = scratch + e.at;
  global float *taps = scratch + e.at + conv_wino_rows_size(e.tiles, C) +
                       j * ((size_t)18 * C * TN + (size_t)6 * step + (size_t)36 * e.tiles * TN);
  global float *six = taps + 18 * C * TN, *sums = six + 6 * step;
  conv_wino_columns(w, q, j, taps);
  for (int i = 0; i < 6; i++) {
    conv_wino_six(taps + i * 3 * C * TN, C, six);
    wino_products(6, rows + i * 6 * matrix, matrix, C, e.tiles, six, step,
                  yv.dim[1] - j * TN > LANES, sums + i * 6 * e.tiles * TN);
  }
  wino_out(sums, e.tiles, 0, wino_tiles(xv), j * TN, y, yv, beta, bias, bias_stride);
}

kernel BY_LANES void conv_fwd_winograd_pack(CLF_IN(x), CLF_IN(w), CLF_IN(bias), CLF_IN(mean),
                                            CLF_IN(var), CLF_IN(shift), CLF_OUT(y),
                                            const conv_fwd_args p, CLF_SCRATCH(conv_plan)) {
  conv_front(scratch, e, p.x.dim[1],
             conv_stats_of(mean_, p.mean, var_, p.var, shift_, p.shift, p.eps));
  conv_wino_pack(w_, conv_as_is(p.w), scratch + e.at);
}
kernel BY_LANES void conv_fwd_winograd(CLF_IN(x), CLF_IN(w), CLF_IN(bias), CLF_IN(mean),
                                       CLF_IN(var), CLF_IN(shift), CLF_OUT(y),
                                       const conv_fwd_args p, CLF_SCRATCH(conv_plan)) {
  conv_wino(x_, p.x, conv_norm_of(scratch, e, p.x.dim[1], p.mean.dim[0] > 0), scratch, e, y_, p.y,
            p.beta, p.bias.dim[0] ? bias_ + p.bias.offset : 0, p.bias.stride[0]);
}
kernel BY_LANES void conv_fwd_winograd_front(CLF_IN(x), CLF_IN(w), CLF_IN(bias), CLF_IN(mean),
                                             CLF_IN(var), CLF_IN(shift), CLF_OUT(y),
                                             const conv_fwd_args p, CLF_SCRATCH(conv_plan)) {
  conv_front(scratch, e, p.x.dim[1],
             conv_stats_of(mean_, p.mean, var_, p.var, shift_, p.shift, p.eps));
}
kernel BY_LANES void conv_fwd_winograd_rows(CLF_IN(x), CLF_IN(w), CLF_IN(bias), CLF_IN(mean),
                                            CLF_IN(var), CLF_IN(shift), CLF_OUT(y),
                                            const conv_fwd_args p, CLF_SCRATCH(conv_plan)) {
  conv_wino_rows(x_, p.x, conv_norm_of(scratch, e, p.x.dim[1], p.mean.dim[0] > 0), scratch, e);
}
kernel BY_LANES void conv_fwd_winograd_few(CLF_IN(x), CLF_IN(w), CLF_IN(bias), CLF_IN(mean),
                                           CLF_IN(var), CLF_IN(shift), CLF_OUT(y),
                                           const conv_fwd_args p, CLF_SCRATCH(conv_plan)) {
  conv_wino_few(w_, conv_as_is(p.w), p.x, scratch, e, y_, p.y, p.beta,
                p.bias.dim[0] ? bias_ + p.bias.offset : 0, p.bias.stride[0]);
}

kernel BY_LANES void conv_bwd_data_winograd_pack(CLF_IN(dy), CLF_IN(w), CLF_OUT(dx),
                                                 const conv_bwd_data_args p,
                                                 CLF_SCRATCH(conv_plan)) {
  conv_outside(scratch, e.at, 0);
  conv_wino_pack(w_, conv_turned(p.w), scratch + e.at);
}
kernel BY_LANES void conv_bwd_data_winograd(CLF_IN(dy), CLF_IN(w), CLF_OUT(dx),
                                            const conv_bwd_data_args p, CLF_SCRATCH(conv_plan)) {
  conv_wino(dy_, p.dy, conv_no_norm(), scratch, e, dx_, p.dx, p.beta, 0, 0);
}
kernel BY_LANES void conv_bwd_data_winograd_front(CLF_IN(dy), CLF_IN(w), CLF_OUT(dx),
                                                  const conv_bwd_data_args p,
                                                  CLF_SCRATCH(conv_plan)) {
  conv_outside(scratch, e.at, 0);
}
kernel BY_LANES void conv_bwd_data_winograd_rows(CLF_IN(dy), CLF_IN(w), CLF_OUT(dx),
                                                 const conv_bwd_data_args p,
                                                 CLF_SCRATCH(conv_plan)) {
  conv_wino_rows(dy_, p.dy, conv_no_norm(), scratch, e);
}
kernel BY_LANES void conv_bwd_data_winograd_few(CLF_IN(dy), CLF_IN(w), CLF_OUT(dx),
                                                const conv_bwd_data_args p,
                                                CLF_SCRATCH(conv_plan)) {
  conv_wino_few(w_, conv_turned(p.w), p.dy, scratch, e, dx_, p.dx, p.beta, 0, 0);
}
#endif
