/* SPDX-License-Identifier: MIT */
/* gemm.c: matrix product.  The plain way, which is the specification, goes row by row of c so
 * that the inner loop runs along rows of b.  The float variants have it by tiles too, and hand
 * products that a CBLAS takes to one, where the build found it, each thread a band of rows. */
#include "activate.h"
#ifndef CLF_REAL64
#include "vectors.h"
#endif
#ifdef CLF_CBLAS
#include "blas.h"
#endif

enum { ROWS = 64 }; /* of c, to a thread at a time */

/* The product as ways take it: the bias a matrix like c, with one stride of 0; and where samples
 * lie side by side in c, c^T = b^T a^T, so that vectors hold samples.  Sums stay the same. */
static int is_turned(const clf_gemm_args *p) { return by_column(&p->c) && p->c.dim[0] > 1; }
static clf_gemm_args arranged(const clf_gemm_args *p) {
  clf_gemm_args q = *p;
  const int turned = is_turned(p);
  q.bias.stride[turned] = 0;
  q.bias.stride[!turned] = p->bias.stride[0];
  if (!turned) return q;
  q.a = p->b;
  q.ta = !p->tb;
  q.b = turned_round(p->a);
  q.tb = p->ta;
  q.c = turned_round(p->c);
  return q;
}

/* Of n elements of row i, from column j0 on. */
static void add_bias(const clf_tensor *t, int i, int j0, int n, real *restrict v) {
  const real *bias = at(t, i, j0, 0, 0);
  const ptrdiff_t stride = t->stride[1];
  if (stride == 0)
    for (int j = 0; j < n; j++) v[j] += *bias;
  else if (stride == 1)
    for (int j = 0; j < n; j++) v[j] += bias[j];
  else
    for (int j = 0; j < n; j++) v[j] += bias[j * stride];
}

/* sums, [rows][width], become elements of c: of rows i0 and on, columns j0 .. j0 + n - 1. */
static void finish(const clf_gemm_args *p, int i0, int rows, int j0, int n, int width, real *sums) {
  const ptrdiff_t stride = p->c.stride[1];
  for (int r = 0; r < rows; r++) {
    const real *c = at(&p->c, i0 + r, j0, 0, 0);
    real *restrict v = sums + (ptrdiff_t)r * width;
    for (int j = 0; j < n; j++) v[j] *= p->alpha;
    for (int j = 0; j < n && p->beta != 0; j++) v[j] += p->beta * c[j * stride]; /* c may be NaN */
    if (p->bias.buf) add_bias(&p->bias, i0 + r, j0, n, v);
  }
  activate(p->act, (rows - 1) * width + n, sums);
  for (int r = 0; r < rows; r++) {
    real *restrict c = at(&p->c, i0 + r, j0, 0, 0);
    const real *v = sums + (ptrdiff_t)r * width;
    if (stride == 1)
      for (int j = 0; j < n; j++) c[j] = v[j];
    else
      for (int j = 0; j < n; j++) c[j * stride] = v[j];
  }
}

/* One row: sum += x * b[k][:].  Unit stride is its own loop, for the vectoriser. */
static void add_row(int N, real x, const real *restrict b, int stride, real *restrict sum) {
  if (stride == 1)
    for (int j = 0; j < N; j++) sum[j] += x * b[j];
  else
    for (int j = 0; j < N; j++) sum[j] += x * b[(ptrdiff_t)j * stride];
}

static void plain_rows(const clf_gemm_args *p, int i0, int i1, real *sum) {
  const int N = p->c.dim[1], K = p->a.dim[!p->ta];
  for (int i = i0; i < i1; i++) {
    for (int j = 0; j < N; j++) sum[j] = 0;
    for (int k = 0; k < K; k++)
      add_row(N, p->ta ? *at(&p->a, k, i, 0, 0) : *at(&p->a, i, k, 0, 0),
              p->tb ? at(&p->b, 0, k, 0, 0) : at(&p->b, k, 0, 0, 0), p->b.stride[!p->tb], sum);
    finish(p, i, 1, 0, N, N, sum);
  }
}

