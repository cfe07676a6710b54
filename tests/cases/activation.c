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
  CASE("large", ACT(1, 4096, 512), .bench = 1));
