/* SPDX-License-Identifier: MIT */
#include "cases.h"

#define FWD(off, ...) &(const clf_layernorm_fwd_args){.x = DIM(__VA_ARGS__), .y = DIM(__VA_ARGS__), \
    .eps = 1e-5f, .ddof = off}
#define BWD(off, ...) &(const clf_layernorm_bwd_args){.x = DIM(__VA_ARGS__), .dy = DIM(__VA_ARGS__), \
    .dx = DIM(__VA_ARGS__), .eps = 1e-5f, .ddof = off}

CLF_CASES(layernorm_fwd,
  CASE("one",    FWD(0, 1, 1)),
  CASE("two",    FWD(1, 3, 2), .lo = -4, .hi = 4),
  CASE("ragged", FWD(1, 35, 130)),
  CASE("biased", FWD(0, 35, 37)),
  CASE("shifted", FWD(1, 5, 64), .lo = 9, .hi = 10, .tol = 5e-5f),
  CASE("large",  FWD(1, 4096, 512), .bench = 1));

CLF_CASES(layernorm_bwd,
  CASE("one",    BWD(0, 1, 1)),
  CASE("ragged", BWD(1, 35, 130)),
  CASE("biased", BWD(0, 35, 37)),
  CASE("large",  BWD(1, 4096, 512), .bench = 1));
