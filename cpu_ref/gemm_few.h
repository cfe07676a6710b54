/* SPDX-License-Identifier: MIT */
/* gemm_few.h: products of few rows with a transposed matrix b, whose elements are read once,
 * without packing.  Only gemm.c includes it.
 *
 * Packing panels of b would read it, write it and read it again for these few rows.  Instead
 * squares of b are transposed in registers and used at once.  Every sum is the same chain as in
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
  finish_any(q->p, 0, q->M, j0, n, all);
}

static int takes_few(const tiling *q) {
  return q->M <= FEW && q->N >= PAIR && q->K >= SIDE && q->p->tb && q->p->b.stride[1] == 1;
}
