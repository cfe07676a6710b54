/* SPDX-License-Identifier: MIT */
#include "cases.h"

#define GEMM(...) &(const clf_gemm_args){.alpha = 1, __VA_ARGS__}
#define MNK(M, N, K) .a = DIM(M, K), .b = DIM(K, N), .c = DIM(M, N)

/* Samples are contiguous and weights mostly 0, as in masked nets. */
static const float zeros[] = {0.3f, 0, 0, -0.5f, 0, 0, 0};
#define SAMPLES .by_column = 1 | 1 << 3
#define MASKED SAMPLES, .given = {{1, 7, zeros}}
/* Zeros at the end of each row of 72. */
#define TEN(d) d, d, d, d, d, d, d, d, d, d
#define SOME TEN(0.2f)
#define NONE TEN(0)
static const float rows[] = {
  SOME, NONE, NONE, NONE, NONE, NONE, NONE, 0, 0,  NONE, NONE, NONE, NONE, NONE, NONE, NONE, 0, 0,
  SOME, SOME, SOME, 0.5f, 0, 0, 0, 0, 0, 0, 0, 0, 0, NONE, NONE, NONE, 0, 0,
  SOME, SOME, SOME, SOME, SOME, SOME, TEN(-0.1f), 0, 0,  SOME, SOME, SOME, SOME, SOME, SOME, SOME, 1, -1};
#define STAIRS SAMPLES, .given = {{1, 360, rows}}

