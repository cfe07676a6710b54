/* SPDX-License-Identifier: MIT */
#include "cases.h"

/* Inputs are in -1 .. 1, the variances too: eps makes them 0.5 .. 2.5. */
#define EPS 1.5f
#define STATS(px, ...) &(const clf_bn_stats_args){.x = DIM(__VA_ARGS__), .mean = DIM(C_OF(__VA_ARGS__)), \
    .var = DIM(C_OF(__VA_ARGS__)), .pixels = px}
#define C_OF(...) C_OF_(__VA_ARGS__, 1, 1, 1)
#define C_OF_(N, C, ...) C
#define N_OF(...) N_OF_(__VA_ARGS__, 1, 1, 1)
#define N_OF_(N, ...) N
#define FWD(...) .x = DIM(__VA_ARGS__), .mean = DIM(C_OF(__VA_ARGS__)), .var = DIM(C_OF(__VA_ARGS__)), .eps = EPS
#define NET(px, ac, ...) &(const clf_bn_fwd_args){FWD(__VA_ARGS__), .y = DIM(__VA_ARGS__), .pixels = px, \
    .act = ac, .beta = DIM(C_OF(__VA_ARGS__))}
#define PLAIN(px, ac, ...) &(const clf_bn_fwd_args){FWD(__VA_ARGS__), .y = DIM(__VA_ARGS__), .pixels = px, .act = ac}
#define BWD(px, ac, share, more, ...) &(const clf_bn_bwd_args){FWD(__VA_ARGS__), .bmean = DIM(C_OF(__VA_ARGS__)), \
    .beta = DIM(C_OF(__VA_ARGS__)), .dy = DIM(__VA_ARGS__), .dx = DIM(__VA_ARGS__), \
    .dbeta = DIM(C_OF(__VA_ARGS__)), .pixels = px, .act = ac, .batch = share, .add = more}
#define BARE(px, ac, share, more, ...) &(const clf_bn_bwd_args){FWD(__VA_ARGS__), .dy = DIM(__VA_ARGS__), \
    .dx = DIM(__VA_ARGS__), .pixels = px, .act = ac, .batch = share, .add = more}
#define FLOW(px, ...) &(const clf_bn_flow_fwd_args){FWD(__VA_ARGS__), .y = DIM(__VA_ARGS__), \
    .logdet = DIM(N_OF(__VA_ARGS__)), .pixels = px}
#define BACK(px, ...) &(const clf_bn_flow_inv_args){.y = DIM(__VA_ARGS__), .mean = DIM(C_OF(__VA_ARGS__)), \
    .var = DIM(C_OF(__VA_ARGS__)), .eps = EPS, .x = DIM(__VA_ARGS__), .logdet = DIM(N_OF(__VA_ARGS__)), .pixels = px}
#define FLOW_BWD(px, share, ...) &(const clf_bn_flow_bwd_args){FWD(__VA_ARGS__), .bmean = DIM(C_OF(__VA_ARGS__)), \
    .dy = DIM(__VA_ARGS__), .dx = DIM(__VA_ARGS__), .pixels = px, .batch = share, .dlogdet = -0.3f}
#define FLOW_BARE(px, share, ...) &(const clf_bn_flow_bwd_args){FWD(__VA_ARGS__), \
    .dy = DIM(__VA_ARGS__), .dx = DIM(__VA_ARGS__), .pixels = px, .batch = share, .dlogdet = 2}

