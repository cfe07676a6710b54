/* SPDX-License-Identifier: MIT */
/* gemm_tiles.h: products by tiles of TM or OTHER rows of c and TN columns (two vectors), whose
 * sums stay in registers.  Only included by gemm.c.
 *
 * b is packed into panels of TN columns, [K][TN], padded with zeros, so that it is read as one
 * stream.  If only few rows of c read them, whole panels with dense rows are not packed.  a is not
 * packed if its rows are dense or it is small; else a block of BLOCK tiles packs DEEP of its
 * columns at a time, and keeps the sums in between.  Every sum is one chain, k in order, whatever
 * is packed. */

enum { BLOCK = 8, DEEP = 256, BANDS = 64, FEW_ROWS = 128, SMALL = 1 << 14 };

static int ceil_of(int n, int by) { return (n - 1) / by + 1; }

/* Rows of a tile: TM, or OTHER if that computes fewer unneeded rows. */
static int height_of(int M) { return ceil_of(M, OTHER) * OTHER < ceil_of(M, TM) * TM ? OTHER : TM; }

typedef struct tiling {
  const clf_gemm_args *p;
  const clf_weights_bwd_args *masked; /* NULL: the product has no mask */
  int M, N, K, high, block, deep;     /* rows of a tile, tiles of a block; columns of a at a time */
  int blocks;
  int a_in_place, b_in_place;
  real *panels, *bands; /* each band has `own` elements of packed rows and sums */
  size_t own;
} tiling;

/* The first row of a panel, and the distance of rows. */
typedef struct panel {
  const real *at;
  ptrdiff_t step;
} panel;

/* Rows of a whole panel, or of its first half. */
static int stays(const tiling *q, int j0) {
  return q->b_in_place && (q->N - j0 >= TN || q->N - j0 == LANES);
}

static panel panel_of(const tiling *q, int j0) {
  const clf_tensor *b = &q->p->b;
  if (stays(q, j0)) return (panel){at(b, 0, j0, 0, 0), b->stride[0]};
  return (panel){q->panels + (ptrdiff_t)j0 * q->K, TN};
}

/* Copies rows of b, or transposes its columns. */
static void pack_rows_of_b(const tiling *q, const real *s, ptrdiff_t sk, int n, real *d) {
  const int low = min_int(n, LANES), high = n - low;
  for (int k = 0; k < q->K; k++, s += sk, d += TN) {
    VEC(d) = load_first(s, low);
    VEC(d + LANES) = high ? load_first(s + LANES, high) : (vec){0};
  }
}
static void pack_columns_of_b(const tiling *q, const real *s, ptrdiff_t sj, int n, real *d) {
  for (int half = 0; half < TN; half += LANES)
    for (int k = 0; k < q->K && (half < n || n > LANES); k += LANES)
      transpose(s + half * sj + k, sj, min_int(LANES, n - half), min_int(LANES, q->K - k),
                d + (ptrdiff_t)k * TN + half);
}

CLF_LOOP(pack_panel, tiling, q, index) {
  const clf_tensor *b = &q->p->b;
  const int j0 = index * TN, n = min_int(TN, q->N - j0), tb = q->p->tb != 0;
  const ptrdiff_t sj = b->stride[!tb], sk = b->stride[tb];
  const real *s = at(b, 0, 0, 0, 0) + j0 * sj;
  real *d = q->panels + (ptrdiff_t)j0 * q->K;
  if (stays(q, j0)) return;
  if (sj == 1) {
    pack_rows_of_b(q, s, sk, n, d);
  } else if (sk == 1) {
    pack_columns_of_b(q, s, sj, n, d);
  } else {
    for (int k = 0; k < q->K; k++, s += sk, d += TN)
      for (int j = 0; j < TN; j++) d[j] = j < n ? s[j * sj] : 0;
  }
}

/* Columns k0 .. k1 - 1 of rows i0 and following, a tile, as [k][high]; rows past the end repeat
 * the last one. */
static void pack_rows(const tiling *q, int i0, int k0, int k1, real *d) {
  const clf_tensor *a = &q->p->a;
  const int ta = q->p->ta != 0, high = q->high, n = min_int(high, q->M - i0);
  const ptrdiff_t si = a->stride[ta], sk = a->stride[!ta];
  const real *s = at(a, 0, 0, 0, 0) + i0 * si + k0 * sk;
  if (si == 1 && n == TM && high == TM)
    for (int k = k0; k < k1; k++, s += sk, d += TM)
      for (int r = 0; r < TM; r++) d[r] = s[r];
  else
    for (int k = k0; k < k1; k++, s += sk, d += high)
      for (int r = 0; r < high; r++) d[r] = s[min_int(r, n - 1) * si];
}

