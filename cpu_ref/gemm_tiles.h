/* SPDX-License-Identifier: MIT */
/* gemm_tiles.h: products by tiles of TM or HIGH rows of c and TN columns (two vectors), whose
 * sums stay in registers.  Only included by gemm.c.
 *
 * b is packed into panels of TN columns, [K][TN], padded with zeros, so that it is read as one
 * stream.  If only few rows of c read them, whole panels with dense rows are not packed.  a is not
 * packed if its rows are dense or it is small; else a block of BLOCK tiles packs DEEP of its
 * columns at a time, and keeps the sums in between.  Every sum is one chain, k in order, whatever
 * is packed. */

enum { BLOCK = 8, DEEP = 256, BANDS = 64, FEW_ROWS = 128, SMALL = 1 << 14 };

static int ceil_of(int n, int by) { return (n - 1) / by + 1; }

/* Rows of a tile: TM, or HIGH if that computes fewer unneeded rows. */
static int height_of(int M) { return ceil_of(M, HIGH) * HIGH < ceil_of(M, TM) * TM ? HIGH : TM; }

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

/* sums[height][TN], of which `halves` vectors per row are used, += K columns of a times rows of
 * b, or those in `list` unless NULL; starts from 0 unless `more`.  All but the data are
 * constants of the calls. */
