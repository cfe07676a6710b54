/* SPDX-License-Identifier: MIT */
/* conv_winograd.cl: convolutions and their gradient by the input by winograd.clh, for 3x3 and
 * channels last. */
#if LANES > 1
/* ---- Many tiles, in blocks of e.y -----------------------------------------------------------
 * The pool: what stands for pixels beyond an edge, as in conv.cl; at e.x the weights' panels
 * [panels][36][rows][TN]; for each item rows [36][e.y][C] and sums [36][e.y][TN]. */

/* Group (c, j) packs row c of panel j. */
static void conv_wino_pack(global const float *w, conv_weights q, global float *panels) {
  const int c = get_global_id(0), j = get_global_id(1);
  const int matrix = MATRIX(q.rows, TN);
  global float *d = panels + (size_t)j * 36 * matrix + c * TN;
  for (int l = 0; l < TN; l += LANES) {
    const int col = j * TN + l;
    global const float *s = w + (q.offset + c * q.row + (ptrdiff_t)col * q.col);
#define FROM(i, j) lanes_load(s + ((i)*q.tap_h + (j)*q.tap_w), q.col, q.cols - col)
#define TO(i, j, v) VSTORE(v, d + ((i)*6 + (j)) * matrix + l)
    WINO_BOTH(WINO_G, 3, 6)
#undef FROM
#undef TO
  }
}

#define WINO_ROW_SIZE(C) ((size_t)36 * MATRIX(e.y, C))

/* Item i takes each block of tiles from i on, with all panels. */
static void conv_wino(global const float *x, clf_view xv, conv_norm norm, global float *pool,
                      int4 e, global float *y, clf_view yv, float beta, global const float *bias,
                      int bias_stride) {
  const int C = xv.dim[1], panels = (yv.dim[1] + TN - 1) / TN, tiles = wino_tiles(xv);
  const int matrix = MATRIX(e.y, C), step = MATRIX(C, TN);
  global float *panel0 = pool + e.x;
  global float *rows = panel0 + (size_t)(panels * 36) * step +
                       get_global_id(0) * (WINO_ROW_SIZE(C) + (size_t)(36 * e.y * TN));
  global float *sums = rows + WINO_ROW_SIZE(C);
  for (int first = get_global_id(0) * e.y; first < tiles; first += get_global_size(0) * e.y) {
    const int count = min(e.y, tiles - first), whole = (count + TM - 1) / TM * TM;
    wino_in(x, xv, norm, first, whole, pool, rows, C, matrix, 0);
    for (int j = 0; j < panels; j++) {
      wino_products(36, rows, matrix, C, whole, panel0 + (size_t)j * 36 * step, step,
                    yv.dim[1] - j * TN > LANES, sums);
      wino_out(sums, whole, first, count, j * TN, y, yv, beta, bias, bias_stride);
    }
  }
}

/* ---- Few tiles: all are one block, and an item has a panel, which stays in its cache: packed for
 * all items to read, the weights would be written to memory, which takes longer than the products.
 * The pool: what stands for pixels beyond an edge; at e.x rows [36][e.y tiles][C]; for each item
 * its panel's weights, transformed along their columns [6][3][C][TN], six matrices [C][TN] of them,
 * and sums [36][e.y tiles][TN]. */

/* Each item transforms some tiles. */
static void conv_wino_rows(global const float *x, clf_view xv, conv_norm norm, global float *pool,
                           int4 e) {
  const int C = xv.dim[1], each = (e.y - 1) / (int)get_global_size(0) + 1;
  const int first = get_global_id(0) * each, count = min(each, e.y - first);
  wino_in(x, xv, norm, first, count, pool, pool + e.x + first * C, C, MATRIX(e.y, C), 0);
}

