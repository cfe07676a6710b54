/* SPDX-License-Identifier: MIT */
/* linear.cl: the matrices of linear layers.
 *
 * Triangles, reflections and rotations act on every column of a matrix alone, so a work-item has
 * LANES columns, from c on, and goes through their rows:
 *
 *            c      c + LANES
 *   row 0    [ VVVVVVVV ]         linear_get(m, 0), linear_set(m, 0, v)
 *   row 1    [ VVVVVVVV ]
 *   ...
 *
 * Gradients of packed entries take a work-item for each entry. */
#include "lanes.clh"
#include "samples.clh"

/* ---- Columns of a matrix -------------------------------------------------------------------- */

typedef struct {
  global float *at;    /* row 0 */
  int row, step, left; /* from row to row, from column to column; columns that are left */
} linear_columns;
INLINE V linear_get(linear_columns m, int i) {
  return lanes_load(m.at + i * m.row, m.step, m.left);
}
INLINE void linear_set(linear_columns m, int i, V v) {
  lanes_store(v, m.at + i * m.row, m.step, m.left);
}
INLINE linear_columns linear_columns_of(global float *t, clf_view v, int c) {
  const linear_columns m = {t + v.offset + c * v.stride[1], v.stride[0], v.stride[1], v.dim[1] - c};
  return m;
}
/* Matrix number k of D rows in scratch memory, whose rows are whole vectors. */
INLINE linear_columns linear_scratch(global float *scratch, linear_plan e, int D, int k, int c) {
  const linear_columns m = {scratch + (size_t)k * D * e.pitch + c, e.pitch, 1, LANES};
  return m;
}
/* Row i of the unit matrix. */
INLINE V linear_unit(int i, int c) { return LANE_NUMBERS == (V)(i - c) ? (V)1 : (V)0; }

/* ---- Triangles, packed row by row, and a diagonal as a function of its parameter ------------ */

#define LOWER(t, i, k) AT(t, (i) * ((i)-1) / 2 + (k), 0, 0, 0)
#define UPPER(t, D, i, k) AT(t, linear_upper(D, i, k), 0, 0, 0)
INLINE int linear_upper(int D, int i, int k) { return i * (2 * D - i - 1) / 2 + k - i - 1; }

static float linear_diagonal(float u, int kind) {
  if (kind == CLF_DIAGONAL_EXP) return exp(u);
  return kind == CLF_DIAGONAL_PARAMETER ? u : fmax(u, 0.0f) + log1p(exp(-fabs(u))) + 1e-3f;
}
static float linear_log_diagonal(float u, int kind) {
  return kind == CLF_DIAGONAL_EXP ? u : log(fabs(linear_diagonal(u, kind)));
}
static float linear_diagonal_slope(float u, int kind) {
  if (kind == CLF_DIAGONAL_EXP) return exp(u);
  const float e = exp(-fabs(u));
  return kind == CLF_DIAGONAL_PARAMETER ? 1 : (u > 0 ? 1 : e) / (1 + e);
}
#define DIAGONAL(t, i) linear_diagonal(*PTR(t, i, 0), p.kind)
static float linear_logdet(global const float *diagonal, int stride, int D, int kind) {
  float sum = 0;
  for (int i = 0; i < D; i++) sum += linear_log_diagonal(diagonal[i * stride], kind);
  return sum;
}

/* ---- LU ------------------------------------------------------------------------------------- */

