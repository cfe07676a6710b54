/* SPDX-License-Identifier: MIT */
/* rescaled.c: affine couplings of image flows, s = g tanh(h) + g0: forward, inverse and the
 * gradient.  Sums are over rows first, in double, then over the rows in order. */
#include "ref.h"
#include "run.h"

/* One piece: its x (or y, in the inverse), and t; and s in place of h. */
typedef struct piece {
  real x[RUN], t[RUN], s[RUN];
} piece;

static void get_piece(const run *r, const clf_tensor *x, const clf_tensor *th, real g, real g0,
                      piece *v) {
  run_get(r, x, 0, v->x);
  run_get(r, th, 0, v->t);
  run_get(r, th, x->dim[1], v->s);
  for (int i = 0; i < r->count; i++) v->s[i] = g * real_tanh(v->s[i]) + g0;
}

static double sum_of(const run *r, const real v[RUN]) {
  double sum = 0;
  for (int i = 0; i < r->count; i++) sum += v[i];
  return sum;
}

static void copy_rest(const clf_tensor *x, const clf_tensor *y, int n, int h, int pixels) {
  real v[RUN];
  if (pixels) EACH_RUN(r, x, n, h, 3 - pixels) {
      run_get(&r, x, 0, v);
      run_put(&r, y, 0, v);
    }
}

static real scale0(const clf_tensor *g0) { return g0->buf ? *at(g0, 0, 0, 0, 0) : 0; }

/* One call: its arguments, and the sums of each row (n, h). */
typedef struct by_rows {
  const void *args;
  int H;
  real *sum;
} by_rows;

/* ---- Forward and inverse --------------------------------------------------------------------- */

static double fwd_row(const clf_rescaled_fwd_args *p, int n, int h) {
  const real g = *at(&p->g, 0, 0, 0, 0), g0 = scale0(&p->g0);
  double sum = 0;
  EACH_RUN(r, &p->x, n, h, p->pixels) {
    piece v;
    get_piece(&r, &p->x, &p->th, g, g0, &v);
    if (p->scale_first)
      for (int i = 0; i < r.count; i++) v.x[i] = v.x[i] * real_exp(v.s[i]) + v.t[i];
    else
      for (int i = 0; i < r.count; i++) v.x[i] = (v.x[i] + v.t[i]) * real_exp(v.s[i]);
    run_put(&r, &p->y, 0, v.x);
    sum += sum_of(&r, v.s);
  }
  copy_rest(&p->x, &p->y, n, h, p->pixels);
  return sum;
}

static double inv_row(const clf_rescaled_inv_args *p, int n, int h) {
  const real g = *at(&p->g, 0, 0, 0, 0), g0 = scale0(&p->g0);
  double sum = 0;
  EACH_RUN(r, &p->y, n, h, p->pixels) {
    piece v;
    get_piece(&r, &p->y, &p->th, g, g0, &v);
    if (p->scale_first)
      for (int i = 0; i < r.count; i++) v.x[i] = (v.x[i] - v.t[i]) * real_exp(-v.s[i]);
    else
      for (int i = 0; i < r.count; i++) v.x[i] = v.x[i] * real_exp(-v.s[i]) - v.t[i];
    run_put(&r, &p->x, 0, v.x);
    sum += sum_of(&r, v.s);
  }
  copy_rest(&p->y, &p->x, n, h, p->pixels);
  return -sum;
}

/* logdet[n] += the sum of a sample's rows. */
static void add_rows(const clf_tensor *logdet, int H, const real *rows) {
  for (int n = 0; n < logdet->dim[0]; n++) {
    double sum = 0;
    for (int h = 0; h < H; h++) sum += rows[(ptrdiff_t)n * H + h];
    *at(logdet, n, 0, 0, 0) += (real)sum;
  }
}

CLF_LOOP(fwd_rows, by_rows, c, row) {
  c->sum[row] = (real)fwd_row(c->args, row / c->H, row % c->H);
}
CLF_LOOP(inv_rows, by_rows, c, row) {
  c->sum[row] = (real)inv_row(c->args, row / c->H, row % c->H);
}

