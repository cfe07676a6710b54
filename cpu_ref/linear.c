/* SPDX-License-Identifier: MIT */
/* linear.c: composes the matrices of linear layers from triangles, reflections or a rotation's
 * generator, or takes them as they are; their inverses, log-dets and gradients. */
#include "ref.h"

/* The diagonal as a function of u, the logarithm of its magnitude, and both slopes. */
typedef struct diagonal {
  real value, log, slope, log_slope;
} diagonal;

static real value_of(const clf_tensor *numbers, int i, int kind) {
  const real u = *at(numbers, i, 0, 0, 0);
  if (kind == CLF_DIAGONAL_EXP) return real_exp(u);
  if (kind == CLF_DIAGONAL_PARAMETER) return u;
  return (u > 0 ? u : 0) + real_log(1 + real_exp(-real_abs(u))) + (real)1e-3;
}

static diagonal diagonal_of(const clf_tensor *numbers, int i, int kind) {
  const real u = *at(numbers, i, 0, 0, 0), value = value_of(numbers, i, kind);
  if (kind == CLF_DIAGONAL_EXP) return (diagonal){value, u, value, 1};
  if (kind == CLF_DIAGONAL_PARAMETER) return (diagonal){u, real_log(real_abs(u)), 1, 1 / u};
  const real e = real_exp(-real_abs(u)), slope = (u > 0 ? 1 : e) / (1 + e);
  return (diagonal){value, real_log(value), slope, slope / value};
}

static double log_det_of(const clf_tensor *numbers, int kind) {
  double sum = 0;
  if (numbers->buf)
    for (int i = 0; i < numbers->dim[0]; i++) sum += diagonal_of(numbers, i, kind).log;
  return sum;
}

static double weight_of(const clf_tensor *dl, float dlogdet) {
  return (double)dlogdet * (dl->buf ? (double)*at(dl, 0, 0, 0, 0) : 1);
}

/* Packed triangles. */
static real *lower_at(const clf_tensor *t, int i, int k) {
  return at(t, i * (i - 1) / 2 + k, 0, 0, 0);
}
static real *upper_at(const clf_tensor *t, int D, int i, int k) {
  return at(t, i * (2 * D - i - 1) / 2 + k - i - 1, 0, 0, 0);
}

static void identity(const clf_tensor *m) {
  for (int i = 0; i < m->dim[0]; i++)
    for (int j = 0; j < m->dim[1]; j++) *at(m, i, j, 0, 0) = i == j;
}

/* Row i of m += factor times row k. */
static void add_row(const clf_tensor *m, int i, real factor, int k) {
  real *restrict to = at(m, i, 0, 0, 0);
  const real *restrict from = at(m, k, 0, 0, 0);
  const int n = m->dim[1], step = m->stride[1];
  if (step != 1) {
    for (int j = 0; j < n; j++) to[j * step] += factor * from[j * step];
    return;
  }
  VECTOR_LOOP
  for (int j = 0; j < n; j++) to[j] += factor * from[j];
}
static void scale_row(const clf_tensor *m, int i, real factor) {
  for (int j = 0; j < m->dim[1]; j++) *at(m, i, j, 0, 0) *= factor;
}

/* ---- Products of triangles with a matrix, in place: all columns at once ---------------------- */

/* m := L m, and L^-1 m. */
static void times_lower(const clf_tensor *lower, const clf_tensor *m) {
  for (int i = m->dim[0] - 1; i > 0; i--)
    for (int k = 0; k < i; k++) add_row(m, i, *lower_at(lower, i, k), k);
}
static void solve_lower(const clf_tensor *lower, const clf_tensor *m) {
  for (int i = 1; i < m->dim[0]; i++)
    for (int k = 0; k < i; k++) add_row(m, i, -*lower_at(lower, i, k), k);
}