kernel BY_LANES void lu_compose(CLF_IN(lower), CLF_IN(upper), CLF_IN(diagonal), CLF_OUT(w),
                                CLF_OUT(v), CLF_OUT(logdet), const lu_compose_args p) {
  const int c = get_global_id(0) * LANES, D = p.diagonal.dim[0];
  if (c >= D) return;
  if (c == 0)
    AT(logdet, 0, 0, 0, 0) =
        linear_logdet(PTR(diagonal, 0, 0), p.diagonal.stride[0], p.diagonal.dim[0], p.kind);
  if (p.w.dim[0]) { /* the columns of U, then L times them from the last row up, in place */
    const linear_columns w = linear_columns_of(w_, p.w, c);
    for (int k = 0; k < D; k++) {
      clf_lanes row;
      for (int l = 0; l < LANES; l++)
        row.f[l] = c + l < k || c + l >= D ? 0
                   : c + l == k            ? DIAGONAL(diagonal, k)
                                           : UPPER(upper, D, k, c + l);
      linear_set(w, k, row.v);
    }
    for (int i = D - 1; i > 0; i--) {
      V sum = linear_get(w, i);
      for (int k = 0; k < min(i, c + LANES); k++) sum += LOWER(lower, i, k) * linear_get(w, k);
      linear_set(w, i, sum);
    }
  }
  if (p.v.dim[0]) { /* L y = e_c, U v = y */
    const linear_columns v = linear_columns_of(v_, p.v, c);
    for (int i = 0; i < D; i++) {
      V sum = linear_unit(i, c);
      for (int k = c; k < i; k++) sum -= LOWER(lower, i, k) * linear_get(v, k);
      linear_set(v, i, sum);
    }
    for (int i = D - 1; i >= 0; i--) {
      V sum = linear_get(v, i);
      for (int k = i + 1; k < D; k++) sum -= UPPER(upper, D, i, k) * linear_get(v, k);
      linear_set(v, i, sum / DIAGONAL(diagonal, i));
    }
  }
}

kernel BY_ITEM void lu_bwd(CLF_IN(lower), CLF_IN(upper), CLF_IN(diagonal), CLF_IN(dw), CLF_IN(dl),
                           CLF_OUT(dlower), CLF_OUT(dupper), CLF_OUT(ddiagonal),
                           const lu_bwd_args p) {
  const int D = p.dw.dim[0], i = get_global_id(0) / D, j = get_global_id(0) % D;
  if (i >= D) return;
  float sum = AT(dw, i, j, 0, 0);
  if (i > j) {
    sum *= DIAGONAL(diagonal, j);
    for (int k = j + 1; k < D; k++) sum += AT(dw, i, k, 0, 0) * UPPER(upper, D, j, k);
    LOWER(dlower, i, j) += sum;
    return;
  }
  for (int k = i + 1; k < D; k++) sum += LOWER(lower, k, i) * AT(dw, k, j, 0, 0);
  if (i < j) {
    UPPER(dupper, D, i, j) += sum;
    return;
  }
  const float slope = linear_diagonal_slope(AT(diagonal, i, 0, 0, 0), p.kind);
  const float weight = logdet_weight(p.dlogdet, dl_, p.dl, 0);
  AT(ddiagonal, i, 0, 0, 0) += slope * (sum + weight / DIAGONAL(diagonal, i));
}

/* ---- Reflections ---------------------------------------------------------------------------- */

/* The vector q of a reflection. */
typedef struct {
  global const float *at;
  int step, D;
  float over; /* 1 / q.q */
} linear_vector;
INLINE linear_vector linear_vector_of(global const float *t, clf_view v, int k) {
  linear_vector q = {t + v.offset + k * v.stride[0], v.stride[1], v.dim[1], 0};
  float sum = 0;
  for (int i = 0; i < q.D; i++) sum += q.at[i * q.step] * q.at[i * q.step];
  q.over = 1 / sum;
  return q;
}
#define VECTOR(t, k) linear_vector_of(t##_, p.t, k)

/* The products of q and the columns; the reflections of the columns, in place. */
INLINE V linear_dot(linear_vector q, linear_columns m) {
  V sum = 0;
  for (int i = 0; i < q.D; i++) sum += q.at[i * q.step] * linear_get(m, i);
  return sum;
}
INLINE void linear_reflect(linear_vector q, linear_columns m) {
  V dot = linear_dot(q, m);
  dot *= 2 * q.over;
  for (int i = 0; i < q.D; i++) linear_set(m, i, linear_get(m, i) - dot * q.at[i * q.step]);
}

