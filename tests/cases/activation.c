/* SPDX-License-Identifier: MIT */
#include "cases.h"

#define ACT(a, ...) &(const clf_act_bwd_args){.y = DIM(__VA_ARGS__), .dy = DIM(__VA_ARGS__), \
    .dx = DIM(__VA_ARGS__), .act = a}
#define FWD(a, ...) &(const clf_act_fwd_args){.x = DIM(__VA_ARGS__), .y = DIM(__VA_ARGS__), .act = a}
#define CRELU(a_, px, N, C, C2, H, W) &(const clf_crelu_fwd_args){.x = DIM(N, C, H, W), .y = DIM(N, C2, H, W), \
    .a = a_, .pixels = px}
#define CRELU_BWD(a_, N, C, C2, H, W) &(const clf_crelu_bwd_args){.x = DIM(N, C, H, W), .dy = DIM(N, C2, H, W), \
    .dx = DIM(N, C, H, W), .a = a_}

CLF_CASES(act_fwd,
  CASE("one",   FWD(1, 1)),
  CASE("none",  FWD(0, 5, 7)),
  CASE("tanh",  FWD(1, 35, 130), .lo = -5, .hi = 5),
  CASE("relu",  FWD(2, 35, 130)),
  CASE("image", FWD(1, 3, 5, 4, 7)),
  CASE("last",  FWD(2, 3, 33, 5, 7), .nhwc = 1),
  CASE("few",   FWD(2, 35, 3, 9, 2), .nhwc = 1),
  CASE("64",    FWD(2, 64, 64, 32, 32), .nhwc = 1, .bench = 1));

CLF_CASES(act_bwd,
  CASE("one",   ACT(1, 1)),
  CASE("none",  ACT(0, 5, 7)),
  CASE("tanh",  ACT(1, 35, 130)),
  CASE("relu",  ACT(2, 35, 130)),
  CASE("image", ACT(1, 3, 5, 4, 7)),
  CASE("last",  ACT(2, 3, 33, 5, 7), .nhwc = 1),
  CASE("few",   ACT(2, 35, 3, 9, 2), .nhwc = 1),
  CASE("wide",  ACT(2, 2, 3, 2, 37), .nhwc = 1),
  CASE("large", ACT(1, 4096, 512), .bench = 1),
  CASE("3",     ACT(2, 64, 3, 32, 32), .nhwc = 1, .bench = 1),
  CASE("512",   ACT(2, 64, 512, 4, 4), .nhwc = 1, .bench = 1),
  CASE("64",    ACT(2, 64, 64, 32, 32), .nhwc = 1, .bench = 1));

CLF_CASES(crelu_fwd,
  CASE("one",   CRELU(2, 0, 1, 1, 2, 1, 1)),
  CASE("flag",  CRELU(2, 1, 1, 1, 3, 1, 1)),
  CASE("first", CRELU(2, 2, 3, 5, 11, 7, 9)),
  CASE("last",  CRELU(1, 0, 3, 33, 66, 5, 7), .nhwc = 1),
  CASE("even",  CRELU(2, 1, 3, 17, 35, 5, 7), .nhwc = 1),
  CASE("odd",   CRELU(-2, 2, 35, 3, 7, 9, 2), .nhwc = 1),
  CASE("all",   CRELU(2, 0, 2, 3, 7, 2, 37), .nhwc = 1),
  CASE("3",     CRELU(2, 1, 64, 3, 7, 32, 32), .nhwc = 1, .bench = 1),
  CASE("6",     CRELU(1, 0, 64, 6, 12, 16, 16), .nhwc = 1, .bench = 1),
  CASE("48",    CRELU(2, 1, 64, 48, 97, 8, 8), .nhwc = 1, .bench = 1));

CLF_CASES(crelu_bwd,
  CASE("one",   CRELU_BWD(2, 1, 1, 2, 1, 1)),
  CASE("first", CRELU_BWD(2, 3, 5, 11, 7, 9)),
  CASE("last",  CRELU_BWD(1, 3, 33, 66, 5, 7), .nhwc = 1),
  CASE("flag",  CRELU_BWD(2, 3, 17, 35, 5, 7), .nhwc = 1),
  CASE("few",   CRELU_BWD(-2, 35, 3, 7, 9, 2), .nhwc = 1),
  CASE("3",     CRELU_BWD(2, 64, 3, 7, 32, 32), .nhwc = 1, .bench = 1),
  CASE("6",     CRELU_BWD(1, 64, 6, 12, 16, 16), .nhwc = 1, .bench = 1));