/* m := U m, U^-1 m and U^T m; without `upper` U is its diagonal. */
static void times_upper(const clf_tensor *upper, const clf_tensor *numbers, int kind,
                        const clf_tensor *m) {
  const int D = m->dim[0];
  for (int i = 0; i < D; i++) {
    scale_row(m, i, value_of(numbers, i, kind));
    for (int k = i + 1; k < D && upper->buf; k++) add_row(m, i, *upper_at(upper, D, i, k), k);
  }
}
static void solve_upper(const clf_tensor *upper, const clf_tensor *numbers, int kind,
                        const clf_tensor *m) {
  const int D = m->dim[0];
  for (int i = D - 1; i >= 0; i--) {
    for (int k = i + 1; k < D && upper->buf; k++) add_row(m, i, -*upper_at(upper, D, i, k), k);
    scale_row(m, i, 1 / value_of(numbers, i, kind));
  }
}
static void times_upper_transposed(const clf_tensor *upper, const clf_tensor *numbers, int kind,
                                   const clf_tensor *m) {
  const int D = m->dim[0];
  for (int i = D - 1; i >= 0; i--) {
    scale_row(m, i, value_of(numbers, i, kind));
    for (int k = 0; k < i && upper->buf; k++) add_row(m, i, *upper_at(upper, D, k, i), k);
  }
}

/* ---- LU ------------------------------------------------------------------------------------ */

CLF_REF(lu_compose) {
  (void)scratch;
  if (p->w.buf) {
    identity(&p->w);
    times_upper(&p->upper, &p->diagonal, p->kind, &p->w);
    times_lower(&p->lower, &p->w);
  }
  if (p->v.buf) {
    identity(&p->v);
    solve_lower(&p->lower, &p->v);
    solve_upper(&p->upper, &p->diagonal, p->kind, &p->v);
  }
  *at(&p->logdet, 0, 0, 0, 0) = (real)log_det_of(&p->diagonal, p->kind);
  return CLF_OK;
}

static double lower_gradient(const clf_lu_bwd_args *p, int i, int j) {
  const int D = p->dw.dim[0];
  double sum = (double)*at(&p->dw, i, j, 0, 0) * value_of(&p->diagonal, j, p->kind);
  for (int k = j + 1; k < D; k++)
    sum += (double)*at(&p->dw, i, k, 0, 0) * *upper_at(&p->upper, D, j, k);
  return sum;
}
static double upper_gradient(const clf_lu_bwd_args *p, int i, int j) {
  double sum = *at(&p->dw, i, j, 0, 0);
  for (int k = i + 1; k < p->dw.dim[0]; k++)
    sum += (double)*lower_at(&p->lower, k, i) * *at(&p->dw, k, j, 0, 0);
  return sum;
}

CLF_REF_LOOP(lu_bwd, pow(p->dw.dim[0], 3), p->dw.dim[0], i) {
  const int D = p->dw.dim[0];
  const diagonal d = diagonal_of(&p->diagonal, i, p->kind);
  for (int j = 0; j < i; j++) *lower_at(&p->dlower, i, j) += (real)lower_gradient(p, i, j);
  for (int j = i + 1; j < D; j++) *upper_at(&p->dupper, D, i, j) += (real)upper_gradient(p, i, j);
  *at(&p->ddiagonal, i, 0, 0, 0) +=
      (real)(upper_gradient(p, i, i) * d.slope + weight_of(&p->dl, p->dlogdet) * d.log_slope);
}

/* ---- Reflections ----------------------------------------------------------------------------- */

static double square_of(const clf_tensor *q, int k) {
  double sum = 0;
  for (int i = 0; i < q->dim[1]; i++) sum += (double)*at(q, k, i, 0, 0) * *at(q, k, i, 0, 0);
  return sum;
}

/* q . column j of m. */
static double along(const clf_tensor *q, int k, const clf_tensor *m, int j) {
  double sum = 0;
  for (int i = 0; i < m->dim[0]; i++) sum += (double)*at(q, k, i, 0, 0) * *at(m, i, j, 0, 0);
  return sum;
}

enum { BLOCK = 64 }; /* columns whose sums are computed row by row, in memory order */