/* The rows of a tile: those past the end of c repeat the last one. */
typedef struct tile_rows {
  const real *a[HIGH];
  real *c[HIGH];
  real bias[HIGH];
} tile_rows;

/* Where the sums of a tile go: if `direct`, with their bias, to its rows of c from column j0 on,
 * plus beta c; else to sums[HIGH][TN], `more` of them to those that are there already. */
typedef struct tile_target {
  int direct, more, j0;
  real beta;
  real *sums;
} tile_target;

/* K columns of a, at distance `step`, times rows of b, or those in `list` unless NULL; `halves`
 * vectors per row.  All but the data are constants of the calls. */
__attribute__((always_inline)) static inline void tile_of(int height, int halves,
                                                          const tile_rows *rows, ptrdiff_t step,
                                                          panel from, const int *list, int K,
                                                          const tile_target *to) {
  const int more = to->more, j0 = to->j0;
  const real beta = to->beta;
  vec sum[HIGH][2] = {{{0}}};
#pragma GCC unroll 12
  for (int r = 0; r < height && more; r++)
    for (int h = 0; h < halves; h++) sum[r][h] = VEC_IN(to->sums + r * TN + h * LANES);
  for (int i = 0; i < K; i++) {
    const ptrdiff_t k = list ? list[i] : i;
    const real *b = from.at + k * from.step;
    const vec b0 = VEC_IN(b), b1 = halves == 2 ? VEC_IN(b + LANES) : b0;
#pragma GCC unroll 12
    for (int r = 0; r < height; r++) {
      const real x = rows->a[r][k * step];
      sum[r][0] += x * b0;
      if (halves == 2) sum[r][1] += x * b1;
    }
  }
  if (!to->direct) {
#pragma GCC unroll 12
    for (int r = 0; r < height; r++) {
      VEC(to->sums + r * TN) = sum[r][0];
      VEC(to->sums + r * TN + LANES) = sum[r][1];
    }
    return;
  }
#pragma GCC unroll 12
  for (int r = 0; r < height && beta != 0; r++) /* before rows that are repeated change */
    for (int h = 0; h < halves; h++)
      sum[r][h] += beta * VEC_IN(rows->c[r] + j0 + h * LANES); /* c may be NaN */
#pragma GCC unroll 12
  for (int r = 0; r < height; r++)
    for (int h = 0; h < halves; h++) VEC(rows->c[r] + j0 + h * LANES) = sum[r][h] + rows->bias[r];
}
#define TILE(height, halves)                                                                       \
  list ? tile_of(height, halves, rows, step, from, list, K, to)                                    \
       : tile_of(height, halves, rows, step, from, NULL, K, to)
static void tile(int height, const tile_rows *rows, ptrdiff_t step, panel from, const int *list,
                 int K, int halves, const tile_target *to) {
  if (height == TM && halves == 2)
    TILE(TM, 2);
  else if (height == TM)
    TILE(TM, 1);
  else if (halves == 2)
    TILE(OTHER, 2);
  else
    TILE(OTHER, 1);
}
#undef TILE

/* The same for one row, the first of sums: most products of a single sample. */
static void one_row(const real *a, ptrdiff_t step, panel from, int K, int more, real *sums) {
  const real *b = from.at;
  vec s0 = {0}, s1 = {0};
  if (more) s0 = VEC_IN(sums), s1 = VEC_IN(sums + LANES);
  for (int k = 0; k < K; k++, b += from.step) {
    s0 += a[k * step] * VEC_IN(b);
    s1 += a[k * step] * VEC_IN(b + LANES);
  }
  VEC(sums) = s0;
  VEC(sums + LANES) = s1;
}

/* Whether finish_tile() can finish tiles. */
static int is_dense(const clf_gemm_args *p) {
  return p->c.stride[1] == 1 && (!p->bias.buf || p->bias.stride[1] <= 1);
}

/* As finish(), for a tile of dense rows of c: those in `list`, or i0 and following; without the
 * activation. */
