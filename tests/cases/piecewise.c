/* SPDX-License-Identifier: MIT */
#include "cases.h"

#define MAP .xmin = -1.1f, .rate = 3.7f
#define KNOTS(Q) &(const clf_piecewise_knots_args){.alpha = DIM(1), .xi = DIM(Q + 1), .v = DIM(Q + 1)}
#define FWD(N, Q, t) &(const clf_piecewise_fwd_args){.x = DIM(N), .xi = DIM(Q + 1), .v = DIM(Q + 1), \
    .y = DIM(N), .logdet = DIM(N), MAP, .tails = t}
#define INV(N, Q, t) &(const clf_piecewise_inv_args){.y = DIM(N), .xi = DIM(Q + 1), .v = DIM(Q + 1), \
    .x = DIM(N), .logdet = DIM(N), MAP, .tails = t}
#define DERIV(N, Q, t) &(const clf_piecewise_deriv_args){.x = DIM(N), .xi = DIM(Q + 1), .d = DIM(N), MAP, .tails = t}
#define BWD(N, Q, t) &(const clf_piecewise_bwd_args){.x = DIM(N), .xi = DIM(Q + 1), .dy = DIM(N), .dx = DIM(N), \
    .dalpha = DIM(1), .dxi = DIM(Q + 1), MAP, .tails = t, .dlogdet = -0.3f}

#define BWD_EACH(N, Q, t) &(const clf_piecewise_bwd_args){.x = DIM(N), .xi = DIM(Q + 1), .dy = DIM(N), \
    .dl = DIM(N), .dx = DIM(N), .dalpha = DIM(1), .dxi = DIM(Q + 1), MAP, .tails = t, .dlogdet = -0.3f}

#define INV_BWD(N, Q, t) &(const clf_piecewise_inv_bwd_args){.x = DIM(N), .xi = DIM(Q + 1), .dx = DIM(N), \
    .dl = DIM(N), .dy = DIM(N), .dalpha = DIM(1), .dxi = DIM(Q + 1), MAP, .tails = t, .dlogdet = -0.3f}

/* The interval is -1.1 .. -1.1 + Q / 3.7: narrow Q leaves x outside. */
#define SHAPES(X)                               \
  CASE("one",     X(1, 1, 0)),                  \
  CASE("outside", X(35, 3, 0)),                 \
  CASE("tails",   X(35, 3, 1)),                 \
  CASE("ragged",  X(301, 16, 0), .tol = 5e-5f), \
  CASE("large",   X(20000, 100, 0), .tol = 2e-4f, .bench = 1)

CLF_CASES(piecewise_knots,
  CASE("one", KNOTS(1)), CASE("odd", KNOTS(17)), CASE("many", KNOTS(1000), .tol = 1e-4f));
CLF_CASES(piecewise_fwd, SHAPES(FWD));
CLF_CASES(piecewise_deriv, SHAPES(DERIV));
CLF_CASES(piecewise_bwd, SHAPES(BWD), CASE("each", BWD_EACH(301, 16, 1), .tol = 5e-5f));
CLF_CASES(piecewise_inv_bwd, SHAPES(INV_BWD),
  CASE("alone", &(const clf_piecewise_inv_bwd_args){.x = DIM(35), .xi = DIM(4), .dx = DIM(35), .dy = DIM(35),
       .dalpha = DIM(1), .dxi = DIM(4), MAP, .dlogdet = -0.3f}));
/* Random v are not increasing, as the inverse needs: one piece and the ends of tails. */
CLF_CASES(piecewise_inv,
  CASE("one",   INV(1, 1, 0)),
  CASE("piece", INV(35, 1, 0)),
  CASE("tails", INV(35, 1, 1), .tol = 1e-4f));
