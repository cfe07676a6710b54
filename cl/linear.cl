/* SPDX-License-Identifier: MIT */
/* linear.cl: the matrices of linear layers.  A matrix's columns are independent of each other
 * wherever triangles, reflections or rotations act on it, so a work-item takes LANES of them, from
 * column c on, and goes down the rows; gradients of packed entries take a work-item each. */
#define LEFT_COLUMNS(D) ((D)-c)
#define ROW(t, i) lanes_load(PTR(t, i, c), p.t.stride[1], LEFT_COLUMNS(p.t.dim[1]))
#define SET_ROW(t, i, v) lanes_store(v, PTR(t, i, c), p.t.stride[1], LEFT_COLUMNS(p.t.dim[1]))
#define UNIT_ROW(i) (LANE_NUMBERS == (V)((i)-c) ? (V)1 : (V)0)

/* Entries of packed triangles, and of a diagonal as a function of its parameter. */
#define LOWER(t, i, k) AT(t, (i) * ((i)-1) / 2 + (k), 0, 0, 0)
#define UPPER(t, i, k) AT(t, (i) * (2 * D - (i)-1) / 2 + (k) - (i)-1, 0, 0, 0)
#define DIAGONAL(i) linear_diagonal(AT(diagonal, i, 0, 0, 0), p.kind)
#define LOG_DIAGONAL(i) linear_log_diagonal(AT(diagonal, i, 0, 0, 0), p.kind)
#define LOGDET_WEIGHT (p.dlogdet * (p.dl.dim[0] ? AT(dl, 0, 0, 0, 0) : 1))

static float linear_diagonal(float u, int kind) {
  if (kind == 1) return exp(u);
  return kind == 2 ? u : fmax(u, 0.0f) + log1p(exp(-fabs(u))) + 1e-3f;
}
static float linear_log_diagonal(float u, int kind) {
  return kind == 1 ? u : log(fabs(linear_diagonal(u, kind)));
}
static float linear_diagonal_slope(float u, int kind) {
  if (kind == 1) return exp(u);
  const float e = exp(-fabs(u));
  return kind == 2 ? 1 : (u > 0 ? 1 : e) / (1 + e);
}

/* ---- LU ------------------------------------------------------------------------------------ */

/* Row k of U in columns c, c + 1, ..., the lanes. */
#define UPPER_ROW(row, k)                                                                          \
  clf_lanes row;                                                                                   \
  for (int l = 0; l < LANES; l++)                                                                  \
    row.f[l] = c + l < k || c + l >= D ? 0 : c + l == k ? DIAGONAL(k) : UPPER(upper, k, c + l);

kernel BY_LANES void lu_compose(CLF_IN(lower), CLF_IN(upper), CLF_IN(diagonal), CLF_OUT(w),
                                CLF_OUT(v), CLF_OUT(logdet), const lu_compose_args p) {
  const int c = get_global_id(0) * LANES, D = p.diagonal.dim[0];
  if (c >= D) return;
  if (c == 0) {
    float sum = 0;
    for (int i = 0; i < D; i++) sum += LOG_DIAGONAL(i);
    AT(logdet, 0, 0, 0, 0) = sum;
  }
  if (p.w.dim[0]) { /* U's columns, then L times them from the last row up, in place */
    for (int k = 0; k < D; k++) {
      UPPER_ROW(row, k);
      SET_ROW(w, k, row.v);
    }
    for (int i = D - 1; i > 0; i--) {
      V sum = ROW(w, i);
      for (int k = 0; k < min(i, c + LANES); k++) sum += LOWER(lower, i, k) * ROW(w, k);
      SET_ROW(w, i, sum);
    }
  }
  if (p.v.dim[0]) { /* L y = e_c, U v = y */
    for (int i = 0; i < D; i++) {
      V sum = UNIT_ROW(i);
      for (int k = c; k < i; k++) sum -= LOWER(lower, i, k) * ROW(v, k);
      SET_ROW(v, i, sum);
    }
    for (int i = D - 1; i >= 0; i--) {
      V sum = ROW(v, i);
      for (int k = i + 1; k < D; k++) sum -= UPPER(upper, i, k) * ROW(v, k);
      SET_ROW(v, i, sum / DIAGONAL(i));
    }
  }
}
#undef UPPER_ROW

