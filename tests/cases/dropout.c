/* SPDX-License-Identifier: MIT */
#include "cases.h"

#define DROP(share, ...) &(const clf_dropout_args){.x = DIM(__VA_ARGS__), .y = DIM(__VA_ARGS__), .drop = share, \
    .seed_lo = 0x1234567, .seed_hi = -3, .stream = 2, .first_lo = -5, .first_hi = 1}

/* Rows run across 2^32. */
CLF_CASES(dropout,
  CASE("one",    DROP(0.5f, 1, 1)),
  CASE("none",   DROP(0, 35, 7)),
  CASE("ragged", DROP(0.2f, 35, 130)),
  CASE("most",   DROP(0.999f, 35, 70)),
  CASE("image",  DROP(0.5f, 3, 5, 4, 7)),
  CASE("last",   DROP(0.25f, 3, 33, 5, 7), .nhwc = 1),
  CASE("large",  DROP(0.1f, 4096, 512), .bench = 1));
