/* SPDX-License-Identifier: MIT */
#include "cases.h"

#define FWD(N, Ci, Co, H, W, k, ...) &(const clf_conv_fwd_args){.x = DIM(N, Ci, H, W), \
    .w = DIM(Co, Ci, k, k), .y = DIM(N, Co, H, W), __VA_ARGS__}
#define DATA(N, Ci, Co, H, W, k, bt) &(const clf_conv_bwd_data_args){.dy = DIM(N, Co, H, W), \
    .w = DIM(Co, Ci, k, k), .dx = DIM(N, Ci, H, W), .beta = bt}
#define WEIGHTS(N, Ci, Co, H, W, k, ...) &(const clf_conv_bwd_weights_args){.x = DIM(N, Ci, H, W), \
    .dy = DIM(N, Co, H, W), .dw = DIM(Co, Ci, k, k), __VA_ARGS__}
#define BIAS(N, C, H, W, bt) &(const clf_conv_bwd_bias_args){.dy = DIM(N, C, H, W), .db = DIM(C), .beta = bt}


/* Shapes that every operation must take: N, Ci, Co, H, W, k, beta; w: the index of the weights. A sum of n products of numbers in -1 .. 1 is about sqrt(n) / 3 and is rounded n times by 6e-8 of that, which adds up to 2e-8 n: 1e-5 for the 576 of "whole panels"; the worst of some thousands has a larger error. The timed cases have up to 65536, a tenth as large. */
#define SHAPES(X, BETA, w)                                                                            \
  CASE("one",          X(1, 1, 1, 1, 1, 1, BETA(0)),     .fresh = 1),                              \
  CASE("one k3",       X(1, 1, 1, 1, 1, 3, BETA(0)),     .fresh = 1),                              \
  CASE("flat",         X(3, 3, 5, 1, 7, 3, BETA(0)),     .fresh = 1, .nhwc = 1),                   \
  CASE("tall",         X(3, 5, 3, 9, 1, 3, BETA(0.5f)),  .nhwc = 1),                               \
  CASE("k1",           X(3, 17, 65, 5, 2, 1, BETA(0)),   .fresh = 1, .nhwc = 1),                   \
  CASE("k1 planes",    X(3, 33, 17, 2, 5, 1, BETA(-1))),                                           \
  CASE("k3",           X(1, 5, 33, 7, 9, 3, BETA(0)),    .fresh = 1, .nhwc = 1),                   \
  CASE("k3 planes",    X(1, 33, 5, 9, 7, 3, BETA(0)),    .fresh = 1),                              \
  CASE("k3 add",       X(1, 17, 48, 5, 5, 3, BETA(0.5f)), .lo = -0.3f, .hi = 0.3f, .nhwc = 1),     \
  CASE("k3 small",     X(17, 7, 6, 2, 2, 3, BETA(1)),    .nhwc = 1),                               \
  CASE("k1 planes add", X(35, 3, 17, 2, 1, 1, BETA(2))),                                           \
  CASE("k5",           X(1, 6, 33, 3, 4, 5, BETA(1)),    .nhwc = 1),                               \
  CASE("k5 planes",    X(1, 3, 4, 5, 2, 5, BETA(0)),     .fresh = 1),                              \
  CASE("whole panels", X(1, 16, 64, 5, 8, 3, BETA(1)),   .nhwc = 1, .tol = 3e-5f),                 \
  CASE("bands",        X(3, 4, 20, 13, 5, 1, BETA(0)),   .fresh = 1, .nhwc = 1, .tol = 3e-5f),     \
  CASE("many tiles",   X(5, 67, 66, 35, 11, 1, BETA(0)), .fresh = 1, .nhwc = 1, .lo = -0.3f, .hi = 0.3f, .tol = 1e-4f, .bench = 1), \
  CASE("many planes",  X(5, 5, 35, 35, 11, 3, BETA(2)), .lo = -0.3f, .hi = 0.3f, .tol = 1e-4f, .bench = 1), \
  CASE("winograd",     X(4, 40, 35, 11, 7, 3, BETA(0.5f)), .lo = -0.3f, .hi = 0.3f, .nhwc = 1),    \
  CASE("winograd parts", X(1, 20, 73, 7, 9, 3, BETA(0)), .lo = -0.3f, .hi = 0.3f, .fresh = 1, .nhwc = 1, .bench = 1), \
  CASE("winograd 4x4", X(32, 21, 48, 4, 4, 3, BETA(0)),  .lo = -0.3f, .hi = 0.3f, .fresh = 1, .nhwc = 1, .bench = 1), \
  CASE("winograd blocks", X(187, 24, 23, 4, 4, 3, BETA(0.5f)), .lo = -0.3f, .hi = 0.3f, .nhwc = 1), \
  CASE("winograd few", X(3, 70, 75, 5, 6, 3, BETA(0.5f)), .lo = -0.3f, .hi = 0.3f, .nhwc = 1),     \
  CASE("winograd bands", X(20, 33, 40, 8, 8, 3, BETA(1)), .lo = -0.3f, .hi = 0.3f, .nhwc = 1),     \
  CASE("plain",        X(3, 17, 33, 7, 5, 3, BETA(0.5f)), .nhwc = 1, .planes = 1u << (w), .tol = 3e-5f), \
  CASE("plain winograd", X(4, 40, 35, 11, 7, 3, BETA(0)), .lo = -0.3f, .hi = 0.3f, .fresh = 1, .nhwc = 1, .planes = 1u << (w)), \
  CASE("plain winograd few", X(3, 70, 75, 5, 6, 3, BETA(1)), .lo = -0.3f, .hi = 0.3f, .nhwc = 1, .planes = 1u << (w)), \
  CASE("64 k3",        X(16, 64, 64, 32, 32, 3, BETA(0)),  .lo = -0.3f, .hi = 0.3f, .tol = 1e-4f, .nhwc = 1, .bench = 1), \
  CASE("64 k1",        X(16, 64, 64, 32, 32, 1, BETA(0)),  .lo = -0.3f, .hi = 0.3f, .tol = 1e-4f, .nhwc = 1, .bench = 1), \
  CASE("7 to 32 k3",   X(64, 7, 32, 32, 32, 3, BETA(0)),   .lo = -0.3f, .hi = 0.3f, .tol = 1e-4f, .nhwc = 1, .bench = 1), \
  CASE("64 to 6 k3",   X(16, 64, 6, 32, 32, 3, BETA(0)),   .lo = -0.3f, .hi = 0.3f, .tol = 1e-4f, .nhwc = 1, .bench = 1), \
  CASE("128 k3 8x8",   X(16, 128, 128, 8, 8, 3, BETA(0)),  .lo = -0.3f, .hi = 0.3f, .tol = 1e-4f, .nhwc = 1, .bench = 1), \
  CASE("512 k3 4x4",   X(16, 512, 512, 4, 4, 3, BETA(0)),  .lo = -0.3f, .hi = 0.3f, .tol = 1e-4f, .nhwc = 1, .bench = 1)
