/* SPDX-License-Identifier: MIT */
#include "cases.h"

/* m numbers: K of first order; 2 K - 1 of second order with tails, else 2 K + 1. */
#define M(K, o, t) ((o) == 1 ? (K) : 2 * (K) + ((t) ? -1 : 1))
#define BOX .left = -0.8f, .right = 0.7f, .bottom = -0.8f, .top = 0.7f, .scale = 1, \
    .min_width = 1e-3f, .min_height = 1e-3f
#define FWD(N, D, d, K, o, t, e) &(const clf_poly_spline_fwd_args){.x = DIM(N, D), .at = DIM(d), \
    .u = DIM(N, d, M(K, o, t)), .y = DIM(N, D), .logdet = DIM(N), .order = o, .tails = t, .end_share = e, BOX}
#define INV(N, D, d, K, o, t, e) &(const clf_poly_spline_inv_args){.y = DIM(N, D), .at = DIM(d), \
    .u = DIM(N, d, M(K, o, t)), .x = DIM(N, D), .logdet = DIM(N), .order = o, .tails = t, .end_share = e, BOX}
#define BWD(N, D, d, K, o, t, e) &(const clf_poly_spline_bwd_args){.x = DIM(N, D), .at = DIM(d), \
    .u = DIM(N, d, M(K, o, t)), .dy = DIM(N, D), .dx = DIM(N, D), .du = DIM(N, d, M(K, o, t)), .order = o, \
    .tails = t, .end_share = e, .dlogdet = -0.3f, BOX}
#define IBWD(N, D, d, K, o, t, e) &(const clf_poly_spline_inv_bwd_args){.x = DIM(N, D), .at = DIM(d), \
    .u = DIM(N, d, M(K, o, t)), .dx = DIM(N, D), .dy = DIM(N, D), .du = DIM(N, d, M(K, o, t)), .order = o, \
    .tails = t, .end_share = e, .dlogdet = -0.3f, BOX}

#define SHAPES(X)                                                                  \
  CASE("one",            X(1, 1, 1, 1, 1, 0, 0)),                                  \
  CASE("linear",         X(35, 5, 3, 4, 1, 0, 0), .tol = 5e-5f),                   \
  CASE("linear, tails",  X(35, 5, 3, 7, 1, 1, 0), .tol = 5e-5f),                   \
  CASE("quadratic",      X(35, 5, 3, 4, 2, 0, 0), .tol = 5e-5f),                   \
  CASE("two bins",       X(35, 5, 3, 2, 2, 1, 0.5f), .tol = 5e-5f),                \
  CASE("tails",          X(35, 5, 3, 5, 2, 1, 0.5f), .tol = 5e-5f),                \
  CASE("nflows' tails",  X(35, 5, 3, 5, 2, 1, 0.25f), .tol = 5e-5f),               \
  CASE("many",           X(3, 70, 69, 64, 2, 0, 0), .tol = 5e-4f),                 \
  CASE("large",          X(4096, 32, 16, 8, 2, 1, 0.5f), .tol = 5e-4f, .bench = 1)

CLF_CASES(poly_spline_fwd, SHAPES(FWD));
CLF_CASES(poly_spline_inv, SHAPES(INV));
CLF_CASES(poly_spline_bwd, SHAPES(BWD));
CLF_CASES(poly_spline_inv_bwd, SHAPES(IBWD));
