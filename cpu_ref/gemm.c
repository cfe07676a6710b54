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

static void add_bias(const clf_tensor *t, int j0, int n, real *restrict v) {
  const real *bias = at(t, j0, 0, 0, 0);
  const ptrdiff_t stride = t->stride[0];
  if (stride == 1)
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
    if (p->bias.buf) add_bias(&p->bias, j0, n, v);
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
  const int M = p->c.dim[0], N = p->c.dim[1], bands = (M - 1) / ROWS + 1;
  real *sums = clf_scratch_get(scratch, (size_t)bands * (size_t)N);
  CLF_NEED(sums, bands * N);
  const plain_call q = {p, sums};
  in_threads(2.0 * M * N * p->a.dim[!p->ta], bands, plain_band, &q);
  return CLF_OK;
}

#ifndef CLF_REAL64
/* ---- By tiles of TM x TN of c, two vectors of columns, whose sums stay in registers --------
 * b is packed into panels of TN columns, [K][TN], zero beyond the last, so that reading it is one
 * stream; where few rows of c would read them, whole panels stay in place if their rows are dense.
 * a is read in place where its rows are dense or it is small; else a block of BLOCK tiles packs
 * DEEP of its columns at a time, and keeps the sums between.  Every sum is one chain, k in order,
 * whatever is packed.
 */

enum { BLOCK = 8, DEEP = 256, BANDS = 64, FEW_ROWS = 128, SMALL = 1 << 14 };

static int ceil_of(int n, int by) { return (n - 1) / by + 1; }