/* x normalised; variances are in -1 .. 1 as all inputs are, and eps makes them positive. */
#define NORM(Ci) .mean = DIM(Ci), .var = DIM(Ci), .eps = 1.5f
#define SHIFTED(Ci) NORM(Ci), .shift = DIM(Ci)
#define NORMALISED(X)                                                                              \
  CASE("norm one",      X(1, 1, 1, 1, 1, 3, SHIFTED(1)),              .fresh = 1),                 \
  CASE("norm flat",     X(3, 3, 5, 1, 7, 3, SHIFTED(3)),              .fresh = 1, .nhwc = 1),      \
  CASE("norm k1",       X(3, 17, 65, 5, 2, 1, SHIFTED(17), .beta = 1), .nhwc = 1),                 \
  CASE("norm k1 few",   X(35, 37, 6, 3, 4, 1, SHIFTED(37)),           .fresh = 1, .nhwc = 1),      \
  CASE("norm k1 planes", X(3, 33, 17, 2, 5, 1, NORM(33), .beta = -1)),                             \
  CASE("norm k3",       X(2, 5, 33, 7, 9, 3, SHIFTED(5)),             .fresh = 1, .nhwc = 1),      \
  CASE("norm k3 planes", X(1, 33, 5, 9, 7, 3, SHIFTED(33)),           .fresh = 1),                 \
  CASE("norm k5",       X(2, 6, 33, 3, 4, 5, NORM(6), .beta = 0.5f),  .nhwc = 1),                  \
  CASE("norm winograd", X(4, 40, 35, 11, 7, 3, SHIFTED(40), .beta = 0.5f), .lo = -0.3f, .hi = 0.3f, .nhwc = 1), \
  CASE("norm winograd bare", X(2, 21, 73, 7, 9, 3, NORM(21)), .lo = -0.3f, .hi = 0.3f, .fresh = 1, .nhwc = 1), \
  CASE("norm winograd 4x4", X(32, 21, 48, 4, 4, 3, SHIFTED(21)), .lo = -0.3f, .hi = 0.3f, .fresh = 1, .nhwc = 1, .bench = 1), \
  CASE("norm winograd few", X(2, 70, 75, 5, 6, 3, SHIFTED(70), .beta = 1), .lo = -0.3f, .hi = 0.3f, .nhwc = 1), \
  CASE("norm 64 to 6 k1", X(16, 64, 6, 32, 32, 1, SHIFTED(64)), .lo = -0.3f, .hi = 0.3f, .tol = 1e-4f, .nhwc = 1, .bench = 1)
