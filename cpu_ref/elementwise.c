/* SPDX-License-Identifier: MIT */
/* elementwise.c: copy, fill, axpby, scale_rows, add_ratio. */
#include "ref.h"

/* Whether rows are contiguous in both tensors, in the same order. */
static int rows_match(const clf_tensor *x, const clf_tensor *y) {
  const int order = dense_order(x);
  return order && order == dense_order(y);
}
static int row_size(const clf_tensor *t) { return t->dim[1] * t->dim[2] * t->dim[3]; }
/* Whether all rows of such a tensor are the same one. */
static int is_one_row(const clf_tensor *t) { return t->dim[0] == 1 || t->stride[0] == row_size(t); }

/* `rows` rows from row `first` on, merged into one if possible: their number and size. */
typedef struct pieces {
  int count, size;
} pieces;
static pieces pieces_of(const clf_tensor *x, const clf_tensor *y, int rows) {
  const int size = row_size(x);
  return is_one_row(x) && is_one_row(y) ? (pieces){1, rows * size} : (pieces){rows, size};
}

static void copy_rows(const void *args, int first, int end) {
  const clf_copy_args *p = args;
  const pieces q = pieces_of(&p->x, &p->y, end - first);
  for (int i = 0; i < q.count; i++)
    memcpy(at(&p->y, first + i, 0, 0, 0), at(&p->x, first + i, 0, 0, 0),
           (size_t)q.size * sizeof(real));
}
CLF_LOOP(copy_apart, clf_copy_args, p, n) {
  EACH_OF(&p->x) *at(&p->y, n, c, h, w) = *at(&p->x, n, c, h, w);
}

CLF_REF(copy) {
  CLF_TURNED(copy);
  (void)scratch;
  in_threads((double)clf__count(&p->x), p->x.dim[0],
             rows_match(&p->x, &p->y) ? copy_rows : copy_apart, p);
  return CLF_OK;
}

CLF_REF(fill) {
  (void)scratch;
  real *const y = at(&p->y, 0, 0, 0, 0);
  const real value = p->value;
  if (clf__dense(&p->y))
    for (size_t i = 0; i < clf__count(&p->y); i++) y[i] = value;
  else
    for (int n = 0; n < p->y.dim[0]; n++)
      EACH_OF(&p->y) *at(&p->y, n, c, h, w) = value;
  return CLF_OK;
}

static inline void add_scaled(int n, real a, const real *restrict x, real b, real *restrict y) {
  if (b != 0)
    for (int i = 0; i < n; i++) {
      const real by = b * y[i], ax = a * x[i]; /* the order decides what is fused */
      y[i] = ax + by;
    }
  else
    for (int i = 0; i < n; i++) y[i] = a * x[i];
}
static void axpby_rows(const void *args, int first, int end) {
  const clf_axpby_args *p = args;
  const pieces q = pieces_of(&p->x, &p->y, end - first);
  for (int i = 0; i < q.count; i++)
    add_scaled(q.size, p->a, at(&p->x, first + i, 0, 0, 0), p->b, at(&p->y, first + i, 0, 0, 0));
}
CLF_LOOP(axpby_apart, clf_axpby_args, p, n) {
  EACH_OF(&p->x) {
    real *y = at(&p->y, n, c, h, w);
    const real ax = p->a * *at(&p->x, n, c, h, w);
    *y = p->b != 0 ? ax + p->b * *y : ax;
  }
}

CLF_REF(axpby) {
  CLF_TURNED(axpby);
  (void)scratch;
  in_threads(2.0 * (double)clf__count(&p->x), p->x.dim[0],
             rows_match(&p->x, &p->y) ? axpby_rows : axpby_apart, p);
  return CLF_OK;
}

CLF_REF_LOOP(scale_rows, (double)clf__count(&p->y), p->y.dim[0], n) {
  const real a = *at(&p->a, n, 0, 0, 0);
  EACH_OF(&p->y) *at(&p->y, n, c, h, w) *= a;
}

CLF_REF_LOOP(add_ratio, 2.0 * (double)clf__count(&p->y), p->y.dim[0], n) {
  EACH_OF(&p->y) *at(&p->y, n, c, h, w) += *at(&p->a, n, c, h, w) / *at(&p->b, n, c, h, w);
}
