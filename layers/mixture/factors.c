/* SPDX-License-Identifier: MIT */
/* factors.c: a covariance of few factors: Lambda Lambda^T + Psi with Lambda (D, Q) and Psi
 * diagonal, the most likely one for rows with a given covariance, by EM (Rubin and Thayer 1982). */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "em.h"

enum { ITERATIONS = 200 };
#define SMALLEST 1e-6 /* psi, as a share of the variance */
#define ROUNDED 1e-12 /* what rounding may leave of a variance that is explained completely */
#define CHANGE 1e-5   /* of psi, as a share of the variance: below it EM has converged */

/* Symmetric matrices are packed: row i has its first i + 1 elements. */
static size_t packed(int32_t i, int32_t j) {
  return i >= j ? (size_t)i * (size_t)(i + 1) / 2 + (size_t)j : packed(j, i);
}

typedef struct factors {
  int32_t D, Q;
  const double *s;                    /* packed (D, D) */
  double *lambda, *psi;               /* (D, Q), (D) */
  double *beta, *moved, *small, *inv; /* (D, Q), (D, Q), (Q, Q), (Q, Q) */
} factors;

/* Starts with the columns of a Cholesky factor whose pivots are the largest variances that the
 * ones before them leave.  They explain the pivots' columns completely, so psi would be 0 there,
 * from which EM is slow to depart: half of what they explain is left to psi. */
static void start(factors *f) {
  double *left = f->psi;
  for (int32_t i = 0; i < f->D; i++) left[i] = f->s[packed(i, i)];
  memset(f->lambda, 0, (size_t)f->D * (size_t)f->Q * sizeof *f->lambda);
  for (int32_t q = 0; q < f->Q; q++) {
    int32_t pivot = 0;
    for (int32_t i = 1; i < f->D; i++)
      if (left[i] > left[pivot]) pivot = i;
    if (!(left[pivot] > ROUNDED * f->s[packed(pivot, pivot)])) break; /* fewer factors explain it */
    const double root = sqrt(left[pivot]);
    const double *at = f->lambda + pivot * f->Q;
    for (int32_t i = 0; i < f->D; i++) {
      double v = f->s[packed(i, pivot)];
      for (int32_t k = 0; k < q; k++) v -= f->lambda[i * f->Q + k] * at[k];
      f->moved[i] = v / root;
    }
    for (int32_t i = 0; i < f->D; i++) {
      f->lambda[i * f->Q + q] = f->moved[i];
      left[i] = fmax(left[i] - f->moved[i] * f->moved[i], 0);
    }
  }
  for (int32_t i = 0; i < f->D * f->Q; i++) f->lambda[i] *= sqrt(0.5);
  for (int32_t i = 0; i < f->D; i++) left[i] = 0.5 * (left[i] + f->s[packed(i, i)]);
}

/* Inverts a symmetric positive definite matrix (Q, Q) by Gauss and Jordan. */
static void invert(int32_t Q, double *a) {
  for (int32_t p = 0; p < Q; p++) {
    const double pivot = 1 / a[p * Q + p];
    a[p * Q + p] = 1;
    for (int32_t j = 0; j < Q; j++) a[p * Q + j] *= pivot;
    for (int32_t i = 0; i < Q; i++) {
      const double v = a[i * Q + p];
      if (i == p) continue;
      a[i * Q + p] = 0;
      for (int32_t j = 0; j < Q; j++) a[i * Q + j] -= v * a[p * Q + j];
    }
  }
}

/* c = a^T b of (D, Q) matrices, plus the unit matrix. */
static void product(const factors *f, const double *a, const double *b, double *c) {
  const int32_t Q = f->Q;
  memset(c, 0, (size_t)Q * (size_t)Q * sizeof *c);
  for (int32_t k = 0; k < Q; k++) c[k * Q + k] = 1;
  for (int32_t i = 0; i < f->D; i++)
    for (int32_t k = 0; k < Q; k++)
      for (int32_t l = 0; l < Q; l++) c[k * Q + l] += a[i * Q + k] * b[i * Q + l];
}

/* c = a b, (D, Q) times (Q, Q). */
static void times(const factors *f, const double *a, const double *b, double *c) {
  const int32_t Q = f->Q;
  for (int32_t i = 0; i < f->D; i++)
    for (int32_t l = 0; l < Q; l++) {
      double sum = 0;
      for (int32_t k = 0; k < Q; k++) sum += a[i * Q + k] * b[k * Q + l];
      c[i * Q + l] = sum;
    }
}

/* With M = (1 + Lambda^T Psi^-1 Lambda)^-1 and beta = Psi^-1 Lambda M, the factors of a row u have
 * the mean beta^T u and the covariance M.  Returns the largest change of psi. */
static double improve(factors *f) {
  const int32_t D = f->D, Q = f->Q;
  double change = 0;
  for (int32_t i = 0; i < D * Q; i++) f->moved[i] = f->lambda[i] / f->psi[i / Q];
  product(f, f->moved, f->lambda, f->inv);
  invert(Q, f->inv);
  times(f, f->moved, f->inv, f->beta);
  for (int32_t i = 0; i < D; i++) /* moved = S beta */
    for (int32_t k = 0; k < Q; k++) {
      double sum = 0;
      for (int32_t j = 0; j < D; j++) sum += f->s[packed(i, j)] * f->beta[j * Q + k];
      f->moved[i * Q + k] = sum;
    }
  product(f, f->beta, f->moved, f->small); /* 1 + beta^T S beta */
  for (int32_t k = 0; k < Q * Q; k++) f->small[k] += f->inv[k];
  for (int32_t k = 0; k < Q; k++) f->small[k * Q + k] -= 1;
  invert(Q, f->small);
  times(f, f->moved, f->small, f->lambda);
  for (int32_t i = 0; i < D; i++) {
    double v = f->s[packed(i, i)];
    for (int32_t k = 0; k < Q; k++) v -= f->lambda[i * Q + k] * f->moved[i * Q + k];
    v = fmax(v, SMALLEST * f->s[packed(i, i)] + 1e-300);
    change = fmax(change, fabs(v - f->psi[i]) / f->s[packed(i, i)]);
    f->psi[i] = v;
  }
  return change;
}

clf_status clf__em_factors(int32_t D, int32_t Q, double *cov) {
  const size_t d = (size_t)D, q = (size_t)Q;
  double *memory = malloc((3 * d * q + d + 2 * q * q) * sizeof *memory);
  if (!memory) return clf__fail(CLF_ENOMEM, "no memory for %d factors", (int)Q);
  factors f = {.D = D, .Q = Q, .s = cov, .lambda = memory};
  f.psi = f.lambda + d * q;
  f.beta = f.psi + d;
  f.moved = f.beta + d * q;
  f.small = f.moved + d * q;
  f.inv = f.small + q * q;
  start(&f);
  for (int i = 0; i < ITERATIONS && improve(&f) > CHANGE; i++) continue;
  for (int32_t i = 0; i < D; i++)
    for (int32_t j = 0; j <= i; j++) {
      double sum = i == j ? f.psi[i] : 0;
      for (int32_t k = 0; k < Q; k++) sum += f.lambda[i * Q + k] * f.lambda[j * Q + k];
      cov[packed(i, j)] = sum;
    }
  free(memory);
  return CLF_OK;
}
