/* SPDX-License-Identifier: MIT */
#include "cases.h"

#define FIRST(a, ...) a
#define NOISE(...) &(const clf_dequantize_args){.x = DIM(__VA_ARGS__), .y = DIM(__VA_ARGS__), \
    .seed_lo = 0x1234567, .seed_hi = -3, .stream = 2, .first_lo = -5, .first_hi = 1}
#define FWD(a, o, ...) &(const clf_logit_fwd_args){.x = DIM(__VA_ARGS__), .y = DIM(__VA_ARGS__), \
    .logdet = DIM(FIRST(__VA_ARGS__, 0)), .alpha = a, .omega = o, .levels = 256}
#define INV(a, o, ...) &(const clf_logit_inv_args){.y = DIM(__VA_ARGS__), .x = DIM(__VA_ARGS__), \
    .logdet = DIM(FIRST(__VA_ARGS__, 0)), .alpha = a, .omega = o, .levels = 256}
#define BWD(a, o, ...) &(const clf_logit_bwd_args){.x = DIM(__VA_ARGS__), .dy = DIM(__VA_ARGS__), \
    .dx = DIM(__VA_ARGS__), .alpha = a, .omega = o, .levels = 256, .dlogdet = -0.3f}

#define SHAPES(X, low, high)                                                  \
  CASE("one",    X(0.05f, 0.05f, 1, 1), .lo = low, .hi = high),               \
  CASE("ragged", X(0.05f, 0.05f, 35, 7), .lo = low, .hi = high),              \
  CASE("paper",  X(0.05f, 0, 3, 33), .lo = low, .hi = high),                  \
  CASE("MAF",    X(1e-6f, 1e-6f, 3, 130), .lo = low, .hi = high),             \
  CASE("planes", X(0.05f, 0.05f, 3, 5, 7, 9), .lo = low, .hi = high),         \
  CASE("pixels", X(0.05f, 0.05f, 3, 3, 5, 9), .nhwc = 1, .lo = low, .hi = high), \
  CASE("17 channels", X(0.05f, 0.05f, 2, 17, 1, 5), .nhwc = 1, .lo = low, .hi = high), \
  CASE("32x32",  X(0.05f, 0.05f, 64, 3072), .lo = low, .hi = high, .bench = 1)

/* Near 256 neighbouring floats differ by 1.5e-5, which is 1e-7 of 256. */
CLF_CASES(dequantize,
  CASE("one",    NOISE(1, 1), .tol = 1e-7f),
  CASE("ragged", NOISE(35, 7), .hi = 256, .tol = 1e-7f),
  CASE("planes", NOISE(3, 5, 4, 7), .hi = 256, .tol = 1e-7f),
  CASE("pixels", NOISE(3, 3, 5, 9), .nhwc = 1, .hi = 256, .tol = 1e-7f),
  CASE("32x32",  NOISE(64, 3072), .hi = 256, .tol = 1e-7f, .bench = 1));
CLF_CASES(logit_fwd, SHAPES(FWD, 0, 256));
CLF_CASES(logit_inv, SHAPES(INV, -3, 3),
  CASE("far", INV(0.05f, 0.05f, 35, 7), .lo = -200, .hi = 200));
CLF_CASES(logit_bwd, SHAPES(BWD, 0, 255));
