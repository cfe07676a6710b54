/* SPDX-License-Identifier: MIT */
#include "cases.h"

/* a near 1 and a small b, so that y hardly changes in any number of rounds. */
#define CHAIN(n, r) &(const clf_fma_chain_args){.y = DIM(n), .rounds = r, .a = 0.97f, .b = 0.02f}

CLF_CASES(fma_chain,
  CASE("one", CHAIN(1, 1)), CASE("none", CHAIN(35, 0)), CASE("ragged", CHAIN(35, 7)),
  CASE("items", CHAIN(1001, 40)), CASE("long", CHAIN(20000, 100)));