typedef struct plain_call {
  const clf_gemm_args *p;
  real *sums;
} plain_call;
CLF_LOOP(plain_band, plain_call, q, band) {
  const int i0 = band * ROWS, left = q->p->c.dim[0] - i0;
  plain_rows(q->p, i0, i0 + (left < ROWS ? left : ROWS),
             q->sums + (ptrdiff_t)band * q->p->c.dim[1]);
}

CLF_REF_WAY(gemm, plain) {
  const clf_gemm_args g = arranged(p);
  const int M = g.c.dim[0], N = g.c.dim[1], bands = (M - 1) / ROWS + 1;
  real *sums = clf_scratch_get(scratch, (size_t)bands * (size_t)N);
  CLF_NEED(sums, bands * N);
  const plain_call q = {&g, sums};
  in_threads(2.0 * M * N * g.a.dim[!g.ta], bands, plain_band, &q);
  return CLF_OK;
}

#ifndef CLF_REAL64
/* ---- By tiles of TM or HIGH rows of c and TN columns, two vectors, whose sums stay in registers -
 * b is packed into panels of TN columns, [K][TN], zero beyond the last, so that reading it is one
 * stream; where few rows of c would read them, whole panels stay in place if their rows are dense.
 * a is read in place where its rows are dense or it is small; else a block of BLOCK tiles packs
 * DEEP of its columns at a time, and keeps the sums between.  Every sum is one chain, k in order,
 * whatever is packed.
 */

enum { BLOCK = 8, DEEP = 256, BANDS = 64, FEW_ROWS = 128, SMALL = 1 << 14 };

static int ceil_of(int n, int by) { return (n - 1) / by + 1; }

/* Rows of a tile: TM, or HIGH where fewer rows are computed for nothing. */
static int height_of(int M) { return ceil_of(M, HIGH) * HIGH < ceil_of(M, TM) * TM ? HIGH : TM; }

typedef struct tiling {
  const clf_gemm_args *p;
  int M, N, K, high, block, deep; /* rows of a tile, tiles of a block; columns of a at a time */
  int blocks;
  int a_in_place, b_in_place;
  real *panels, *bands; /* of each band its memory, `own` numbers, of packed rows and sums */
  size_t own;
} tiling;

/* Where the numbers of a panel's first row lie, and how far the next row's are from them. */
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

/* Rows of b side by side, or its columns. */
static void pack_rows_of_b(const tiling *q, const real *s, ptrdiff_t sk, int n, real *d) {
  const int low = least(n, LANES), high = n - low;
  for (int k = 0; k < q->K; k++, s += sk, d += TN) {
    VEC(d) = part_in(s, low);
    VEC(d + LANES) = high ? part_in(s + LANES, high) : (vec){0};
  }
}
static void pack_columns_of_b(const tiling *q, const real *s, ptrdiff_t sj, int n, real *d) {
  for (int half = 0; half < TN; half += LANES)
    for (int k = 0; k < q->K && (half < n || n > LANES); k += LANES)
      transpose(s + half * sj + k, sj, least(LANES, n - half), least(LANES, q->K - k),
                d + (ptrdiff_t)k * TN + half);
}

