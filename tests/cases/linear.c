/* SPDX-License-Identifier: MIT */
#include "cases.h"

#define TRIANGLE(D) DIM((D) * ((D)-1) / 2)
#define LU(D, k) &(const clf_lu_compose_args){.lower = TRIANGLE(D), .upper = TRIANGLE(D), \
    .diagonal = DIM(D), .w = DIM(D, D), .v = DIM(D, D), .logdet = DIM(1), .kind = k}
#define W_ALONE(D) &(const clf_lu_compose_args){.lower = TRIANGLE(D), .upper = TRIANGLE(D), \
    .diagonal = DIM(D), .w = DIM(D, D), .logdet = DIM(1)}
#define V_ALONE(D) &(const clf_lu_compose_args){.lower = TRIANGLE(D), .upper = TRIANGLE(D), \
    .diagonal = DIM(D), .v = DIM(D, D), .logdet = DIM(1)}
#define LU_BWD(D, k) &(const clf_lu_bwd_args){.lower = TRIANGLE(D), .upper = TRIANGLE(D), \
    .diagonal = DIM(D), .dw = DIM(D, D), .dl = DIM(1), .dlower = TRIANGLE(D), .dupper = TRIANGLE(D), \
    .ddiagonal = DIM(D), .kind = k, .dlogdet = -7}

/* Inverses of triangular matrices grow fast with D, so larger ones have small elements. */
CLF_CASES(lu_compose,
  CASE("one",    &(const clf_lu_compose_args){.diagonal = DIM(1), .w = DIM(1, 1), .v = DIM(1, 1), .logdet = DIM(1)}),
  CASE("two",    LU(2, 0)),
  CASE("exp",    LU(5, 1)),
  CASE("signs",  LU(5, 2), .lo = -0.5f, .hi = -0.3f),
  CASE("W",      W_ALONE(7)),
  CASE("V",      V_ALONE(7), .lo = -0.5f, .hi = 0.5f),
  CASE("16",     LU(16, 0), .lo = -0.3f, .hi = 0.3f),
  CASE("far",    W_ALONE(3), .lo = -100, .hi = 100),
  CASE("wide",   LU(67, 0), .lo = -0.1f, .hi = 0.1f));
CLF_CASES(lu_bwd,
  CASE("one",    &(const clf_lu_bwd_args){.diagonal = DIM(1), .dw = DIM(1, 1), .ddiagonal = DIM(1), .dlogdet = 2}),
  CASE("two",    LU_BWD(2, 0)),
  CASE("exp",    LU_BWD(5, 1)),
  CASE("signs",  LU_BWD(5, 2), .lo = -0.5f, .hi = -0.3f, .tol = 2e-5f),
  CASE("16",     LU_BWD(16, 0)),
  CASE("wide",   LU_BWD(67, 0), .tol = 5e-5f));

#define QR(D, K, k) &(const clf_reflections_compose_args){.left = DIM(K, D), .upper = TRIANGLE(D), \
    .diagonal = DIM(D), .w = DIM(D, D), .v = DIM(D, D), .logdet = DIM(1), .kind = k}
#define SVD(D, K, M) &(const clf_reflections_compose_args){.left = DIM(K, D), .diagonal = DIM(D), \
    .right = DIM(M, D), .w = DIM(D, D), .v = DIM(D, D), .logdet = DIM(1)}
#define Q(D, K) &(const clf_reflections_compose_args){.left = DIM(K, D), .w = DIM(D, D), .logdet = DIM(1)}
#define ALL(D, K, M) &(const clf_reflections_compose_args){.left = DIM(K, D), .upper = TRIANGLE(D), \
    .diagonal = DIM(D), .right = DIM(M, D), .w = DIM(D, D), .v = DIM(D, D)}
#define QR_BWD(D, K, k) &(const clf_reflections_bwd_args){.left = DIM(K, D), .upper = TRIANGLE(D), \
    .diagonal = DIM(D), .dw = DIM(D, D), .dl = DIM(1), .dleft = DIM(K, D), .dupper = TRIANGLE(D), \
    .ddiagonal = DIM(D), .kind = k, .dlogdet = -7}
#define SVD_BWD(D, K, M) &(const clf_reflections_bwd_args){.left = DIM(K, D), .diagonal = DIM(D), \
    .right = DIM(M, D), .dw = DIM(D, D), .dleft = DIM(K, D), .ddiagonal = DIM(D), .dright = DIM(M, D), .dlogdet = 3}
