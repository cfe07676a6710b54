/* SPDX-License-Identifier: MIT */
#include "cases.h"

#define WIDTH(nets, D, H) ((nets) * ((H) * (2 * (D) + 1) + (D)))
#define FWD(nets, s, N, D, H, L) &(const clf_mlp_coupling_fwd_args){.x = DIM(N, D), .y = DIM(N, D), \
    .logdet = DIM(N), .b = DIM(L, D), .w = DIM(L, WIDTH(nets, D, H)), .acts = DIM(L, D, N), \
    .hidden = H, .add = nets == 1, .s_max = s}
#define INV(nets, s, N, D, H, L) &(const clf_mlp_coupling_inv_args){.x = DIM(N, D), .y = DIM(N, D), \
    .logdet = DIM(N), .b = DIM(L, D), .w = DIM(L, WIDTH(nets, D, H)), .hidden = H, .add = nets == 1, .s_max = s}
#define BWD(nets, s, N, D, H, L) &(const clf_mlp_coupling_bwd_args){.y = DIM(N, D), .dy = DIM(N, D), \
    .x = DIM(N, D), .dx = DIM(N, D), .b = DIM(L, D), .w = DIM(L, WIDTH(nets, D, H)), \
    .dw = DIM(L, WIDTH(nets, D, H)), .hidden = H, .add = nets == 1, .s_max = s, .dlogdet = -0.3f}
#define ACT(nets, s, N, D, H, L) &(const clf_mlp_coupling_bwd_args){.y = DIM(N, D), .dy = DIM(N, D), \
    .dx = DIM(N, D), .b = DIM(L, D), .w = DIM(L, WIDTH(nets, D, H)), .acts = DIM(L, D, N), \
    .dw = DIM(L, WIDTH(nets, D, H)), .hidden = H, .add = nets == 1, .s_max = s, .dlogdet = -0.3f}

#define NLL(nets, s, N, D, H, L) &(const clf_mlp_coupling_nll_args){.x = DIM(N, D), .b = DIM(L, D), \
    .w = DIM(L, WIDTH(nets, D, H)), .loss = DIM(1), .dw = DIM(L, WIDTH(nets, D, H)), .hidden = H, \
    .add = nets == 1, .s_max = s, .weight = 1.0f / N}

#define SHAPES(X)                                                                          \
  CASE("one",      X(2, 0, 1, 1, 1, 1)),                                                   \
  CASE("lecture",  X(2, 0, 100, 2, 2, 4),     .tol = 1e-4f, .bench = 1),                   \
  CASE("block",    X(2, 0, 16, 2, 3, 1)),                                                  \
  CASE("ragged",   X(2, 0, 35, 3, 5, 2),      .tol = 1e-4f),                               \
  CASE("bounded",  X(2, 0.7f, 35, 3, 5, 2),   .tol = 1e-4f),                               \
  CASE("additive", X(1, 0, 35, 3, 5, 2),      .tol = 1e-4f),                               \
  CASE("bands",    X(2, 0, 21, 9, 17, 2),     .lo = -0.3f, .hi = 0.3f, .tol = 1e-4f),      \
  CASE("items",    X(2, 0, 300, 4, 33, 3),    .lo = -0.3f, .hi = 0.3f, .tol = 1e-4f),      \
  CASE("one mask", X(2, 0, 70, 1, 7, 8),      .lo = -0.3f, .hi = 0.3f, .tol = 1e-4f),      \
  CASE("tiles",    X(2, 0, 150, 20, 40, 3),   .lo = -0.1f, .hi = 0.1f, .tol = 1e-4f),      \
  CASE("sums",     X(2, 0, 4200, 5, 9, 2),    .lo = -0.3f, .hi = 0.3f, .tol = 1e-3f),      \
  CASE("moons 64", X(2, 0, 256, 2, 64, 8),    .lo = -0.1f, .hi = 0.1f, .tol = 1e-4f, .bench = 1), \
  CASE("6 x 128",  X(2, 0, 1024, 6, 128, 10), .lo = -0.1f, .hi = 0.1f, .tol = 1e-3f, .bench = 1), \
  CASE("64 x 512", X(2, 0, 4096, 64, 512, 1), .lo = -0.02f, .hi = 0.02f, .tol = 1e-3f, .bench = 1)

CLF_CASES(mlp_coupling_fwd, SHAPES(FWD));
CLF_CASES(mlp_coupling_inv, SHAPES(INV));
CLF_CASES(mlp_coupling_bwd, SHAPES(BWD),
  CASE("acts",          ACT(2, 0, 35, 3, 5, 2),    .tol = 1e-4f),
  CASE("acts bounded",  ACT(2, 0.7f, 35, 3, 5, 2), .tol = 1e-4f),
  CASE("acts additive", ACT(1, 0, 35, 3, 5, 2),    .tol = 1e-4f),
  CASE("acts items",    ACT(2, 0, 300, 4, 33, 3),  .lo = -0.3f, .hi = 0.3f, .tol = 1e-4f),
  CASE("acts sums",     ACT(2, 0, 4200, 5, 9, 2),  .lo = -0.3f, .hi = 0.3f, .tol = 1e-3f),
  CASE("acts 6 x 128",  ACT(2, 0, 1024, 6, 128, 10), .lo = -0.1f, .hi = 0.1f, .tol = 1e-3f, .bench = 1));
CLF_CASES(mlp_coupling_nll, SHAPES(NLL));
