/* SPDX-License-Identifier: MIT */
/* piecewise.cl: the lecture's piecewise-linear map: a work-item for each sample. */
#include "lanes.clh"
#include "samples.clh"

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
 * Work-item g has samples e.size g .. e.size (g + 1) - 1 and sums, in its slice of scratch memory,
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

/* The samples of a work-item: from dL/d(result) `out`, dL/d(argument) to `in`.  The inverse gives
 * its parameters what the forward map would for -dy and -dlogdet. */
INLINE void piecewise_backward(clf_in x, clf_in xi, clf_in out, clf_in dl, float dlogdet,
                               clf_out in, float xmin, float rate, int tails, global float *scratch,
                               bands_plan e, int inverse) {
  const int g = get_global_id(0), knots = xi.v.dim[0];
  if (g >= e.count) return;
  global float *dv = piecewise_sums(scratch, g, knots);
  for (int m = g * e.size; m < min((g + 1) * e.size, x.v.dim[0]); m++) {
    const piecewise_point q =
        piecewise_point_of(in_at(x, m, 0, 0, 0), xmin, rate, knots - 1, tails);
    const float d = in_at(out, m, 0, 0, 0), factor = exp(in_at(xi, q.n + 1, 0, 0, 0));
    if (inverse) {
      const float dy = tails || q.between ? d / (rate * factor) : 0;
      *out_at(in, m, 0, 0, 0) = dy;
      piecewise_collect(dv, knots, q, -dy, -logdet_weight(dlogdet, dl.at, dl.v, m));
    } else {
      const int inside = tails || q.inside;
      *out_at(in, m, 0, 0, 0) = inside ? d * rate * factor : 0;
      piecewise_collect(dv, knots, q, d, inside ? logdet_weight(dlogdet, dl.at, dl.v, m) : 0);
    }
  }
}
kernel BY_ITEM void piecewise_bwd(CLF_IN(x), CLF_IN(xi), CLF_IN(dy), CLF_IN(dl), CLF_OUT(dx),
                                  CLF_OUT(dalpha), CLF_OUT(dxi), const piecewise_bwd_args p,
                                  CLF_SCRATCH(bands_plan)) {
  piecewise_backward(IN(x), IN(xi), IN(dy), IN(dl), p.dlogdet, OUT(dx), p.xmin, p.rate, p.tails,
                     scratch, e, 0);
}
kernel BY_ITEM void piecewise_inv_bwd(CLF_IN(x), CLF_IN(xi), CLF_IN(dx), CLF_IN(dl), CLF_OUT(dy),
                                      CLF_OUT(dalpha), CLF_OUT(dxi), const piecewise_inv_bwd_args p,
                                      CLF_SCRATCH(bands_plan)) {
  piecewise_backward(IN(x), IN(xi), IN(dx), IN(dl), p.dlogdet, OUT(dy), p.xmin, p.rate, p.tails,
                     scratch, e, 1);
}

/* The sums of all work-items, from the right, since v[j] contains exp(xi[i]) for every i <= j. */
INLINE void piecewise_add(global const float *scratch, int items, clf_in xi, clf_out dxi,
                          clf_out dalpha) {
  const int knots = xi.v.dim[0];
  float from_right = 0;
  for (int j = knots - 1; j >= 0; j--) {
    float dl = 0;
    for (int g = 0; g < items; g++) {
      from_right += scratch[(size_t)g * 2 * knots + j];
      dl += scratch[(size_t)g * 2 * knots + knots + j];
    }
    *out_at(dxi, j, 0, 0, 0) += from_right * exp(in_at(xi, j, 0, 0, 0)) + dl;
  }
  *out_at(dalpha, 0, 0, 0, 0) += from_right;
}
kernel SINGLE void piecewise_bwd_add(CLF_IN(x), CLF_IN(xi), CLF_IN(dy), CLF_IN(dl), CLF_OUT(dx),
                                     CLF_OUT(dalpha), CLF_OUT(dxi), const piecewise_bwd_args p,
                                     CLF_SCRATCH(bands_plan)) {
  if (get_global_id(0) == 0) piecewise_add(scratch, e.count, IN(xi), OUT(dxi), OUT(dalpha));
}
kernel SINGLE void piecewise_inv_bwd_add(CLF_IN(x), CLF_IN(xi), CLF_IN(dx), CLF_IN(dl), CLF_OUT(dy),
                                         CLF_OUT(dalpha), CLF_OUT(dxi),
                                         const piecewise_inv_bwd_args p, CLF_SCRATCH(bands_plan)) {
  if (get_global_id(0) == 0) piecewise_add(scratch, e.count, IN(xi), OUT(dxi), OUT(dalpha));
}
