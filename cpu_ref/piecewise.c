/* SPDX-License-Identifier: MIT */
/* piecewise.c: the lecture's increasing piecewise-linear map and its gradients. */
#include "ref.h"

/* The position of x: piece n, and a within it.  The piece is chosen in float on every backend,
 * so that all agree for an x at a knot; an end of the interval that float rounds slightly
 * outside counts as inside, but not as between the ends. */
typedef struct point {
  int n, inside, between;
  real a;
} point;

static point point_of(real x, float xmin, float rate, int Q, int tails) {
  const float u = ((float)x - xmin) * rate;
  const float hair = 1e-6f * (float)Q;
  point q = {.inside = u >= -hair && u <= (float)Q + hair,
             .between = u > hair && u < (float)Q - hair};
  q.n = u >= (float)Q ? Q - 1 : u > 0 ? (int)u : 0; /* NaN goes to piece 0, and a is NaN */
  q.a = (x - (real)xmin) * (real)rate - (real)q.n;
  if (!tails) q.a = q.a < 0 ? 0 : q.a > 1 ? 1 : q.a;
  return q;
}

#define XI(j) (*at(&p->xi, (j), 0, 0, 0))
#define V(j) (*at(&p->v, (j), 0, 0, 0))

CLF_REF(piecewise_knots) {
  (void)scratch;
  double v = *at(&p->alpha, 0, 0, 0, 0);
  for (int j = 0; j < p->xi.dim[0]; j++) V(j) = (real)(v += real_exp(XI(j)));
  return CLF_OK;
}

typedef struct fwd { /* of one call */
  const clf_piecewise_fwd_args *p;
  real log_rate;
} fwd;

CLF_LOOP(fwd_sample, fwd, c, m) {
  const clf_piecewise_fwd_args *p = c->p;
  const point q = point_of(*at(&p->x, m, 0, 0, 0), p->xmin, p->rate, p->xi.dim[0] - 1, p->tails);
  *at(&p->y, m, 0, 0, 0) = (1 - q.a) * V(q.n) + q.a * V(q.n + 1);
  *at(&p->logdet, m, 0, 0, 0) += p->tails || q.inside ? XI(q.n + 1) + c->log_rate : -(real)INFINITY;
}

CLF_REF(piecewise_fwd) {
  (void)scratch;
  const fwd c = {p, real_log(p->rate)};
  in_threads(30.0 * p->x.dim[0], p->x.dim[0], fwd_sample, &c);
  return CLF_OK;
}

/* The piece with v[n] <= y < v[n + 1], by bisection. */
static int piece_of(const clf_piecewise_inv_args *p, real y) {
  int lo = 0, hi = p->v.dim[0] - 1;
  while (hi - lo > 1) {
    const int mid = (lo + hi) / 2;
    if (y < V(mid))
      hi = mid;
    else
      lo = mid;
  }
  return lo;
}

typedef struct inv { /* of one call */
  const clf_piecewise_inv_args *p;
  real log_rate;
} inv;

CLF_LOOP(inv_sample, inv, c, m) {
  const clf_piecewise_inv_args *p = c->p;
  const real y = *at(&p->y, m, 0, 0, 0);
  const int n = piece_of(p, y);
  real a = (y - V(n)) / (V(n + 1) - V(n));
  if (!p->tails) a = a < 0 ? 0 : a > 1 ? 1 : a;
  *at(&p->x, m, 0, 0, 0) = p->xmin + ((real)n + a) / p->rate;
  *at(&p->logdet, m, 0, 0, 0) -= XI(n + 1) + c->log_rate;
}

CLF_REF(piecewise_inv) {
  (void)scratch;
  const inv c = {p, real_log(p->rate)};
  in_threads(60.0 * p->y.dim[0], p->y.dim[0], inv_sample, &c);
  return CLF_OK;
}

CLF_REF_LOOP(piecewise_deriv, 30.0 * p->x.dim[0], p->x.dim[0], m) {
  const point q = point_of(*at(&p->x, m, 0, 0, 0), p->xmin, p->rate, p->xi.dim[0] - 1, p->tails);
  *at(&p->d, m, 0, 0, 0) = p->tails || q.inside ? p->rate * real_exp(XI(q.n + 1)) : 0;
}

/* What samples add to the gradients of the knots and of the slopes. */
typedef struct sums {
  real *dv, *dl;
  int Q;
} sums;

#define SUMS_OF(s, p, scratch)                                                                     \
  sums s = {.dv = clf_scratch_get(scratch, 2 * (size_t)(p)->xi.dim[0]), .Q = (p)->xi.dim[0] - 1};  \
  CLF_NEED(s.dv, 2 * (s.Q + 1));                                                                   \
  s.dl = s.dv + s.Q + 1;                                                                           \
  for (int j = 0; j <= s.Q; j++) s.dv[j] = s.dl[j] = 0

static void collect(const sums *s, point q, real dy, real dl) {
  s->dv[q.n] += (1 - q.a) * dy;
  s->dv[q.n + 1] += q.a * dy;
  s->dl[q.n + 1] += dl;
}

/* From the right, since v[j] contains exp(xi[i]) for every i <= j. */
static void add_sums(const sums *s, const clf_tensor *xi, const clf_tensor *dalpha,
                     const clf_tensor *dxi) {
  double from_right = 0;
  for (int j = s->Q; j >= 0; j--) {
    from_right += s->dv[j];
    *at(dxi, j, 0, 0, 0) += (real)(from_right * (double)real_exp(*at(xi, j, 0, 0, 0))) + s->dl[j];
  }
  *at(dalpha, 0, 0, 0, 0) += (real)from_right;
}

CLF_REF(piecewise_bwd) {
  SUMS_OF(s, p, scratch);
  for (int m = 0; m < p->x.dim[0]; m++) {
    const point q = point_of(*at(&p->x, m, 0, 0, 0), p->xmin, p->rate, s.Q, p->tails);
    const real dy = *at(&p->dy, m, 0, 0, 0);
    const int moves = p->tails || q.inside;
    collect(&s, q, dy, moves ? dlogdet_of(&p->dl, p->dlogdet, m) : 0);
    *at(&p->dx, m, 0, 0, 0) = moves ? dy * p->rate * real_exp(XI(q.n + 1)) : 0;
  }
  add_sums(&s, &p->xi, &p->dalpha, &p->dxi);
  return CLF_OK;
}

CLF_REF(piecewise_inv_bwd) {
  SUMS_OF(s, p, scratch);
  for (int m = 0; m < p->x.dim[0]; m++) {
    const point q = point_of(*at(&p->x, m, 0, 0, 0), p->xmin, p->rate, s.Q, p->tails);
    const real e = *at(&p->dx, m, 0, 0, 0) / (p->rate * real_exp(XI(q.n + 1)));
    const real dy = p->tails || q.between ? e : 0;
    collect(&s, q, -dy, -dlogdet_of(&p->dl, p->dlogdet, m));
    *at(&p->dy, m, 0, 0, 0) = dy;
  }
  add_sums(&s, &p->xi, &p->dalpha, &p->dxi);
  return CLF_OK;
}