CLF_CASES(gemm,
  CASE("samples",    GEMM(.a = DIM(70, 33), .b = DIM(50, 33), .bias = DIM(50), .c = DIM(70, 50), .tb = 1, .act = CLF_ACT_tanh), SAMPLES, .fresh = 1),
  CASE("samples in", GEMM(.a = DIM(45, 50), .b = DIM(50, 33), .c = DIM(45, 33), .beta = 1), SAMPLES),
  CASE("samples of many units", GEMM(.a = DIM(35, 140), .b = DIM(210, 140), .bias = DIM(210), .c = DIM(35, 210), .tb = 1), SAMPLES, .tol = 5e-5f),
  CASE("to weights", GEMM(.a = DIM(45, 50), .b = DIM(45, 33), .c = DIM(50, 33), .ta = 1, .beta = 1), .by_column = 3),
  CASE("masked",     GEMM(.a = DIM(70, 33), .b = DIM(50, 33), .bias = DIM(50), .c = DIM(70, 50), .tb = 1, .act = CLF_ACT_relu), MASKED, .fresh = 1),
  CASE("masked in",  GEMM(.a = DIM(45, 50), .b = DIM(50, 33), .c = DIM(45, 33), .beta = 0.5f), MASKED),
  CASE("many masked", GEMM(.a = DIM(35, 140), .b = DIM(210, 140), .bias = DIM(210), .c = DIM(35, 210), .tb = 1), MASKED),
  CASE("many masked in", &(const clf_gemm_args){.a = DIM(129, 210), .b = DIM(210, 140), .c = DIM(129, 140), .alpha = -2}, MASKED, .tol = 5e-5f),
  CASE("masked wholly", GEMM(.a = DIM(20, 10), .b = DIM(7, 10), .bias = DIM(7), .c = DIM(20, 7), .tb = 1), SAMPLES, .given = {{1, 1, zeros + 1}}),
  CASE("stairs",     GEMM(.a = DIM(35, 72), .b = DIM(43, 72), .bias = DIM(43), .c = DIM(35, 43), .tb = 1, .act = CLF_ACT_tanh), STAIRS),
  CASE("stairs in",  GEMM(.a = DIM(70, 43), .b = DIM(43, 72), .c = DIM(70, 72), .beta = 1), STAIRS),
  CASE("stairs, few", GEMM(.a = DIM(17, 72), .b = DIM(9, 72), .c = DIM(17, 9), .tb = 1), STAIRS),
  CASE("few",        GEMM(.a = DIM(1, 70), .b = DIM(50, 70), .bias = DIM(50), .c = DIM(1, 50), .tb = 1, .act = CLF_ACT_tanh), .fresh = 1),
  CASE("few rows",   GEMM(.a = DIM(3, 33), .b = DIM(67, 33), .c = DIM(3, 67), .tb = 1, .beta = 0.5f)),
  CASE("few in place", GEMM(MNK(3, 131, 33), .bias = DIM(131), .beta = 0.5f, .act = CLF_ACT_tanh)),
  CASE("few short",  GEMM(MNK(2, 5, 70), .bias = DIM(5), .beta = -1)),
  CASE("few columns", GEMM(.a = DIM(2, 16), .b = DIM(1, 16), .bias = DIM(1), .c = DIM(2, 1), .tb = 1)),
  CASE("one",        GEMM(MNK(1, 1, 1))),
  CASE("tile",       GEMM(MNK(16, 16, 16))),
  CASE("tiles",      GEMM(MNK(24, 64, 5))),
  CASE("ragged",     GEMM(MNK(17, 15, 33))),
  CASE("wide",       GEMM(MNK(9, 77, 130))),
  CASE("row",        GEMM(MNK(1, 130, 40))),
  CASE("column",     GEMM(MNK(130, 1, 40))),
  CASE("a^T",        GEMM(.a = DIM(33, 17), .b = DIM(33, 15), .c = DIM(17, 15), .ta = 1)),
  CASE("b^T",        GEMM(.a = DIM(17, 33), .b = DIM(15, 33), .c = DIM(17, 15), .tb = 1)),
  CASE("a^T b^T",    GEMM(.a = DIM(70, 20), .b = DIM(40, 70), .c = DIM(20, 40), .ta = 1, .tb = 1)),
  CASE("alpha",      &(const clf_gemm_args){MNK(20, 20, 20), .alpha = -2.5f}),
  CASE("accumulate", GEMM(MNK(31, 64, 7), .beta = 0.5f)),
  CASE("bias",       GEMM(MNK(10, 40, 6), .bias = DIM(40))),
  CASE("bias tanh",  GEMM(MNK(10, 33, 6), .bias = DIM(33), .act = CLF_ACT_tanh)),
  CASE("all, relu",  GEMM(MNK(13, 48, 20), .bias = DIM(48), .act = CLF_ACT_relu, .beta = -1)),
  CASE("fresh c",    GEMM(MNK(9, 35, 4), .bias = DIM(35)), .fresh = 1),
  CASE("blas",       GEMM(MNK(70, 65, 90)), .tol = 5e-5f, .fresh = 1),
  CASE("blas a^T",   GEMM(.a = DIM(90, 70), .b = DIM(90, 65), .c = DIM(70, 65), .ta = 1, .beta = 1), .tol = 5e-5f),
  CASE("blas tanh",  GEMM(.a = DIM(70, 90), .b = DIM(65, 90), .bias = DIM(65), .c = DIM(70, 65), .tb = 1, .act = CLF_ACT_tanh), .tol = 5e-5f, .fresh = 1),
  CASE("deep a^T",   GEMM(.a = DIM(600, 70), .b = DIM(600, 45), .bias = DIM(45), .c = DIM(70, 45), .ta = 1, .beta = 0.5f, .act = CLF_ACT_tanh), .lo = -0.2f, .hi = 0.2f),
  CASE("far tanh",   GEMM(MNK(20, 40, 3), .act = CLF_ACT_tanh), .lo = -9, .hi = 9),
  CASE("many tiles", GEMM(MNK(1925, 65, 19), .bias = DIM(65), .act = CLF_ACT_relu), .fresh = 1),
  CASE("leaky_relu", GEMM(MNK(37, 67, 9), .bias = DIM(67), .beta = 1, .act = CLF_ACT_leaky_relu)),
  CASE("elu", GEMM(MNK(37, 67, 9), .bias = DIM(67), .beta = 1, .act = CLF_ACT_elu)),
  CASE("sigmoid", GEMM(MNK(37, 67, 9), .bias = DIM(67), .beta = 1, .act = CLF_ACT_sigmoid)),
  CASE("softplus", GEMM(MNK(37, 67, 9), .bias = DIM(67), .beta = 1, .act = CLF_ACT_softplus)),
  CASE("silu", GEMM(MNK(37, 67, 9), .bias = DIM(67), .beta = 1, .act = CLF_ACT_silu)),
  CASE("gelu", GEMM(MNK(37, 67, 9), .bias = DIM(67), .beta = 1, .act = CLF_ACT_gelu)),
  CASE("blas silu",  GEMM(MNK(70, 65, 90), .bias = DIM(65), .act = CLF_ACT_silu), .tol = 5e-5f),
  CASE("many tiles T", GEMM(.a = DIM(17, 1925), .b = DIM(65, 17), .c = DIM(1925, 65), .ta = 1, .tb = 1, .beta = 0.5f)),
  CASE("hidden",     GEMM(MNK(256, 512, 512), .bias = DIM(512), .act = CLF_ACT_tanh), .tol = 1e-4f, .bench = 1),
  CASE("512",        GEMM(MNK(512, 512, 512)), .tol = 1e-4f, .bench = 1),
  CASE("512 a^T",    GEMM(MNK(512, 512, 512), .ta = 1), .tol = 1e-4f, .bench = 1),
  CASE("512 b^T",    GEMM(MNK(512, 512, 512), .tb = 1), .tol = 1e-4f, .bench = 1),
  CASE("1024",       GEMM(MNK(1024, 1024, 1024)), .tol = 1e-4f, .bench = 1));

