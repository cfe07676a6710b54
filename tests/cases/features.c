/* SPDX-License-Identifier: MIT */
#include "cases.h"

#define FWD(N, d) &(const clf_angles_fwd_args){.x = DIM(N, d), .scale = DIM(d), .y = DIM(N, 2 * d)}
#define BWD(N, d) &(const clf_angles_bwd_args){.y = DIM(N, 2 * d), .scale = DIM(d), .dy = DIM(N, 2 * d), \
    .dx = DIM(N, d)}
#define MIX(N, d) &(const clf_angles_mix_fwd_args){.a = DIM(N, 2 * d), .w = DIM(d, 2), .y = DIM(N, d)}
#define MIX_BWD(N, d) &(const clf_angles_mix_bwd_args){.a = DIM(N, 2 * d), .w = DIM(d, 2), .dy = DIM(N, d), \
    .da = DIM(N, 2 * d), .dw = DIM(d, 2)}

CLF_CASES(angles_fwd,
  CASE("one", FWD(1, 1)), CASE("ragged", FWD(135, 7), .lo = -4, .hi = 4),
  CASE("large", FWD(4096, 32), .bench = 1));
CLF_CASES(angles_bwd,
  CASE("one", BWD(1, 1)), CASE("ragged", BWD(135, 7)), CASE("large", BWD(4096, 32), .bench = 1));
CLF_CASES(angles_mix_fwd,
  CASE("one", MIX(1, 1)), CASE("ragged", MIX(135, 7)), CASE("large", MIX(4096, 32), .bench = 1));
CLF_CASES(angles_mix_bwd,
  CASE("one", MIX_BWD(1, 1)), CASE("ragged", MIX_BWD(135, 7)),
  CASE("large", MIX_BWD(4096, 32), .bench = 1));