kernel BY_ITEM void lu_bwd(CLF_IN(lower), CLF_IN(upper), CLF_IN(diagonal), CLF_IN(dw), CLF_IN(dl),
                           CLF_OUT(dlower), CLF_OUT(dupper), CLF_OUT(ddiagonal),
                           const lu_bwd_args p) {
  const int D = p.dw.dim[0], i = get_global_id(0) / D, j = get_global_id(0) % D;
  if (i >= D) return;
  float sum = AT(dw, i, j, 0, 0);
  if (i > j) {
    sum *= DIAGONAL(j);
    for (int k = j + 1; k < D; k++) sum += AT(dw, i, k, 0, 0) * UPPER(upper, j, k);
    LOWER(dlower, i, j) += sum;
    return;
  }
  for (int k = i + 1; k < D; k++) sum += LOWER(lower, k, i) * AT(dw, k, j, 0, 0);
  if (i < j) {
    UPPER(dupper, i, j) += sum;
    return;
  }
  const float slope = linear_diagonal_slope(AT(diagonal, i, 0, 0, 0), p.kind);
  AT(ddiagonal, i, 0, 0, 0) += slope * (sum + LOGDET_WEIGHT / DIAGONAL(i));
}

/* ---- Reflections ----------------------------------------------------------------------------- */

/* 1 / (q.q), q row k. */
#define OVER_SQUARE(q, k) linear_over_square(PTR(q, k, 0), p.q.stride[1], p.q.dim[1])
static float linear_over_square(global const float *q, int stride, int D) {
  float sum = 0;
  for (int i = 0; i < D; i++) sum += q[i * stride] * q[i * stride];
  return 1 / sum;
}

/* The product of row k of q and the columns, which GET_X(i) reads; the reflection of these, which
 * SET_X(i, v) writes. */
#define DOT(sum, q, k, GET_X)                                                                      \
  V sum = 0;                                                                                       \
  for (int i = 0; i < D; i++) sum += AT(q, k, i, 0, 0) * GET_X(i);
#define REFLECT(q, k, GET_X, SET_X)                                                                \
  {                                                                                                \
    DOT(dot_, q, k, GET_X)                                                                         \
    dot_ *= 2 * OVER_SQUARE(q, k);                                                                 \
    for (int i = 0; i < D; i++) SET_X(i, GET_X(i) - dot_ * AT(q, k, i, 0, 0));                     \
  }

/* U times the columns, from the first row down, in place. */
#define TIMES_UPPER(GET_X, SET_X)                                                                  \
  for (int i = 0; i < D; i++) {                                                                    \
    V sum = DIAGONAL(i) * GET_X(i);                                                                \
    for (int k = i + 1; k < D && p.upper.dim[0]; k++) sum += UPPER(upper, i, k) * GET_X(k);        \
    SET_X(i, sum);                                                                                 \
  }

#define GET_W(i) ROW(w, i)
#define SET_W(i, v) SET_ROW(w, i, v)
#define GET_V(i) ROW(v, i)
#define SET_V(i, u) SET_ROW(v, i, u)

kernel BY_LANES void reflections_compose(CLF_IN(left), CLF_IN(upper), CLF_IN(diagonal),
                                         CLF_IN(right), CLF_OUT(w), CLF_OUT(v), CLF_OUT(logdet),
                                         const reflections_compose_args p) {
  const int c = get_global_id(0) * LANES, D = p.w.dim[0];
  if (c >= D) return;
  if (c == 0 && p.logdet.dim[0]) {
    float sum = 0;
    for (int i = 0; i < p.diagonal.dim[0]; i++) sum += LOG_DIAGONAL(i);
    AT(logdet, 0, 0, 0, 0) = sum;
  }
  for (int i = 0; i < D; i++) SET_W(i, UNIT_ROW(i));
  for (int k = 0; k < p.right.dim[0]; k++) REFLECT(right, k, GET_W, SET_W)
  if (p.diagonal.dim[0]) TIMES_UPPER(GET_W, SET_W)
  for (int k = 0; k < p.left.dim[0]; k++) REFLECT(left, k, GET_W, SET_W)
  if (!p.v.dim[0]) return;
  for (int i = 0; i < D; i++) SET_V(i, UNIT_ROW(i));
  for (int k = p.left.dim[0] - 1; k >= 0; k--) REFLECT(left, k, GET_V, SET_V)
  for (int i = p.diagonal.dim[0] - 1; i >= 0; i--) {
    V sum = GET_V(i);
    for (int k = i + 1; k < D && p.upper.dim[0]; k++) sum -= UPPER(upper, i, k) * GET_V(k);
    SET_V(i, sum / DIAGONAL(i));
  }
  for (int k = p.right.dim[0] - 1; k >= 0; k--) REFLECT(right, k, GET_V, SET_V)
}
#undef GET_W
#undef SET_W
#undef GET_V
#undef SET_V