/* U times the columns, from the first row down, in place; without `upper` it is the diagonal. */
INLINE void linear_times_upper(global const float *upper, clf_view v, global const float *diagonal,
                               clf_view diagonal_view, int kind, linear_columns m, int D) {
  for (int i = 0; i < D; i++) {
    const float u = diagonal[diagonal_view.offset + i * diagonal_view.stride[0]];
    V sum = linear_diagonal(u, kind) * linear_get(m, i);
    for (int k = i + 1; k < D && v.dim[0]; k++)
      sum += upper[v.offset + linear_upper(D, i, k) * v.stride[0]] * linear_get(m, k);
    linear_set(m, i, sum);
  }
}

kernel BY_LANES void reflections_compose(CLF_IN(left), CLF_IN(upper), CLF_IN(diagonal),
                                         CLF_IN(right), CLF_OUT(w), CLF_OUT(v), CLF_OUT(logdet),
                                         const reflections_compose_args p) {
  const int c = get_global_id(0) * LANES, D = p.w.dim[0];
  if (c >= D) return;
  if (c == 0 && p.logdet.dim[0])
    AT(logdet, 0, 0, 0, 0) =
        linear_logdet(PTR(diagonal, 0, 0), p.diagonal.stride[0], p.diagonal.dim[0], p.kind);
  const linear_columns w = linear_columns_of(w_, p.w, c), v = linear_columns_of(v_, p.v, c);
  for (int i = 0; i < D; i++) linear_set(w, i, linear_unit(i, c));
  for (int k = 0; k < p.right.dim[0]; k++) linear_reflect(VECTOR(right, k), w);
  if (p.diagonal.dim[0]) linear_times_upper(upper_, p.upper, diagonal_, p.diagonal, p.kind, w, D);
  for (int k = 0; k < p.left.dim[0]; k++) linear_reflect(VECTOR(left, k), w);
  if (!p.v.dim[0]) return;
  for (int i = 0; i < D; i++) linear_set(v, i, linear_unit(i, c));
  for (int k = p.left.dim[0] - 1; k >= 0; k--) linear_reflect(VECTOR(left, k), v);
  for (int i = p.diagonal.dim[0] - 1; i >= 0; i--) {
    V sum = linear_get(v, i);
    for (int k = i + 1; k < D && p.upper.dim[0]; k++)
      sum -= UPPER(upper, D, i, k) * linear_get(v, k);
    linear_set(v, i, sum / DIAGONAL(diagonal, i));
  }
  for (int k = p.right.dim[0] - 1; k >= 0; k--) linear_reflect(VECTOR(right, k), v);
}

/* Scratch memory of the gradient: four D x D matrices,
 *   0  the state x        2  the x that U takes
 *   1  its gradient a     3  the gradient of what U gives
 * then, for each of e.items work-items, its sums for the gradient of every reflection. */
INLINE global float *linear_sums(global float *scratch, linear_plan e, int D, int reflections,
                                 int item, int k) {
  return scratch + ((size_t)4 * D) * e.pitch + ((size_t)item * reflections + k) * D;
}

/* Backward through a reflection: x becomes its input, a the gradient by it, and `sums` collects the
 * gradient by q. */
INLINE void linear_reflect_back(linear_vector q, linear_columns x, linear_columns a, int left,
                                global float *sums) {
  const float over = q.over;
  linear_reflect(q, x);
  const V qx = linear_dot(q, x), qa = linear_dot(q, a);
  for (int i = 0; i < q.D; i++) {
    const V sum =
        qa * linear_get(x, i) + qx * linear_get(a, i) - 2 * over * q.at[i * q.step] * qx * qa;
    sums[i] -= 2 * over * lanes_sum(lanes_first(sum, left));
    linear_set(a, i, linear_get(a, i) - 2 * over * qa * q.at[i * q.step]);
  }
}

