/* SPDX-License-Identifier: MIT */
#include "cases.h"

/* kind, a, b, c of seven columns, each kind once; values of rows inside all domains, at the bounds and outside; and values of the maps. */
static const float columns[] = {0, 0,  0, 0,     1, -1, 3, 0,  2, -2, 0,    0, 3, 0, 4, 0,
                                4, -1, 0, 0,     5, 11, 0, 0,  6, 3,  0.5f, 0};
/* asinh, softlog, softlogit, within; values on both sides of the points where softlog and softlogit change, and far away. */
static const float soft[] = {7, 1, 0.5f, 0, 8, -1, 0.25f, 0, 9, -1, 3, 0.1f, 10, -1, 2, 0};
static const float soft_rows[] = {0.9f, -0.9f, 0.5f, 0.5f, 1, -0.5f, -0.7f, -1, -3, 4, 2.5f, 2, 40, -8, -9, 2.5f, 1.0001f, -1, 1, -3, 2, 0.3f, 3, 0.5f, -1e9f, 1e9f, 55, -1, 1e20f, -30, 2.9f, 2};
static const float soft_images[] = {0.1f, -1, 0, 0.5f, -7, -1.5f, 2.1f, -1, 3, 3, -2.1f, 2, 1e-3f, -9, -2.3f, 7, -12, 0.5f, 7, 0.5f, 0, 10, -60, -1};
static const float clamped[] = {1, -1, 3, 0.05f, 1, 0,  1, 1e-6f};
static const float rows[] = {-0.5f, 0.2f, -0.9f, 1.7f, 0.3f,  7,    1.1f, 2.5f, -0.99f, 1.3f, 3.99f,
                             -0.9f, -40,  2.9f,  0.1f, 2.999f, 50,  -20,  60,   0,      -2.9f};
static const float edges[] = {1, -1, -2, 4, -1, 0, 3, 1, 3, -3, 5, -2, 1e6f, -30, 1, -7, -1e30f, 3, -7, 1, 2.5f};
static const float ends[] = {-1.5f, 0.2f, 1, 0.95f, 3.5f, -0.1f, 2.99f, 1.1f, -0.99f, 0.5f};
static const float images[] = {-0.5f, 30, 3, -2, -20, 7, 2.5f, 3, -40, -8, 2, 30, -10.9f, -2.5f, 1, -3, 0.1f, 0.2f, 2, 11, 1};

#define HOW {1, 28, columns}
#define SOFT {1, 16, soft}
#define CLAMPED {1, 8, clamped}
#define X(values) {0, sizeof(values) / sizeof(float), values}
#define FWD(N, D) &(const clf_bounds_fwd_args){.x = DIM(N, D), .how = DIM(D, 4), .y = DIM(N, D), .logdet = DIM(N)}
#define INV(N, D) &(const clf_bounds_inv_args){.y = DIM(N, D), .how = DIM(D, 4), .x = DIM(N, D), .logdet = DIM(N)}
#define BWD(N, D) &(const clf_bounds_bwd_args){.x = DIM(N, D), .how = DIM(D, 4), .dy = DIM(N, D), .dl = DIM(N), \
    .dx = DIM(N, D), .dlogdet = -0.3f}
#define INV_BWD(N, D) &(const clf_bounds_inv_bwd_args){.x = DIM(N, D), .how = DIM(D, 4), .dx = DIM(N, D), .dl = DIM(N), \
    .dy = DIM(N, D), .dlogdet = -0.3f}

CLF_CASES(bounds_fwd,
  CASE("inside",  FWD(35, 7), .given = {HOW, X(rows)}),
  CASE("edges",   FWD(3, 7), .given = {HOW, X(edges)}),
  CASE("clamped", FWD(5, 2), .given = {CLAMPED, X(ends)}),
  CASE("soft",    FWD(8, 4), .given = {SOFT, X(soft_rows)}),
  CASE("wide",    FWD(3, 147), .given = {HOW, X(rows)}),
  CASE("large",   FWD(4096, 63), .given = {HOW, X(rows)}, .bench = 1));
CLF_CASES(bounds_inv,
  CASE("inside",  INV(35, 7), .given = {HOW, X(images)}),
  CASE("soft",    INV(6, 4), .given = {SOFT, X(soft_images)}),
  CASE("wide",    INV(3, 147), .given = {HOW, X(images)}),
  CASE("large",   INV(4096, 63), .given = {HOW, X(images)}, .bench = 1));
CLF_CASES(bounds_bwd,
  CASE("inside",  BWD(35, 7), .given = {HOW, X(rows)}, .tol = 1e-4f),
  CASE("edges",   BWD(3, 7), .given = {HOW, X(edges)}),
  CASE("clamped", BWD(5, 2), .given = {CLAMPED, X(ends)}, .tol = 2e-5f),
  CASE("soft",    BWD(8, 4), .given = {SOFT, X(soft_rows)}),
  CASE("wide",    BWD(3, 147), .given = {HOW, X(rows)}, .tol = 1e-4f));
CLF_CASES(bounds_inv_bwd,
  CASE("inside",  INV_BWD(35, 7), .given = {HOW, X(rows)}),
  CASE("soft",    INV_BWD(8, 4), .given = {SOFT, X(soft_rows)}),
  CASE("wide",    INV_BWD(3, 147), .given = {HOW, X(rows)}));