CLF_CASES(bn_stats,
  CASE("one",     STATS(0, 1, 1, 1, 1)),
  CASE("rows",    STATS(0, 35, 7)),
  CASE("first",   STATS(0, 3, 5, 7, 9)),
  CASE("last",    STATS(0, 3, 33, 5, 7), .nhwc = 1),
  CASE("even",    STATS(1, 3, 17, 7, 5), .nhwc = 1),
  CASE("odd",     STATS(2, 3, 3, 9, 2), .nhwc = 1),
  CASE("odd 1st", STATS(2, 3, 3, 1, 37)),
  CASE("bands",   STATS(1, 35, 17, 9, 9), .nhwc = 1),
  CASE("long",    STATS(0, 3, 1, 2, 3000), .nhwc = 1),
  CASE("lines",   STATS(0, 35, 48, 3, 7), .nhwc = 1),
  CASE("by two",  STATS(0, 35, 96, 3, 7), .nhwc = 1),
  CASE("by four", STATS(0, 7, 128, 3, 7), .nhwc = 1),
  /* x near 1000, a deviation of 0.058; floats are 6e-5 apart there, so that each square is
   * rounded by about 6e-6, of which the mean is far less */
  CASE("far",     STATS(0, 35, 5, 9, 9), .nhwc = 1, .lo = 999.9f, .hi = 1000.1f, .tol = 1e-6f),
  CASE("far 16",  STATS(0, 35, 17, 9, 9), .nhwc = 1, .lo = 999.9f, .hi = 1000.1f, .tol = 1e-6f),
  CASE("far 1st", STATS(0, 35, 1, 9, 31), .lo = 999.9f, .hi = 1000.1f, .tol = 1e-6f),
  CASE("3",       STATS(1, 64, 3, 32, 32), .nhwc = 1, .bench = 1),
  CASE("12",      STATS(0, 64, 12, 16, 16), .nhwc = 1, .bench = 1),
  CASE("512",     STATS(0, 64, 512, 4, 4), .nhwc = 1, .bench = 1),
  CASE("64",      STATS(0, 64, 64, 32, 32), .nhwc = 1, .bench = 1));

CLF_CASES(bn_fwd,
  CASE("one",   PLAIN(0, 0, 1, 1, 1, 1)),
  CASE("rows",  NET(0, 2, 35, 7)),
  CASE("first", NET(0, 0, 3, 5, 7, 9)),
  CASE("last",  NET(0, 2, 3, 33, 5, 7), .nhwc = 1),
  CASE("even",  NET(1, 0, 3, 17, 7, 5), .nhwc = 1),
  CASE("odd",   PLAIN(2, 2, 3, 3, 9, 2), .nhwc = 1),
  CASE("wide",  NET(2, 0, 2, 1, 2, 37), .nhwc = 1),
  CASE("lines", NET(0, 2, 35, 48, 3, 7), .nhwc = 1),
  CASE("even lines", NET(1, 2, 3, 48, 3, 7), .nhwc = 1),
  CASE("by two",  NET(0, 2, 9, 96, 3, 7), .nhwc = 1),
  CASE("by four", PLAIN(0, 0, 7, 128, 3, 7), .nhwc = 1),
  CASE("bare lines", PLAIN(0, 0, 3, 16, 1, 7), .nhwc = 1),
  CASE("3",     NET(1, 0, 64, 3, 32, 32), .nhwc = 1, .bench = 1),
  CASE("512",   NET(0, 2, 64, 512, 4, 4), .nhwc = 1, .bench = 1),
  CASE("64",    NET(0, 2, 64, 64, 32, 32), .nhwc = 1, .bench = 1));

