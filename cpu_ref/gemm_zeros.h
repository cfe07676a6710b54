/* SPDX-License-Identifier: MIT */
/* gemm_zeros.h: products by tiles of rows that skip zeros.  Only included by gemm.c.
 *
 * The rows of a are the weights of units when vectors hold samples.  In masked nets most weights
 * beyond what a unit sees are 0.  Rows with about the same number of zeros form a tile, which
 * skips the columns in which all its rows are 0: adding 0 changes no sum.
 *
 * If units are sorted by degree, the stored weights form stairs: zeros are at the end of each row
 * of storage, and at the beginning of each column.  Then a row only needs where they begin or end,
 * and a tile has one range of columns. */

typedef struct sparse {
  const tiling *q;
  int words;          /* of a row of bits */
  uint64_t *bits;     /* for each row of a: where it is not 0 */
  int *order;         /* the rows of a, those with the most zeros first */
  int *count, *first; /* for sorting */
  int *lists;         /* for each tile, the columns that it uses */
} sparse;

enum { WORD = 64 };

static uint64_t bits_of_numbers(const real *a, int n) {
  uint64_t bits = 0;
#ifdef __AVX512F__
  const __m512 zero = _mm512_setzero_ps();
  for (int k = 0; k < n; k += 16) {
    const __mmask16 there = first_lanes(min_int(n - k, 16));
    bits |= (uint64_t)_mm512_mask_cmp_ps_mask(there, _mm512_maskz_loadu_ps(there, a + k), zero,
                                              _CMP_NEQ_UQ)
            << k;
  }
#else
  int k = 0;
#ifdef __AVX__
  for (; k + 8 <= n; k += 8)
    bits |= (uint64_t)(unsigned)_mm256_movemask_ps(
                _mm256_cmp_ps(_mm256_loadu_ps(a + k), _mm256_setzero_ps(), _CMP_NEQ_UQ))
            << k;
#endif
  for (; k < n; k++) bits |= (uint64_t)(a[k] != 0) << k;
#endif
  return bits;
}

/* Bit j of word i becomes bit i of word j: swaps halves, then halves of these. */
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

/* The bits of the weights in storage order, whose rows are rows or columns of a. */
static void find_bits_of_rows(const sparse *s) {
  for (int i = 0; i < s->q->M; i++)
    for (int w = 0; w < s->words; w++)
      row_of_bits(s, i)[w] =
          bits_of_numbers(row_of_a(s->q, i) + w * WORD, min_int(WORD, s->q->K - w * WORD));
}
static void find_bits_of_columns(const sparse *s) {
  const clf_tensor *a = &s->q->p->a;
  const int M = s->q->M, K = s->q->K;
  for (int i0 = 0; i0 < M; i0 += WORD)
    for (int w = 0; w < s->words; w++) {
      const int rows = min_int(WORD, M - i0), columns = min_int(WORD, K - w * WORD);
      uint64_t block[WORD] = {0};
      for (int k = 0; k < columns; k++)
        block[k] = bits_of_numbers(at(a, w * WORD + k, i0, 0, 0), rows);
      transpose_bits(block);
      for (int i = 0; i < rows; i++) row_of_bits(s, i0 + i)[w] = block[i];
    }
}

/* Whether it is worth examining all weights: a few rows show whether a net is masked. */
static int has_zeros(const tiling *q) {
  const clf_tensor *a = &q->p->a;
  int some = 0;
  for (int i = 0; i < 4; i++) {
    const real *row = at(a, (int)((int64_t)a->dim[0] * i / 4), 0, 0, 0);
    for (int j = 0; j < a->dim[1]; j += WORD)
      some += __builtin_popcountll(bits_of_numbers(row + j, min_int(WORD, a->dim[1] - j)));
  }
  return 8 * some < 7 * 4 * a->dim[1];
}

/* Whether the same few rows have all their zeros at the end. */
static int has_stairs(const tiling *q) {
  const clf_tensor *a = &q->p->a;
  for (int i = 0; i < 4; i++) {
    const real *row = at(a, (int)((int64_t)a->dim[0] * i / 4), 0, 0, 0);
    int ended = 0;
    for (int j = 0; j < a->dim[1]; j += WORD) {
      const int n = min_int(WORD, a->dim[1] - j);
      const uint64_t bits = bits_of_numbers(row + j, n);
      if (bits & (bits + 1) || (ended && bits)) return 0;
      ended = __builtin_popcountll(bits) < n;
    }
  }
  return 1;
}

