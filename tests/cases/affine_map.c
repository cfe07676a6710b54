/* SPDX-License-Identifier: MIT */
#include "cases.h"

#define FWD(N, D, d, kind, ...) &(const clf_affine_map_fwd_args){.x = DIM(N, D), .at = DIM(d), \
    .t = DIM(N, d), .y = DIM(N, D), .logdet = DIM(N), .scale = CLF_SCALE_##kind, __VA_ARGS__}
#define INV(N, D, d, kind, ...) &(const clf_affine_map_inv_args){.y = DIM(N, D), .at = DIM(d), \
    .t = DIM(N, d), .x = DIM(N, D), .logdet = DIM(N), .scale = CLF_SCALE_##kind, __VA_ARGS__}
#define BWD(N, D, d, kind, ...) &(const clf_affine_map_bwd_args){.x = DIM(N, D), .at = DIM(d), \
    .t = DIM(N, d), .dy = DIM(N, D), .dx = DIM(N, D), .dt = DIM(N, d), .dlogdet = -0.3f, \
    .scale = CLF_SCALE_##kind, __VA_ARGS__}
#define IBWD(N, D, d, kind, ...) &(const clf_affine_map_inv_bwd_args){.x = DIM(N, D), .at = DIM(d), \
    .t = DIM(N, d), .dx = DIM(N, D), .dy = DIM(N, D), .dt = DIM(N, d), .dlogdet = -0.3f, \
    .scale = CLF_SCALE_##kind, __VA_ARGS__}

/* S(N, d) says that there is a scale: as an argument, or with its gradient. */
#define GIVEN(N, d) .s = DIM(N, d)
#define BOTH(N, d) .s = DIM(N, d), .ds = DIM(N, d)
#define TRAINED .a = 1, .g = DIM(1), .g0 = DIM(1)
#define SHAPES(X, S)                                                                           \
  CASE("one",         X(1, 1, 1, exp, S(1, 1))),                                               \
  CASE("additive",    X(35, 5, 3, exp, .first = 0)),                                           \
  CASE("exp",         X(35, 5, 3, exp, S(35, 3)), .lo = -3, .hi = 3, .tol = 5e-5f),            \
  CASE("exp_clip",    X(35, 5, 3, exp_clip, S(35, 3), .a = 2), .lo = -3, .hi = 3, .tol = 5e-5f), \
  CASE("sigmoid",     X(35, 5, 3, sigmoid, S(35, 3), .a = 2, .b = 1e-3f), .lo = -9, .hi = 9,   \
       .tol = 2e-4f),                                                                          \
  CASE("softplus",    X(35, 5, 3, softplus, S(35, 3), .b = 1e-3f), .lo = -9, .hi = 9, .tol = 2e-4f), \
  CASE("general",     X(35, 5, 3, general, S(35, 3), .a = 3, .b = 1e-3f), .lo = -9, .hi = 9,   \
       .tol = 2e-4f),                                                                          \
  CASE("soft",        X(35, 5, 3, soft, S(35, 3), .a = 1e-3f), .lo = -9, .hi = 9, .tol = 2e-4f), \
  CASE("atan",        X(35, 5, 3, atan, S(35, 3), .a = 2), .lo = -3, .hi = 3, .tol = 5e-5f),   \
  CASE("tanh",        X(35, 5, 3, tanh, S(35, 3), .a = 1.5f), .lo = -3, .hi = 3, .tol = 5e-5f), \
  CASE("tanh_wide",   X(35, 5, 3, tanh_wide, S(35, 3), .a = 1.5f), .lo = -3, .hi = 3, .tol = 5e-5f), \
  CASE("sigmoid_log", X(35, 5, 3, sigmoid_log, S(35, 3), .a = 2), .lo = -3, .hi = 3, .tol = 5e-5f), \
  CASE("trained",     X(35, 5, 3, tanh_wide, S(35, 3), TRAINED), .lo = -3, .hi = 3, .tol = 5e-5f), \
  CASE("trained alone", X(35, 5, 3, tanh_wide, S(35, 3), .a = 1, .g = DIM(1), .first = 1)),    \
  CASE("shift first", X(35, 5, 3, sigmoid, S(35, 3), .a = 2, .first = 1)),                     \
  CASE("many",        X(3, 150, 149, exp, S(3, 149)), .tol = 1e-4f),                           \
  CASE("large",       X(4096, 64, 32, exp, S(4096, 32)), .tol = 1e-4f, .bench = 1)

#define GRADIENTS(X)                                                                           \
  CASE("weights", X(35, 5, 3, exp, BOTH(35, 3), .dl = DIM(35))), SHAPES(X, BOTH)

CLF_CASES(affine_map_fwd, SHAPES(FWD, GIVEN));
CLF_CASES(affine_map_inv, SHAPES(INV, GIVEN));
CLF_CASES(affine_map_bwd, GRADIENTS(BWD));
CLF_CASES(affine_map_inv_bwd, GRADIENTS(IBWD));

#define TRAINED_BWD(N, d, ...) &(const clf_trained_scale_bwd_args){.s = DIM(N, d), .g = DIM(1), \
    .ds = DIM(N, d), __VA_ARGS__}
CLF_CASES(trained_scale_bwd,
  CASE("one",        TRAINED_BWD(1, 1, .dg = DIM(1))),
  CASE("some",       TRAINED_BWD(35, 3, .dg = DIM(1), .dg0 = DIM(1)), .lo = -3, .hi = 3),
  CASE("no weights", TRAINED_BWD(35, 3, .dg = {0})),
  CASE("wide",       TRAINED_BWD(3, 149, .dg = DIM(1))),
  CASE("long",       TRAINED_BWD(500, 7, .dg = DIM(1), .dg0 = DIM(1)), .tol = 1e-4f));