/* A work-item has the blocks of columns item, item + e.items, ... */
kernel BY_LANES void reflections_bwd(CLF_IN(left), CLF_IN(upper), CLF_IN(diagonal), CLF_IN(right),
                                     CLF_IN(dw), CLF_IN(dl), CLF_OUT(dleft), CLF_OUT(dupper),
                                     CLF_OUT(ddiagonal), CLF_OUT(dright),
                                     const reflections_bwd_args p, CLF_SCRATCH(linear_plan)) {
  const int item = get_global_id(0), D = p.dw.dim[0], M = p.left.dim[0], K = M + p.right.dim[0];
  if (item >= e.items) return;
  global float *sums = linear_sums(scratch, e, D, K, item, 0);
  for (int i = 0; i < K * D; i++) sums[i] = 0;
  for (int c = item * LANES; c < D; c += e.items * LANES) {
    const linear_columns x = linear_scratch(scratch, e, D, 0, c);
    const linear_columns a = linear_scratch(scratch, e, D, 1, c);
    const linear_columns into_U = linear_scratch(scratch, e, D, 2, c);
    const linear_columns from_U = linear_scratch(scratch, e, D, 3, c);
    for (int i = 0; i < D; i++) linear_set(x, i, linear_unit(i, c));
    for (int k = 0; k < p.right.dim[0]; k++) linear_reflect(VECTOR(right, k), x);
    for (int i = 0; i < D; i++) linear_set(into_U, i, linear_get(x, i));
    if (p.diagonal.dim[0]) linear_times_upper(upper_, p.upper, diagonal_, p.diagonal, p.kind, x, D);
    for (int k = 0; k < M; k++) linear_reflect(VECTOR(left, k), x);
    for (int i = 0; i < D; i++)
      linear_set(a, i, lanes_load(PTR(dw, i, c), p.dw.stride[1], p.dw.dim[1] - c));
    for (int k = M - 1; k >= 0; k--)
      linear_reflect_back(VECTOR(left, k), x, a, D - c, sums + k * D);
    for (int i = D - 1; i >= 0 && p.diagonal.dim[0]; i--) { /* a = U^T a, from the last row up */
      linear_set(from_U, i, linear_get(a, i));
      V sum = DIAGONAL(diagonal, i) * linear_get(a, i);
      for (int k = 0; k < i && p.upper.dim[0]; k++) sum += UPPER(upper, D, k, i) * linear_get(a, k);
      linear_set(a, i, sum);
    }
    for (int i = 0; i < D; i++) linear_set(x, i, linear_get(into_U, i));
    for (int k = p.right.dim[0] - 1; k >= 0; k--)
      linear_reflect_back(VECTOR(right, k), x, a, D - c, sums + (M + k) * D);
  }
}

/* A work-item for each entry of U, then for each number of each reflection. */
kernel BY_ITEM void reflections_bwd_add(CLF_IN(left), CLF_IN(upper), CLF_IN(diagonal),
                                        CLF_IN(right), CLF_IN(dw), CLF_IN(dl), CLF_OUT(dleft),
                                        CLF_OUT(dupper), CLF_OUT(ddiagonal), CLF_OUT(dright),
                                        const reflections_bwd_args p, CLF_SCRATCH(linear_plan)) {
  const int D = p.dw.dim[0], M = p.left.dim[0], K = M + p.right.dim[0];
  const int row = get_global_id(0) / D, i = get_global_id(0) % D, k = row - D;
  float sum = 0;
  if (k >= K) return;
  if (k >= 0) {
    for (int item = 0; item < e.items; item++) sum += linear_sums(scratch, e, D, K, item, k)[i];
    if (k < M)
      AT(dleft, k, i, 0, 0) += sum;
    else
      AT(dright, k - M, i, 0, 0) += sum;
    return;
  }
  if (p.diagonal.dim[0] == 0 || i < row || (i > row && p.upper.dim[0] == 0)) return;
  global const float *a = scratch + ((size_t)3 * D + row) * e.pitch;
  global const float *x = scratch + ((size_t)2 * D + i) * e.pitch;
  for (int j = 0; j < D; j++) sum += a[j] * x[j];
  if (i > row)
    UPPER(dupper, D, row, i) += sum;
  else
    AT(ddiagonal, i, 0, 0, 0) +=
        linear_diagonal_slope(AT(diagonal, i, 0, 0, 0), p.kind) *
        (sum + logdet_weight(p.dlogdet, dl_, p.dl, 0) / DIAGONAL(diagonal, i));
}

/* ---- Rotations: exp(X) with X = A - A^T, a series of TERMS terms, squared by steps ---------- */

#define TERMS 13