__attribute__((always_inline)) static inline void tile_of(int height, int halves,
                                                          const real *const a[HIGH], ptrdiff_t step,
                                                          panel from, const int *list, int K,
                                                          int more, real *sums) {
  vec sum[HIGH][2] = {{{0}}};
#pragma GCC unroll 12
  for (int r = 0; r < height && more; r++)
    for (int h = 0; h < halves; h++) sum[r][h] = VEC_IN(sums + r * TN + h * LANES);
  for (int i = 0; i < K; i++) {
    const ptrdiff_t k = list ? list[i] : i;
    const real *b = from.at + k * from.step;
    const vec b0 = VEC_IN(b), b1 = halves == 2 ? VEC_IN(b + LANES) : b0;
#pragma GCC unroll 12
    for (int r = 0; r < height; r++) {
      const real x = a[r][k * step];
      sum[r][0] += x * b0;
      if (halves == 2) sum[r][1] += x * b1;
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < height; r++) {
    VEC(sums + r * TN) = sum[r][0];
    VEC(sums + r * TN + LANES) = sum[r][1];
  }
}
#define TILE(height, halves)                                                                       \
  list ? tile_of(height, halves, a, step, from, list, K, 0, sums)                                  \
       : tile_of(height, halves, a, step, from, NULL, K, more, sums)
static void tile(int height, const real *const a[HIGH], ptrdiff_t step, panel from, const int *list,
                 int K, int halves, int more, real *sums) {
  if (height == TM && halves == 2)
    TILE(TM, 2);
  else if (height == TM)
    TILE(TM, 1);
  else if (halves == 2)
    TILE(HIGH, 2);
  else
    TILE(HIGH, 1);
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

/* As finish(), for a tile of dense rows of c: those in `list`, or i0 and following. */
static void finish_tile(const clf_gemm_args *p, const int *list, int i0, int rows, int j0, int n,
                        real *sums) {
  const ptrdiff_t pitch = p->c.stride[0], next_bias = p->bias.stride[0];
  const int low = min_int(n, LANES), high = n - low, one = p->bias.stride[1] == 0;
  const real *bias = p->bias.buf ? at(&p->bias, 0, j0, 0, 0) : NULL;
  real *const c = at(&p->c, 0, j0, 0, 0);
  const vec zero = {0}, b0 = bias && !one ? load_first(bias, low) : zero;
  const vec b1 = bias && !one && high ? load_first(bias + LANES, high) : zero;
  for (int r = 0; r < rows; r++) {
    const int i = list ? list[r] : i0 + r;
    real *const s = sums + r * TN, *const to = c + i * pitch;
    vec v0 = VEC_IN(s), v1 = VEC_IN(s + LANES);
    if (p->alpha != 1) v0 *= p->alpha, v1 *= p->alpha;
    if (p->beta != 0) { /* c may be NaN */
      v0 += p->beta * load_first(to, low);
      if (high) v1 += p->beta * load_first(to + LANES, high);
    }
    if (bias && one)
      v0 += bias[i * next_bias], v1 += bias[i * next_bias];
    else if (bias)
      v0 += b0, v1 += b1;
    if (p->act != CLF_ACT_none) {
      VEC(s) = v0;
      VEC(s + LANES) = v1;
      activate(p->act, TN, s);
      v0 = VEC_IN(s);
      v1 = VEC_IN(s + LANES);
    }
    store_first(to, v0, low);
    if (high) store_first(to + LANES, v1, high);
  }
}

static void finish_any(const clf_gemm_args *p, int i0, int rows, int j0, int n, real *sums) {
  if (p->c.stride[1] == 1 && (!p->bias.buf || p->bias.stride[1] <= 1))
    finish_tile(p, NULL, i0, rows, j0, n, sums);
  else
    finish(p, i0, rows, j0, n, TN, sums);
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

/* Columns k0 .. k1 - 1 of a block of tiles, packed or in place, times all panels. */
static void by_block(const tiling *q, int t0, int k0, int k1, const real *packed, real *sums) {
  const clf_tensor *a = &q->p->a;
  const int ta = q->p->ta != 0, high = q->high;
  const int tiles = min_int(q->block, ceil_of(q->M, high) - t0);
  const ptrdiff_t step = packed ? high : a->stride[!ta];
  degrees rows_of[BLOCK] = {{0}};
  column_degrees columns;
  for (int t = 0, i0 = t0 * high; t < tiles && q->masked; t++, i0 += high)
    rows_of[t] = degrees_of_rows(q, i0, min_int(high, q->M - i0));
  for (int j0 = 0; j0 < q->N; j0 += TN) {
    panel b = panel_of(q, j0);
    const int n = min_int(TN, q->N - j0);
    if (q->masked) take_column_degrees(q, j0, n, &columns);
    b.at += k0 * b.step;
    for (int t = 0; t < tiles; t++) {
      if (q->masked && rows_of[t].high < columns.all.low) continue;
      const int one = n <= LANES || (q->masked && rows_of[t].high < columns.second.low);
      const int i0 = (t0 + t) * high, rows = min_int(high, q->M - i0);
      real own[HIGH * TN];
      real *to = q->deep < q->K ? sums + (j0 / TN * q->block + t) * high * TN : own;
      const real *from[HIGH];
      for (int r = 0; r < high; r++)
        from[r] = packed ? packed + (ptrdiff_t)t * q->deep * high + r
                         : at(a, 0, 0, 0, 0) + (ptrdiff_t)min_int(i0 + r, q->M - 1) * a->stride[ta];
      if (q->masked && k1 == q->K) /* gradients of many weights are in memory */
        for (int r = 0; r < rows; r++) {
          const real *line = at(&q->p->c, i0 + r, j0, 0, 0);
          __builtin_prefetch(line, 1);
          __builtin_prefetch(line + LANES, 1);
        }
      if (rows == 1 && !one)
        one_row(from[0], step, b, k1 - k0, k0 > 0, to);
      else
        tile(high, from, step, b, NULL, k1 - k0, one ? 1 : 2, k0 > 0, to);
      if (k1 < q->K) continue;
      for (int r = 0; r < rows && q->masked && rows_of[t].low < columns.all.high; r++)
        mask_sums(q, i0 + r, &columns, to + r * TN);
      finish_any(q->p, i0, rows, j0, n, to);
    }
  }
}

/* Blocks band, band + BANDS, ... */
CLF_LOOP(by_band, tiling, q, band) {
  const int high = q->high, tiles = ceil_of(q->M, high);
  real *own = q->bands + (size_t)band * q->own;
  for (int block = band; block < q->blocks; block += BANDS)
    for (int k0 = 0; k0 < q->K; k0 += q->deep) {
      const int t0 = block * q->block, k1 = min_int(k0 + q->deep, q->K);
      for (int t = 0; t < q->block && t0 + t < tiles && !q->a_in_place; t++)
        pack_rows(q, (t0 + t) * high, k0, k1, own + (ptrdiff_t)t * q->deep * high);
      by_block(q, t0, k0, k1, q->a_in_place ? NULL : own,
               own + (ptrdiff_t)q->block * q->deep * high);
    }
}
