/* SPDX-License-Identifier: MIT */
/* piecewise.cl: the lecture's piecewise-linear map: a work-item for each sample. */
#include "clflow.clh"

/* Where x is: piece n, and the fraction a of it, as cpu_ref/piecewise.c says. */
typedef struct {
  int n, inside, between;
  float a;
} piecewise_point;

static piecewise_point piecewise_point_of(float x, float xmin, float rate, int Q, int tails) {
  const float u = (x - xmin) * rate;
  piecewise_point q;
  q.inside = u >= -1e-6f * Q && u <= Q + 1e-6f * Q;
  q.between = u > 1e-6f * Q && u < Q - 1e-6f * Q;
  q.n = u >= Q ? Q - 1 : u > 0 ? (int)u : 0;
  q.a = u - q.n;
  if (!tails) q.a = q.a < 0 ? 0 : q.a > 1 ? 1 : q.a;
  return q;
}

/* Numbers of knot j. */
#define XI(j) AT(xi, j, 0, 0, 0)
#define KNOT(j) AT(v, j, 0, 0, 0)

kernel SINGLE void piecewise_knots(CLF_IN(alpha), CLF_IN(xi), CLF_OUT(v),
                                   const piecewise_knots_args p) {
  if (get_global_id(0) != 0) return;
  float v = AT(alpha, 0, 0, 0, 0);
  for (int j = 0; j < p.xi.dim[0]; j++) KNOT(j) = v += exp(XI(j));
}

kernel BY_ITEM void piecewise_fwd(CLF_IN(x), CLF_IN(xi), CLF_IN(v), CLF_OUT(y), CLF_OUT(logdet),
                                  const piecewise_fwd_args p) {
  const int m = get_global_id(0);
  if (m >= p.x.dim[0]) return;
  const piecewise_point q =
      piecewise_point_of(AT(x, m, 0, 0, 0), p.xmin, p.rate, p.xi.dim[0] - 1, p.tails);
  AT(y, m, 0, 0, 0) = (1 - q.a) * KNOT(q.n) + q.a * KNOT(q.n + 1);
  AT(logdet, m, 0, 0, 0) += p.tails || q.inside ? XI(q.n + 1) + log(p.rate) : -INFINITY;
}

kernel BY_ITEM void piecewise_inv(CLF_IN(y), CLF_IN(xi), CLF_IN(v), CLF_OUT(x), CLF_OUT(logdet),
                                  const piecewise_inv_args p) {
  const int m = get_global_id(0);
  if (m >= p.y.dim[0]) return;
  const float y = AT(y, m, 0, 0, 0);
  int n = 0, hi = p.v.dim[0] - 1;
  while (hi - n > 1) { /* v[n] <= y < v[hi] */
    const int mid = (n + hi) / 2;
    if (y < KNOT(mid))
      hi = mid;
    else
      n = mid;
  }
  float a = (y - KNOT(n)) / (KNOT(n + 1) - KNOT(n));
  if (!p.tails) a = a < 0 ? 0 : a > 1 ? 1 : a;
  AT(x, m, 0, 0, 0) = p.xmin + (n + a) / p.rate;
  AT(logdet, m, 0, 0, 0) -= XI(n + 1) + log(p.rate);
}

kernel BY_ITEM void piecewise_deriv(CLF_IN(x), CLF_IN(xi), CLF_OUT(d),
                                    const piecewise_deriv_args p) {
  const int m = get_global_id(0);
  if (m >= p.x.dim[0]) return;
  const piecewise_point q =
      piecewise_point_of(AT(x, m, 0, 0, 0), p.xmin, p.rate, p.xi.dim[0] - 1, p.tails);
  AT(d, m, 0, 0, 0) = p.tails || q.inside ? p.rate * exp(XI(q.n + 1)) : 0;
}

/* ---- Gradients -------------------------------------------------------------------------------
 * Work-item g has samples e.size g .. e.size (g + 1) - 1 and sums, in its part of scratch memory,
 * dL/dv at the knots and then dL/dxi by log-dets; a second launch adds up the work-items. */
INLINE global float *piecewise_sums(global float *scratch, int g, int knots) {
  global float *dv = scratch + (size_t)g * 2 * knots;
  for (int j = 0; j < 2 * knots; j++) dv[j] = 0;
  return dv;
}
INLINE void piecewise_collect(global float *dv, int knots, piecewise_point q, float dv_at,
                              float dlog_at) {
  global float *dlog = dv + knots;
  dv[q.n] += (1 - q.a) * dv_at;
  dv[q.n + 1] += q.a * dv_at;
  dlog[q.n + 1] += dlog_at;
}