/* In the pool: D x D matrices, whose rows are `e.y` floats long, a multiple of LANES; 0 the state
 * x, 1 its gradient a, 2 the x that U takes, 3 the a of what it gives.  Behind them, for each of
 * e.x work-items, its share of the gradient of every reflection. */
#define POOL_ROW(m, i) (pool + ((size_t)(m)*D + (i)) * e.y + c)
#define GET_X(i) VLOAD(POOL_ROW(0, i))
#define SET_X(i, v) VSTORE(v, POOL_ROW(0, i))
#define GET_A(i) VLOAD(POOL_ROW(1, i))
#define SET_A(i, v) VSTORE(v, POOL_ROW(1, i))
#define SHARE(item, k)                                                                             \
  (pool + ((size_t)4 * D) * e.y + ((size_t)(item) * (p.left.dim[0] + p.right.dim[0]) + (k)) * D)

/* Back through the reflection by row k of q, whose share of the gradient is number `at`. */
#define BACK_THROUGH(q, k, at)                                                                     \
  {                                                                                                \
    const float over = OVER_SQUARE(q, k);                                                          \
    REFLECT(q, k, GET_X, SET_X)                                                                    \
    DOT(qx, q, k, GET_X)                                                                           \
    DOT(qa, q, k, GET_A)                                                                           \
    for (int i = 0; i < D; i++) {                                                                  \
      const V sum = qa * GET_X(i) + qx * GET_A(i) - 2 * over * AT(q, k, i, 0, 0) * qx * qa;        \
      SHARE(item, at)[i] -= 2 * over * lanes_sum(lanes_first(sum, LEFT_COLUMNS(D)));               \
      SET_A(i, GET_A(i) - 2 * over * qa * AT(q, k, i, 0, 0));                                      \
    }                                                                                              \
  }

/* Work-item `item` takes the blocks of columns item, item + e.x, ... */
kernel BY_LANES void reflections_bwd(CLF_IN(left), CLF_IN(upper), CLF_IN(diagonal), CLF_IN(right),
                                     CLF_IN(dw), CLF_IN(dl), CLF_OUT(dleft), CLF_OUT(dupper),
                                     CLF_OUT(ddiagonal), CLF_OUT(dright),
                                     const reflections_bwd_args p, CLF_POOL) {
  const int item = get_global_id(0), D = p.dw.dim[0];
  if (item >= e.x) return;
  for (int i = 0; i < (p.left.dim[0] + p.right.dim[0]) * D; i++) SHARE(item, 0)[i] = 0;
  for (int c = item * LANES; c < D; c += e.x * LANES) {
    for (int i = 0; i < D; i++) SET_X(i, UNIT_ROW(i));
    for (int k = 0; k < p.right.dim[0]; k++) REFLECT(right, k, GET_X, SET_X)
    for (int i = 0; i < D; i++) VSTORE(GET_X(i), POOL_ROW(2, i));
    if (p.diagonal.dim[0]) TIMES_UPPER(GET_X, SET_X)
    for (int k = 0; k < p.left.dim[0]; k++) REFLECT(left, k, GET_X, SET_X)
    for (int i = 0; i < D; i++) SET_A(i, ROW(dw, i));
    for (int k = p.left.dim[0] - 1; k >= 0; k--) BACK_THROUGH(left, k, k)
    for (int i = D - 1; i >= 0 && p.diagonal.dim[0]; i--) { /* a = U^T a, from the last row up */
      VSTORE(GET_A(i), POOL_ROW(3, i));
      V sum = DIAGONAL(i) * GET_A(i);
      for (int k = 0; k < i && p.upper.dim[0]; k++) sum += UPPER(upper, k, i) * GET_A(k);
      SET_A(i, sum);
    }
    for (int i = 0; i < D; i++) SET_X(i, VLOAD(POOL_ROW(2, i)));
    for (int k = p.right.dim[0] - 1; k >= 0; k--) BACK_THROUGH(right, k, p.left.dim[0] + k)
  }
}

