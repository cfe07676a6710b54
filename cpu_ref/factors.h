/* SPDX-License-Identifier: MIT */
/* factors.h: triangular factors of covariances, as arguments of the operations of `gaussians`. */
#ifndef CLF_REF_FACTORS_H
#define CLF_REF_FACTORS_H
#include "ref.h"

static inline double number(const clf_tensor *t, int n, int k, int d) {
  return t->buf ? (double)*at(t, n, k, d, 0) : 0;
}

/* The factor L of normal k of sample n: its diagonal, and L[i][j] for j < i. */
typedef struct factor {
  const clf_tensor *log_std, *lower;
  int n, k;
  double eps;
} factor;
static inline double log_std_of(const factor *f, int i) {
  return number(f->log_std, f->n, f->k, f->log_std->dim[2] == 1 ? 0 : i);
}
static inline double diagonal(const factor *f, int i) { return exp(log_std_of(f, i)) + f->eps; }
static inline double below(const factor *f, int i, int j) {
  return number(f->lower, f->n, f->k, i * (i - 1) / 2 + j);
}

/* Scratch memory in double. */
static inline double *doubles_of(clf_scratch *s, size_t n) {
  return (double *)(void *)clf_scratch_get(s, n * (sizeof(double) / sizeof(real)));
}

#endif
