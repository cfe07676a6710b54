/* SPDX-License-Identifier: MIT */
#include "cases.h"

#define FIRST(a, ...) a
#define REST(a, ...) 1, __VA_ARGS__
#define NLOG(...) DIM(FIRST(__VA_ARGS__, 0))
#define MASK(...) DIM(REST(__VA_ARGS__))

#define APPLY(bt, ...) &(const clf_mask_apply_args){.x = DIM(__VA_ARGS__), .b = MASK(__VA_ARGS__), \
    .y = DIM(__VA_ARGS__), .beta = bt}
#define FWD(s, ...) &(const clf_affine_fwd_args){.x = DIM(__VA_ARGS__), .h = DIM(__VA_ARGS__), \
    .t = DIM(__VA_ARGS__), .b = MASK(__VA_ARGS__), .y = DIM(__VA_ARGS__), .logdet = NLOG(__VA_ARGS__), .s_max = s}
#define INV(s, ...) &(const clf_affine_inv_args){.y = DIM(__VA_ARGS__), .h = DIM(__VA_ARGS__), \
    .t = DIM(__VA_ARGS__), .b = MASK(__VA_ARGS__), .x = DIM(__VA_ARGS__), .logdet = NLOG(__VA_ARGS__), .s_max = s}
#define BWD(s, ...) &(const clf_affine_bwd_args){.x = DIM(__VA_ARGS__), .h = DIM(__VA_ARGS__), \
    .b = MASK(__VA_ARGS__), .dy = DIM(__VA_ARGS__), .dx = DIM(__VA_ARGS__), .dh = DIM(__VA_ARGS__), \
    .dt = DIM(__VA_ARGS__), .s_max = s, .dlogdet = -0.3f}
#define BWD_EACH(s, ...) &(const clf_affine_bwd_args){.x = DIM(__VA_ARGS__), .h = DIM(__VA_ARGS__), \
    .b = MASK(__VA_ARGS__), .dy = DIM(__VA_ARGS__), .dl = NLOG(__VA_ARGS__), .dx = DIM(__VA_ARGS__), \
    .dh = DIM(__VA_ARGS__), .dt = DIM(__VA_ARGS__), .s_max = s, .dlogdet = -0.3f}
#define ADD(s, ...) &(const clf_additive_args){.x = DIM(__VA_ARGS__), .t = DIM(__VA_ARGS__), \
    .b = MASK(__VA_ARGS__), .y = DIM(__VA_ARGS__), .sign = s}
#define ADDB(s, ...) &(const clf_additive_bwd_args){.b = MASK(__VA_ARGS__), .dy = DIM(__VA_ARGS__), \
    .dt = DIM(__VA_ARGS__), .sign = s}

#define SHAPES(X)                                                             \
  CASE("one",       X(0, 1, 1, 1, 1)),                                        \
  CASE("vector",    X(0, 5, 7, 1, 1)),                                        \
  CASE("bounded",   X(1.5f, 5, 7, 1, 1), .lo = -3, .hi = 3, .tol = 1e-4f),    \
  CASE("image",     X(0, 3, 6, 5, 9)),                                        \
  CASE("large s",   X(2, 2, 4, 3, 3), .lo = -30, .hi = 30, .tol = 1e-4f),     \
  CASE("glow 32",   X(2, 32, 12, 32, 32), .tol = 1e-3f, .bench = 1)

CLF_CASES(mask_apply,
  CASE("one",    APPLY(0, 1, 1, 1, 1), .fresh = 1),
  CASE("vector", APPLY(0, 35, 9, 1, 1), .fresh = 1),
  CASE("add",    APPLY(1, 35, 9, 1, 1)),
  CASE("image",  APPLY(-0.5f, 3, 6, 5, 9)),
  CASE("large",  APPLY(0, 4096, 64, 1, 1), .bench = 1));
CLF_CASES(affine_fwd, SHAPES(FWD));
CLF_CASES(affine_inv, SHAPES(INV));
CLF_CASES(affine_bwd, SHAPES(BWD),
  CASE("each", BWD_EACH(2, 35, 7, 1, 1)));
CLF_CASES(additive,
  CASE("one",     ADD(1, 1, 1, 1, 1)),
  CASE("vector",  ADD(1, 5, 7, 1, 1)),
  CASE("inverse", ADD(-1, 35, 70, 1, 1)),
  CASE("image",   ADD(1, 3, 6, 5, 9)));
CLF_CASES(additive_bwd,
  CASE("one",    ADDB(1, 1, 1, 1, 1)),
  CASE("vector", ADDB(1, 35, 70, 1, 1)),
  CASE("image",  ADDB(-1, 3, 6, 5, 9)));