/* Reflects columns j0 .. j0 + n - 1 of m by row k of q. */
static void reflect_block(const clf_tensor *q, int k, double square, const clf_tensor *m, int j0,
                          int n) {
  const int step = m->stride[1];
  double sum[BLOCK] = {0};
  for (int i = 0; i < m->dim[0]; i++) {
    const double qi = *at(q, k, i, 0, 0);
    const real *row = at(m, i, j0, 0, 0);
    for (int j = 0; j < n; j++) sum[j] += qi * (double)row[j * step];
  }
  for (int i = 0; i < m->dim[0]; i++) {
    const real twice = (real)(2 / square) * *at(q, k, i, 0, 0);
    real *row = at(m, i, j0, 0, 0);
    for (int j = 0; j < n; j++) row[j * step] -= twice * (real)sum[j];
  }
}

/* Reflects the columns of m by row k of q. */
static void reflect(const clf_tensor *q, int k, const clf_tensor *m) {
  const double square = square_of(q, k);
  for (int j0 = 0; j0 < m->dim[1]; j0 += BLOCK) {
    const int left = m->dim[1] - j0;
    reflect_block(q, k, square, m, j0, left < BLOCK ? left : BLOCK);
  }
}
static void reflect_all(const clf_tensor *q, int backwards, const clf_tensor *m) {
  const int K = q->buf ? q->dim[0] : 0;
  for (int k = 0; k < K; k++) reflect(q, backwards ? K - 1 - k : k, m);
}

CLF_REF(reflections_compose) {
  (void)scratch;
  identity(&p->w);
  reflect_all(&p->right, 0, &p->w);
  if (p->diagonal.buf) times_upper(&p->upper, &p->diagonal, p->kind, &p->w);
  reflect_all(&p->left, 0, &p->w);
  if (p->v.buf) {
    identity(&p->v);
    reflect_all(&p->left, 1, &p->v);
    if (p->diagonal.buf) solve_upper(&p->upper, &p->diagonal, p->kind, &p->v);
    reflect_all(&p->right, 1, &p->v);
  }
  if (p->logdet.buf) *at(&p->logdet, 0, 0, 0, 0) = (real)log_det_of(&p->diagonal, p->kind);
  return CLF_OK;
}

/* From y = Q x and a = dL/dy to x and dL/dx, both in place; adds the gradient of q to dq. */
static void back_through(const clf_tensor *q, const clf_tensor *dq, const clf_tensor *x,
                         const clf_tensor *a) {
  for (int k = q->buf ? q->dim[0] - 1 : -1; k >= 0; k--) {
    const double square = square_of(q, k);
    reflect(q, k, x);
    for (int j = 0; j < x->dim[1]; j++) {
      const double qx = along(q, k, x, j), qa = along(q, k, a, j);
      for (int i = 0; i < x->dim[0]; i++)
        *at(dq, k, i, 0, 0) -= (real)(2 / square *
                                      (qa * *at(x, i, j, 0, 0) + qx * *at(a, i, j, 0, 0) -
                                       2 * qx * qa / square * *at(q, k, i, 0, 0)));
    }
    reflect(q, k, a);
  }
}

/* A D x D matrix in scratch memory. */
static clf_tensor scratch_matrix(clf_buffer *b, real *memory, int index, int D) {
  *b = (clf_buffer){.handle = memory + (size_t)index * (size_t)D * (size_t)D};
  return (clf_tensor){.buf = b, .dim = {D, D, 1, 1}, .stride = {D, 1, 1, 1}};
}

/* U's gradient, from its input x and a = dL/d(U x). */
static void triangle_gradient(const clf_reflections_bwd_args *p, const clf_tensor *x,
                              const clf_tensor *a) {
  const int D = x->dim[0];
  for (int i = 0; i < D; i++)
    for (int k = i; k < (p->upper.buf ? D : i + 1); k++) {
      double sum = 0;
      for (int j = 0; j < D; j++) sum += (double)*at(a, i, j, 0, 0) * *at(x, k, j, 0, 0);
      const diagonal d = diagonal_of(&p->diagonal, i, p->kind);
      if (k > i)
        *upper_at(&p->dupper, D, i, k) += (real)sum;
      else
        *at(&p->ddiagonal, i, 0, 0, 0) +=
            (real)(sum * d.slope + weight_of(&p->dl, p->dlogdet) * d.log_slope);
    }
}