__attribute__((noinline)) static void finish_tile(const clf_gemm_args *p, const int *list, int i0,
                                                  int rows, int j0, int n, const real *sums) {
  const ptrdiff_t pitch = p->c.stride[0], next_bias = p->bias.stride[0];
  const int low = min_int(n, LANES), high = n - low, one = p->bias.stride[1] == 0;
  const real *bias = p->bias.buf ? at(&p->bias, 0, j0, 0, 0) : NULL;
  real *const c = at(&p->c, 0, j0, 0, 0);
  const vec zero = {0}, b0 = bias && !one ? load_first(bias, low) : zero;
  const vec b1 = bias && !one && high ? load_first(bias + LANES, high) : zero;
  for (int r = 0; r < rows; r++) {
    const int i = list ? list[r] : i0 + r;
    real *const to = c + i * pitch;
    vec v0 = VEC_IN(sums + r * TN), v1 = VEC_IN(sums + r * TN + LANES);
    if (p->alpha != 1) v0 *= p->alpha, v1 *= p->alpha;
    if (p->beta != 0) { /* c may be NaN */
      v0 += p->beta * load_first(to, low);
      if (high) v1 += p->beta * load_first(to + LANES, high);
    }
    if (bias && one)
      v0 += bias[i * next_bias], v1 += bias[i * next_bias];
    else if (bias)
      v0 += b0, v1 += b1;
    store_first(to, v0, low);
    if (high) store_first(to + LANES, v1, high);
  }
}
/* Columns j0 .. j0 + n - 1 of the same rows through the activation, in long loops. */
__attribute__((noinline)) static void activate_tile(const clf_gemm_args *p, const int *list, int i0,
                                                    int rows, int j0, int n) {
  for (int r = 0; r < rows && p->act != CLF_ACT_none; r++)
    activate(p->act, n, at(&p->c, list ? list[r] : i0 + r, j0, 0, 0));
}

/* The rows of a tile, whose a is packed or in place. */
static void take_rows_of_tile(const tiling *q, const int *list, int i0, int rows,
                              const real *packed, tile_rows *to) {
  const clf_gemm_args *p = q->p;
  const int ta = p->ta != 0, biased = p->bias.buf && p->bias.stride[1] == 0;
  for (int r = 0; r < q->high; r++) {
    const int last = min_int(r, rows - 1), i = list ? list[last] : i0 + last;
    to->a[r] = packed ? packed + r : at(&p->a, 0, 0, 0, 0) + (ptrdiff_t)i * p->a.stride[ta];
    to->c[r] = at(&p->c, i, 0, 0, 0);
    to->bias[r] = biased ? *at(&p->bias, i, 0, 0, 0) : 0;
  }
}
/* Whether tiles of n columns, with all of their products at once, can write to c themselves. */
static int writes_directly(const clf_gemm_args *p, int n) {
  return is_dense(p) && p->alpha == 1 && (n == TN || n == LANES) &&
         (!p->bias.buf || p->bias.stride[1] == 0);
}

/* The smallest and the largest of n degrees. */
typedef struct degrees {
  real low, high;
} degrees;
static degrees degrees_of(const real *v, int n) {
  degrees d = {v[0], v[0]};
  for (int i = 1; i < n; i++) {
    d.low = v[i] < d.low ? v[i] : d.low;
    d.high = v[i] > d.high ? v[i] : d.high;
  }
  return d;
}
/* Degrees `first` and following, of which n exist, as contiguous numbers. */
static void copy_degrees(const clf_tensor *t, int first, int n, real *v) {
  const real *from = at(t, first, 0, 0, 0);
  const ptrdiff_t step = t->stride[0];
  for (int i = 0; i < n; i++) v[i] = from[i * step];
}

/* The degrees of a panel's columns. */
typedef struct column_degrees {
  degrees all, second; /* of all columns, and of those in the second vector */
  real each[TN];
} column_degrees;
static void take_column_degrees(const tiling *q, int j0, int n, column_degrees *d) {
  copy_degrees(&q->masked->column, j0, n, d->each);
  for (int j = n; j < TN; j++) d->each[j] = d->each[n - 1];
  d->second = degrees_of(d->each + LANES, LANES);
  d->all = degrees_of(d->each, TN);
}
static degrees degrees_of_rows(const tiling *q, int i0, int rows) {
  real each[HIGH];
  copy_degrees(&q->masked->row, i0, rows, each);
  return degrees_of(each, rows);
}

/* Sets sums of row i to 0 where the mask removes them. */
static void mask_sums(const tiling *q, int i, const column_degrees *d, real *restrict v) {
  const real row = *at(&q->masked->row, i, 0, 0, 0);
  for (int j = 0; j < TN; j++) v[j] = row < d->each[j] ? 0 : v[j];
}

/* A block of tiles, of whose columns k0 .. k1 - 1 are packed or in place. */
typedef struct tile_block {
  const tiling *q;
  int t0, tiles, k0, k1;
  ptrdiff_t step; /* of columns of a */
  real *sums;     /* of all tiles, if not all columns are computed at once */
  tile_rows rows[BLOCK];
  degrees of_rows[BLOCK];
} tile_block;