CLF_LOOP(pack_panel, tiling, q, index) {
  const clf_tensor *b = &q->p->b;
  const int j0 = index * TN, n = least(TN, q->N - j0), tb = q->p->tb != 0;
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

/* Columns k0 .. k1 - 1 of rows i0 and on, a tile, as [k][high]; rows past the end repeat the last.
 */
static void pack_rows(const tiling *q, int i0, int k0, int k1, real *d) {
  const clf_tensor *a = &q->p->a;
  const int ta = q->p->ta != 0, high = q->high, n = least(high, q->M - i0);
  const ptrdiff_t si = a->stride[ta], sk = a->stride[!ta];
  const real *s = at(a, 0, 0, 0, 0) + i0 * si + k0 * sk;
  if (si == 1 && n == TM && high == TM)
    for (int k = k0; k < k1; k++, s += sk, d += TM)
      for (int r = 0; r < TM; r++) d[r] = s[r];
  else
    for (int k = k0; k < k1; k++, s += sk, d += high)
      for (int r = 0; r < high; r++) d[r] = s[least(r, n - 1) * si];
}

/* sums[height][TN], of which `halves` vectors of a row are in use, += K columns of a by rows of b,
 * or without NULL those listed; from 0 unless `more`.  Constants of calls, but for the numbers. */
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

/* As finish(), for a tile of rows of c that are dense: those listed, or i0 and on. */
static void finish_tile(const clf_gemm_args *p, const int *list, int i0, int rows, int j0, int n,
                        real *sums) {
  const ptrdiff_t pitch = p->c.stride[0], next_bias = p->bias.stride[0];
  const int low = least(n, LANES), high = n - low, one = p->bias.stride[1] == 0;
  const real *bias = p->bias.buf ? at(&p->bias, 0, j0, 0, 0) : NULL;
  real *const c = at(&p->c, 0, j0, 0, 0);
  const vec zero = {0}, b0 = bias && !one ? part_in(bias, low) : zero;
  const vec b1 = bias && !one && high ? part_in(bias + LANES, high) : zero;
  for (int r = 0; r < rows; r++) {
    const int i = list ? list[r] : i0 + r;
    real *const s = sums + r * TN, *const to = c + i * pitch;
    vec v0 = VEC_IN(s), v1 = VEC_IN(s + LANES);
    if (p->alpha != 1) v0 *= p->alpha, v1 *= p->alpha;
    if (p->beta != 0) { /* c may be NaN */
      v0 += p->beta * part_in(to, low);
      if (high) v1 += p->beta * part_in(to + LANES, high);
    }
    if (bias && one)
      v0 += bias[i * next_bias], v1 += bias[i * next_bias];
    else if (bias)
      v0 += b0, v1 += b1;
    VEC(s) = v0;
    VEC(s + LANES) = v1;
    if (p->act != CLF_ACT_none) continue;
    part_out(to, v0, low);
    if (high) part_out(to + LANES, v1, high);
  }
  if (p->act == CLF_ACT_none) return;
  activate(p->act, (rows - 1) * TN + n, sums);
  for (int r = 0; r < rows; r++) {
    real *const to = c + (list ? list[r] : i0 + r) * pitch;
    part_out(to, VEC_IN(sums + r * TN), low);
    if (high) part_out(to + LANES, VEC_IN(sums + r * TN + LANES), high);
  }
}

static void finish_any(const clf_gemm_args *p, int i0, int rows, int j0, int n, real *sums) {
  if (p->c.stride[1] == 1 && (!p->bias.buf || p->bias.stride[1] <= 1))
    finish_tile(p, NULL, i0, rows, j0, n, sums);
  else
    finish(p, i0, rows, j0, n, TN, sums);
}

/* Columns k0 .. k1 - 1 of a block of tiles, packed or in place, by all panels. */
static void by_block(const tiling *q, int t0, int k0, int k1, const real *packed, real *sums) {
  const clf_tensor *a = &q->p->a;
  const int ta = q->p->ta != 0, high = q->high;
  const int tiles = least(q->block, ceil_of(q->M, high) - t0);
  const ptrdiff_t step = packed ? high : a->stride[!ta];
  for (int j0 = 0; j0 < q->N; j0 += TN) {
    panel b = panel_of(q, j0);
    const int n = least(TN, q->N - j0);
    b.at += k0 * b.step;
    for (int t = 0; t < tiles; t++) {
      const int i0 = (t0 + t) * high, rows = least(high, q->M - i0);
      real own[HIGH * TN];
      real *to = q->deep < q->K ? sums + (j0 / TN * q->block + t) * high * TN : own;
      const real *from[HIGH];
      for (int r = 0; r < high; r++)
        from[r] = packed ? packed + (ptrdiff_t)t * q->deep * high + r
                         : at(a, 0, 0, 0, 0) + (ptrdiff_t)least(i0 + r, q->M - 1) * a->stride[ta];
      if (rows == 1 && n > LANES)
        one_row(from[0], step, b, k1 - k0, k0 > 0, to);
      else
        tile(high, from, step, b, NULL, k1 - k0, n > LANES ? 2 : 1, k0 > 0, to);
      if (k1 == q->K) finish_any(q->p, i0, rows, j0, n, to);
    }
  }
}

/* Blocks band, band + BANDS, ... */
CLF_LOOP(by_band, tiling, q, band) {
  const int high = q->high, tiles = ceil_of(q->M, high);
  real *own = q->bands + (size_t)band * q->own;
  for (int block = band; block < q->blocks; block += BANDS)
    for (int k0 = 0; k0 < q->K; k0 += q->deep) {
      const int t0 = block * q->block, k1 = least(k0 + q->deep, q->K);
      for (int t = 0; t < q->block && t0 + t < tiles && !q->a_in_place; t++)
        pack_rows(q, (t0 + t) * high, k0, k1, own + (ptrdiff_t)t * q->deep * high);
      by_block(q, t0, k0, k1, q->a_in_place ? NULL : own,
               own + (ptrdiff_t)q->block * q->deep * high);
    }
}

/* ---- By tiles of rows that skip zeros ----------------------------------------------------------
 * The rows of a are the weights of units, where vectors hold samples.  Those of masked nets are
 * mostly 0 beyond what a unit sees.  Rows with about as many zeros make a tile, which takes the
 * columns in which some row has another number: adding 0 changes no sum. */

typedef struct sparse {
  const tiling *q;
  int words;          /* of a row of bits */
  uint64_t *bits;     /* of each row of a: where it is not 0 */
  int *order;         /* the rows of a, those with the most zeros first */
  int *count, *first; /* while they are sorted */
  int *lists;         /* of each tile, the columns that it takes */
} sparse;

enum { WORD = 64 };

static uint64_t bits_of_numbers(const real *a, int n) {
  uint64_t bits = 0;
#ifdef __AVX512F__
  const __m512 zero = _mm512_setzero_ps();
  for (int k = 0; k < n; k += 16) {
    const __mmask16 there = first_lanes(least(n - k, 16));
    bits |= (uint64_t)_mm512_mask_cmp_ps_mask(there, _mm512_maskz_loadu_ps(there, a + k), zero,
                                              _CMP_NEQ_UQ)
            << k;
  }
#else
  for (int k = 0; k < n; k++) bits |= (uint64_t)(a[k] != 0) << k;
#endif
  return bits;
}

/* Bit j of word i becomes bit i of word j: halves change places, then halves of these. */
static void transpose_bits(uint64_t w[WORD]) {
  uint64_t low = 0xffffffffu;
  for (int half = WORD / 2; half; half /= 2, low ^= low << half)
    for (int i = 0; i < WORD; i = (i + half + 1) & ~half) {
      const uint64_t t = (w[i] >> half ^ w[i + half]) & low;
      w[i] ^= t << half;
      w[i + half] ^= t;
    }
}

static uint64_t *row_of_bits(const sparse *s, int i) { return s->bits + (ptrdiff_t)i * s->words; }

static const real *row_of_a(const tiling *q, int i) {
  return at(&q->p->a, 0, 0, 0, 0) + i * (ptrdiff_t)q->p->a.stride[q->p->ta != 0];
}

/* The bits of the weights as they are stored, whose rows are those of a, or its columns. */
static void find_bits_of_rows(const sparse *s) {
  for (int i = 0; i < s->q->M; i++)
    for (int w = 0; w < s->words; w++)
      row_of_bits(s, i)[w] =
          bits_of_numbers(row_of_a(s->q, i) + w * WORD, least(WORD, s->q->K - w * WORD));
}
static void find_bits_of_columns(const sparse *s) {
  const clf_tensor *a = &s->q->p->a;
  const int M = s->q->M, K = s->q->K;
  for (int i0 = 0; i0 < M; i0 += WORD)
    for (int w = 0; w < s->words; w++) {
      const int rows = least(WORD, M - i0), columns = least(WORD, K - w * WORD);
      uint64_t block[WORD] = {0};
      for (int k = 0; k < columns; k++)
        block[k] = bits_of_numbers(at(a, w * WORD + k, i0, 0, 0), rows);
      transpose_bits(block);
      for (int i = 0; i < rows; i++) row_of_bits(s, i0 + i)[w] = block[i];
    }
}

/* Whether it pays to look at all weights: a few rows of a masked net show it. */
static int has_zeros(const tiling *q) {
  const clf_tensor *a = &q->p->a;
  int some = 0;
  for (int i = 0; i < 4; i++) {
    const real *row = at(a, (int)((int64_t)a->dim[0] * i / 4), 0, 0, 0);
    for (int j = 0; j < a->dim[1]; j += WORD)
      some += __builtin_popcountll(bits_of_numbers(row + j, least(WORD, a->dim[1] - j)));
  }
  return 8 * some < 7 * 4 * a->dim[1];
}

static void count_rows(const sparse *s) {
  for (int i = 0; i < s->q->M; i++) {
    s->count[i] = 0;
    for (int w = 0; w < s->words; w++) s->count[i] += __builtin_popcountll(row_of_bits(s, i)[w]);
  }
}
static void sort_rows(const sparse *s) {
  const tiling *q = s->q;
  count_rows(s);
  for (int k = 0; k <= q->K + 1; k++) s->first[k] = 0;
  for (int i = 0; i < q->M; i++) s->first[s->count[i] + 1]++;
  for (int k = 0; k <= q->K; k++) s->first[k + 1] += s->first[k];
  for (int i = 0; i < q->M; i++) s->order[s->first[s->count[i]]++] = i;
}

/* The columns in which one of the rows has a number that is not 0. */
static int list_columns(const sparse *s, const int *order, int rows, int *list) {
  int count = 0;
  for (int w = 0; w < s->words; w++) {
    uint64_t some = 0;
    for (int r = 0; r < rows; r++) some |= row_of_bits(s, order[r])[w];
    for (; some; some &= some - 1) list[count++] = w * WORD + __builtin_ctzll(some);
  }
  return count;
}

CLF_LOOP(sparse_rows, sparse, s, t) {
  const tiling *q = s->q;
  const int high = q->high, rows = least(high, q->M - t * high), *order = s->order + t * high;
  int *const list = s->lists + (ptrdiff_t)t * q->K;
  const real *from[HIGH];
  for (int r = 0; r < high; r++) from[r] = row_of_a(q, order[least(r, rows - 1)]);
  const int count = list_columns(s, order, rows, list);
  for (int j0 = 0; j0 < q->N; j0 += TN) {
    const int n = least(TN, q->N - j0);
    real sums[HIGH * TN];
    tile(high, from, q->p->a.stride[!q->p->ta], panel_of(q, j0), list, count, n > LANES ? 2 : 1, 0,
         sums);
    finish_tile(q->p, order, 0, rows, j0, n, sums);
  }
}

/* In numbers, none of which is shorter than an int. */
static size_t sparse_size(const tiling *q) {
  const size_t words = (size_t)((q->K - 1) / WORD + 1), tiles = (size_t)ceil_of(q->M, q->high);
  return (size_t)q->M * words * sizeof(uint64_t) / sizeof(real) + 2 * (size_t)q->M +
         (tiles + 1) * (size_t)q->K + 4;
}
static void by_sparse_tiles(const tiling *q, real *memory) {
  sparse s = {.q = q, .words = (q->K - 1) / WORD + 1};
  s.bits = (uint64_t *)(void *)(memory + ((uintptr_t)memory % sizeof(uint64_t) != 0));
  s.order = (int *)(void *)(s.bits + (ptrdiff_t)q->M * s.words);
  s.count = s.order + q->M;
  s.first = s.count + q->M;
  s.lists = s.first + q->K + 2;
  (q->p->ta ? find_bits_of_columns : find_bits_of_rows)(&s);
  sort_rows(&s);
  in_threads(2.0 * q->M * q->N * q->K, ceil_of(q->M, q->high), sparse_rows, &s);
}

/* ---- Either way ------------------------------------------------------------------------------ */

CLF_REF_WAY(gemm, by_tiles) {
  const clf_gemm_args g = arranged(p);
  tiling q = {.p = &g, .M = g.c.dim[0], .N = g.c.dim[1], .K = g.a.dim[!g.ta]};
  q.high = height_of(q.M);
  const int tiles = ceil_of(q.M, q.high), cols = ceil_of(q.N, TN);
  q.a_in_place = g.a.stride[!g.ta] == 1 || (double)g.a.stride[!g.ta] * q.K <= SMALL;
  q.b_in_place = !g.tb && g.b.stride[1] == 1 && q.M <= FEW_ROWS;
  q.deep = q.a_in_place ? q.K : least(q.K, DEEP);
  q.block = least(BLOCK, ceil_of(tiles, BANDS / 2));
  q.blocks = ceil_of(tiles, q.block);
  const int bands = least(q.blocks, BANDS);
  const int skips = is_turned(p) && g.a.stride[1] == 1 && has_zeros(&q);
  const double work = 2.0 * q.M * q.N * q.K;
  q.own =
      q.a_in_place ? 0 : (size_t)(q.block * q.high) * (size_t)(q.deep + (q.deep < q.K) * cols * TN);
  const size_t panels = (size_t)q.K * (size_t)(cols * TN);
  const size_t need = panels + (skips ? sparse_size(&q) : q.own * (size_t)bands);
  q.panels = clf_scratch_get(scratch, need);
  CLF_NEED(q.panels, need);
  q.bands = q.panels + panels;
  in_threads(work, cols, pack_panel, &q);
  if (skips)
    by_sparse_tiles(&q, q.bands);
  else
    in_threads(work, bands, by_band, &q);
  return CLF_OK;
}
#endif

#ifdef CLF_CBLAS
/* A BLAS wants rows of unit stride, each behind the last. */
static int takes(const clf_tensor *t) { return t->stride[1] == 1 && t->stride[0] >= t->dim[1]; }

static void blas_rows(const clf_gemm_args *p, clf__sgemm *sgemm, int i0, int i1) {
  const int N = p->c.dim[1], K = p->a.dim[!p->ta];
  sgemm(CblasRowMajor, p->ta ? CblasTrans : CblasNoTrans, p->tb ? CblasTrans : CblasNoTrans,
        i1 - i0, N, K, p->alpha, p->ta ? at(&p->a, 0, i0, 0, 0) : at(&p->a, i0, 0, 0, 0),
        p->a.stride[0], at(&p->b, 0, 0, 0, 0), p->b.stride[0], p->beta, at(&p->c, i0, 0, 0, 0),
        p->c.stride[0]);
  if (!p->bias.buf && !p->act) return;
  for (int i = i0; i < i1; i++) {
    real *c = at(&p->c, i, 0, 0, 0);
    if (p->bias.buf) add_bias(&p->bias, i, 0, N, c);
    activate(p->act, N, c);
  }
}

/* Whatever the number of rows, so that it does not matter how samples are divided.  Tiles of
 * vectors of 64 bytes are faster than OpenBLAS with its own, but for long sums with a transposed,
 * and twice as fast where it does not know the processor. */
CLF_REF_RULE(gemm, worth_a_blas) {
  return BYTES < 64 && (double)p->c.dim[1] * p->a.dim[!p->ta] >= 512;
}
CLF_REF_RULE(gemm, a_blas_takes) {
  return takes(&p->a) && takes(&p->b) && takes(&p->c) && clf__blas_sgemm();
}

typedef struct blas_call {
  const clf_gemm_args *p;
  clf__sgemm *sgemm;
  int rows; /* of a band */
} blas_call;
CLF_LOOP(blas_band, blas_call, q, band) {
  const int i0 = band * q->rows, left = q->p->c.dim[0] - i0;
  blas_rows(q->p, q->sgemm, i0, i0 + least(left, q->rows));
}

/* The bands are ours to share out, so the BLAS is held to one thread meanwhile. */
CLF_REF_WAY(gemm, by_blas) {
  (void)scratch;
  const clf_gemm_args g = arranged(p);
  const int M = g.c.dim[0], N = g.c.dim[1], K = g.a.dim[!g.ta];
  int rows = ROWS;
  while (M / rows > 64) rows *= 2;
  const blas_call q = {&g, clf__blas_sgemm(), rows};
  clf__blas_hold_to_one_thread();
  in_threads(2.0 * M * N * K, (M - 1) / rows + 1, blas_band, &q);
  clf__blas_let_go();
  return CLF_OK;
}
#endif

#if defined CLF_REAL64
CLF_REFS(gemm, {.name = "plain", .compute = plain})
#elif defined CLF_CBLAS
CLF_REFS(gemm, {.name = "blas", .takes = a_blas_takes, .suits = worth_a_blas, .compute = by_blas},
         {.name = "tiles", .compute = by_tiles}, {.name = "plain", .compute = plain})
#else
CLF_REFS(gemm, {.name = "tiles", .compute = by_tiles}, {.name = "plain", .compute = plain})
#endif