CLF_REF(reflections_bwd) {
  const int D = p->dw.dim[0];
  const size_t size = (size_t)D * (size_t)D;
  real *memory = clf_scratch_get(scratch, 3 * size);
  CLF_NEED(memory, 3 * size);
  clf_buffer b[3];
  const clf_tensor x = scratch_matrix(&b[0], memory, 0, D), a = scratch_matrix(&b[1], memory, 1, D),
                   first = scratch_matrix(&b[2], memory, 2, D);
  identity(&x);
  reflect_all(&p->right, 0, &x);
  memcpy(first.buf->handle, x.buf->handle, size * sizeof(real));
  if (p->diagonal.buf) times_upper(&p->upper, &p->diagonal, p->kind, &x);
  reflect_all(&p->left, 0, &x);
  for (int i = 0; i < D; i++)
    for (int j = 0; j < D; j++) *at(&a, i, j, 0, 0) = *at(&p->dw, i, j, 0, 0);
  back_through(&p->left, &p->dleft, &x, &a);
  if (p->diagonal.buf) {
    triangle_gradient(p, &first, &a);
    times_upper_transposed(&p->upper, &p->diagonal, p->kind, &a);
  }
  back_through(&p->right, &p->dright, &first, &a);
  return CLF_OK;
}

/* ---- Rotations: exp(X) of X = A - A^T as a power of exp(X / steps) --------------------------- */

enum { TERMS = sizeof(real) == 8 ? 18 : 13 }; /* of the series, whose argument is at most 1 */

static real skew(const clf_tensor *A, int i, int k) {
  return *at(A, i, k, 0, 0) - *at(A, k, i, 0, 0);
}

/* At least |X|_1; 0: it exceeds 1000, or is NaN. */
static int steps_of(const clf_tensor *A) {
  double norm = 0;
  for (int j = 0; j < A->dim[0]; j++) {
    double sum = 0;
    for (int i = 0; i < A->dim[0]; i++) sum += real_abs(skew(A, i, j));
    norm = sum > norm || !(sum == sum) ? sum : norm;
  }
  return norm <= 1000 ? (int)norm + 1 : 0;
}

/* Row-major D x D matrices: m2 = factor sign X m1, where sign = -1 means X^T. */
static void times_skew(const clf_tensor *A, real factor, const real *m1, real *m2) {
  const int D = A->dim[0];
  for (int i = 0; i < D; i++) {
    for (int j = 0; j < D; j++) m2[i * D + j] = 0;
    for (int k = 0; k < D; k++) {
      const real x = factor * skew(A, i, k);
      VECTOR_LOOP
      for (int j = 0; j < D; j++) m2[i * D + j] += x * m1[k * D + j];
    }
  }
}

CLF_REF(rotation_compose) {
  const int D = p->w.dim[0], steps = steps_of(&p->generator);
  const size_t size = (size_t)D * (size_t)D;
  real *sum = clf_scratch_get(scratch, 3 * size), *term = sum + size, *next = term + size;
  CLF_NEED(sum, 3 * size);
  for (size_t i = 0; i < size; i++) sum[i] = steps ? (i % (size_t)(D + 1) == 0) : (real)NAN;
  for (int step = 0; step < steps; step++) {
    memcpy(term, sum, size * sizeof *term);
    for (int m = 1; m <= TERMS; m++) {
      times_skew(&p->generator, (real)1 / (real)(steps * m), term, next);
      memcpy(term, next, size * sizeof *term);
      for (size_t i = 0; i < size; i++) sum[i] += term[i];
    }
  }
  for (int i = 0; i < D; i++)
    for (int j = 0; j < D; j++) *at(&p->w, i, j, 0, 0) = sum[i * D + j];
  return CLF_OK;
}