/* A, and how many steps X takes, at least its 1-norm: 0 if that exceeds 1000 or is NaN. */
typedef struct {
  global const float *A;
  int row, column, D, steps;
} linear_skew;
INLINE linear_skew linear_skew_of(global const float *t, clf_view v, int D) {
  linear_skew s = {t + v.offset, v.stride[0], v.stride[1], D, 0};
  float norm = 0;
  for (int j = 0; j < D; j++) {
    float sum = 0;
    for (int i = 0; i < D; i++)
      sum += fabs(s.A[i * s.row + j * s.column] - s.A[j * s.row + i * s.column]);
    norm = sum <= norm ? norm : sum;
  }
  s.steps = norm <= 1000 ? (int)norm + 1 : 0;
  return s;
}

/* to = factor X from. */
INLINE void linear_times_skew(float factor, linear_skew s, linear_columns from, linear_columns to) {
  for (int i = 0; i < s.D; i++) {
    V sum = 0;
    for (int k = 0; k < s.D; k++)
      sum += (s.A[i * s.row + k * s.column] - s.A[k * s.row + i * s.column]) * linear_get(from, k);
    linear_set(to, i, factor * sum);
  }
}

/* Scratch memory: matrix 0 becomes the sum; 1 and 2 are the last term and the next, in turn. */
kernel BY_LANES void rotation_compose(CLF_IN(generator), CLF_OUT(w), const rotation_compose_args p,
                                      CLF_SCRATCH(linear_plan)) {
  const int c = get_global_id(0) * LANES, D = p.w.dim[0];
  if (c >= D) return;
  const linear_skew s = linear_skew_of(generator_, p.generator, D);
  const linear_columns sum = linear_scratch(scratch, e, D, 0, c);
  for (int i = 0; i < D; i++) linear_set(sum, i, s.steps ? linear_unit(i, c) : (V)NAN);
  for (int step = 0; step < s.steps; step++) {
    const linear_columns first = linear_scratch(scratch, e, D, 1, c);
    for (int i = 0; i < D; i++) linear_set(first, i, linear_get(sum, i));
    for (int m = 1, from = 1; m <= TERMS; m++, from = 3 - from) {
      const linear_columns next = linear_scratch(scratch, e, D, 3 - from, c);
      linear_times_skew(1.0f / (s.steps * m), s, linear_scratch(scratch, e, D, from, c), next);
      for (int i = 0; i < D; i++) linear_set(sum, i, linear_get(sum, i) + linear_get(next, i));
    }
  }
  const linear_columns w = linear_columns_of(w_, p.w, c);
  for (int i = 0; i < D; i++) linear_set(w, i, linear_get(sum, i));
}

/* Column c of exp [[X^T, dW], [0, X^T]] (0, e_c).  Scratch memory: dX in matrix 0, below it
 * exp(X^T) in 1; the last term of both in 2 and 3 and the next in 4 and 5, in turn. */
kernel BY_LANES void rotation_bwd(CLF_IN(generator), CLF_IN(dw), CLF_OUT(dgenerator),
                                  const rotation_bwd_args p, CLF_SCRATCH(linear_plan)) {
  const int c = get_global_id(0) * LANES, D = p.dw.dim[0];
  if (c >= D) return;
  const linear_skew s = linear_skew_of(generator_, p.generator, D);
  const linear_columns sums = linear_scratch(scratch, e, D, 0, c); /* rows 0 .. 2 D - 1 */
  for (int i = 0; i < D; i++) {
    linear_set(sums, i, s.steps ? (V)0 : (V)NAN);
    linear_set(sums, D + i, linear_unit(i, c));
  }
  for (int step = 0; step < s.steps; step++) {
    const linear_columns first = linear_scratch(scratch, e, D, 2, c);
    for (int i = 0; i < 2 * D; i++) linear_set(first, i, linear_get(sums, i));
    for (int m = 1, from = 2; m <= TERMS; m++, from = 6 - from) {
      const float factor = 1.0f / (s.steps * m);
      const linear_columns last = linear_scratch(scratch, e, D, from, c);
      const linear_columns last_below = linear_scratch(scratch, e, D, from + 1, c);
      const linear_columns next = linear_scratch(scratch, e, D, 6 - from, c);
      linear_times_skew(-factor, s, last, next);
      linear_times_skew(-factor, s, last_below, linear_scratch(scratch, e, D, 7 - from, c));
      for (int i = 0; i < D; i++) {
        V sum = 0;
        for (int k = 0; k < D; k++) sum += AT(dw, i, k, 0, 0) * linear_get(last_below, k);
        linear_set(next, i, linear_get(next, i) + factor * sum);
      }
      for (int i = 0; i < 2 * D; i++)
        linear_set(sums, i, linear_get(sums, i) + linear_get(next, i));
    }
  }
}

