/* SPDX-License-Identifier: MIT */
/* gemm_few.h: products of few rows with a matrix b, whose elements are read once, without packing.
 * Only gemm.c includes it.
 *
 * Packing panels of b would read it, write it and read it again for these few rows.  Instead
 * its rows are used in place; or, of a transposed b, squares are transposed in registers and used
 * at once.  Every sum is the same chain as in
 * by_tiles(), k in order, so that the bits of a row do not depend on how many rows there are. */

/* FEW: rows, at most.  SIDE: of a square.  Two squares, one below the other, are used in turn:
 * their sums do not wait for each other.  With four, lines of 32 rows at a distance of 2 KiB did
 * not stay in the first cache, and a row of a large flow took twice as long. */
#ifdef __AVX__
enum { FEW = 3, SIDE = 8, PAIR = 2 * SIDE };
#else
enum { FEW = 3, SIDE = LANES, PAIR = 2 * SIDE };
#endif
typedef real side __attribute__((vector_size(SIDE * sizeof(real))));
typedef side side_at __attribute__((aligned(sizeof(real)), may_alias));

/* v[c] = elements c of SIDE rows at distance `pitch`. */
__attribute__((always_inline)) static inline void transpose_square(const real *b, ptrdiff_t pitch,
                                                                   side v[SIDE]) {
#ifdef __AVX__
  transpose_8(b, pitch, (__m256 *)v);
#else
  for (int c = 0; c < SIDE; c++) {
    real column[SIDE];
    for (int r = 0; r < SIDE; r++) column[r] = b[r * pitch + c];
    v[c] = *(side_at *)column;
  }
#endif
}

/* sums[rows][PAIR] for as many columns of c, from the rows of b that begin at b.  The last squares
 * end where the rows end, and their first `used` columns count already. */
__attribute__((always_inline)) static inline void few_sums(const tiling *q, int rows, const real *b,
                                                           real *sums) {
  const clf_tensor *a = &q->p->a;
  const int ta = q->p->ta != 0, K = q->K;
  const ptrdiff_t si = a->stride[ta], sk = a->stride[!ta], pitch = q->p->b.stride[0];
  const real *x = at(a, 0, 0, 0, 0);
  side sum[FEW][2] = {{{0}}};
  for (int k = 0; k < K; k += SIDE) {
    const int used = k + SIDE <= K ? 0 : k + SIDE - K;
    const real *const from = b + k - used;
    side v[SIDE], w[SIDE];
    transpose_square(from, pitch, v);
    transpose_square(from + SIDE * pitch, pitch, w);
#pragma GCC unroll 8
    for (int c = 0; c < SIDE; c++) {
      if (c < used) continue;
      for (int r = 0; r < rows; r++) {
        sum[r][0] += x[r * si] * v[c];
        sum[r][1] += x[r * si] * w[c];
      }
      x += sk;
    }
  }
  for (int r = 0; r < rows; r++)
    for (int h = 0; h < 2; h++) *(side_at *)(sums + r * PAIR + h * SIDE) = sum[r][h];
}

/* A panel of c; its last columns are computed together with some before them. */
CLF_LOOP(few_columns, tiling, q, index) {
  const int j0 = index * TN, n = min_int(TN, q->N - j0);
  real all[FEW * TN], sums[FEW * PAIR];
  for (int j = 0; j < n; j += PAIR) {
    const int left = min_int(PAIR, n - j), before = PAIR - left;
    const real *b = at(&q->p->b, j0 + j - before, 0, 0, 0);
    if (q->M == 1)
      few_sums(q, 1, b, sums);
    else
      few_sums(q, q->M, b, sums);
    for (int r = 0; r < q->M; r++)
      memcpy(all + r * TN + j, sums + r * PAIR + before, (size_t)left * sizeof *all);
  }
  if (is_dense(q->p)) {
    finish_tile(q->p, NULL, 0, q->M, j0, n, all);
    activate_tile(q->p, NULL, 0, q->M, j0, n);
  } else {
    finish(q->p, 0, q->M, j0, n, TN, all);
  }
}

static int takes_few(const tiling *q) {
  return q->M <= FEW && q->N >= PAIR && q->K >= SIDE && q->p->tb && q->p->b.stride[1] == 1;
}

/* ---- Rows of b in place ---------------------------------------------------------------------- */