kernel BY_ITEM void piecewise_bwd(CLF_IN(x), CLF_IN(xi), CLF_IN(dy), CLF_IN(dl), CLF_OUT(dx),
                                  CLF_OUT(dalpha), CLF_OUT(dxi), const piecewise_bwd_args p,
                                  CLF_SCRATCH(bands_plan)) {
  const int g = get_global_id(0), knots = p.xi.dim[0];
  if (g >= e.count) return;
  global float *dv = piecewise_sums(scratch, g, knots);
  for (int m = g * e.size; m < min((g + 1) * e.size, p.x.dim[0]); m++) {
    const piecewise_point q =
        piecewise_point_of(AT(x, m, 0, 0, 0), p.xmin, p.rate, knots - 1, p.tails);
    const int inside = p.tails || q.inside;
    const float dy = AT(dy, m, 0, 0, 0);
    const float dlog = inside ? logdet_weight(p.dlogdet, dl_, p.dl, m) : 0;
    AT(dx, m, 0, 0, 0) = inside ? dy * p.rate * exp(XI(q.n + 1)) : 0;
    piecewise_collect(dv, knots, q, dy, dlog);
  }
}

/* The same of the inverse, with -dy and -dlogdet. */
kernel BY_ITEM void piecewise_inv_bwd(CLF_IN(x), CLF_IN(xi), CLF_IN(dx), CLF_IN(dl), CLF_OUT(dy),
                                      CLF_OUT(dalpha), CLF_OUT(dxi), const piecewise_inv_bwd_args p,
                                      CLF_SCRATCH(bands_plan)) {
  const int g = get_global_id(0), knots = p.xi.dim[0];
  if (g >= e.count) return;
  global float *dv = piecewise_sums(scratch, g, knots);
  for (int m = g * e.size; m < min((g + 1) * e.size, p.x.dim[0]); m++) {
    const piecewise_point q =
        piecewise_point_of(AT(x, m, 0, 0, 0), p.xmin, p.rate, knots - 1, p.tails);
    const float by_y = AT(dx, m, 0, 0, 0) / (p.rate * exp(XI(q.n + 1)));
    const float dy = p.tails || q.between ? by_y : 0;
    AT(dy, m, 0, 0, 0) = dy;
    piecewise_collect(dv, knots, q, -dy, -logdet_weight(p.dlogdet, dl_, p.dl, m));
  }
}

/* The sums of all work-items, from the right, since v[j] contains exp(xi[i]) for every i <= j. */
static void piecewise_add(global const float *scratch, int items, int knots, global const float *xi,
                          int xi_stride, global float *dxi, int dxi_stride, global float *dalpha) {
  float from_right = 0;
  for (int j = knots - 1; j >= 0; j--) {
    float dl = 0;
    for (int g = 0; g < items; g++) {
      from_right += scratch[(size_t)g * 2 * knots + j];
      dl += scratch[(size_t)g * 2 * knots + knots + j];
    }
    dxi[j * dxi_stride] += from_right * exp(xi[j * xi_stride]) + dl;
  }
  *dalpha += from_right;
}

kernel SINGLE void piecewise_bwd_add(CLF_IN(x), CLF_IN(xi), CLF_IN(dy), CLF_IN(dl), CLF_OUT(dx),
                                     CLF_OUT(dalpha), CLF_OUT(dxi), const piecewise_bwd_args p,
                                     CLF_SCRATCH(bands_plan)) {
  if (get_global_id(0) == 0)
    piecewise_add(scratch, e.count, p.xi.dim[0], PTR(xi, 0, 0), p.xi.stride[0], PTR(dxi, 0, 0),
                  p.dxi.stride[0], PTR(dalpha, 0, 0));
}
kernel SINGLE void piecewise_inv_bwd_add(CLF_IN(x), CLF_IN(xi), CLF_IN(dx), CLF_IN(dl), CLF_OUT(dy),
                                         CLF_OUT(dalpha), CLF_OUT(dxi),
                                         const piecewise_inv_bwd_args p, CLF_SCRATCH(bands_plan)) {
  if (get_global_id(0) == 0)
    piecewise_add(scratch, e.count, p.xi.dim[0], PTR(xi, 0, 0), p.xi.stride[0], PTR(dxi, 0, 0),
                  p.dxi.stride[0], PTR(dalpha, 0, 0));
}
