/* SPDX-License-Identifier: MIT */
/* gemm.c: matrix product.  The plain algorithm, which is the specification, goes row by row of c
 * so that the inner loop runs along rows of b.  The float variants also have tiles, and pass
 * suitable products to a CBLAS if the build found one, with a band of rows per thread. */
#include "activate.h"
#ifndef CLF_REAL64
#include "vectors.h"
#endif
#ifdef CLF_CBLAS
#include "blas.h"
#endif

enum { ROWS = 64 }; /* of c, per thread at a time */

static int is_turned(const clf_gemm_args *p) { return by_column(&p->c) && p->c.dim[0] > 1; }

/* The arguments as the algorithms take them: the bias as a matrix like c, with one stride of 0;
 * and if samples are contiguous in c, c^T = b^T a^T, so that vectors hold samples.  Sums do not
 * change. */
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

/* For n elements of row i, from column j0 on. */
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

/* Turns sums, [rows][width], into elements of c: rows i0 and following, columns j0 .. j0 + n -
 * 1. */
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

/* One row: sum += x * b[k][:].  Unit stride has its own loop, for the vectoriser. */
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

#ifdef CLF_REAL64
CLF_LOOP(weights_row, clf_weights_bwd_args, p, i) {
  for (int j = 0; j < p->dw.dim[1]; j++) {
    real sum = 0;
    if (*at(&p->row, i, 0, 0, 0) < *at(&p->column, j, 0, 0, 0)) continue;
    for (int n = 0; n < p->x.dim[0]; n++) sum += *at(&p->dy, n, i, 0, 0) * *at(&p->x, n, j, 0, 0);
    *at(&p->dw, i, j, 0, 0) += sum;
  }
}
#else
/* The product of weights_bwd. */
static clf_gemm_args weights_product(const clf_weights_bwd_args *p) {
  return (clf_gemm_args){
      .a = p->dy, .b = p->x, .c = p->dw, .ta = 1, .act = CLF_ACT_none, .alpha = 1, .beta = 1};
}
#endif