/* A work-item for each entry of U, then for each number of each reflection. */
kernel BY_ITEM void reflections_bwd_add(CLF_IN(left), CLF_IN(upper), CLF_IN(diagonal),
                                        CLF_IN(right), CLF_IN(dw), CLF_IN(dl), CLF_OUT(dleft),
                                        CLF_OUT(dupper), CLF_OUT(ddiagonal), CLF_OUT(dright),
                                        const reflections_bwd_args p, CLF_POOL) {
  const int D = p.dw.dim[0], c = 0, M = p.left.dim[0], K = M + p.right.dim[0];
  const int row = get_global_id(0) / D, i = get_global_id(0) % D, k = row - D;
  float sum = 0;
  if (k >= K) return;
  if (k >= 0) {
    for (int item = 0; item < e.x; item++) sum += SHARE(item, k)[i];
    if (k < M)
      AT(dleft, k, i, 0, 0) += sum;
    else
      AT(dright, k - M, i, 0, 0) += sum;
    return;
  }
  if (p.diagonal.dim[0] == 0 || i < row || (i > row && p.upper.dim[0] == 0)) return;
  for (int j = 0; j < D; j++) sum += POOL_ROW(3, row)[j] * POOL_ROW(2, i)[j];
  if (i > row)
    UPPER(dupper, row, i) += sum;
  else
    AT(ddiagonal, i, 0, 0, 0) += linear_diagonal_slope(AT(diagonal, i, 0, 0, 0), p.kind) *
                                 (sum + LOGDET_WEIGHT / DIAGONAL(i));
}
#undef OVER_SQUARE
#undef DOT
#undef REFLECT
#undef TIMES_UPPER
#undef GET_X
#undef SET_X
#undef GET_A
#undef SET_A
#undef SHARE
#undef BACK_THROUGH

/* ---- Rotations
 * ----------------------------------------------------------------------------------- */

#define TERMS 13
#define SKEW(i, k) (AT(generator, i, k, 0, 0) - AT(generator, k, i, 0, 0))
#define GET_POOL(m, i) VLOAD(POOL_ROW(m, i))
#define SET_POOL(m, i, v) VSTORE(v, POOL_ROW(m, i))

/* How many steps X = A - A^T takes, at least its 1-norm; 0 where that exceeds 1000 or is NaN. */
static int linear_steps(global const float *A, int row, int column, int D) {
  float norm = 0;
  for (int j = 0; j < D; j++) {
    float sum = 0;
    for (int i = 0; i < D; i++) sum += fabs(A[i * row + j * column] - A[j * row + i * column]);
    norm = sum <= norm ? norm : sum;
  }
  return norm <= 1000 ? (int)norm + 1 : 0;
}
#define STEPS linear_steps(PTR(generator, 0, 0), p.generator.stride[0], p.generator.stride[1], D)

/* Matrix `to` = factor X times matrix `from`. */
#define TIMES_SKEW(factor, from, to)                                                               \
  for (int i = 0; i < D; i++) {                                                                    \
    V sum = 0;                                                                                     \
    for (int k = 0; k < D; k++) sum += SKEW(i, k) * GET_POOL(from, k);                             \
    SET_POOL(to, i, (factor)*sum);                                                                 \
  }

/* Matrix 0 becomes the sum, 1 and 2 the last term and the next. */
kernel BY_LANES void rotation_compose(CLF_IN(generator), CLF_OUT(w), const rotation_compose_args p,
                                      CLF_POOL) {
  const int c = get_global_id(0) * LANES, D = p.w.dim[0];
  if (c >= D) return;
  const int steps = STEPS;
  for (int i = 0; i < D; i++) SET_POOL(0, i, steps ? UNIT_ROW(i) : (V)NAN);
  for (int step = 0; step < steps; step++) {
    for (int i = 0; i < D; i++) SET_POOL(1, i, GET_POOL(0, i));
    for (int m = 1, from = 1; m <= TERMS; m++, from = 3 - from) {
      TIMES_SKEW(1.0f / (steps * m), from, 3 - from)
      for (int i = 0; i < D; i++) SET_POOL(0, i, GET_POOL(0, i) + GET_POOL(3 - from, i));
    }
  }
  for (int i = 0; i < D; i++) SET_ROW(w, i, GET_POOL(0, i));
}

/* Column c of exp [[X^T, dW], [0, X^T]] (0, e_c): dX in matrix 0, below it exp(X^T) in 1; the last
 * term of both in 2 and 3, the next in 4 and 5, and these in turn. */
kernel BY_LANES void rotation_bwd(CLF_IN(generator), CLF_IN(dw), CLF_OUT(dgenerator),
                                  const rotation_bwd_args p, CLF_POOL) {
  const int c = get_global_id(0) * LANES, D = p.dw.dim[0];
  if (c >= D) return;
  const int steps = STEPS;
  for (int i = 0; i < D; i++) {
    SET_POOL(0, i, steps ? (V)0 : (V)NAN);
    SET_POOL(1, i, UNIT_ROW(i));
  }
  for (int step = 0; step < steps; step++) {
    for (int i = 0; i < 2 * D; i++) SET_POOL(2, i, GET_POOL(0, i));
    for (int m = 1, from = 2; m <= TERMS; m++, from = 6 - from) {
      const float factor = 1.0f / (steps * m);
      const int to = 6 - from;
      TIMES_SKEW(-factor, from, to)
      TIMES_SKEW(-factor, from + 1, to + 1)
      for (int i = 0; i < D; i++) {
        V sum = 0;
        for (int k = 0; k < D; k++) sum += AT(dw, i, k, 0, 0) * GET_POOL(from + 1, k);
        SET_POOL(to, i, GET_POOL(to, i) + factor * sum);
      }
      for (int i = 0; i < 2 * D; i++) SET_POOL(0, i, GET_POOL(0, i) + GET_POOL(to, i));
    }
  }
}