static void take_block(tile_block *b, const real *packed) {
  const tiling *q = b->q;
  for (int t = 0; t < b->tiles; t++) {
    const int i0 = (b->t0 + t) * q->high, rows = min_int(q->high, q->M - i0);
    take_rows_of_tile(q, NULL, i0, rows, packed ? packed + (ptrdiff_t)t * q->deep * q->high : NULL,
                      &b->rows[t]);
    if (q->masked) b->of_rows[t] = degrees_of_rows(q, i0, rows);
  }
}

/* Gradients of many weights are in memory. */
static void prefetch_rows(const tile_rows *of, int rows, int j0) {
  for (int r = 0; r < rows; r++) {
    __builtin_prefetch(of->c[r] + j0, 1);
    __builtin_prefetch(of->c[r] + j0 + LANES, 1);
  }
}

/* Tile t times a panel of n columns, from j0 on; direct: the tile may write to c itself. */
static void tile_by_panel(const tile_block *b, int t, int j0, int n, panel from, int direct,
                          const column_degrees *columns) {
  const tiling *q = b->q;
  const clf_gemm_args *p = q->p;
  const degrees *of_rows = &b->of_rows[t];
  if (q->masked && of_rows->high < columns->all.low) return;
  const int one = n <= LANES || (q->masked && of_rows->high < columns->second.low);
  const int is_cut = q->masked && of_rows->low < columns->all.high, ends = b->k1 == q->K;
  const int i0 = (b->t0 + t) * q->high, rows = min_int(q->high, q->M - i0);
  real own[HIGH * TN];
  const tile_target to = {.direct = direct && !is_cut,
                          .more = b->k0 > 0,
                          .j0 = j0,
                          .beta = p->beta,
                          .sums = q->deep < q->K ? b->sums + (j0 / TN * q->block + t) * q->high * TN
                                                 : own};
  if (q->masked && ends) prefetch_rows(&b->rows[t], rows, j0);
  if (rows == 1 && !one) {
    one_row(b->rows[t].a[0], b->step, from, b->k1 - b->k0, to.more, to.sums);
  } else {
    tile(q->high, &b->rows[t], b->step, from, NULL, b->k1 - b->k0, one ? 1 : 2, &to);
    if (to.direct) return;
  }
  if (!ends) return;
  for (int r = 0; r < rows && is_cut; r++) mask_sums(q, i0 + r, columns, to.sums + r * TN);
  if (is_dense(p))
    finish_tile(p, NULL, i0, rows, j0, n, to.sums);
  else
    finish(p, i0, rows, j0, n, TN, to.sums);
}

/* A block times all panels. */
static void by_block(const tile_block *b) {
  const tiling *q = b->q;
  column_degrees columns;
  for (int j0 = 0; j0 < q->N; j0 += TN) {
    const int n = min_int(TN, q->N - j0);
    const int direct = b->k1 - b->k0 == q->K && writes_directly(q->p, n);
    panel from = panel_of(q, j0);
    if (q->masked) take_column_degrees(q, j0, n, &columns);
    from.at += b->k0 * from.step;
    for (int t = 0; t < b->tiles; t++) tile_by_panel(b, t, j0, n, from, direct, &columns);
  }
  if (b->k1 == q->K && is_dense(q->p))
    activate_tile(q->p, NULL, b->t0 * q->high, min_int(b->tiles * q->high, q->M - b->t0 * q->high),
                  0, q->N);
}

/* Blocks band, band + BANDS, ... */
CLF_LOOP(by_band, tiling, q, band) {
  const int high = q->high, tiles = ceil_of(q->M, high);
  real *own = q->bands + (size_t)band * q->own;
  for (int block = band; block < q->blocks; block += BANDS)
    for (int k0 = 0; k0 < q->K; k0 += q->deep) {
      const int t0 = block * q->block, k1 = min_int(k0 + q->deep, q->K);
      tile_block b;
      b.q = q;
      b.t0 = t0;
      b.tiles = min_int(q->block, tiles - t0);
      b.k0 = k0;
      b.k1 = k1;
      b.step = q->a_in_place ? q->p->a.stride[!q->p->ta] : high;
      b.sums = own + (ptrdiff_t)q->block * q->deep * high;
      for (int t = 0; t < q->block && t0 + t < tiles && !q->a_in_place; t++)
        pack_rows(q, (t0 + t) * high, k0, k1, own + (ptrdiff_t)t * q->deep * high);
      take_block(&b, q->a_in_place ? NULL : own);
      by_block(&b);
    }
}
