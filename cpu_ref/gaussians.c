/* SPDX-License-Identifier: MIT */
/* gaussians.c: log-densities of K normals by triangular factors of their covariances, gradients,
 * and samples.  Sums are always in double. */
#include "factors.h"

/* ---- Log-densities --------------------------------------------------------------------------- */

/* Samples that are solved together if they share the parameters. */
enum { SIDE = 64 };

/* t of `side` samples, [D][side], in place of z - loc: forward substitution. */
static void solve(const factor *f, int D, int side, const double *diagonals, double *t) {
  for (int i = 0; i < D; i++) {
    double *restrict ti = t + (size_t)i * (size_t)side;
    for (int j = 0; f->lower->buf && j < i; j++) {
      const double l = below(f, i, j), *restrict tj = t + (size_t)j * (size_t)side;
      for (int m = 0; m < side; m++) ti[m] -= l * tj[m];
    }
    const double inverse = 1 / diagonals[i];
    for (int m = 0; m < side; m++) ti[m] *= inverse;
  }
}

/* Their t, and log p under normal f->k; n of them exist. */
static void put_logps(const clf_gaussians_logp_args *p, const factor *f, int side, int n,
                      double log_det, const double *t) {
  const ptrdiff_t step = p->t.stride[0];
  const int D = p->t.dim[2], counted = D - p->first;
  double square[SIDE] = {0};
  for (int i = 0; i < D; i++, t += side) {
    real *to = at(&p->t, f->n, f->k, i, 0);
    for (int m = 0; i >= p->first && m < side; m++) square[m] += t[m] * t[m];
    if (step == 1)
      for (int m = 0; m < n; m++) to[m] = (real)t[m];
    else
      for (int m = 0; m < n; m++) to[m * step] = (real)t[m];
  }
  for (int m = 0; m < n; m++)
    *at(&p->logps, f->n + m, f->k, 0, 0) =
        (real)(-0.91893853320467274178 * counted - 0.5 * square[m] - log_det);
}

typedef struct logp_call {
  const clf_gaussians_logp_args *p;
  int side;
  double *memory; /* per block of `side` samples: t, then the diagonal of a factor */
} logp_call;

CLF_LOOP(logp_block, logp_call, c, block) {
  const clf_gaussians_logp_args *p = c->p;
  const int D = p->t.dim[2], side = c->side, n0 = block * side, left = p->t.dim[0] - n0;
  const int n = left < side ? left : side;
  double *t = c->memory + (size_t)block * (size_t)D * (size_t)(side + 1);
  double *diagonals = t + (size_t)D * (size_t)side;
  for (int k = 0; k < p->t.dim[1]; k++) {
    const factor f = {&p->log_std, &p->lower, n0, k, (double)p->eps};
    double log_det = 0;
    for (int i = 0; i < D; i++) {
      const double loc = number(&p->loc, n0, k, i);
      diagonals[i] = diagonal(&f, i);
      if (i >= p->first) log_det += p->eps > 0 ? log(diagonals[i]) : log_std_of(&f, i);
      for (int m = 0; m < side; m++)
        t[i * side + m] = m < n ? (double)*at(&p->z, n0 + m, i, 0, 0) - loc : 0;
    }
    solve(&f, D, side, diagonals, t);
    put_logps(p, &f, side, n, log_det, t);
  }
}

static int shared(const clf_tensor *t) { return !t->buf || t->stride[0] == 0; }

CLF_REF(gaussians_logp) {
  const int N = p->t.dim[0], K = p->t.dim[1], D = p->t.dim[2];
  const int side = shared(&p->loc) && shared(&p->log_std) && shared(&p->lower) ? SIDE : 1;
  const int blocks = (N - 1) / side + 1;
  const size_t doubles = (size_t)blocks * (size_t)D * (size_t)(side + 1);
  const logp_call c = {p, side, doubles_of(scratch, doubles)};
  CLF_NEED(c.memory, doubles);
  in_threads((30.0 + (p->lower.buf ? D : 0)) * N * K * D, blocks, logp_block, &c);
  return CLF_OK;
}

/* ---- Gradients by samples -------------------------------------------------------------------- */

/* g = L^-T t of `side` samples, [D][side], in place of t: back substitution. */
static void solve_transposed(const factor *f, int D, int side, const double *diagonals, double *g) {
  for (int i = D - 1; i >= 0; i--) {
    double *restrict gi = g + (size_t)i * (size_t)side;
    for (int j = i + 1; f->lower->buf && j < D; j++) {
      const double l = below(f, j, i), *restrict gj = g + (size_t)j * (size_t)side;
      for (int m = 0; m < side; m++) gi[m] -= l * gj[m];
    }
    const double inverse = 1 / diagonals[i];
    for (int m = 0; m < side; m++) gi[m] *= inverse;
  }
}