CLF_CASES(bn_bwd,
  CASE("one",   BARE(0, 0, 1, 0, 1, 1, 1, 1), .fresh = 1),
  CASE("rows",  BWD(0, 2, 1, 1, 35, 7)),
  CASE("first", BWD(0, 0, 0.25f, 0.5f, 3, 5, 7, 9)),
  CASE("last",  BWD(0, 2, 1, 1, 3, 33, 5, 7), .nhwc = 1),
  CASE("bare",  BARE(1, 2, 1, 0, 3, 33, 5, 7), .nhwc = 1, .fresh = 1),
  CASE("even",  BWD(1, 0, 1, 1, 3, 17, 7, 5), .nhwc = 1),
  CASE("odd",   BARE(2, 2, 0.5f, 0, 3, 3, 9, 2), .nhwc = 1, .fresh = 1),
  CASE("fixed", BWD(2, 2, 0, 1, 2, 1, 2, 37), .nhwc = 1),
  CASE("bands", BWD(1, 2, 1, 1, 35, 17, 9, 9), .nhwc = 1),
  CASE("lines", BWD(0, 2, 0.5f, 0.5f, 35, 48, 3, 7), .nhwc = 1),
  CASE("by two",  BWD(0, 2, 0.5f, 0.5f, 9, 96, 3, 7), .nhwc = 1),
  CASE("by four", BARE(0, 2, 1, 0, 7, 128, 3, 7), .nhwc = 1, .fresh = 1),
  CASE("bare lines", BARE(0, 0, 1, 0, 3, 16, 1, 7), .nhwc = 1, .fresh = 1),
  CASE("3",     BWD(1, 0, 1, 1, 64, 3, 32, 32), .nhwc = 1, .bench = 1, .tol = 1e-4f),
  CASE("512",   BWD(0, 2, 1, 1, 64, 512, 4, 4), .nhwc = 1, .bench = 1, .tol = 1e-4f),
  CASE("64",    BWD(0, 2, 1, 1, 64, 64, 32, 32), .nhwc = 1, .bench = 1, .tol = 1e-4f));

CLF_CASES(bn_flow_fwd,
  CASE("one",   FLOW(0, 1, 1, 1, 1)),
  CASE("rows",  FLOW(0, 35, 7)),
  CASE("first", FLOW(1, 3, 5, 7, 9)),
  CASE("last",  FLOW(0, 3, 33, 5, 7), .nhwc = 1),
  CASE("even",  FLOW(1, 35, 3, 5, 5), .nhwc = 1),
  CASE("odd",   FLOW(2, 3, 17, 9, 2), .nhwc = 1),
  CASE("3",     FLOW(2, 64, 3, 32, 32), .nhwc = 1, .bench = 1),
  CASE("6",     FLOW(0, 64, 6, 16, 16), .nhwc = 1, .bench = 1),
  CASE("12",    FLOW(1, 64, 12, 16, 16), .nhwc = 1, .bench = 1));

CLF_CASES(bn_flow_inv,
  CASE("one",   BACK(0, 1, 1, 1, 1)),
  CASE("rows",  BACK(0, 35, 7)),
  CASE("first", BACK(1, 3, 5, 7, 9)),
  CASE("last",  BACK(0, 3, 33, 5, 7), .nhwc = 1),
  CASE("even",  BACK(1, 35, 3, 5, 5), .nhwc = 1),
  CASE("odd",   BACK(2, 3, 17, 9, 2), .nhwc = 1),
  CASE("12",    BACK(1, 64, 12, 16, 16), .nhwc = 1, .bench = 1));

CLF_CASES(bn_flow_bwd,
  CASE("one",   FLOW_BARE(0, 1, 1, 1, 1, 1)),
  CASE("rows",  FLOW_BARE(0, 1, 35, 7)),
  CASE("first", FLOW_BWD(1, 0.5f, 3, 5, 7, 9)),
  CASE("last",  FLOW_BARE(0, 1, 3, 33, 5, 7), .nhwc = 1),
  CASE("even",  FLOW_BARE(1, 1, 35, 3, 5, 5), .nhwc = 1),
  CASE("odd",   FLOW_BWD(2, 0.25f, 3, 17, 9, 2), .nhwc = 1),
  CASE("fixed", FLOW_BARE(1, 0, 2, 1, 2, 37), .nhwc = 1),
  CASE("weighted", &(const clf_bn_flow_bwd_args){FWD(35, 7), .dy = DIM(35, 7), .dl = DIM(35), \
      .dx = DIM(35, 7), .batch = 1, .wider = 0.25f, .dlogdet = -0.3f}),
  CASE("bands", FLOW_BARE(2, 1, 35, 17, 9, 9), .nhwc = 1),
  CASE("3",     FLOW_BARE(2, 1, 64, 3, 32, 32), .nhwc = 1, .bench = 1),
  CASE("12",    FLOW_BARE(1, 1, 64, 12, 16, 16), .nhwc = 1, .bench = 1));