#define Q_BWD(D, K) &(const clf_reflections_bwd_args){.left = DIM(K, D), .dw = DIM(D, D), .dleft = DIM(K, D)}
#define ALL_BWD(D, K, M) &(const clf_reflections_bwd_args){.left = DIM(K, D), .upper = TRIANGLE(D), \
    .diagonal = DIM(D), .right = DIM(M, D), .dw = DIM(D, D), .dleft = DIM(K, D), .dupper = TRIANGLE(D), \
    .ddiagonal = DIM(D), .dright = DIM(M, D), .dlogdet = 3}

CLF_CASES(reflections_compose,
  CASE("one",    SVD(1, 1, 1), .lo = 0.5f, .hi = 1),
  CASE("QR",     QR(7, 3, 1), .lo = -0.5f, .hi = 0.5f),
  CASE("SVD",    SVD(7, 4, 2)),
  CASE("Q",      Q(5, 6)),
  CASE("all",    ALL(17, 3, 5), .lo = -0.3f, .hi = 0.3f),
  CASE("wide",   QR(67, 10, 0), .lo = -0.1f, .hi = 0.1f));
CLF_CASES(reflections_bwd,
  CASE("one",    SVD_BWD(1, 1, 1), .lo = 0.5f, .hi = 1),
  CASE("QR",     QR_BWD(7, 3, 1)),
  CASE("SVD",    SVD_BWD(7, 4, 2), .tol = 2e-5f),
  CASE("Q",      Q_BWD(5, 6), .tol = 2e-5f),
  CASE("all",    ALL_BWD(17, 3, 5), .tol = 5e-5f),
  CASE("wide",   QR_BWD(67, 10, 0), .lo = -0.3f, .hi = 0.3f, .tol = 1e-4f),
  CASE("many",   ALL_BWD(70, 2, 3), .lo = -0.3f, .hi = 0.3f, .tol = 1e-4f)); /* of columns: with one lane, items take two */

#define ROTATION(D) &(const clf_rotation_compose_args){.generator = DIM(D, D), .w = DIM(D, D)}
#define ROTATION_BWD(D) &(const clf_rotation_bwd_args){.generator = DIM(D, D), .dw = DIM(D, D), .dgenerator = DIM(D, D)}
CLF_CASES(rotation_compose,
  CASE("one",    ROTATION(1)),
  CASE("plane",  ROTATION(2), .lo = -9, .hi = 9),
  CASE("ragged", ROTATION(7)),
  CASE("17",     ROTATION(17)),
  CASE("wide",   ROTATION(67), .lo = -0.3f, .hi = 0.3f));
CLF_CASES(rotation_bwd,
  CASE("one",    ROTATION_BWD(1)),
  CASE("plane",  ROTATION_BWD(2), .lo = -3, .hi = 3, .tol = 2e-5f),
  CASE("ragged", ROTATION_BWD(7)),
  CASE("17",     ROTATION_BWD(17), .tol = 2e-5f),
  CASE("wide",   ROTATION_BWD(67), .lo = -0.3f, .hi = 0.3f, .tol = 2e-5f));

#define DENSE(D) &(const clf_dense_compose_args){.w = DIM(D, D), .v = DIM(D, D), .logdet = DIM(1)}
#define DENSE_BWD(D) &(const clf_dense_bwd_args){.v = DIM(D, D), .dl = DIM(1), .dw = DIM(D, D), .dlogdet = -3}
CLF_CASES(dense_compose,
  CASE("one",      DENSE(1), .lo = 0.3f, .hi = 2),
  CASE("two",      DENSE(2)),
  CASE("ragged",   DENSE(7), .tol = 1e-4f), /* condition numbers of random matrices */
  CASE("17",       DENSE(17), .tol = 1e-4f),
  CASE("wide",     DENSE(67), .tol = 1e-3f),
  CASE("singular", DENSE(3), .lo = 1, .hi = 1)); /* all ones */
CLF_CASES(dense_bwd, CASE("one", DENSE_BWD(1)), CASE("ragged", DENSE_BWD(7)), CASE("wide", DENSE_BWD(67)));

#define ADD(K, N) &(const clf_logdet_add_args){.value = DIM(K), .logdet = DIM(N), .factor = -1.5f, .times = 3}
CLF_CASES(logdet_add, CASE("one", ADD(1, 1)), CASE("ragged", ADD(7, 35)), CASE("many", ADD(130, 1000), .tol = 2e-5f),
  CASE("constant", &(const clf_logdet_add_args){.logdet = DIM(35), .factor = 2.5f, .times = -2}));