/* Those of masked layers.  w may be stored transposed. */
static clf_gemm_args forward_product(const clf_masked_fwd_args *p) {
  const int transposed = p->w.stride[0] == 1 && p->w.stride[1] != 1;
  return (clf_gemm_args){.a = p->x,
                         .b = transposed ? turned_round(p->w) : p->w,
                         .bias = p->bias,
                         .c = p->y,
                         .tb = !transposed,
                         .act = p->act,
                         .alpha = 1,
                         .beta = p->beta};
}
static clf_gemm_args backward_product(const clf_masked_bwd_args *p) {
  return (clf_gemm_args){
      .a = p->dy, .b = p->w, .c = p->dx, .act = CLF_ACT_none, .alpha = 1, .beta = p->beta};
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

CLF_REF_ALGORITHM(gemm, plain) {
  const clf_gemm_args g = arranged(p);
  const int M = g.c.dim[0], N = g.c.dim[1], bands = (M - 1) / ROWS + 1;
  real *sums = clf_scratch_get(scratch, (size_t)bands * (size_t)N);
  CLF_NEED(sums, bands * N);
  const plain_call q = {&g, sums};
  in_threads(2.0 * M * N * g.a.dim[!g.ta], bands, plain_band, &q);
  return CLF_OK;
}

#ifndef CLF_REAL64
#include "gemm_tiles.h"
#include "gemm_few.h"
#include "gemm_masked.h"

/* shares: of the tiles, among which threads are to divide them. */
static tiling tiling_of(const clf_gemm_args *p, int shares) {
  tiling q = {.p = p, .M = p->c.dim[0], .N = p->c.dim[1], .K = p->a.dim[!p->ta]};
  q.high = height_of(q.M);
  const int tiles = ceil_of(q.M, q.high);
  q.a_in_place = p->a.stride[!p->ta] == 1 || (double)p->a.stride[!p->ta] * q.K <= SMALL;
  q.b_in_place = !p->tb && p->b.stride[1] == 1 && q.M <= FEW_ROWS;
  q.deep = q.a_in_place ? q.K : min_int(q.K, DEEP);
  q.block = min_int(BLOCK, ceil_of(tiles, shares));
  q.blocks = ceil_of(tiles, q.block);
  q.own = q.a_in_place ? 0
                       : (size_t)(q.block * q.high) *
                             (size_t)(q.deep + (q.deep < q.K) * ceil_of(q.N, TN) * TN);
  return q;
}

/* Degrees by which a is masked: those of its rows and of its columns, which count by `sign`. */
typedef struct masking {
  const clf_tensor *row, *column;
  real sign;
} masking;

/* m: NULL, or what masks a. */
static clf_status run_tiling(tiling *q, const masking *m, clf_scratch *scratch) {
  const double work = 2.0 * q->M * q->N * q->K;
  const int cols = ceil_of(q->N, TN), bands = min_int(q->blocks, BANDS);
  const size_t panels = (size_t)q->K * (size_t)(cols * TN);
  const size_t need = panels + (m ? masked_size(q) : q->own * (size_t)bands);
  q->panels = clf_scratch_get(scratch, need);
  CLF_NEED(q->panels, need);
  q->bands = q->panels + panels;
  in_threads(work, cols, pack_panel, q);
  if (m)
    by_masked_tiles(q, m->row, m->column, m->sign, q->bands);
  else
    in_threads(work, bands, by_band, q);
  return CLF_OK;
}

CLF_REF_ALGORITHM(gemm, by_tiles) {
  if (takes_in_place(p)) {
    rows_in_place(p);
    return CLF_OK;
  }
  const clf_gemm_args g = arranged(p);
  tiling q = tiling_of(&g, BANDS / 2);
  if (!takes_few(&q)) return run_tiling(&q, NULL, scratch);
  in_threads(2.0 * q.M * q.N * q.K, ceil_of(q.N, TN), few_columns, &q);
  return CLF_OK;
}

/* If vectors hold samples, weights are rows of a, of which tiles skip parts. */
static clf_status masked_product(const clf_gemm_args *p, masking m, clf_scratch *scratch) {
  const clf_gemm_args g = arranged(p);
  if (!is_turned(p)) return by_tiles(p, scratch);
  tiling q = tiling_of(&g, BANDS / 2);
  return run_tiling(&q, &m, scratch);
}
#endif

#ifdef CLF_CBLAS
/* A BLAS needs rows with unit stride, one after the other. */
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

/* Independent of the number of rows, so that the division of samples does not matter; but a BLAS
 * would pack b for few rows, which takes longer than the product.  Tiles with 64-byte vectors are
 * faster than OpenBLAS with its own, except for long sums with transposed a, and twice as fast if
 * it does not know the processor. */
CLF_REF_RULE(gemm, worth_a_blas) {
  return VECTOR_BYTES < 64 && p->c.dim[0] > FEW && (double)p->c.dim[1] * p->a.dim[!p->ta] >= 512;
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
  blas_rows(q->p, q->sgemm, i0, i0 + min_int(left, q->rows));
}

/* We divide the product into bands, so the BLAS is limited to one thread meanwhile. */
CLF_REF_ALGORITHM(gemm, by_blas) {
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

#ifdef CLF_REAL64
CLF_REF(masked_fwd) {
  const clf_gemm_args g = forward_product(p);
  return plain(&g, scratch);
}
CLF_REF(masked_bwd) {
  const clf_gemm_args g = backward_product(p);
  return plain(&g, scratch);
}
CLF_REF(weights_bwd) {
  (void)scratch;
  in_threads(2.0 * p->dw.dim[0] * p->dw.dim[1] * p->x.dim[0], p->dw.dim[0], weights_row, p);
  return CLF_OK;
}
#else
CLF_REF(masked_fwd) {
  const clf_gemm_args g = forward_product(p);
  return masked_product(&g, (masking){&p->row, &p->column, 1}, scratch);
}
CLF_REF(masked_bwd) {
  const clf_gemm_args g = backward_product(p);
  return masked_product(&g, (masking){&p->column, &p->row, -1}, scratch);
}
CLF_REF(weights_bwd) {
  const clf_gemm_args g = weights_product(p);
  const double work = 2.0 * p->dw.dim[0] * p->dw.dim[1] * p->x.dim[0];
  tiling q = tiling_of(&g, work > CLF_PARALLEL_FROM ? BANDS / 2 : 1);
  q.masked = p;
  return run_tiling(&q, NULL, scratch);
}
#endif