kernel BY_ITEM void rotation_bwd_add(CLF_IN(generator), CLF_IN(dw), CLF_OUT(dgenerator),
                                     const rotation_bwd_args p, CLF_SCRATCH(linear_plan)) {
  const int D = p.dw.dim[0], i = get_global_id(0) / D, j = get_global_id(0) % D;
  if (i < D)
    AT(dgenerator, i, j, 0, 0) +=
        scratch[(size_t)i * e.pitch + j] - scratch[(size_t)j * e.pitch + i];
}

/* ---- Dense: Gauss and Jordan on [W | V] in scratch memory, D rows of 2 D -------------------- */

#define ENTRY(i, j) scratch[(i)*2 * D + (j)]

/* One work-group, whose work-items share the columns; all of them look for the pivot. */
kernel BY_SAMPLE void dense_compose(CLF_IN(w), CLF_OUT(v), CLF_OUT(logdet),
                                    const dense_compose_args p, CLF_SCRATCH_ALONE) {
  const int D = p.w.dim[0];
  float sum = 0;
  for (int i = 0; i < D; i++)
    FOR_SLICE(j, 2 * D) ENTRY(i, j) = j < D ? AT(w, i, j, 0, 0) : j - D == i;
  for (int k = 0; k < D; k++) {
    barrier(CLK_GLOBAL_MEM_FENCE);
    int best = k;
    for (int i = k + 1; i < D; i++)
      if (fabs(ENTRY(i, k)) > fabs(ENTRY(best, k))) best = i;
    const float pivot = ENTRY(best, k);
    sum += log(fabs(pivot));
    barrier(CLK_GLOBAL_MEM_FENCE); /* all have read column k */
    FOR_SLICE(j, 2 * D) {
      const float other = ENTRY(k, j);
      ENTRY(k, j) = pivot == 0 ? 0 : ENTRY(best, j) / pivot;
      if (best != k) ENTRY(best, j) = other;
    }
    barrier(CLK_GLOBAL_MEM_FENCE);
    for (int i = 0; i < D; i++) { /* all need column k itself, which does not change */
      const float factor = ENTRY(i, k);
      if (i != k) FOR_SLICE(j, 2 * D)
      if (j != k) ENTRY(i, j) -= factor * ENTRY(k, j);
    }
  }
  barrier(CLK_GLOBAL_MEM_FENCE);
  const int singular = isinf(sum) && sum < 0;
  for (int i = 0; i < D; i++) FOR_SLICE(j, 2 * D)
  if (j >= D) AT(v, i, j - D, 0, 0) = singular ? 0 : ENTRY(i, j);
  if (get_local_id(0) == 0) AT(logdet, 0, 0, 0, 0) = sum;
}

kernel BY_ITEM void dense_bwd(CLF_IN(v), CLF_IN(dl), CLF_OUT(dw), const dense_bwd_args p) {
  const int D = p.v.dim[0], i = get_global_id(0) / D, j = get_global_id(0) % D;
  if (i < D) AT(dw, i, j, 0, 0) += logdet_weight(p.dlogdet, dl_, p.dl, 0) * AT(v, j, i, 0, 0);
}

kernel BY_ITEM void logdet_add(CLF_IN(value), CLF_OUT(logdet), const logdet_add_args p) {
  const int n = get_global_id(0);
  if (n >= p.logdet.dim[0]) return;
  float sum = p.value.dim[0] == 0;
  for (int i = 0; i < p.value.dim[0]; i++) sum += AT(value, i, 0, 0, 0);
  AT(logdet, n, 0, 0, 0) += p.factor * p.times * sum;
}
