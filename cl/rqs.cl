/* SPDX-License-Identifier: MIT */
/* rqs.cl: rational-quadratic splines: values, the inverse, and the gradients of both. */
#include "maps.clh"
#include "rqs.clh"

/* ---- Values --------------------------------------------------------------------------------- */

/* The numbers of column j. */
INLINE rqs_numbers rqs_numbers_of(map_range q, int j, global const float *u, clf_view v) {
  const rqs_numbers n = {u + v.offset + q.n * v.stride[0] + j * v.stride[1], v.stride[2],
                         v.stride[0], q.left};
  return n;
}

/* y of x (turned already), and log(dy/dx) there. */
INLINE V rqs_forward(rqs s, rqs_numbers u, V x, V *log_slope) {
  const V in = clamp_v(x, s.left, s.right);
  const rqs_bin f = rqs_find(s, u, x, 0);
  const rqs_point at_x = rqs_point_at(f, rqs_theta_of_x(f, x));
  const V slope = rqs_slope(at_x), L = log(slope);
  const V inner = clamp_v(f.y + f.h * (at_x.num / at_x.den), s.bottom, s.top);
  const V line = inner + slope * (x - in);
  const V other = s.kind != CLF_FREE_ENDS ? x : s.line ? line : inner;
  const V other_L = s.kind != CLF_FREE_ENDS ? (V)0 : s.line ? L : (V)-INFINITY;
  *log_slope = x == in ? L : other_L;
  return x == in ? inner : other;
}

/* All columns of a call; `inverse` is a constant. */
INLINE void rqs_map(clf_in x, clf_in at, clf_in u, clf_in box, clf_in kinds, clf_out y,
                    clf_out logdet, rqs call, int inverse, local float *memory) {
  const map_range q = map_range_of(x.v, at.v);
  V sum = 0;
  map_copy(q, x, y);
  FOR_COLUMNS(q, j) {
    const int c = map_column(at, q, j);
    const rqs s = rqs_column(call, box.at, box.v, kinds.at, kinds.v, j);
    const rqs_numbers numbers = rqs_numbers_of(q, j, u.at, u.v);
    const V v = map_get(x, q, c);
    V L;
    map_put(y, q, c,
            inverse ? rqs_inverse(s, numbers, v, &L)
                    : rqs_forward(s, numbers, rqs_turned(s, v), &L));
    sum += L;
  }
  map_logdet(q, sum, inverse ? -1 : 1, memory, logdet);
}
kernel BY_SAMPLE void rqs_fwd(CLF_IN(x), CLF_IN(at), CLF_IN(u), CLF_IN(box), CLF_IN(kinds),
                              CLF_OUT(y), CLF_OUT(logdet), const rqs_fwd_args p) {
  GROUP_MEMORY(memory);
  const rqs call = RQS_OF(p, p.u.dim[2]);
  rqs_map(IN(x), IN(at), IN(u), IN(box), IN(kinds), OUT(y), OUT(logdet), call, 0, memory);
}
kernel BY_SAMPLE void rqs_inv(CLF_IN(y), CLF_IN(at), CLF_IN(u), CLF_IN(box), CLF_IN(kinds),
                              CLF_OUT(x), CLF_OUT(logdet), const rqs_inv_args p) {
  GROUP_MEMORY(memory);
  const rqs call = RQS_OF(p, p.u.dim[2]);
  rqs_map(IN(y), IN(at), IN(u), IN(box), IN(kinds), OUT(x), OUT(logdet), call, 1, memory);
}

/* ---- Gradients ------------------------------------------------------------------------------ */

typedef struct {
  V in, x, y, w, h, u_a, u_b; /* dL by the argument, corner and size of a bin, its raw slopes */
} rqs_gradient;

/* The gradient through f, or through its inverse, as bin_backward() in cpu_ref/rqs.c. */
INLINE rqs_gradient rqs_backward(rqs s, rqs_bin f, V x, V out, V gl, int inverse) {
  const V in = clamp_v(x, s.left, s.right), zero = 0;
  const clf_mask inside = x == in;
  const rqs_point p = rqs_point_at(f, rqs_theta_of_x(f, x));
  const V flat = 1 - 2 * p.theta, rest = 1 - p.theta, d2 = p.den * p.den;
  const V slope = rqs_slope(p);
  const V L_in =
      (2 * f.b * p.theta + 2 * p.s * flat - 2 * f.a * rest) / p.N - 2 * p.E * flat / p.den;
  const V L_theta = inside ? L_in : zero;
  const V along = inverse ? (out - gl * L_theta / f.w) / slope : out * slope + gl * L_theta / f.w;
  const V own = inverse ? -along : out, own_L = inverse ? -gl : gl;
  const V gy = s.line ? own : inside ? own : zero;
  const V gL = inside ? own_L : s.line ? own_L + own * slope * (x - in) : zero;
  const V g_theta = inside ? gy * f.h * p.s * p.N / d2 + gL * L_theta : zero;
  const V g_s = gy * f.h * (p.theta * p.theta * p.den - p.num * (1 - 2 * p.t)) / d2 +
                gL * (2 / p.s + 2 * p.t / p.N - 2 * (1 - 2 * p.t) / p.den);
  const V g_a = gy * f.h * p.t * (p.den - p.num) / d2 + gL * (rest * rest / p.N - 2 * p.t / p.den);
  const V g_b = -gy * f.h * p.t * p.num / d2 + gL * (p.theta * p.theta / p.N - 2 * p.t / p.den);
  rqs_gradient g;
  g.x = -g_theta / f.w;
  g.w = -(g_theta * p.theta + g_s * p.s) / f.w;
  g.y = gy;
  g.h = gy * p.num / p.den + g_s / f.w;
  g.u_a = g_a * rqs_knot_slope_slope(s, f.u_a, f.a);
  g.u_b = g_b * rqs_knot_slope_slope(s, f.u_b, f.b);
  if (s.kind == CLF_LINEAR_ENDS) {
    g.u_a = f.k == 0 ? zero : g.u_a;
    g.u_b = f.k == (V)(s.K - 1) ? zero : g.u_b;
  }
  g.in = s.line ? along : inside ? along : s.kind != CLF_FREE_ENDS ? out : zero;
  return g;
}

