/* SPDX-License-Identifier: MIT */
#include "cases.h"

/* m numbers of K bins. */
#define M(K, ends) (3 * (K) - 1 + (ends))
#define MINIMA .min_width = 1e-3f, .min_height = 1e-3f, .min_slope = 1e-3f, .end_slope = 1
#define PLAIN MINIMA, .scale = 1, .gain = 1, .beta = 1
#define SQUARE .left = -0.8f, .right = 0.8f, .bottom = -0.8f, .top = 0.8f
#define OBLONG .left = -0.9f, .right = 0.7f, .bottom = -0.4f, .top = 1.1f
#define ZUKO .like = CLF_RQS_ZUKO, .min_slope = 1e-3f, .end_slope = 1
#define FWD(N, D, d, K, e, ...) &(const clf_rqs_fwd_args){.x = DIM(N, D), .at = DIM(d), \
    .u = DIM(N, d, M(K, e)), .y = DIM(N, D), .logdet = DIM(N), .ends = e, __VA_ARGS__}
#define INV(N, D, d, K, e, ...) &(const clf_rqs_inv_args){.y = DIM(N, D), .at = DIM(d), \
    .u = DIM(N, d, M(K, e)), .x = DIM(N, D), .logdet = DIM(N), .ends = e, __VA_ARGS__}
#define BWD(N, D, d, K, e, ...) &(const clf_rqs_bwd_args){.x = DIM(N, D), .at = DIM(d), \
    .u = DIM(N, d, M(K, e)), .dy = DIM(N, D), .dx = DIM(N, D), .du = DIM(N, d, M(K, e)), .ends = e, \
    .dlogdet = -0.3f, __VA_ARGS__}
#define IBWD(N, D, d, K, e, ...) &(const clf_rqs_inv_bwd_args){.x = DIM(N, D), .at = DIM(d), \
    .u = DIM(N, d, M(K, e)), .dx = DIM(N, D), .dy = DIM(N, D), .du = DIM(N, d, M(K, e)), .ends = e, \
    .dlogdet = -0.3f, __VA_ARGS__}

/* Argument 3, one row for each of three columns; argument 4, the ends of each. */
static const float boxes[] = {-0.5f, 0.5f, -0.5f, 0.5f, -0.9f, 0.3f, -0.2f, 0.7f, -1, 1, -1, 1};
static const float kinds[] = {0, 1, 2};
#define BY_COLUMN .given = {{3, 12, boxes}, {4, 3, kinds}}

#define SHAPES(X)                                                                               \
  CASE("one",      X(1, 1, 1, 1, CLF_LINEAR_ENDS, SQUARE, PLAIN)),                                            \
  CASE("tails",    X(35, 5, 3, 4, CLF_LINEAR_ENDS, SQUARE, PLAIN), .tol = 5e-5f),                             \
  CASE("circular", X(35, 3, 3, 5, CLF_CIRCULAR_ENDS, SQUARE, PLAIN), .tol = 5e-5f),                             \
  CASE("box",      X(35, 4, 2, 3, CLF_FREE_ENDS, OBLONG, PLAIN, .outside = CLF_OUTSIDE_REFUSED), .tol = 5e-5f),               \
  CASE("lines",    X(35, 4, 2, 3, CLF_FREE_ENDS, OBLONG, PLAIN, .outside = CLF_OUTSIDE_LINE), .tol = 5e-5f),               \
  CASE("columns",  X(35, 4, 3, 3, CLF_FREE_ENDS, PLAIN, .box = DIM(3, 4), .kinds = DIM(3)), BY_COLUMN,      \
       .tol = 5e-5f),                                                                           \
  CASE("scaled",   X(7, 2, 1, 8, CLF_LINEAR_ENDS, SQUARE, MINIMA, .scale = 0.25f, .gain = 1.5f, .beta = 0.7f,  \
       .shift = 0.5f), .tol = 5e-5f),                                                           \
  CASE("zuko",     X(35, 5, 2, 6, CLF_LINEAR_ENDS, SQUARE, ZUKO), .tol = 5e-5f),                              \
  CASE("steep",    X(70, 3, 2, 6, CLF_LINEAR_ENDS, .left = -4, .right = 4, .bottom = -4, .top = 4, PLAIN),    \
       .lo = -5, .hi = 5, .tol = 5e-3f),                                                        \
  CASE("many",     X(3, 70, 69, 64, CLF_LINEAR_ENDS, SQUARE, PLAIN), .tol = 5e-4f),                           \
  CASE("usual",    X(200, 8, 4, 10, CLF_LINEAR_ENDS, SQUARE, PLAIN), .tol = 1e-4f),                           \
  CASE("large",    X(4096, 32, 16, 8, CLF_LINEAR_ENDS, SQUARE, PLAIN), .tol = 5e-4f, .bench = 1)

/* The gradients with a weight for each sample too. */
#define GRADIENTS(X)                                                                            \
  CASE("weights", X(35, 5, 3, 4, CLF_LINEAR_ENDS, SQUARE, PLAIN, .dl = DIM(35)), .tol = 5e-5f), SHAPES(X)

CLF_CASES(rqs_fwd, SHAPES(FWD));
CLF_CASES(rqs_inv, SHAPES(INV));
CLF_CASES(rqs_bwd, GRADIENTS(BWD));
CLF_CASES(rqs_inv_bwd, GRADIENTS(IBWD));