/* taps[i][j][rows][TN]: panel p's weights, transformed along their columns. */
static void conv_wino_columns(global const float *w, conv_weights q, int p, global float *taps) {
  const int matrix = q.rows * TN;
  for (int c = 0; c < q.rows; c++)
    for (int l = 0; l < TN; l += LANES)
      for (int j = 0; j < 3; j++) {
        const int col = p * TN + l;
        global const float *s = w + (q.offset + c * q.row + j * q.tap_w + (ptrdiff_t)col * q.col);
#define IN(i) lanes_load(s + (i)*q.tap_h, q.col, q.cols - col)
#define OUT(i, v) VSTORE(v, taps + ((i)*3 + j) * matrix + c * TN + l)
        WINO_G(IN, OUT)
#undef IN
#undef OUT
      }
}
/* six[j][rows][TN] of taps[j][rows][TN]. */
static void conv_wino_six(global const float *taps, int rows, global float *six) {
  const int matrix = rows * TN;
  for (int at = 0; at < matrix; at += LANES) {
#define IN(j) VLOAD(taps + (j)*matrix + at)
#define OUT(j, v) VSTORE(v, six + (j)*MATRIX(rows, TN) + at)
    WINO_G(IN, OUT)
#undef IN
#undef OUT
  }
}

static void conv_wino_few(global const float *w, conv_weights q, clf_view xv, global float *pool,
                          int4 e, global float *y, clf_view yv, float beta,
                          global const float *bias, int bias_stride) {
  const int C = xv.dim[1], j = get_global_id(0), matrix = MATRIX(e.y, C), step = MATRIX(C, TN);
  global const float *rows = pool + e.x;
  global float *taps = pool + e.x + WINO_ROW_SIZE(C) +
                       j * ((size_t)18 * C * TN + (size_t)6 * step + (size_t)36 * e.y * TN);
  global float *six = taps + 18 * C * TN, *sums = six + 6 * step;
  conv_wino_columns(w, q, j, taps);
  for (int i = 0; i < 6; i++) {
    conv_wino_six(taps + i * 3 * C * TN, C, six);
    wino_products(6, rows + i * 6 * matrix, matrix, C, e.y, six, step, yv.dim[1] - j * TN > LANES,
                  sums + i * 6 * e.y * TN);
  }
  wino_out(sums, e.y, 0, wino_tiles(xv), j * TN, y, yv, beta, bias, bias_stride);
}

#define BIAS p.bias.dim[0] ? bias_ + p.bias.offset : 0, p.bias.stride[0]
kernel BY_LANES void conv_fwd_winograd_pack(FWD) {
  FWD_FRONT;
  conv_wino_pack(w_, conv_as_is(p.w), pool + e.x);
}
kernel BY_LANES void conv_fwd_winograd(FWD) {
  conv_wino(x_, p.x, NORM, pool, e, y_, p.y, p.beta, BIAS);
}
kernel BY_LANES void conv_fwd_winograd_front(FWD) { FWD_FRONT; }
kernel BY_LANES void conv_fwd_winograd_rows(FWD) { conv_wino_rows(x_, p.x, NORM, pool, e); }
kernel BY_LANES void conv_fwd_winograd_few(FWD) {
  conv_wino_few(w_, conv_as_is(p.w), p.x, pool, e, y_, p.y, p.beta, BIAS);
}

kernel BY_LANES void conv_bwd_data_winograd_pack(DATA) {
  conv_outside(pool, e.x, 0);
  conv_wino_pack(w_, conv_turned(p.w), pool + e.x);
}
kernel BY_LANES void conv_bwd_data_winograd(DATA) {
  conv_wino(dy_, p.dy, conv_no_norm(), pool, e, dx_, p.dx, p.beta, 0, 0);
}
kernel BY_LANES void conv_bwd_data_winograd_front(DATA) { conv_outside(pool, e.x, 0); }
kernel BY_LANES void conv_bwd_data_winograd_rows(DATA) {
  conv_wino_rows(dy_, p.dy, conv_no_norm(), pool, e);
}
kernel BY_LANES void conv_bwd_data_winograd_few(DATA) {
  conv_wino_few(w_, conv_turned(p.w), p.dy, pool, e, dx_, p.dx, p.beta, 0, 0);
}
#undef BIAS
#endif
#undef WINO_ROW_SIZE

/* What the files of this stem share, of which this is the last. */
#undef TABLE
#undef FILL
#undef PANELS
#undef NORM
#undef FWD
#undef FWD_FRONT
#undef DATA
#undef NORMED
#undef SCALE
#undef OFFSET
#undef UP16
#undef MATRIX
#undef WINO_WIDE
#if LANES > 1
#undef BY_TILE
#endif
#undef PANEL
