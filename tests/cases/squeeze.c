/* SPDX-License-Identifier: MIT */
#include "cases.h"

/* N, C, H, W of the small image's pixels: the large one is C x 2H x 2W. */
#define TO(o, N, C, H, W) &(const clf_squeeze_args){.x = DIM(N, C, 2 * (H), 2 * (W)), \
    .y = DIM(N, 4 * (C), H, W), .ordered = o}
#define BACK(o, N, C, H, W) &(const clf_squeeze_args){.x = DIM(N, 4 * (C), H, W), \
    .y = DIM(N, C, 2 * (H), 2 * (W)), .ordered = o, .inverse = 1}

/* Nothing is computed, so results must agree to the bit: 1e-9. */
#define SHAPES(X, o, what)                                           \
  CASE("one" what,         X(o, 1, 1, 1, 1), .tol = 1e-9f),          \
  CASE("planes" what,      X(o, 3, 5, 2, 7), .tol = 1e-9f),          \
  CASE("pixels" what,      X(o, 3, 3, 5, 7), .nhwc = 1, .tol = 1e-9f), \
  CASE("row" what,         X(o, 35, 1, 1, 9), .nhwc = 1, .tol = 1e-9f), \
  CASE("17 channels" what, X(o, 2, 17, 2, 1), .nhwc = 1, .tol = 1e-9f), \
  CASE("33 channels" what, X(o, 1, 33, 1, 3), .nhwc = 1, .tol = 1e-9f), \
  CASE("32x32" what,       X(o, 64, 3, 16, 16), .nhwc = 1, .tol = 1e-9f, .bench = 1), \
  CASE("8x8" what,         X(o, 64, 24, 4, 4), .nhwc = 1, .tol = 1e-9f, .bench = 1)

CLF_CASES(squeeze,
  SHAPES(TO, 0, ""), SHAPES(TO, 1, ", ordered"), SHAPES(BACK, 0, ", back"), SHAPES(BACK, 1, ", ordered, back"));
