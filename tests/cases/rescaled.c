/* SPDX-License-Identifier: MIT */
#include "cases.h"

#define IMAGE(N, C, H, W) DIM(N, C, H, W)
#define FWD(on, first, g0_, N, C, H, W) &(const clf_rescaled_fwd_args){.x = IMAGE(N, C, H, W), \
    .th = IMAGE(N, 2 * (C), H, W), .g = DIM(1), .g0 = DIM(g0_), .y = IMAGE(N, C, H, W), .logdet = DIM(N), \
    .pixels = on, .scale_first = first}
#define INV(on, first, g0_, N, C, H, W) &(const clf_rescaled_inv_args){.y = IMAGE(N, C, H, W), \
    .th = IMAGE(N, 2 * (C), H, W), .g = DIM(1), .g0 = DIM(g0_), .x = IMAGE(N, C, H, W), .logdet = DIM(N), \
    .pixels = on, .scale_first = first}
#define BWD_OF(on, first, g0_, dl_, dg_, N, C, H, W) &(const clf_rescaled_bwd_args){ \
    .x = IMAGE(N, C, H, W), .th = IMAGE(N, 2 * (C), H, W), .g = DIM(1), .g0 = DIM(g0_), \
    .dy = IMAGE(N, C, H, W), .dl = DIM(dl_), .dx = IMAGE(N, C, H, W), \
    .dth = IMAGE(N, 2 * (C), H, W), .dg = DIM(dg_), .dg0 = DIM(dg_ && g0_), \
    .pixels = on, .scale_first = first, .dlogdet = -0.3f}
#define BWD(on, first, g0_, N, C, H, W) BWD_OF(on, first, g0_, 0, 1, N, C, H, W)

/* A sum of k numbers of both signs and size 1 is about sqrt(k). Each addition has an error of 1e-7 of the partial sum, which adds up to 1e-5 for a thousand or more. */
#define SHAPES(X)                                                                     \
  CASE("one",            X(0, 0, 1, 1, 1, 1, 1)),                                     \
  CASE("even of one",    X(1, 0, 1, 1, 1, 1, 1)),                                     \
  CASE("odd of one",     X(2, 0, 1, 1, 1, 1, 1)),                                     \
  CASE("planes",         X(0, 0, 1, 3, 5, 7, 9)),                                     \
  CASE("even planes",    X(1, 0, 0, 3, 5, 7, 9)),                                     \
  CASE("odd planes",     X(2, 1, 1, 3, 5, 2, 37)),                                    \
  CASE("pixels",         X(0, 0, 0, 3, 3, 5, 7), .nhwc = 1),                          \
  CASE("even pixels",    X(1, 0, 1, 3, 3, 5, 7), .nhwc = 1),                          \
  CASE("odd pixels",     X(2, 0, 1, 3, 3, 5, 70), .nhwc = 1, .tol = 3e-5f),           \
  CASE("scale first",    X(0, 1, 1, 3, 3, 5, 7), .nhwc = 1),                          \
  CASE("even, scale first", X(1, 1, 0, 35, 1, 2, 9), .nhwc = 1),                      \
  CASE("odd, scale first",  X(2, 1, 1, 2, 17, 5, 2), .nhwc = 1),                      \
  CASE("32 channels",    X(1, 0, 1, 2, 32, 3, 5), .nhwc = 1, .tol = 3e-5f),           \
  CASE("33 channels",    X(2, 0, 1, 1, 33, 9, 7), .nhwc = 1, .tol = 3e-5f),           \
  CASE("130 channels",   X(0, 0, 1, 2, 130, 9, 3), .nhwc = 1, .tol = 1e-4f),          \
  CASE("large h",        X(1, 0, 1, 2, 3, 5, 9), .lo = -8, .hi = 8, .nhwc = 1, .tol = 1e-4f), \
  CASE("32x32",          X(1, 0, 1, 64, 3, 32, 32), .nhwc = 1, .tol = 1e-4f, .bench = 1), \
  CASE("16x16",          X(0, 0, 1, 64, 6, 16, 16), .nhwc = 1, .tol = 1e-4f, .bench = 1), \
  CASE("8x8",            X(2, 0, 1, 64, 12, 8, 8), .nhwc = 1, .tol = 1e-4f, .bench = 1), \
  CASE("4x4",            X(0, 0, 1, 64, 96, 4, 4), .nhwc = 1, .tol = 1e-4f, .bench = 1)

CLF_CASES(rescaled_fwd, SHAPES(FWD));
CLF_CASES(rescaled_inv, SHAPES(INV));
CLF_CASES(rescaled_bwd, SHAPES(BWD),
  CASE("rows weighted",  BWD_OF(1, 0, 1, 3, 1, 3, 3, 5, 7), .nhwc = 1),
  CASE("no weights",     BWD_OF(2, 1, 1, 3, 0, 3, 3, 5, 7), .nhwc = 1));
