/* SPDX-License-Identifier: MIT */
#include "cases.h"

#define COMBINE(W, N, K) &(const clf_mixture_combine_args){.logps = DIM(N, K), .weights = W(N, K), \
    .logdet = DIM(N), .logp = DIM(N), .resp = DIM(N, K), .beta = 0.7f}
#define BWD(W, N, K) &(const clf_mixture_bwd_args){.resp = DIM(N, K), .weights = W(N, K), .dl = DIM(N), \
    .dlogps = DIM(N, K), .dweights = DIM(N, K), .dlogdet = -0.3f}
#define NONE(N, K) DIM(0)
#define OWN(N, K) DIM(N, K)
#define ALL(N, K) SHARED(N, K)
#define SHAPES(X)                                                   \
  CASE("one",     X(NONE, 1, 1)),                                   \
  CASE("equal",   X(NONE, 35, 7)),                                  \
  CASE("shared",  X(ALL, 35, 7)),                                   \
  CASE("own",     X(OWN, 67, 3)),                                   \
  CASE("far",     X(OWN, 35, 7), .lo = -3000, .hi = 3000, .tol = 2e-4f), \
  CASE("many",    X(ALL, 17, 130)),                                 \
  CASE("large",   X(ALL, 4096, 64), .bench = 1)

/* Sums of numbers near 3000 have errors of 1e-4, and so do the responsibilities. */
CLF_CASES(mixture_combine, SHAPES(COMBINE),
  CASE("bare", &(const clf_mixture_combine_args){.logps = DIM(35, 7), .logp = DIM(35)}, .fresh = 1));
CLF_CASES(mixture_bwd, SHAPES(BWD),
  CASE("bare", &(const clf_mixture_bwd_args){.resp = DIM(35, 7), .dlogps = DIM(35, 7), .dlogdet = 1}));
CLF_CASES(mixture_cdf,
  CASE("one",  &(const clf_mixture_cdf_args){.weights = DIM(1, 1), .cdf = DIM(1, 1)}),
  CASE("each", &(const clf_mixture_cdf_args){.weights = DIM(35, 7), .cdf = DIM(35, 7)}),
  CASE("far",  &(const clf_mixture_cdf_args){.weights = DIM(35, 7), .cdf = DIM(35, 7)}, .lo = -300, .hi = 300));
CLF_CASES(mixture_pick,
  CASE("one",    &(const clf_mixture_pick_args){.cdf = DIM(35, 1), .index = DIM(35), .seed_lo = 1}),
  CASE("shared", &(const clf_mixture_pick_args){.cdf = SHARED(4000, 7), .index = DIM(4000), .seed_lo = 12345,
       .seed_hi = 678, .stream = 9, .first_lo = -100, .first_hi = 1}, .lo = 0, .hi = 1),
  CASE("own",    &(const clf_mixture_pick_args){.cdf = DIM(350, 3), .index = DIM(350), .first_lo = 5}, .lo = 0, .hi = 1));
#define TAKE(k_, N, D) &(const clf_mixture_take_args){.index = DIM(N), .x = DIM(N, D), .y = DIM(N, D), .k = k_}
CLF_CASES(mixture_take,
  CASE("some", TAKE(2, 35, 7), .given = {{0, 3, (const float[]){2, 0, 1}}}),
  CASE("none", TAKE(2, 35, 7)));
#define SELECT(N, K, D) &(const clf_mixture_select_args){.x = DIM(N, K, D), .index = DIM(N), .y = DIM(N, D)}
CLF_CASES(mixture_select,
  CASE("one",  SELECT(1, 1, 1), .lo = 0, .hi = 0.9f),
  CASE("some", SELECT(35, 4, 7), .lo = 0, .hi = 3.999f));
CLF_CASES(one_hot,
  CASE("one",  &(const clf_one_hot_args){.x = DIM(1), .y = DIM(1, 1)}),
  CASE("some", &(const clf_one_hot_args){.x = DIM(35), .y = DIM(35, 4)},
       .given = {{0, 5, (const float[]){3, 0, 4, 1, 2}}}));
