/* SPDX-License-Identifier: MIT */
/* conv_winograd.cl: convolutions and their gradient by the input by winograd.clh, for 3x3 and
 * channels last.
 * The pool: what stands for pixels beyond an edge, as in conv.cl; at e.x the weights' panels
 * [panels][36][rows][TN]; rows [36][e.y tiles][C] for each i of items (i, part); sums
 * [36][e.y tiles][TN] for each item. */
#if LANES > 1

/* Group (c, j) packs row c of panel j. */
void conv_wino_pack(global const float *w, conv_weights q, global float *panels) {
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

/* Of item (i, part), behind the panels. */
#define WINO_ROW_SIZE(C) ((size_t)36 * MATRIX(e.y, C))
#define WINO_ROWS(C, columns)                                                                      \
  (pool + e.x + (size_t)(((columns) + TN - 1) / TN * 36) * MATRIX(C, TN) +                         \
   get_global_id(0) * WINO_ROW_SIZE(C))

/* Where several parts need the rows of a block, i's only one, each has transformed some tiles. */
void conv_wino_rows(global const float *x, clf_view xv, conv_norm norm, global float *pool, int4 e,
                    int columns) {
  const int C = xv.dim[1], each = (e.y - 1) / (int)get_global_size(1) + 1;
  const int first = get_global_id(1) * each, count = min(each, e.y - first);
  wino_in(x, xv, norm, get_global_id(0) * e.y + first, count, pool,
          WINO_ROWS(C, columns) + first * C, C, MATRIX(e.y, C));
}

/* Item (i, part) takes each block of tiles from i on, and each panel from `part` on. */
void conv_wino(global const float *x, clf_view xv, conv_norm norm, global float *pool, int4 e,
               global float *y, clf_view yv, float beta, global const float *bias,
               int bias_stride) {
  const int C = xv.dim[1], panels = (yv.dim[1] + TN - 1) / TN, tiles = wino_tiles(xv);
  const int part = get_global_id(1), matrix = MATRIX(e.y, C), step = MATRIX(C, TN),
            panel = 36 * step;
  global float *panel0 = pool + e.x, *rows = WINO_ROWS(C, yv.dim[1]);
  global float *sums = rows + (get_global_size(0) - get_global_id(0)) * WINO_ROW_SIZE(C) +
                       (get_global_id(0) + part * get_global_size(0)) * (size_t)(36 * e.y * TN);
  for (int first = get_global_id(0) * e.y; first < tiles; first += get_global_size(0) * e.y) {
    const int count = min(e.y, tiles - first), whole = (count + TM - 1) / TM * TM;
    if (get_global_size(1) == 1) wino_in(x, xv, norm, first, whole, pool, rows, C, matrix);
    for (int j = part; j < panels; j += get_global_size(1)) {
      wino_products(rows, matrix, C, whole, panel0 + (size_t)j * panel, step,
                    yv.dim[1] - j * TN > LANES, sums);
      wino_out(sums, whole, first, count, j * TN, y, yv, beta, bias, bias_stride);
    }
  }
}

kernel BY_LANES void conv_fwd_winograd_pack(FWD) {
  FWD_FRONT
  conv_wino_pack(w_, conv_as_is(p.w), pool + e.x);
}
kernel BY_LANES void conv_fwd_winograd_rows(FWD) {
  conv_wino_rows(x_, p.x, NORM, pool, e, p.y.dim[1]);
}
kernel BY_LANES void conv_fwd_winograd(FWD) {
  conv_wino(x_, p.x, NORM, pool, e, y_, p.y, p.beta, p.bias.dim[0] ? bias_ + p.bias.offset : 0,
            p.bias.stride[0]);
}
kernel BY_LANES void conv_bwd_data_winograd_pack(DATA) {
  conv_outside(pool, e.x, 0);
  conv_wino_pack(w_, conv_turned(p.w), pool + e.x);
}
kernel BY_LANES void conv_bwd_data_winograd_rows(DATA) {
  conv_wino_rows(dy_, p.dy, conv_no_norm(), pool, e, p.dx.dim[1]);
}
kernel BY_LANES void conv_bwd_data_winograd(DATA) {
  conv_wino(dy_, p.dy, conv_no_norm(), pool, e, dx_, p.dx, p.beta, 0, 0);
}
#endif
#undef WINO_ROW_SIZE
#undef WINO_ROWS

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
#if LANES > 1
#undef BY_TILE
#endif
#undef PANEL
