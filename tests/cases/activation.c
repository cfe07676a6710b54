/* SPDX-License-Identifier: MIT */
#include "cases.h"

#define ACT(a, ...) &(const clf_act_bwd_args){.y = DIM(__VA_ARGS__), .dy = DIM(__VA_ARGS__), \
    .dx = DIM(__VA_ARGS__), .act = a}

CLF_CASES(act_bwd, NULL,
  CASE("one",   ACT(1, 1)),
  CASE("none",  ACT(0, 5, 7)),
  CASE("tanh",  ACT(1, 35, 130)),
  CASE("relu",  ACT(2, 35, 130)),
  CASE("image", ACT(1, 3, 5, 4, 7)),
  CASE("last",  ACT(2, 3, 33, 5, 7), .nhwc = 1),
  CASE("few",   ACT(2, 35, 3, 9, 2), .nhwc = 1),
  CASE("large", ACT(1, 4096, 512), .bench = 1),
  CASE("64",    ACT(2, 64, 64, 32, 32), .nhwc = 1, .bench = 1),
  CASE("3",     ACT(2, 64, 3, 32, 32), .nhwc = 1, .bench = 1),
  CASE("512",   ACT(2, 64, 512, 4, 4), .nhwc = 1, .bench = 1),
  CASE("first", ACT(2, 64, 64, 32, 32), .bench = 1));