#define PLAIN(b) b
#define FIELD(b) .beta = b

CLF_CASES(conv_fwd, SHAPES(FWD, FIELD, 1), NORMALISED(FWD),
  CASE("bias",        FWD(3, 3, 37, 5, 4, 3, .bias = DIM(37)), .fresh = 1, .nhwc = 1),
  CASE("bias planes", FWD(3, 3, 6, 5, 4, 3, .bias = DIM(6), .beta = 1)),
  CASE("bias winograd", FWD(4, 40, 35, 11, 7, 3, .bias = DIM(35), .beta = 1), .lo = -0.3f, .hi = 0.3f, .nhwc = 1),
  CASE("bias norm",   FWD(3, 9, 37, 5, 4, 3, .bias = DIM(37), SHIFTED(9)), .fresh = 1, .nhwc = 1),
  CASE("bias k1",     FWD(2, 9, 16, 5, 4, 1, .bias = DIM(16), .beta = -2), .nhwc = 1));
CLF_CASES(conv_bwd_data, SHAPES(DATA, PLAIN, 1));
CLF_CASES(conv_bwd_weights, SHAPES(WEIGHTS, FIELD, 5), NORMALISED(WEIGHTS));
CLF_CASES(conv_bwd_bias,
  CASE("one",    BIAS(1, 1, 1, 1, 0),     .fresh = 1),
  CASE("last",   BIAS(35, 17, 5, 7, 0),   .fresh = 1, .nhwc = 1, .tol = 3e-5f),
  CASE("planes", BIAS(35, 5, 7, 9, 0.5f), .tol = 3e-5f),
  CASE("flat",   BIAS(3, 33, 1, 2, 1),    .nhwc = 1),
  CASE("tall",   BIAS(3, 3, 600, 1, -1),  .nhwc = 1, .tol = 3e-5f),
  CASE("64",     BIAS(64, 64, 32, 32, 0), .nhwc = 1, .tol = 1e-4f, .bench = 1),
  CASE("6",      BIAS(64, 6, 32, 32, 0),  .nhwc = 1, .tol = 1e-4f, .bench = 1));
