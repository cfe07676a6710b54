/* SPDX-License-Identifier: MIT */
#include "cases.h"

#define FWD(N, C, b, ...) &(const clf_broadcast_fwd_args){.x = DIM(N, C), .y = {.dim = {N, C, __VA_ARGS__}}, .beta = b}
#define BWD(N, C, b, ...) &(const clf_broadcast_bwd_args){.dy = {.dim = {N, C, __VA_ARGS__}}, .dx = DIM(N, C), .beta = b}

CLF_CASES(broadcast_fwd,
  CASE("one",   FWD(1, 1, 0, 1, 1), .fresh = 1),
  CASE("fresh", FWD(3, 5, 0, 4, 7), .fresh = 1),
  CASE("added", FWD(3, 5, -0.5f, 4, 37)),
  CASE("last",  FWD(3, 33, 1, 5, 7), .nhwc = 1),
  CASE("few",   FWD(3, 3, 0, 5, 17), .fresh = 1, .nhwc = 1),
  CASE("large", FWD(32, 128, 1, 32, 32), .nhwc = 1, .bench = 1));
CLF_CASES(broadcast_bwd,
  CASE("one",   BWD(1, 1, 0, 1, 1), .fresh = 1),
  CASE("fresh", BWD(3, 5, 0, 4, 7), .fresh = 1),
  CASE("added", BWD(3, 5, -0.5f, 4, 37)),
  CASE("last",  BWD(3, 67, 1, 5, 7), .nhwc = 1),
  CASE("few",   BWD(3, 3, 0, 5, 17), .fresh = 1, .nhwc = 1),
  CASE("large", BWD(32, 128, 1, 32, 32), .nhwc = 1, .bench = 1, .tol = 1e-4f));
