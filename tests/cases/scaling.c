/* SPDX-License-Identifier: MIT */
#include "cases.h"

#define FWD(N, D) &(const clf_scaling_fwd_args){.x = DIM(N, D), .log_s = DIM(D), .y = DIM(N, D), .logdet = DIM(N)}
#define INV(N, D) &(const clf_scaling_inv_args){.y = DIM(N, D), .log_s = DIM(D), .x = DIM(N, D), .logdet = DIM(N)}
#define BWD(N, D) &(const clf_scaling_bwd_args){.x = DIM(N, D), .log_s = DIM(D), .dy = DIM(N, D), \
    .dx = DIM(N, D), .dlog_s = DIM(D), .dlogdet = -0.3f}
#define BWD_EACH(N, D) &(const clf_scaling_bwd_args){.x = DIM(N, D), .log_s = DIM(D), .dy = DIM(N, D), \
    .dl = DIM(N), .dx = DIM(N, D), .dlog_s = DIM(D), .dlogdet = -0.3f}
#define SHAPES(X) \
  CASE("one", X(1, 1)), CASE("ragged", X(35, 7), .tol = 3e-5f), CASE("wide", X(17, 130), .tol = 5e-5f), \
  CASE("large", X(4096, 64), .tol = 1e-3f, .bench = 1)

CLF_CASES(scaling_fwd, SHAPES(FWD));
CLF_CASES(scaling_inv, SHAPES(INV));
CLF_CASES(scaling_bwd, SHAPES(BWD), CASE("each", BWD_EACH(35, 7), .tol = 3e-5f));
