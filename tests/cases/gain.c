/* SPDX-License-Identifier: MIT */
#include "cases.h"

#define FWD(N, D) &(const clf_gain_fwd_args){.x = DIM(N, D), .gain = DIM(D), .bias = DIM(D), .y = DIM(N, D)}
#define BWD(N, D, ...) &(const clf_gain_bwd_args){.x = DIM(N, D), .gain = DIM(D), .dy = DIM(N, D), \
    .dx = DIM(N, D), __VA_ARGS__}
#define SUMS(D) .dgain = DIM(D), .dbias = DIM(D)

CLF_CASES(gain_fwd,
  CASE("one", FWD(1, 1)), CASE("ragged", FWD(35, 130)), CASE("narrow", FWD(135, 3)),
  CASE("large", FWD(4096, 512), .bench = 1));
CLF_CASES(gain_bwd,
  CASE("one", BWD(1, 1, SUMS(1))), CASE("ragged", BWD(335, 37, SUMS(37)), .tol = 5e-5f),
  CASE("alone", BWD(35, 130, .unused = 0)), CASE("large", BWD(4096, 512, SUMS(512)), .tol = 1e-4f, .bench = 1));
