/* SPDX-License-Identifier: MIT */
#include "cases.h"

#define FWD(k, N, C, ...) &(const clf_scale_shift_fwd_args){.x = {.dim = {N, C, __VA_ARGS__}}, .u = DIM(C), \
    .shift = DIM(C), .y = {.dim = {N, C, __VA_ARGS__}}, .logdet = DIM(N), .kind = k, .eps = 1e-3f}
#define INV(k, N, C, ...) &(const clf_scale_shift_inv_args){.y = {.dim = {N, C, __VA_ARGS__}}, .u = DIM(C), \
    .shift = DIM(C), .x = {.dim = {N, C, __VA_ARGS__}}, .logdet = DIM(N), .kind = k, .eps = 1e-3f}
#define BWD(k, N, C, ...) &(const clf_scale_shift_bwd_args){.x = {.dim = {N, C, __VA_ARGS__}}, .u = DIM(C), \
    .dy = {.dim = {N, C, __VA_ARGS__}}, .dl = DIM(N), .dx = {.dim = {N, C, __VA_ARGS__}}, .du = DIM(C), \
    .dshift = DIM(C), .kind = k, .eps = 1e-3f, .dlogdet = -0.3f}
#define INV_BWD(k, N, C, ...) &(const clf_scale_shift_inv_bwd_args){.x = {.dim = {N, C, __VA_ARGS__}}, .u = DIM(C), \
    .dx = {.dim = {N, C, __VA_ARGS__}}, .dl = DIM(N), .dy = {.dim = {N, C, __VA_ARGS__}}, .du = DIM(C), \
    .dshift = DIM(C), .kind = k, .eps = 1e-3f, .dlogdet = -0.3f}

#define SHAPES(X) \
  CASE("one",      X(0, 1, 1, 1)), CASE("exp", X(0, 35, 7, 1), .tol = 3e-5f), \
  CASE("plain",    X(1, 35, 7, 1), .lo = 0.5f, .hi = 2, .tol = 3e-5f), \
  CASE("negative", X(1, 35, 7, 1), .lo = -2, .hi = -0.5f, .tol = 3e-5f), \
  CASE("softplus", X(2, 35, 7, 1), .tol = 3e-5f), CASE("FrEIA's softplus", X(3, 35, 7, 1), .tol = 1e-4f), \
  CASE("sigmoid",  X(4, 35, 7, 1), .tol = 1e-4f), CASE("wide", X(0, 300, 33, 1), .tol = 1e-4f), \
  CASE("image",    X(0, 3, 5, 4, 7), .tol = 3e-5f), CASE("last", X(2, 3, 17, 4, 7), .nhwc = 1, .tol = 1e-4f), \
  CASE("channels", X(0, 2, 32, 3, 5), .nhwc = 1, .tol = 1e-4f), \
  CASE("large",    X(0, 4096, 64, 1), .tol = 1e-3f, .bench = 1)

CLF_CASES(scale_shift_fwd, SHAPES(FWD),
  CASE("no shift", &(const clf_scale_shift_fwd_args){.x = DIM(9, 5), .u = DIM(5), .y = DIM(9, 5), .logdet = DIM(9)}));
CLF_CASES(scale_shift_inv, SHAPES(INV));
CLF_CASES(scale_shift_bwd, SHAPES(BWD),
  CASE("dx alone", &(const clf_scale_shift_bwd_args){.x = DIM(9, 5), .u = DIM(5), .dy = DIM(9, 5), .dx = DIM(9, 5)}));
CLF_CASES(scale_shift_inv_bwd, SHAPES(INV_BWD),
  CASE("dy alone", &(const clf_scale_shift_inv_bwd_args){.x = DIM(9, 5), .u = DIM(5), .dx = DIM(9, 5), .dy = DIM(9, 5)}));