kernel BY_ITEM void rotation_bwd_add(CLF_IN(generator), CLF_IN(dw), CLF_OUT(dgenerator),
                                     const rotation_bwd_args p, CLF_POOL) {
  const int c = 0, D = p.dw.dim[0], i = get_global_id(0) / D, j = get_global_id(0) % D;
  if (i < D) AT(dgenerator, i, j, 0, 0) += POOL_ROW(0, i)[j] - POOL_ROW(0, j)[i];
}
#undef TERMS
#undef SKEW
#undef STEPS
#undef TIMES_SKEW
#undef GET_POOL
#undef SET_POOL
#undef POOL_ROW

/* ---- Dense
 * --------------------------------------------------------------------------------------- */

/* Gauss and Jordan on [W | V] in the pool, rows 2 D long: one group, whose items share the columns;
 * all of them look for the pivot. */
#define ENTRY(i, j) pool[(i)*2 * D + (j)]
#define FOR_COLUMNS for (int j = get_local_id(0); j < 2 * D; j += GROUP)
#define TOGETHER barrier(CLK_GLOBAL_MEM_FENCE)

kernel BY_SAMPLE void dense_compose(CLF_IN(w), CLF_OUT(v), CLF_OUT(logdet),
                                    const dense_compose_args p, CLF_POOL) {
  const int D = p.w.dim[0];
  float sum = 0;
  for (int i = 0; i < D; i++) FOR_COLUMNS ENTRY(i, j) = j < D ? AT(w, i, j, 0, 0) : j - D == i;
  for (int k = 0; k < D; k++) {
    TOGETHER;
    int best = k;
    for (int i = k + 1; i < D; i++)
      if (fabs(ENTRY(i, k)) > fabs(ENTRY(best, k))) best = i;
    const float pivot = ENTRY(best, k);
    sum += log(fabs(pivot));
    TOGETHER; /* all have read column k */
    FOR_COLUMNS {
      const float other = ENTRY(k, j);
      ENTRY(k, j) = pivot == 0 ? 0 : ENTRY(best, j) / pivot;
      if (best != k) ENTRY(best, j) = other;
    }
    TOGETHER;
    for (int i = 0; i < D; i++) { /* column k itself is needed by all, and is not changed */
      const float factor = ENTRY(i, k);
      if (i != k) FOR_COLUMNS if (j != k) ENTRY(i, j) -= factor * ENTRY(k, j);
    }
  }
  TOGETHER;
  const int singular = isinf(sum) && sum < 0;
  for (int i = 0; i < D; i++)
    FOR_COLUMNS if (j >= D) AT(v, i, j - D, 0, 0) = singular ? 0 : ENTRY(i, j);
  if (get_local_id(0) == 0) AT(logdet, 0, 0, 0, 0) = sum;
}
#undef ENTRY
#undef FOR_COLUMNS
#undef TOGETHER

kernel BY_ITEM void dense_bwd(CLF_IN(v), CLF_IN(dl), CLF_OUT(dw), const dense_bwd_args p) {
  const int D = p.v.dim[0], i = get_global_id(0) / D, j = get_global_id(0) % D;
  if (i < D) AT(dw, i, j, 0, 0) += LOGDET_WEIGHT * AT(v, j, i, 0, 0);
}

kernel BY_ITEM void logdet_add(CLF_IN(value), CLF_OUT(logdet), const logdet_add_args p) {
  const int n = get_global_id(0);
  if (n >= p.logdet.dim[0]) return;
  float sum = p.value.dim[0] == 0;
  for (int i = 0; i < p.value.dim[0]; i++) sum += AT(value, i, 0, 0, 0);
  AT(logdet, n, 0, 0, 0) += p.factor * p.times * sum;
}
#undef LEFT_COLUMNS
#undef ROW
#undef SET_ROW
#undef UNIT_ROW
#undef LOWER
#undef UPPER
#undef DIAGONAL
#undef LOG_DIAGONAL
#undef LOGDET_WEIGHT