/* The number of columns that each row uses: up to its last number or, of a^T, from its first. */
static void find_ends_of_rows(const sparse *s) {
  for (int i = 0; i < s->q->M; i++) {
    s->count[i] = 0;
    for (int w = 0; w < s->words; w++) { /* all of them: memory is fast in storage order */
      const uint64_t bits =
          bits_of_numbers(row_of_a(s->q, i) + w * WORD, min_int(WORD, s->q->K - w * WORD));
      if (bits) s->count[i] = (w + 1) * WORD - __builtin_clzll(bits);
    }
  }
}
static void find_begins_of_columns(const sparse *s) {
  const int M = s->q->M, K = s->q->K;
  for (int i0 = 0; i0 < M; i0 += WORD) {
    const int rows = min_int(WORD, M - i0);
    uint64_t zeros = rows < WORD ? ((uint64_t)1 << rows) - 1 : ~(uint64_t)0;
    for (int i = 0; i < rows; i++) s->count[i0 + i] = 0;
    for (int k = 0; k < K && zeros; k++) {
      uint64_t now = zeros & bits_of_numbers(at(&s->q->p->a, k, i0, 0, 0), rows);
      zeros &= ~now;
      for (; now; now &= now - 1) s->count[i0 + __builtin_ctzll(now)] = K - k;
    }
  }
}

static void count_rows(const sparse *s) {
  for (int i = 0; i < s->q->M; i++) {
    s->count[i] = 0;
    for (int w = 0; w < s->words; w++) s->count[i] += __builtin_popcountll(row_of_bits(s, i)[w]);
  }
}
/* Counts of rows that are sorted by degree only grow, or only shrink. */
static int is_sorted(const sparse *s) {
  const int M = s->q->M;
  int grows = 1, shrinks = 1;
  for (int i = 1; i < M; i++) {
    grows &= s->count[i] >= s->count[i - 1];
    shrinks &= s->count[i] <= s->count[i - 1];
  }
  for (int i = 0; i < M && (grows || shrinks); i++) s->order[i] = grows ? i : M - 1 - i;
  return grows || shrinks;
}
static void sort_rows(const sparse *s) {
  const tiling *q = s->q;
  if (is_sorted(s)) return;
  for (int k = 0; k <= q->K + 1; k++) s->first[k] = 0;
  for (int i = 0; i < q->M; i++) s->first[s->count[i] + 1]++;
  for (int k = 0; k <= q->K; k++) s->first[k + 1] += s->first[k];
  for (int i = 0; i < q->M; i++) s->order[s->first[s->count[i]]++] = i;
}

/* The columns in which at least one of the rows is not 0. */
static int list_columns(const sparse *s, const int *order, int rows, int *list) {
  int count = 0;
  for (int w = 0; w < s->words; w++) {
    uint64_t some = 0;
    for (int r = 0; r < rows; r++) some |= row_of_bits(s, order[r])[w];
    for (; some; some &= some - 1) list[count++] = w * WORD + __builtin_ctzll(some);
  }
  return count;
}

/* The rows of a tile, which `count` columns from the first or, with a list, in it can change. */
static void sparse_tile(const sparse *s, int t, int first, const int *list, int count) {
  const tiling *q = s->q;
  const int high = q->high, rows = min_int(high, q->M - t * high), *order = s->order + t * high;
  const ptrdiff_t step = q->p->a.stride[!q->p->ta];
  tile_rows of;
  real sums[HIGH * TN];
  take_rows_of_tile(q, order, 0, rows, NULL, &of);
  for (int r = 0; r < high; r++) of.a[r] += first * step;
  for (int j0 = 0; j0 < q->N; j0 += TN) {
    const int n = min_int(TN, q->N - j0);
    const tile_target to = {
        .direct = writes_directly(q->p, n), .j0 = j0, .beta = q->p->beta, .sums = sums};
    panel b = panel_of(q, j0);
    b.at += first * b.step;
    tile(high, &of, step, b, list, count, n > LANES ? 2 : 1, &to);
    if (!to.direct) finish_tile(q->p, order, 0, rows, j0, n, sums);
  }
  activate_tile(q->p, order, 0, rows, 0, q->N);
}

/* A tile of stairs: the last of its rows, which are sorted, uses the most columns. */
CLF_LOOP(rows_of_stairs, sparse, s, t) {
  const tiling *q = s->q;
  const int rows = min_int(q->high, q->M - t * q->high);
  const int count = s->count[s->order[t * q->high + rows - 1]];
  sparse_tile(s, t, q->p->ta ? q->K - count : 0, NULL, count);
}

CLF_LOOP(sparse_rows, sparse, s, t) {
  const tiling *q = s->q;
  const int rows = min_int(q->high, q->M - t * q->high);
  int *const list = s->lists + (ptrdiff_t)t * q->K;
  sparse_tile(s, t, 0, list, list_columns(s, s->order + t * q->high, rows, list));
}

/* In elements, none of which is smaller than an int. */
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
  const int stairs = has_stairs(q);
  if (stairs) {
    (q->p->ta ? find_begins_of_columns : find_ends_of_rows)(&s);
  } else {
    (q->p->ta ? find_bits_of_columns : find_bits_of_rows)(&s);
    count_rows(&s);
  }
  sort_rows(&s);
  in_threads(2.0 * q->M * q->N * q->K, ceil_of(q->M, q->high),
             stairs ? rows_of_stairs : sparse_rows, &s);
}