/* dloc = dlogps g, which is subtracted from dz [D][side]. */
static void put_dloc(const clf_gaussians_bwd_args *p, const factor *f, int side, int n,
                     const double *g, double *dz) {
  const ptrdiff_t step = p->dloc.stride[0];
  double weight[SIDE] = {0};
  for (int m = 0; m < n; m++) weight[m] = (double)*at(&p->dlogps, f->n + m, f->k, 0, 0);
  for (int i = 0; i < p->t.dim[2]; i++, g += side, dz += side) {
    real *to = at(&p->dloc, f->n, f->k, i, 0);
    for (int m = 0; m < side; m++) dz[m] -= weight[m] * g[m];
    if (step == 1)
      for (int m = 0; m < n; m++) to[m] = (real)(weight[m] * g[m]);
    else
      for (int m = 0; m < n; m++) to[m * step] = (real)(weight[m] * g[m]);
  }
}

typedef struct bwd_call {
  const clf_gaussians_bwd_args *p;
  int side;
  double *memory; /* per block of `side` samples: g, dz, then the diagonal of a factor */
} bwd_call;

CLF_LOOP(bwd_block, bwd_call, c, block) {
  const clf_gaussians_bwd_args *p = c->p;
  const int D = p->t.dim[2], side = c->side, n0 = block * side, left = p->t.dim[0] - n0;
  const int n = left < side ? left : side;
  double *g = c->memory + (size_t)block * (size_t)D * (size_t)(2 * side + 1);
  double *dz = g + (size_t)D * (size_t)side, *diagonals = dz + (size_t)D * (size_t)side;
  memset(dz, 0, (size_t)D * (size_t)side * sizeof *dz);
  for (int k = 0; k < p->t.dim[1]; k++) {
    const factor f = {&p->log_std, &p->lower, n0, k, (double)p->eps};
    for (int i = 0; i < D; i++) {
      const real *t = at(&p->t, n0, k, i, 0);
      const ptrdiff_t step = p->t.stride[0];
      diagonals[i] = diagonal(&f, i);
      for (int m = 0; m < side; m++)
        g[i * side + m] = i >= p->first && m < n ? (double)t[m * step] : 0;
    }
    solve_transposed(&f, D, side, diagonals, g);
    put_dloc(p, &f, side, n, g, dz);
  }
  for (int i = 0; i < D; i++)
    for (int m = 0; m < n; m++) *at(&p->dz, n0 + m, i, 0, 0) = (real)dz[i * side + m];
}

CLF_REF(gaussians_bwd) {
  const int N = p->t.dim[0], K = p->t.dim[1], D = p->t.dim[2];
  const int side = shared(&p->log_std) && shared(&p->lower) ? SIDE : 1;
  const int blocks = (N - 1) / side + 1;
  const size_t doubles = (size_t)blocks * (size_t)D * (size_t)(2 * side + 1);
  const bwd_call c = {p, side, doubles_of(scratch, doubles)};
  CLF_NEED(c.memory, doubles);
  in_threads((30.0 + (p->lower.buf ? D : 0)) * N * K * D, blocks, bwd_block, &c);
  return CLF_OK;
}

/* ---- Samples --------------------------------------------------------------------------------- */

CLF_REF_LOOP(gaussians_place, 30.0 * (double)clf__count(&p->z), p->z.dim[0], n) {
  const int k = p->index.buf ? (int)*at(&p->index, n, 0, 0, 0) : 0;
  const factor f = {&p->log_std, &p->lower, n, k, (double)p->eps};
  for (int i = 0; i < p->z.dim[1]; i++) {
    double z = number(&p->loc, n, k, i) + diagonal(&f, i) * (double)*at(&p->e, n, i, 0, 0);
    for (int j = 0; p->lower.buf && j < i; j++)
      z += below(&f, i, j) * (double)*at(&p->e, n, j, 0, 0);
    *at(&p->z, n, i, 0, 0) = (real)z;
  }
}

CLF_REF_LOOP(gaussians_place_bwd, 30.0 * (double)clf__count(&p->e), p->e.dim[0], n) {
  const int one = p->log_std.dim[2] == 1;
  double sum = 0;
  for (int i = 0; i < p->e.dim[1]; i++) {
    const double dz = number(&p->dz, n, i, 0), e = number(&p->e, n, i, 0);
    const double share = dz * e * exp(number(&p->log_std, n, 0, one ? 0 : i));
    sum = one ? sum + share : share;
    *at(&p->dloc, n, 0, i, 0) = (real)dz;
    *at(&p->dlog_std, n, 0, one ? 0 : i, 0) = (real)sum;
    for (int j = 0; p->dlower.buf && j < i; j++)
      *at(&p->dlower, n, 0, i * (i - 1) / 2 + j, 0) = (real)(dz * number(&p->e, n, j, 0));
  }
}
