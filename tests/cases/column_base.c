/* SPDX-License-Identifier: MIT */
#include "cases.h"

/* Parameters: none, the same for all samples, or one set for each sample. */
#define NONE(N, D) DIM(0)
#define OWN(N, D) DIM(N, D)
#define ALL(N, D) SHARED(N, D)
#define LOGP(kind_, U, S, L, N, D) &(const clf_column_logp_args){.z = DIM(N, D), .loc = U(N, D), \
    .log_scale = U(N, D), .shape = S(N, D), .logdet = L(N, 1), .logp = DIM(N), \
    .kind = CLF_COLUMN_##kind_, .beta = 0.7f}
#define BWD(kind_, U, S, L, N, D) &(const clf_column_bwd_args){.z = DIM(N, D), .loc = U(N, D), \
    .log_scale = U(N, D), .shape = S(N, D), .dl = L(N, 1), .dz = DIM(N, D), .dloc = U##_GRADIENT(N, D), \
    .dlog_scale = U##_GRADIENT(N, D), .dshape = S##_GRADIENT(N, D), .kind = CLF_COLUMN_##kind_, \
    .dlogdet = -0.3f}
#define NONE_GRADIENT(N, D) DIM(0)
#define OWN_GRADIENT(N, D) DIM(N, D)
#define ALL_GRADIENT(N, D) DIM(N, D)

/* A range of 0.4 .. 3 suits degrees of freedom that are used without a transform. */
#define KINDS(X)                                                                       \
  CASE("one",            X(normal, NONE, NONE, NONE, 1, 1)),                           \
  CASE("standard",       X(normal, NONE, NONE, OWN, 35, 7)),                           \
  CASE("normal",         X(normal, ALL, NONE, NONE, 35, 7), .tol = 3e-5f),             \
  CASE("of each",        X(normal, OWN, NONE, OWN, 17, 33), .tol = 3e-5f),             \
  CASE("wide",           X(normal, ALL, NONE, OWN, 3, 130), .tol = 1e-4f),             \
  CASE("logistic",       X(logistic, ALL, NONE, OWN, 35, 7), .tol = 3e-5f),            \
  CASE("logistic, far",  X(logistic, NONE, NONE, OWN, 35, 7), .lo = -200, .hi = 200),  \
  CASE("laplace",        X(laplace, OWN, NONE, OWN, 35, 7), .tol = 3e-5f),             \
  CASE("laplace, far",   X(laplace, NONE, NONE, NONE, 35, 7), .lo = -1e4f, .hi = 1e4f), \
  CASE("student",        X(student, ALL, ALL, OWN, 35, 7), .lo = 0.4f, .hi = 3, .tol = 3e-5f), \
  CASE("student, far",   X(student, NONE, OWN, OWN, 35, 7), .lo = 1, .hi = 1e4f, .tol = 3e-5f), \
  CASE("free degrees",   X(student_free, OWN, OWN, OWN, 35, 7), .tol = 3e-5f),         \
  CASE("few degrees",    X(student_free, NONE, ALL, OWN, 35, 7), .lo = -20, .hi = 1, .tol = 3e-5f), \
  CASE("many degrees",   X(student_free, NONE, ALL, OWN, 35, 7), .lo = 1, .hi = 300, .tol = 3e-5f), \
  CASE("box",            X(box, ALL, ALL, OWN, 35, 2)),                                \
  CASE("box of each",    X(box, OWN, OWN, NONE, 35, 7), .tol = 1e-4f),                 \
  CASE("large",          X(normal, ALL, NONE, NONE, 4096, 64), .tol = 1e-4f, .bench = 1)

CLF_CASES(column_logp, KINDS(LOGP),
  CASE("fresh", &(const clf_column_logp_args){.z = DIM(35, 7), .logp = DIM(35)}, .fresh = 1));
CLF_CASES(column_bwd, KINDS(BWD));

#define NOISE(kind_, S, N, D, ...) &(const clf_column_noise_args){.shape = S(N, D), .y = DIM(N, D), \
    .kind = CLF_COLUMN_##kind_, .seed_lo = 12345, .seed_hi = 678, .stream = 9, __VA_ARGS__}
CLF_CASES(column_noise,
  CASE("logistic",     NOISE(logistic, NONE, 4000, 3, .first_lo = -100, .first_hi = 1)),
  CASE("laplace",      NOISE(laplace, NONE, 350, 7, .first_lo = 5)),
  CASE("student",      NOISE(student, ALL, 4000, 3, .first_lo = 5), .lo = 1, .hi = 30, .tol = 3e-5f),
  CASE("free degrees", NOISE(student_free, OWN, 350, 7, .first_lo = 5), .tol = 5e-5f),
  CASE("few degrees",  NOISE(student_free, OWN, 350, 7, .first_lo = 5), .lo = -9, .hi = -2, .tol = 1e-4f));

#define PLACE(kind_, U, S, N, D) &(const clf_column_place_args){.e = DIM(N, D), .loc = U(N, D), \
    .log_scale = U(N, D), .shape = S(N, D), .z = DIM(N, D), .kind = CLF_COLUMN_##kind_}
CLF_CASES(column_place,
  CASE("one",      PLACE(normal, NONE, NONE, 1, 1)),
  CASE("standard", PLACE(laplace, NONE, NONE, 35, 7)),
  CASE("shared",   PLACE(logistic, ALL, NONE, 35, 7)),
  CASE("of each",  PLACE(student, OWN, OWN, 35, 7)),
  CASE("box",      PLACE(box, ALL, ALL, 35, 7)),
  CASE("box of each", PLACE(box, OWN, OWN, 35, 7), .lo = 0.2f, .hi = 1));

#define PLACE_BWD(kind_, U, S, N, D) &(const clf_column_place_bwd_args){.z = DIM(N, D), .loc = U(N, D), \
    .log_scale = U(N, D), .shape = S(N, D), .dz = DIM(N, D), .dloc = U##_GRADIENT(N, D), \
    .dlog_scale = U##_GRADIENT(N, D), .dshape = S##_GRADIENT(N, D), .kind = CLF_COLUMN_##kind_, \
    .seed_lo = 12345, .seed_hi = 678, .first_lo = 5}
CLF_CASES(column_place_bwd,
  CASE("one",          PLACE_BWD(normal, OWN, NONE, 1, 1)),
  CASE("shared",       PLACE_BWD(laplace, ALL, NONE, 35, 7)),
  CASE("student",      PLACE_BWD(student, ALL, ALL, 35, 7), .lo = 0.4f, .hi = 3),
  CASE("free degrees", PLACE_BWD(student_free, ALL, ALL, 350, 7)),
  CASE("few degrees",  PLACE_BWD(student_free, NONE, OWN, 350, 7), .lo = -9, .hi = 0, .tol = 1e-4f),
  CASE("many degrees", PLACE_BWD(student_free, NONE, OWN, 350, 7), .lo = 1, .hi = 300));
