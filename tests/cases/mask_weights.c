/* SPDX-License-Identifier: MIT */
#include "cases.h"

#define MASK(...) &(const clf_mask_weights_args){.mask = DIM(__VA_ARGS__), .w = DIM(__VA_ARGS__)}

CLF_CASES(mask_weights,
  CASE("one",    MASK(1, 1)),
  CASE("ragged", MASK(35, 130)),
  CASE("taps",   MASK(5, 7, 3, 3)),
  CASE("large",  MASK(512, 512), .bench = 1));