typedef struct tiling {
  const clf_gemm_args *p;
  int M, N, K, block, deep; /* tiles of a block; columns of a at a time */
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

static int stays(const tiling *q, int j0) { return q->b_in_place && q->N - j0 >= TN; }

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

/* Columns k0 .. k1 - 1 of rows i0 and on, a tile, as [k][TM]; rows past the end repeat the last. */
static void pack_rows(const tiling *q, int i0, int k0, int k1, real *d) {
  const clf_tensor *a = &q->p->a;
  const int ta = q->p->ta != 0, n = least(TM, q->M - i0);
  const ptrdiff_t si = a->stride[ta], sk = a->stride[!ta];
  const real *s = at(a, 0, 0, 0, 0) + i0 * si + k0 * sk;
  if (si == 1 && n == TM)
    for (int k = k0; k < k1; k++, s += sk, d += TM)
      for (int r = 0; r < TM; r++) d[r] = s[r];
  else
    for (int k = k0; k < k1; k++, s += sk, d += TM)
      for (int r = 0; r < TM; r++) d[r] = s[least(r, n - 1) * si];
}

/* sums[TM][TN], of which `halves` vectors of a row are in use, += K columns of a by rows of b;
 * from 0 unless `more`. */
static void tile(const real *const a[TM], ptrdiff_t step, panel from, int K, int halves, int more,
                 real *sums) {
  const real *b = from.at;
  vec sum[TM][2] = {{{0}}};
  if (more)
#pragma GCC unroll 8
    for (int r = 0; r < TM; r++) {
      sum[r][0] = VEC_IN(sums + r * TN);
      sum[r][1] = VEC_IN(sums + r * TN + LANES);
    }
  if (halves == 2)
    for (int k = 0; k < K; k++, b += from.step) {
      const vec b0 = VEC_IN(b), b1 = VEC_IN(b + LANES);
#pragma GCC unroll 8
      for (int r = 0; r < TM; r++) {
        const real x = a[r][k * step];
        sum[r][0] += x * b0;
        sum[r][1] += x * b1;
      }
    }
  else
    for (int k = 0; k < K; k++, b += from.step) {
      const vec b0 = VEC_IN(b);
#pragma GCC unroll 8
      for (int r = 0; r < TM; r++) sum[r][0] += a[r][k * step] * b0;
    }
#pragma GCC unroll 8
  for (int r = 0; r < TM; r++) {
    VEC(sums + r * TN) = sum[r][0];
    VEC(sums + r * TN + LANES) = sum[r][1];
  }
}

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

/* As finish(), for a tile of rows of c that are dense. */
static void finish_tile(const clf_gemm_args *p, int i0, int rows, int j0, int n, real *sums) {
  const ptrdiff_t pitch = p->c.stride[0];
  const int low = least(n, LANES), high = n - low;
  const real *bias = p->bias.buf ? at(&p->bias, j0, 0, 0, 0) : NULL;
  real *const c = at(&p->c, i0, j0, 0, 0);
  const vec zero = {0}, b0 = bias ? part_in(bias, low) : zero;
  const vec b1 = bias && high ? part_in(bias + LANES, high) : zero;
  for (int r = 0; r < rows; r++) {
    real *const s = sums + r * TN, *const to = c + r * pitch;
    vec v0 = VEC_IN(s) * p->alpha, v1 = VEC_IN(s + LANES) * p->alpha;
    if (p->beta != 0) { /* c may be NaN */
      v0 += p->beta * part_in(to, low);
      if (high) v1 += p->beta * part_in(to + LANES, high);
    }
    if (bias) v0 += b0, v1 += b1;
    VEC(s) = v0;
    VEC(s + LANES) = v1;
  }
  activate(p->act, (rows - 1) * TN + n, sums);
  for (int r = 0; r < rows; r++) {
    part_out(c + r * pitch, VEC_IN(sums + r * TN), low);
    if (high) part_out(c + r * pitch + LANES, VEC_IN(sums + r * TN + LANES), high);
  }
}

static void finish_any(const clf_gemm_args *p, int i0, int rows, int j0, int n, real *sums) {
  if (p->c.stride[1] == 1 && (!p->bias.buf || p->bias.stride[0] == 1))
    finish_tile(p, i0, rows, j0, n, sums);
  else
    finish(p, i0, rows, j0, n, TN, sums);
}

/* Columns k0 .. k1 - 1 of a block of tiles, packed or in place, by all panels. */
static void by_block(const tiling *q, int t0, int k0, int k1, const real *packed, real *sums) {
  const clf_tensor *a = &q->p->a;
  const int ta = q->p->ta != 0, tiles = least(q->block, ceil_of(q->M, TM) - t0);
  const ptrdiff_t step = packed ? TM : a->stride[!ta];
  for (int j0 = 0; j0 < q->N; j0 += TN) {
    panel b = panel_of(q, j0);
    const int n = least(TN, q->N - j0);
    b.at += k0 * b.step;
    for (int t = 0; t < tiles; t++) {
      const int i0 = (t0 + t) * TM, rows = least(TM, q->M - i0);
      real own[TM * TN], *to = q->deep < q->K ? sums + (j0 / TN * q->block + t) * TM * TN : own;
      const real *from[TM];
      for (int r = 0; r < TM; r++)
        from[r] = packed ? packed + (ptrdiff_t)t * q->deep * TM + r
                         : at(a, 0, 0, 0, 0) + (ptrdiff_t)least(i0 + r, q->M - 1) * a->stride[ta];
      if (rows == 1 && n > LANES)
        one_row(from[0], step, b, k1 - k0, k0 > 0, to);
      else
        tile(from, step, b, k1 - k0, n > LANES ? 2 : 1, k0 > 0, to);
      if (k1 == q->K) finish_any(q->p, i0, rows, j0, n, to);
    }
  }
}

/* Blocks band, band + BANDS, ... */
CLF_LOOP(by_band, tiling, q, band) {
  const int tiles = ceil_of(q->M, TM);
  real *own = q->bands + (size_t)band * q->own;
  for (int block = band; block < q->blocks; block += BANDS)
    for (int k0 = 0; k0 < q->K; k0 += q->deep) {
      const int t0 = block * q->block, k1 = least(k0 + q->deep, q->K);
      for (int t = 0; t < q->block && t0 + t < tiles && !q->a_in_place; t++)
        pack_rows(q, (t0 + t) * TM, k0, k1, own + (ptrdiff_t)t * q->deep * TM);
      by_block(q, t0, k0, k1, q->a_in_place ? NULL : own, own + (ptrdiff_t)q->block * q->deep * TM);
    }
}

CLF_REF_WAY(gemm, by_tiles) {
  tiling q = {.p = p, .M = p->c.dim[0], .N = p->c.dim[1], .K = p->a.dim[!p->ta]};
  const int tiles = ceil_of(q.M, TM), cols = ceil_of(q.N, TN);
  q.a_in_place = p->a.stride[!p->ta] == 1 || (double)p->a.stride[!p->ta] * q.K <= SMALL;
  q.b_in_place = !p->tb && p->b.stride[1] == 1 && q.M <= FEW_ROWS;
  q.deep = q.a_in_place ? q.K : least(q.K, DEEP);
  q.block = least(BLOCK, ceil_of(tiles, BANDS / 2));
  q.blocks = ceil_of(tiles, q.block);
  const int bands = least(q.blocks, BANDS);
  const double work = 2.0 * q.M * q.N * q.K;
  q.own = q.a_in_place ? 0 : (size_t)(q.block * TM) * (size_t)(q.deep + (q.deep < q.K) * cols * TN);
  const size_t panels = (size_t)q.K * (size_t)(cols * TN), need = panels + q.own * (size_t)bands;
  q.panels = clf_scratch_get(scratch, need);
  CLF_NEED(q.panels, need);
  q.bands = q.panels + panels;
  in_threads(work, cols, pack_panel, &q);
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
    if (p->bias.buf) add_bias(&p->bias, 0, N, c);
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
  const int M = p->c.dim[0], N = p->c.dim[1], K = p->a.dim[!p->ta];
  int rows = ROWS;
  while (M / rows > 64) rows *= 2;
  const blas_call q = {p, clf__blas_sgemm(), rows};
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