/* exp of the block matrix times the column (0, e_j) has column j of dX above exp(X^T) e_j. */
CLF_REF(rotation_bwd) {
  const int D = p->dw.dim[0], steps = steps_of(&p->generator);
  const size_t size = (size_t)D * (size_t)D;
  real *top = clf_scratch_get(scratch, 6 * size), *low = top + size, *term = low + size;
  CLF_NEED(top, 6 * size);
  real *low_term = term + size, *next = low_term + size, *low_next = next + size;
  for (size_t i = 0; i < size; i++) {
    top[i] = steps ? 0 : (real)NAN;
    low[i] = i % (size_t)(D + 1) == 0;
  }
  for (int step = 0; step < steps; step++) {
    memcpy(term, top, 2 * size * sizeof *term);
    for (int m = 1; m <= TERMS; m++) {
      const real factor = (real)1 / (real)(steps * m);
      times_skew(&p->generator, -factor, term, next);
      times_skew(&p->generator, -factor, low_term, low_next);
      for (int i = 0; i < D; i++)
        for (int k = 0; k < D; k++) {
          const real g = factor * *at(&p->dw, i, k, 0, 0);
          for (int j = 0; j < D; j++) next[i * D + j] += g * low_term[k * D + j];
        }
      memcpy(term, next, 2 * size * sizeof *term);
      for (size_t i = 0; i < 2 * size; i++) top[i] += term[i];
    }
  }
  for (int i = 0; i < D; i++)
    for (int j = 0; j < D; j++) *at(&p->dgenerator, i, j, 0, 0) += top[i * D + j] - top[j * D + i];
  return CLF_OK;
}

/* ---- Dense ----------------------------------------------------------------------------------- */

static void swap_rows(double *a, double *b, int n) {
  for (int j = 0; j < n; j++) {
    const double t = a[j];
    a[j] = b[j];
    b[j] = t;
  }
}

/* Eliminates column k of [W | V] from all other rows; returns the pivot. */
static double eliminate(double *m, int D, int k) {
  int best = k;
  for (int i = k + 1; i < D; i++)
    if (fabs(m[i * 2 * D + k]) > fabs(m[best * 2 * D + k])) best = i;
  double *row = m + k * 2 * D;
  if (best != k) swap_rows(row, m + best * 2 * D, 2 * D);
  const double pivot = row[k];
  if (pivot == 0) return 0;
  for (int j = 0; j < 2 * D; j++) row[j] /= pivot;
  for (int i = 0; i < D; i++) {
    const double factor = m[i * 2 * D + k];
    if (i != k)
      for (int j = 0; j < 2 * D; j++) m[i * 2 * D + j] -= factor * row[j];
  }
  return pivot;
}

/* Always in double. */
CLF_REF(dense_compose) {
  const int D = p->w.dim[0];
  const size_t reals = 2 * (size_t)D * (size_t)D * (sizeof(double) / sizeof(real));
  double *m = (double *)(void *)clf_scratch_get(scratch, reals);
  CLF_NEED(m, reals);
  for (int i = 0; i < D; i++)
    for (int j = 0; j < D; j++) {
      m[i * 2 * D + j] = *at(&p->w, i, j, 0, 0);
      m[i * 2 * D + D + j] = i == j;
    }
  double logdet = 0, pivot = 1;
  for (int k = 0; k < D && pivot != 0; k++) {
    pivot = eliminate(m, D, k);
    logdet += log(fabs(pivot));
  }
  for (int i = 0; i < D; i++)
    for (int j = 0; j < D; j++)
      *at(&p->v, i, j, 0, 0) = pivot != 0 ? (real)m[i * 2 * D + D + j] : 0;
  *at(&p->logdet, 0, 0, 0, 0) = pivot != 0 ? (real)logdet : (real)-INFINITY;
  return CLF_OK;
}

CLF_REF_LOOP(dense_bwd, 2.0 * (double)clf__count(&p->v), p->v.dim[0], i) {
  const real weight = (real)weight_of(&p->dl, p->dlogdet);
  for (int j = 0; j < p->v.dim[0]; j++) *at(&p->dw, i, j, 0, 0) += weight * *at(&p->v, j, i, 0, 0);
}

CLF_REF(logdet_add) {
  (void)scratch;
  double sum = p->value.buf ? 0 : 1;
  for (int i = 0; i < p->value.dim[0]; i++) sum += *at(&p->value, i, 0, 0, 0);
  for (int n = 0; n < p->logdet.dim[0]; n++)
    *at(&p->logdet, n, 0, 0, 0) += (real)((double)p->factor * p->times * sum);
  return CLF_OK;
}
