/* SPDX-License-Identifier: MIT */
#include "cases.h"

#define ADAM(n) &(const clf_adam_step_args){ .g = DIM(n), .w = DIM(n), .m = DIM(n), .v = DIM(n), \
    .lr = 1e-3f, .beta1 = 0.9f, .beta2 = 0.999f, .eps = 1e-8f, .c1 = 0.1f, .c2 = 0.001f }
/* A large step, with an eps as large as the root of the second moment, so that every argument matters. */
#define ADAM_LARGE(n) &(const clf_adam_step_args){ .g = DIM(n), .w = DIM(n), .m = DIM(n), .v = DIM(n), \
    .lr = 0.5f, .beta1 = 0.5f, .beta2 = 0.75f, .eps = 0.5f, .c1 = 0.5f, .c2 = 0.25f }

CLF_CASES(adam_step, /* second moments are never negative: range 0..1 */
  CASE("one",  ADAM(1),    .lo = 0.01f, .hi = 1),
  CASE("odd",  ADAM(1001), .lo = 0.01f, .hi = 1),
  CASE("many", ADAM(50001), .lo = 0.01f, .hi = 1),
  CASE("large step", ADAM_LARGE(1001), .lo = 0.01f, .hi = 1),
  CASE("1M",   ADAM(1000000), .lo = 0.01f, .hi = 1, .bench = 1));

#define CLIP(n, most_) &(const clf_clip_norm_args){.square = DIM(1), .g = DIM(n), .most = most_}

CLF_CASES(clip_norm,
  CASE("one",  CLIP(1, 0.1f), .lo = 0.5f, .hi = 1),
  CASE("odd",  CLIP(1001, 0.1f), .lo = 0.5f, .hi = 1),
  CASE("many", CLIP(50001, 0.1f), .lo = 0.5f, .hi = 1),
  CASE("kept", CLIP(1001, 1), .lo = 0.5f, .hi = 1),
  CASE("4M",   CLIP(4000001, 0.1f), .lo = 0.5f, .hi = 1, .bench = 1));
