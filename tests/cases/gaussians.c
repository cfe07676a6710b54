/* SPDX-License-Identifier: MIT */
#include "cases.h"

/* Parameters: none, the same for all samples, or one set for each sample; a factor has S separate elements on its diagonal and T below it. */
#define NONE(...) DIM(0)
#define OWN(...) DIM(__VA_ARGS__)
#define ALL(...) SHARED(__VA_ARGS__)
#define HALF(D) ((D) * ((D) - 1) / 2)
#define LOGP(U, F, S, N, K, D) LOGP_GIVEN(U, F, S, N, K, D, 0)
#define LOGP_GIVEN(U, F, S, N, K, D, G) &(const clf_gaussians_logp_args){.z = DIM(N, D), .loc = U(N, K, D), \
    .log_std = U(N, K, S), .lower = F(N, K, HALF(D)), .t = DIM(N, K, D), .logps = DIM(N, K), .eps = 0.1f, .first = G}
#define BWD(U, F, S, N, K, D) BWD_GIVEN(U, F, S, N, K, D, 0)
#define BWD_GIVEN(U, F, S, N, K, D, G) &(const clf_gaussians_bwd_args){.t = DIM(N, K, D), .log_std = U(N, K, S), \
    .lower = F(N, K, HALF(D)), .dlogps = DIM(N, K), .dz = DIM(N, D), .dloc = DIM(N, K, D), .eps = 0.1f, .first = G}
#define PLACE(U, F, S, N, K, D) &(const clf_gaussians_place_args){.e = DIM(N, D), .loc = ALL(N, K, D), \
    .log_std = U(N, K, S), .lower = F(N, K, HALF(D)), .z = DIM(N, D), .eps = 0.1f}
/* The smallest eigenvalues of L fall, and elements grow, with a power of its dimension. */
#define SHAPES(X)                                                        \
  CASE("one",       X(ALL, NONE, 1, 1, 1, 1)),                           \
  CASE("standard",  X(NONE, NONE, 1, 35, 1, 7)),                         \
  CASE("diagonal",  X(ALL, NONE, 7, 35, 3, 7), .tol = 3e-5f),            \
  CASE("spherical", X(ALL, NONE, 1, 35, 5, 7), .tol = 3e-5f),            \
  CASE("own",       X(OWN, NONE, 7, 35, 3, 7), .tol = 3e-5f),            \
  CASE("full",      X(ALL, ALL, 5, 35, 1, 5), .tol = 1e-4f),             \
  CASE("full of 3", X(ALL, ALL, 3, 67, 3, 3), .tol = 1e-4f),             \
  CASE("full, own", X(OWN, OWN, 4, 35, 2, 4), .tol = 1e-4f),             \
  CASE("full, one scale", X(OWN, ALL, 1, 35, 2, 4), .tol = 1e-4f),       \
  CASE("steep",     X(OWN, OWN, 12, 35, 2, 12), .lo = 0, .hi = 0.3f, .tol = 1e-4f), \
  CASE("large",     X(ALL, ALL, 8, 4096, 8, 8), .lo = 0, .hi = 0.5f, .tol = 1e-4f, .bench = 1)

/* The first dimensions are the condition. */
#define SOME_GIVEN(X)                                                    \
  CASE("given",      X(ALL, ALL, 5, 35, 3, 5, 2), .tol = 1e-4f),         \
  CASE("given, own", X(OWN, OWN, 4, 35, 2, 4, 3), .tol = 1e-4f),         \
  CASE("given, one scale", X(ALL, NONE, 1, 67, 3, 7, 1), .tol = 3e-5f),  \
  CASE("all given",  X(ALL, ALL, 3, 35, 2, 3, 3), .tol = 1e-4f)
CLF_CASES(gaussians_logp, SHAPES(LOGP), SOME_GIVEN(LOGP_GIVEN));
CLF_CASES(gaussians_bwd, SHAPES(BWD), SOME_GIVEN(BWD_GIVEN));
CLF_CASES(gaussians_place, SHAPES(PLACE),
  CASE("by index", &(const clf_gaussians_place_args){.e = DIM(35, 4), .index = DIM(35),
       .loc = SHARED(35, 2, 4), .log_std = SHARED(35, 2, 4), .lower = SHARED(35, 2, 6), .z = DIM(35, 4)},
       .lo = 0, .hi = 1.999f));

#define PLACE_BWD(S, N, D, LOWER) &(const clf_gaussians_place_bwd_args){.e = DIM(N, D), \
    .log_std = SHARED(N, 1, S), .dz = DIM(N, D), .dloc = DIM(N, 1, D), .dlog_std = DIM(N, 1, S), .dlower = LOWER}
CLF_CASES(gaussians_place_bwd,
  CASE("one",       PLACE_BWD(1, 1, 1, DIM(0))),
  CASE("diagonal",  PLACE_BWD(7, 35, 7, DIM(0))),
  CASE("spherical", PLACE_BWD(1, 35, 7, DIM(0))),
  CASE("full",      PLACE_BWD(5, 35, 5, DIM(35, 1, 10))));

#define MOMENTS(N, K, D, S, WEIGHTS) &(const clf_gaussians_moments_args){.t = DIM(N, K, D), \
    .resp = DIM(N, K), .weights = WEIGHTS, .s = DIM(K, S)}
CLF_CASES(gaussians_moments,
  CASE("one",      MOMENTS(1, 1, 1, 3, DIM(0))),
  CASE("full",     MOMENTS(35, 3, 7, 36, DIM(0))),
  CASE("weighted", MOMENTS(700, 2, 3, 10, DIM(700)), .tol = 3e-5f),
  CASE("squares",  MOMENTS(35, 3, 7, 15, DIM(35))),
  CASE("large",    MOMENTS(4096, 8, 8, 45, DIM(0)), .tol = 3e-5f, .bench = 1));

/* With a factor, and with a diagonal only. */
#define GRADIENTS(S, K, D, G) &(const clf_gaussians_gradients_args){.s = DIM(K, 1 + D + HALF(D + 1)), \
    .log_std = DIM(1, K, S), .lower = DIM(1, K, HALF(D)), .dloc = DIM(1, K, D), .dlog_std = DIM(1, K, S), \
    .dlower = DIM(1, K, HALF(D)), .eps = 0.1f, .first = G}
#define DIAGONAL(S, K, D, G) &(const clf_gaussians_gradients_args){.s = DIM(K, 1 + 2 * D), \
    .log_std = DIM(1, K, S), .dloc = DIM(1, K, D), .dlog_std = DIM(1, K, S), .eps = 0.1f, .first = G}
CLF_CASES(gaussians_gradients,
  CASE("one",             DIAGONAL(1, 1, 1, 0)),
  CASE("diagonal",        DIAGONAL(7, 5, 7, 0)),
  CASE("spherical",       DIAGONAL(1, 5, 7, 0)),
  CASE("spherical, given", DIAGONAL(1, 5, 7, 3)),
  CASE("full",            GRADIENTS(5, 3, 5, 0), .tol = 1e-4f),
  CASE("full, given",     GRADIENTS(5, 3, 5, 2), .tol = 1e-4f),
  CASE("full, one scale", GRADIENTS(1, 2, 4, 1), .tol = 1e-4f),
  CASE("bare", &(const clf_gaussians_gradients_args){.s = DIM(3, 9), .dloc = DIM(1, 3, 4)}),
  CASE("large",           GRADIENTS(12, 9, 12, 0), .lo = 0, .hi = 0.3f, .tol = 1e-4f));
