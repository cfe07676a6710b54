/* SPDX-License-Identifier: MIT */
/* gemm.c: matrix product, row by row of c so that the inner loop runs along rows
 * of b; the float variants hand products a CBLAS can take to one, where the build
 * found it, each thread a band of rows. */
#include "ref.h"
#ifdef CLF_CBLAS
#include <cblas.h>
#endif
#ifdef CLF_OPENBLAS
#include <pthread.h>

/* The BLAS's number of threads belongs to the process: the first call under way takes
 * it down to one, the last one puts it back. */
static pthread_mutex_t counting = PTHREAD_MUTEX_INITIALIZER;
static int under_way, threads;

static void hold_blas_to_one_thread(void) {
  pthread_mutex_lock(&counting);
  if (under_way++ == 0) {
    threads = openblas_get_num_threads();
    if (threads != 1) openblas_set_num_threads(1);
  }
  pthread_mutex_unlock(&counting);
}
static void let_blas_go(void) {
  pthread_mutex_lock(&counting);
  if (--under_way == 0 && threads != 1) openblas_set_num_threads(threads);
  pthread_mutex_unlock(&counting);
}
#elif defined CLF_CBLAS
static void hold_blas_to_one_thread(void) {}
static void let_blas_go(void) {}
#endif

enum { ROWS = 64 }; /* of c, to a thread at a time */

static real activate(real v, int act) {
  return act == 1 ? real_tanh(v) : act == 2 && v <= 0 ? 0 : v;
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
    for (int j = 0; j < N; j++) {
      real *c = at(&p->c, i, j, 0, 0), v = p->alpha * sum[j];
      if (p->beta != 0) v += p->beta * *c; /* beta = 0: c may be NaN */
      if (p->bias.buf) v += *at(&p->bias, j, 0, 0, 0);
      *c = activate(v, p->act);
    }
  }
}

CLF_REF_WAY(gemm, plain) {
  const int M = p->c.dim[0], N = p->c.dim[1], bands = (M - 1) / ROWS + 1;
  real *sums = clf_scratch_get(scratch, (size_t)bands * (size_t)N);
  CLF_NEED(sums, bands * N);
  PARALLEL_FOR(2.0 * M * N * p->a.dim[!p->ta], int band = 0; band < bands; band++)
    plain_rows(p, band * ROWS, band == bands - 1 ? M : (band + 1) * ROWS,
               sums + (ptrdiff_t)band * N);
  return CLF_OK;
}

#ifdef CLF_CBLAS
/* A BLAS wants rows of unit stride, each behind the last. */
static int takes(const clf_tensor *t) { return t->stride[1] == 1 && t->stride[0] >= t->dim[1]; }

static void blas_rows(const clf_gemm_args *p, int i0, int i1) {
  const int N = p->c.dim[1], K = p->a.dim[!p->ta];
  cblas_sgemm(CblasRowMajor, p->ta ? CblasTrans : CblasNoTrans, p->tb ? CblasTrans : CblasNoTrans,
              i1 - i0, N, K, p->alpha, p->ta ? at(&p->a, 0, i0, 0, 0) : at(&p->a, i0, 0, 0, 0),
              p->a.stride[0], at(&p->b, 0, 0, 0, 0), p->b.stride[0], p->beta,
              at(&p->c, i0, 0, 0, 0), p->c.stride[0]);
  if (!p->bias.buf && !p->act) return;
  for (int i = i0; i < i1; i++) {
    real *c = at(&p->c, i, 0, 0, 0);
    if (p->bias.buf)
      for (int j = 0; j < N; j++) c[j] += *at(&p->bias, j, 0, 0, 0);
    for (int j = 0; j < N && p->act; j++) c[j] = activate(c[j], p->act);
  }
}

/* Whatever the number of rows, so that it does not matter how samples are divided. */
CLF_REF_RULE(gemm, worth_a_blas) { return (double)p->c.dim[1] * p->a.dim[!p->ta] >= 512; }
CLF_REF_RULE(gemm, a_blas_takes) { return takes(&p->a) && takes(&p->b) && takes(&p->c); }

/* The bands are ours to share out, so the BLAS is held to one thread meanwhile. */
CLF_REF_WAY(gemm, by_blas) {
  (void)scratch;
  const int M = p->c.dim[0], N = p->c.dim[1], K = p->a.dim[!p->ta];
  int rows = ROWS;
  while (M / rows > 64) rows *= 2;
  const int bands = (M - 1) / rows + 1;
  hold_blas_to_one_thread();
  PARALLEL_FOR(2.0 * M * N * K, int band = 0; band < bands; band++)
    blas_rows(p, band * rows, band == bands - 1 ? M : (band + 1) * rows);
  let_blas_go();
  return CLF_OK;
}
#endif

#ifdef CLF_CBLAS
CLF_REFS(gemm, {.name = "blas", .takes = a_blas_takes, .suits = worth_a_blas, .compute = by_blas},
         {.name = "plain", .compute = plain})
#else
CLF_REFS(gemm, {.name = "plain", .compute = plain})
#endif
