/* SPDX-License-Identifier: MIT */
/* gemm_masked.h: products with masked weights, by tiles of rows that skip zeros.  Only included by
 * gemm.c.
 *
 * The rows of a are the weights of units when vectors hold samples.  Row i uses column k if its
 * level is not below that of the column; its other weights are 0, and adding 0 changes no sum.
 * Rows of about the same level form a tile, which skips the columns that none of them uses.  If
 * the units of both layers are sorted by degree, a tile has one range of columns. */

typedef struct masked {
  const tiling *q;
  real *row, *column; /* levels */
  int *order;         /* the rows of a by level, the lowest first */
  int up, down;       /* whether the levels of columns only grow, or only shrink */
  int *lists;         /* for each tile, the columns that it uses */
} masked;

static void find_direction(const real *v, int n, int *up, int *down) {
  int grows = 1, shrinks = 1;
  for (int i = 1; i < n; i++) {
    grows &= v[i] >= v[i - 1];
    shrinks &= v[i] <= v[i - 1];
  }
  *up = grows;
  *down = shrinks;
}

static void sort_rows(const masked *s) {
  const int M = s->q->M;
  int up, down;
  find_direction(s->row, M, &up, &down);
  for (int i = 0; i < M; i++) {
    int at = i;
    if (!up && !down)
      for (; at > 0 && s->row[s->order[at - 1]] > s->row[i]; at--) s->order[at] = s->order[at - 1];
    s->order[at] = up || !down ? i : M - 1 - i;
  }
}

/* The number of columns at or below a level. */
static int count_columns(const masked *s, real level) {
  int count = 0;
  for (int k = 0; k < s->q->K; k++) count += s->column[k] <= level;
  return count;
}
static void list_columns(const masked *s, real level, int *list) {
  for (int k = 0, count = 0; k < s->q->K; k++)
    if (s->column[k] <= level) list[count++] = k;
}

/* A tile; its last row uses the most columns. */
CLF_LOOP(masked_rows, masked, s, t) {
  const tiling *q = s->q;
  const int high = q->high, rows = min_int(high, q->M - t * high), *order = s->order + t * high;
  const ptrdiff_t step = q->p->a.stride[!q->p->ta];
  const real level = s->row[order[rows - 1]];
  const int count = count_columns(s, level), first = s->up || !s->down ? 0 : q->K - count;
  int *const list = s->up || s->down ? NULL : s->lists + (ptrdiff_t)t * q->K;
  tile_rows of;
  real sums[HIGH * TN];
  if (list) list_columns(s, level, list);
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

/* In elements, which are as large as an int. */
static size_t masked_size(const tiling *q) {
  const size_t M = (size_t)q->M, K = (size_t)q->K;
  return 2 * M + K + (size_t)ceil_of(q->M, q->high) * K;
}
/* A level is `sign` times a degree. */
static void by_masked_tiles(const tiling *q, const clf_tensor *row, const clf_tensor *column,
                            real sign, real *memory) {
  masked s = {.q = q, .row = memory, .column = memory + q->M};
  s.order = (int *)(void *)(s.column + q->K);
  s.lists = s.order + q->M;
  copy_degrees(row, 0, q->M, s.row);
  copy_degrees(column, 0, q->K, s.column);
  for (int i = 0; i < q->M; i++) s.row[i] *= sign;
  for (int k = 0; k < q->K; k++) s.column[k] *= sign;
  find_direction(s.column, q->K, &s.up, &s.down);
  sort_rows(&s);
  in_threads(2.0 * q->M * q->N * q->K, ceil_of(q->M, q->high), masked_rows, &s);
}