enum { AHEAD = 8 }; /* vectors of sums at a time, which do not wait for each other */

/* sums[count][LANES] for `count` vectors of b's columns.  The last one begins at column `last`, and
 * only its first `width` columns exist. */
__attribute__((always_inline)) static inline void sums_in_place(const clf_gemm_args *p, int count,
                                                                const real *x, const real *b,
                                                                int last, int width, real *sums) {
  const ptrdiff_t step = p->a.stride[!p->ta], pitch = p->b.stride[0];
  const int K = p->a.dim[!p->ta];
  vec sum[AHEAD] = {{0}};
  for (int k = 0; k < K; k++, b += pitch) {
    const real v = x[k * step];
#pragma GCC unroll 8
    for (int i = 0; i + 1 < count; i++) sum[i] += v * VEC_IN(b + i * LANES);
    sum[count - 1] += v * (width == LANES ? VEC_IN(b + last) : load_first(b + last, width));
  }
#pragma GCC unroll 8
  for (int i = 0; i < count; i++) VEC(sums + i * LANES) = sum[i];
}

/* A function for each number of vectors, which is a constant there. */
#define IN_PLACE(count)                                                                            \
  case count: sums_in_place(p, count, x, b, last, LANES, sums); break;
static void some_in_place(const clf_gemm_args *p, int count, const real *x, const real *b, int last,
                          int width, real *sums) {
  if (width < LANES) {
    sums_in_place(p, 1, x, b, 0, width, sums);
    return;
  }
  switch (count) {
    IN_PLACE(1)
    IN_PLACE(2)
    IN_PLACE(3)
    IN_PLACE(4)
    IN_PLACE(5)
    IN_PLACE(6)
    IN_PLACE(7)
  default: sums_in_place(p, AHEAD, x, b, last, LANES, sums);
  }
}
#undef IN_PLACE

/* Turns sums of columns j0 .. j0 + n - 1 into elements of row i of c, as finish_tile(). */
static void finish_in_place(const clf_gemm_args *p, int i, int j0, int n, int last, int count,
                            real *sums) {
  const int width = min_int(n, LANES);
  const real *bias = p->bias.buf ? at(&p->bias, j0, 0, 0, 0) : NULL;
  real *const c = at(&p->c, i, j0, 0, 0);
  for (int k = 0; k < count; k++) {
    const int j = k + 1 < count ? k * LANES : last;
    vec v = VEC_IN(sums + k * LANES);
    if (p->alpha != 1) v *= p->alpha;
    if (p->beta != 0) v += p->beta * load_first(c + j, width); /* c may be NaN */
    if (bias) v += load_first(bias + j, width);
    VEC(sums + k * LANES) = v;
  }
  activate(p->act, count * LANES, sums);
  for (int k = 0; k < count; k++)
    store_first(c + (k + 1 < count ? k * LANES : last), VEC_IN(sums + k * LANES), width);
}

/* A vector that would reach beyond the last column begins earlier: some columns are computed
 * twice, at the same time. */
static void rows_in_place(const clf_gemm_args *p) {
  const int N = p->c.dim[1], all = ceil_of(N, LANES), groups = ceil_of(all, AHEAD);
  real sums[AHEAD * LANES];
  for (int i = 0; i < p->c.dim[0]; i++)
    for (int g = 0; g < groups; g++) {
      const int first = all * g / groups, count = all * (g + 1) / groups - first;
      const int j0 = first * LANES, n = min_int(count * LANES, N - j0),
                last = max_int(n - LANES, 0);
      some_in_place(p, count, p->ta ? at(&p->a, 0, i, 0, 0) : at(&p->a, i, 0, 0, 0),
                    at(&p->b, 0, j0, 0, 0), last, min_int(n, LANES), sums);
      finish_in_place(p, i, j0, n, last, count, sums);
    }
}

static double work_of(const clf_gemm_args *p) {
  return 2.0 * p->c.dim[0] * p->c.dim[1] * p->a.dim[!p->ta];
}
/* Larger products are for several threads. */
static int takes_in_place(const clf_gemm_args *p) {
  return p->c.dim[0] <= FEW && !p->tb && p->b.stride[1] == 1 && p->c.stride[1] == 1 &&
         (!p->bias.buf || p->bias.stride[0] == 1) && work_of(p) <= CLF_PARALLEL_FROM;
}
