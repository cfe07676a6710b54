/* SPDX-License-Identifier: MIT */
#include "cases.h"

/* m numbers: K of first order; 2 K - 1 of second order with tails, else 2 K + 1. */
#define M(K, o, t) ((o) == 1 ? (K) : 2 * (K) + ((t) ? -1 : 1))
#define BOX .left = -0.8f, .right = 0.7f, .bottom = -0.8f, .top = 0.7f, .scale = 1, \
    .min_width = 1e-3f, .min_height = 1e-3f
/* A box for each of 3 columns. */
static const float boxes[] = {-0.5f, 0.5f, -0.5f, 0.5f, -0.9f, 0.3f, -0.2f, 0.7f, -1, 1, -1, 1};
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

#define BY_COLUMN .at = DIM(3), .u = DIM(35, 3, 9), .box = DIM(3, 4), .order = 2, .tails = 1, \
    .end_share = 0.25f, .scale = 1, .min_width = 1e-3f, .min_height = 1e-3f
#define GIVEN .given = {{3, 12, boxes}}, .tol = 5e-5f

CLF_CASES(poly_spline_fwd, SHAPES(FWD),
  CASE("columns", &(const clf_poly_spline_fwd_args){.x = DIM(35, 5), .y = DIM(35, 5), .logdet = DIM(35), BY_COLUMN}, GIVEN));
CLF_CASES(poly_spline_inv, SHAPES(INV),
  CASE("columns", &(const clf_poly_spline_inv_args){.y = DIM(35, 5), .x = DIM(35, 5), .logdet = DIM(35), BY_COLUMN}, GIVEN));
CLF_CASES(poly_spline_bwd, SHAPES(BWD),
  CASE("columns", &(const clf_poly_spline_bwd_args){.x = DIM(35, 5), .dy = DIM(35, 5), .dx = DIM(35, 5),
       .du = DIM(35, 3, 9), .dlogdet = -0.3f, BY_COLUMN}, GIVEN));
CLF_CASES(poly_spline_inv_bwd, SHAPES(IBWD),
  CASE("columns", &(const clf_poly_spline_inv_bwd_args){.x = DIM(35, 5), .dx = DIM(35, 5), .dy = DIM(35, 5),
       .du = DIM(35, 3, 9), .dlogdet = -0.3f, BY_COLUMN}, GIVEN));