/* dL by raw width or height number `at`, of bin i; the corner of a bin is the sum of those before.
 */
INLINE V rqs_size_gradient(rqs s, rqs_numbers u, rqs_softmax m, rqs_bin f, int at, int i, float c,
                           V mean, V g_corner, V g_size) {
  const V zero = 0, g = f.k > (V)i ? g_corner : f.k == (V)i ? g_size : zero;
  const V value = rqs_softmax_at(s, u, m, at);
  return c * value * (g - mean) * rqs_squeezed_slope(s, rqs_number(u, at), 2 * s.rate);
}
/* dL by raw slope number r. */
INLINE V rqs_slope_gradient(rqs s, rqs_bin f, rqs_gradient g, int r) {
  const int i = r + (s.ends == CLF_LINEAR_ENDS), circular = s.kind == CLF_CIRCULAR_ENDS;
  const V zero = 0, a = f.k == (V)i ? g.u_a : zero, b = f.k == (V)(i - 1) ? g.u_b : zero;
  const V round = f.k == (V)(s.K - 1) ? g.u_b : zero;
  return circular && i == s.K ? zero : circular && i == 0 ? a + round : a + b;
}

/* All gradients of a column, from dL/d(result) `out` and dL/dlogdet `gl`; x is turned already. */
INLINE void rqs_column_backward(rqs s, rqs_numbers u, V x, V out, V gl, int inverse,
                                map_gradients to) {
  const rqs_bin f = rqs_find(s, u, x, 0);
  const rqs_gradient g = rqs_backward(s, f, x, out, gl, inverse);
  const V mean_w = f.sum_w * g.x + f.part_w * g.w, mean_h = f.sum_h * g.y + f.part_h * g.h;
  const float c_w = (s.right - s.left) * (1 - s.min_width * s.K);
  const float c_h = (s.top - s.bottom) * (1 - s.min_height * s.K);
  lanes_store(g.in, to.in, to.in_step, to.left);
  for (int i = 0; i < s.K; i++) {
    map_put_number(to, i, rqs_size_gradient(s, u, f.widths, f, i, i, c_w, mean_w, g.x, g.w));
    map_put_number(to, s.K + i,
                   rqs_size_gradient(s, u, f.heights, f, s.K + i, i, c_h, mean_h, g.y, g.h));
  }
  for (int r = 0; r < s.K - 1 + s.ends; r++)
    map_put_number(to, 2 * s.K + r, rqs_slope_gradient(s, f, g, r));
}

/* The gradients of a call: from dL/d(result) `out`, dL/d(argument) to `in`. */
INLINE void rqs_map_backward(clf_in x, clf_in at, clf_in u, clf_in box, clf_in kinds, clf_in out,
                             clf_in dl, float dlogdet, clf_out in, clf_out du, rqs call,
                             int inverse) {
  const map_range q = map_range_of(out.v, at.v);
  map_copy(q, out, in);
  FOR_COLUMNS(q, j) {
    const int c = map_column(at, q, j);
    const rqs s = rqs_column(call, box.at, box.v, kinds.at, kinds.v, j);
    const V turned = rqs_turned(s, map_get(x, q, c)), weight = map_logdet_weight(q, dlogdet, dl);
    rqs_column_backward(s, rqs_numbers_of(q, j, u.at, u.v), turned, map_get(out, q, c), weight,
                        inverse, map_gradients_of(q, in, c, du, j));
  }
}
kernel BY_SAMPLE void rqs_bwd(CLF_IN(x), CLF_IN(at), CLF_IN(u), CLF_IN(box), CLF_IN(kinds),
                              CLF_IN(dy), CLF_IN(dl), CLF_OUT(dx), CLF_OUT(du),
                              const rqs_bwd_args p) {
  const rqs call = RQS_OF(p, p.u.dim[2]);
  rqs_map_backward(IN(x), IN(at), IN(u), IN(box), IN(kinds), IN(dy), IN(dl), p.dlogdet, OUT(dx),
                   OUT(du), call, 0);
}
kernel BY_SAMPLE void rqs_inv_bwd(CLF_IN(x), CLF_IN(at), CLF_IN(u), CLF_IN(box), CLF_IN(kinds),
                                  CLF_IN(dx), CLF_IN(dl), CLF_OUT(dy), CLF_OUT(du),
                                  const rqs_inv_bwd_args p) {
  const rqs call = RQS_OF(p, p.u.dim[2]);
  rqs_map_backward(IN(x), IN(at), IN(u), IN(box), IN(kinds), IN(dx), IN(dl), p.dlogdet, OUT(dy),
                   OUT(du), call, 1);
}
