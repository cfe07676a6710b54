/* SPDX-License-Identifier: MIT */
/* reduce.c: sums over samples, and of squares. */
#include "ref.h"
#ifdef __AVX__
#include <immintrin.h>
#endif

/* Columns that are summed at once, each in row order and in double: SIDE form a group of VECTORS,
 * of which GROUPS are summed at once. */
#ifdef __AVX512F__
enum { WIDTH = 8 };
#else
enum { WIDTH = 4 };
#endif
enum { SIDE = 8, VECTORS = SIDE / WIDTH, GROUPS = 4, COLUMNS = 64 };
/* Rows of one column, all weights of a flow, that one chain of sums would take long for. */
enum { LONG = 1 << 16 };
typedef double sums __attribute__((vector_size(WIDTH * sizeof(double))));
typedef real numbers
    __attribute__((vector_size(WIDTH * sizeof(real)), aligned(sizeof(real)), may_alias));

/* WIDTH numbers as doubles; gcc 12 would convert the halves of a vector one by one. */
#if defined __AVX512F__ && !defined CLF_REAL64
#define DOUBLES(x) ((sums)_mm512_cvtps_pd(_mm256_loadu_ps(x)))
#elif defined __AVX__ && !defined CLF_REAL64
#define DOUBLES(x) ((sums)_mm256_cvtps_pd(_mm_loadu_ps(x)))
#else
#define DOUBLES(x) __builtin_convertvector(*(const numbers *)(x), sums)
#endif

/* s += SIDE numbers. */
__attribute__((always_inline)) static inline void add_side(sums s[VECTORS], const real *x) {
#pragma GCC unroll 2
  for (int v = 0; v < VECTORS; v++) s[v] += DOUBLES(x + v * WIDTH);
}

static inline void sum_groups(const real *x, ptrdiff_t pitch, int rows, int groups, double *sum) {
  sums s[GROUPS][VECTORS] = {{{0}}};
  for (int r = 0; r < rows; r++, x += pitch)
#pragma GCC unroll 4
    for (int g = 0; g < groups; g++) add_side(s[g], x + g * SIDE);
  memcpy(sum, s, (size_t)groups * sizeof *s);
}

/* For GROUPS columns of contiguous numbers at distance `step`: sums those SIDE apart, then these
 * sums. */
static inline void sum_side_by_side(const real *x, ptrdiff_t step, int n, int columns,
                                    double *sum) {
  sums s[GROUPS][VECTORS] = {{{0}}};
  int i = 0;
  for (; i + SIDE <= n; i += SIDE)
#pragma GCC unroll 4
    for (int c = 0; c < columns; c++) add_side(s[c], x + c * step + i);
  for (int c = 0; c < columns; c++) {
    double each[SIDE];
    memcpy(each, s[c], sizeof each);
    sum[c] =
        ((each[0] + each[1]) + (each[2] + each[3])) + ((each[4] + each[5]) + (each[6] + each[7]));
    for (int k = i; k < n; k++) sum[c] += (double)x[c * step + k];
  }
}

static double sum_one(const real *x, ptrdiff_t pitch, int rows) {
  double sum = 0;
  for (int r = 0; r < rows; r++) sum += (double)x[r * pitch];
  return sum;
}

/* A separate loop for contiguous numbers, for the vectoriser. */
static void put_sums(int n, const double *restrict sum, real beta, real *restrict y, ptrdiff_t to) {
  if (to == 1 && beta != 0)
    for (int d = 0; d < n; d++) y[d] = (real)sum[d] + beta * y[d];
  else
    for (int d = 0; d < n; d++)
      y[d * to] = beta != 0 ? (real)sum[d] + beta * y[d * to] : (real)sum[d];
}