/* Degrees of units and of inputs: sorted as nets with masks store them, repeated, all equal. */
static const float sorted[] = {TEN(0), 0, TEN(1), 2, TEN(3), 3, 3, TEN(4), TEN(5), 6, 7, TEN(8), 8, TEN(9), TEN(10), 11, TEN(12)};
static const float cycle[] = {1, 2, 3, 4, 5};
#define WEIGHTS(N, M, K) &(const clf_weights_bwd_args){.dy = DIM(N, M), .x = DIM(N, K), .row = DIM(M), .column = DIM(K), .dw = DIM(M, K)}
#define DEGREES(rows, row, columns, column) .given = {{2, rows, row}, {3, columns, column}}
#define BY_UNIT .by_column = 3

CLF_CASES(weights_bwd,
  CASE("one",       WEIGHTS(1, 1, 1), DEGREES(1, cycle, 1, cycle)),
  CASE("sorted",    WEIGHTS(45, 98, 98), BY_UNIT, DEGREES(98, sorted, 98, sorted)),
  CASE("of samples", WEIGHTS(300, 98, 98), DEGREES(98, sorted, 98, sorted), .lo = -0.3f, .hi = 0.3f),
  CASE("repeated",  WEIGHTS(20, 131, 90), BY_UNIT, DEGREES(98, sorted, 98, sorted)),
  CASE("cycles",    WEIGHTS(64, 50, 67), BY_UNIT, DEGREES(4, cycle, 5, cycle)),
  CASE("in rows",   WEIGHTS(45, 50, 33), DEGREES(5, cycle, 98, sorted)),
  CASE("few rows",  WEIGHTS(2, 100, 140), DEGREES(98, sorted, 98, sorted)),
  CASE("many rows", WEIGHTS(600, 37, 70), DEGREES(98, sorted, 98, sorted), .lo = -0.2f, .hi = 0.2f),
  CASE("outputs",   WEIGHTS(33, 16, 75), BY_UNIT, DEGREES(2, cycle, 98, sorted)),
  CASE("removed",   WEIGHTS(9, 40, 35), BY_UNIT, DEGREES(1, cycle, 1, cycle + 2)),
  CASE("kept",      WEIGHTS(33, 40, 35), BY_UNIT, DEGREES(1, cycle + 2, 1, cycle)),
  CASE("net",       WEIGHTS(100, 512, 512), DEGREES(5, cycle, 5, cycle), .tol = 1e-4f, .bench = 1));