CLF_REF(rescaled_fwd) {
  const int H = p->x.dim[2], rows = p->x.dim[0] * H;
  real *sum = clf_scratch_get(scratch, (size_t)rows);
  CLF_NEED(sum, rows);
  const by_rows c = {p, H, sum};
  in_threads(20.0 * (double)clf__count(&p->x), rows, fwd_rows, &c);
  add_rows(&p->logdet, H, sum);
  return CLF_OK;
}

CLF_REF(rescaled_inv) {
  const int H = p->y.dim[2], rows = p->y.dim[0] * H;
  real *sum = clf_scratch_get(scratch, (size_t)rows);
  CLF_NEED(sum, rows);
  const by_rows c = {p, H, sum};
  in_threads(20.0 * (double)clf__count(&p->y), rows, inv_rows, &c);
  add_rows(&p->logdet, H, sum);
  return CLF_OK;
}

/* ---- The gradient ------------------------------------------------------------------------- */

/* sum[0], sum[1]: the row's contributions to dg and dg0. */
static void bwd_row(const clf_rescaled_bwd_args *p, int n, int h, real sum[2]) {
  const int C = p->x.dim[1];
  const real g = *at(&p->g, 0, 0, 0, 0), g0 = scale0(&p->g0);
  const real dl = dlogdet_of(&p->dl, p->dlogdet, n);
  double dg = 0, dg0 = 0;
  EACH_RUN(r, &p->x, n, h, p->pixels) {
    piece v;
    real out[RUN], dy[RUN], dx[RUN];
    get_piece(&r, &p->x, &p->th, 1, 0, &v);
    run_get(&r, &p->th, C, out);
    run_get(&r, &p->dy, 0, dy);
    for (int i = 0; i < r.count; i++) dx[i] = dy[i] * real_exp(g * v.s[i] + g0);
    run_put(&r, &p->dx, 0, dx);
    run_put(&r, &p->dth, 0, p->scale_first ? dy : dx);
    if (!p->scale_first)
      for (int i = 0; i < r.count; i++) v.x[i] += v.t[i];
    for (int i = 0; i < r.count; i++) dx[i] = dx[i] * v.x[i] + dl; /* ds */
    dg0 += sum_of(&r, dx);
    for (int i = 0; i < r.count; i++) v.s[i] *= dx[i];
    dg += sum_of(&r, v.s);
    for (int i = 0; i < r.count; i++) dx[i] *= g * bounded_slope(out[i], 1);
    run_put(&r, &p->dth, C, dx);
  }
  sum[0] = (real)dg;
  sum[1] = (real)dg0;
}

static void bwd_rest(const clf_rescaled_bwd_args *p, int n, int h) {
  const real none[RUN] = {0};
  copy_rest(&p->dy, &p->dx, n, h, p->pixels);
  if (p->pixels) EACH_RUN(r, &p->x, n, h, 3 - p->pixels) {
      run_put(&r, &p->dth, 0, none);
      run_put(&r, &p->dth, p->x.dim[1], none);
    }
}

CLF_LOOP(bwd_rows, by_rows, c, row) {
  bwd_row(c->args, row / c->H, row % c->H, c->sum + 2 * (ptrdiff_t)row);
  bwd_rest(c->args, row / c->H, row % c->H);
}

CLF_REF(rescaled_bwd) {
  const int H = p->x.dim[2], rows = p->x.dim[0] * H;
  real *sum = clf_scratch_get(scratch, 2 * (size_t)rows);
  CLF_NEED(sum, 2 * rows);
  const by_rows c = {p, H, sum};
  in_threads(40.0 * (double)clf__count(&p->x), rows, bwd_rows, &c);
  double dg = 0, dg0 = 0;
  for (int row = 0; row < rows; row++) {
    dg += sum[2 * (ptrdiff_t)row];
    dg0 += sum[2 * (ptrdiff_t)row + 1];
  }
  if (p->dg.buf) *at(&p->dg, 0, 0, 0, 0) += (real)dg;
  if (p->dg0.buf) *at(&p->dg0, 0, 0, 0, 0) += (real)dg0;
  return CLF_OK;
}
