/* SPDX-License-Identifier: MIT */
#include "cases.h"

#define FWD(...) &(const clf_gated_fwd_args){.v = DIM(__VA_ARGS__), .g = DIM(__VA_ARGS__), .y = DIM(__VA_ARGS__)}
#define ADD(...) &(const clf_gated_fwd_args){.v = DIM(__VA_ARGS__), .g = DIM(__VA_ARGS__), .x = DIM(__VA_ARGS__), \
    .y = DIM(__VA_ARGS__)}
#define BWD(...) &(const clf_gated_bwd_args){.v = DIM(__VA_ARGS__), .g = DIM(__VA_ARGS__), .dy = DIM(__VA_ARGS__), \
    .dv = DIM(__VA_ARGS__), .dg = DIM(__VA_ARGS__)}

CLF_CASES(gated_fwd,
  CASE("one",   FWD(1, 1)),
  CASE("alone", FWD(35, 130), .lo = -5, .hi = 5),
  CASE("added", ADD(35, 130), .lo = -5, .hi = 5),
  CASE("far",   ADD(5, 7), .lo = -200, .hi = 200),
  CASE("image", ADD(3, 5, 4, 7)),
  CASE("last",  ADD(3, 33, 5, 7), .nhwc = 1),
  CASE("large", ADD(4096, 512), .bench = 1));

CLF_CASES(gated_bwd,
  CASE("one",    BWD(1, 1)),
  CASE("ragged", BWD(35, 130), .lo = -5, .hi = 5),
  CASE("far",    BWD(5, 7), .lo = -200, .hi = 200),
  CASE("image",  BWD(3, 5, 4, 7)),
  CASE("last",   BWD(3, 33, 5, 7), .nhwc = 1),
  CASE("large",  BWD(4096, 512), .bench = 1));