/* The sum of one row, as when the gradients of two tasks are added.  0 + -0 is 0. */
static void add_one_row(int n, const real *restrict x, real beta, real *restrict y) {
  if (beta != 0)
    for (int d = 0; d < n; d++) y[d] = (x[d] + 0) + beta * y[d];
  else
    for (int d = 0; d < n; d++) y[d] = x[d] + 0;
}

CLF_LOOP(sum_columns, clf_sum_rows_args, p, band) {
  const int d0 = band * COLUMNS, left = p->x.dim[1] - d0, n = left < COLUMNS ? left : COLUMNS;
  const ptrdiff_t pitch = p->x.stride[0], step = p->x.stride[1], to = p->y.stride[0];
  const real *x = at(&p->x, 0, d0, 0, 0);
  real *y = at(&p->y, d0, 0, 0, 0);
  const int rows = p->x.dim[0], down = pitch == 1 && (step != 1 || rows >= LONG);
  double sum[COLUMNS];
  int d = 0;
  if (rows == 1 && step == 1 && to == 1) {
    add_one_row(n, x, p->beta, y);
    return;
  }
  for (; step == 1 && d + GROUPS * SIDE <= n; d += GROUPS * SIDE)
    sum_groups(x + d, pitch, p->x.dim[0], GROUPS, sum + d);
  for (; step == 1 && d + SIDE <= n; d += SIDE) sum_groups(x + d, pitch, p->x.dim[0], 1, sum + d);
  for (; down && d + GROUPS <= n; d += GROUPS)
    sum_side_by_side(x + d * step, step, p->x.dim[0], GROUPS, sum + d);
  for (; down && d < n; d++) sum_side_by_side(x + d * step, step, p->x.dim[0], 1, sum + d);
  for (; d < n; d++) sum[d] = sum_one(x + d * step, pitch, p->x.dim[0]);
  put_sums(n, sum, p->beta, y, to);
}

CLF_REF(sum_rows) {
  (void)scratch;
  in_threads(4.0 * (double)clf__count(&p->x), (p->x.dim[1] - 1) / COLUMNS + 1, sum_columns, p);
  return CLF_OK;
}

enum { BAND = 16384 }; /* elements of a partial sum, in double */

static double squares_of(const real *x, int n) {
  double sum = 0;
  VECTOR_SUM(sum)
  for (int i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
  return sum;
}

/* Elements i0 .. i1 - 1 of a tensor whose elements are not contiguous. */
static double squares_apart(const clf_tensor *x, int i0, int i1) {
  const int H = x->dim[2], W = x->dim[3], size = x->dim[1] * H * W;
  double sum = 0;
  for (int i = i0; i < i1; i++) {
    const double v = *at(x, i / size, i % size / (H * W), i / W % H, i % W);
    sum += v * v;
  }
  return sum;
}

typedef struct squares {
  const clf_tensor *x;
  int dense, count;
  real *share; /* the sum of each band */
} squares;

CLF_LOOP(squares_of_band, squares, c, b) {
  const int i0 = b * BAND, left = c->count - i0, n = left < BAND ? left : BAND;
  c->share[b] =
      (real)(c->dense ? squares_of(at(c->x, 0, 0, 0, 0) + i0, n) : squares_apart(c->x, i0, i0 + n));
}

CLF_REF(sum_squares) {
  const int count = (int)clf__count(&p->x), bands = (count - 1) / BAND + 1;
  const int dense =
      dense_order(&p->x) && (p->x.dim[0] == 1 || p->x.stride[0] == count / p->x.dim[0]);
  real *share = clf_scratch_get(scratch, (size_t)bands), *y = at(&p->y, 0, 0, 0, 0);
  CLF_NEED(share, bands);
  const squares c = {&p->x, dense, count, share};
  in_threads(2.0 * count, bands, squares_of_band, &c);
  double sum = 0;
  for (int b = 0; b < bands; b++) sum += share[b];
  *y = p->beta != 0 ? (real)sum + p->beta * *y : (real)sum;
  return CLF_OK;
}
