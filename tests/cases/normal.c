/* SPDX-License-Identifier: MIT */
#include "cases.h"

#define LOGP(...) &(const clf_normal_logp_args){.z = DIM(__VA_ARGS__), .logdet = DIM(FIRST(__VA_ARGS__, 0)), \
    .logp = DIM(FIRST(__VA_ARGS__, 0))}
#define NLL(N, D, w) &(const clf_normal_nll_args){.z = DIM(N, D), .logdet = DIM(N), .dz = DIM(N, D), \
    .loss = DIM(1), .weight = w}
#define FIRST(a, ...) a

CLF_CASES(normal_logp,
  CASE("one",     LOGP(1, 1)),
  CASE("lecture", LOGP(100, 2)),
  CASE("image",   LOGP(5, 3, 7, 9)),
  CASE("large",   LOGP(4096, 64), .bench = 1));
CLF_CASES(normal_nll,
  CASE("one",     NLL(1, 1, 1)),
  CASE("lecture", NLL(100, 2, 0.01f)),
  CASE("groups",  NLL(3001, 7, 1e-3f), .tol = 3e-5f),
  CASE("wide",    NLL(3, 5000, 1e-3f), .tol = 3e-5f),
  CASE("glow",    NLL(64, 3072, 1e-4f), .tol = 1e-4f, .bench = 1));
