/* SPDX-License-Identifier: MIT */
#include "cases.h"

#define GEMM(...) &(const clf_gemm_args){.alpha = 1, __VA_ARGS__}
#define MNK(M, N, K) .a = DIM(M, K), .b = DIM(K, N), .c = DIM(M, N)

/* Samples are contiguous. */
#define SAMPLES .by_column = 1 | 1 << 3

CLF_CASES(gemm,
  CASE("samples",    GEMM(.a = DIM(70, 33), .b = DIM(50, 33), .bias = DIM(50), .c = DIM(70, 50), .tb = 1, .act = CLF_ACT_tanh), SAMPLES, .fresh = 1),
  CASE("samples in", GEMM(.a = DIM(45, 50), .b = DIM(50, 33), .c = DIM(45, 33), .beta = 1), SAMPLES),
  CASE("samples of many units", GEMM(.a = DIM(35, 140), .b = DIM(210, 140), .bias = DIM(210), .c = DIM(35, 210), .tb = 1), SAMPLES, .tol = 5e-5f),
  CASE("to weights", GEMM(.a = DIM(45, 50), .b = DIM(45, 33), .c = DIM(50, 33), .ta = 1, .beta = 1), .by_column = 3),
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

/* Numbers repeated. */
#define TEN(...) __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__
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

/* Rows of 70 weights, whose inputs are ten of each degree 1 .. 7: what units of degree 0 .. 7 see,
 * one after the other, and seven of each. */
#define SEVEN(...) __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__
#define SOME TEN(0.2f)
#define MORE 0.3f, -0.4f, 0.1f, 0.7f, -0.6f, 0.25f, 0.5f, -0.8f, 0.35f, 0.9f
#define NONE TEN(0)
#define ROW0 SEVEN(NONE)
#define ROW1 MORE, NONE, NONE, NONE, NONE, NONE, NONE
#define ROW2 SOME, MORE, NONE, NONE, NONE, NONE, NONE
#define ROW3 MORE, SOME, MORE, NONE, NONE, NONE, NONE
#define ROW4 SOME, MORE, SOME, MORE, NONE, NONE, NONE
#define ROW5 MORE, MORE, SOME, SOME, MORE, NONE, NONE
#define ROW6 SOME, MORE, SOME, MORE, SOME, MORE, NONE
#define ROW7 MORE, SOME, MORE, SOME, MORE, SOME, MORE
static const float inputs[] = {TEN(1), TEN(2), TEN(3), TEN(4), TEN(5), TEN(6), TEN(7)};
static const float cycling[] = {0, 1, 2, 3, 4, 5, 6, 7};
static const float of_cycling[] = {ROW0, ROW1, ROW2, ROW3, ROW4, ROW5, ROW6, ROW7};
static const float units[] = {SEVEN(0), SEVEN(1), SEVEN(2), SEVEN(3), SEVEN(4), SEVEN(5), SEVEN(6), SEVEN(7)};
static const float of_units[] = {SEVEN(ROW0), SEVEN(ROW1), SEVEN(ROW2), SEVEN(ROW3), SEVEN(ROW4), SEVEN(ROW5), SEVEN(ROW6), SEVEN(ROW7)};
/* The same for 35 inputs in no order, and for 6 whose degrees shrink. */
static const float of_cycle[] = {SEVEN(0.2f, 0, 0, 0, 0), SEVEN(0.3f, -0.1f, 0, 0, 0), SEVEN(0.4f, 0.7f, -0.5f, 0, 0), SEVEN(-0.3f, 0.2f, 0.6f, 0.8f, 0), SEVEN(1, 2, 3, 4, 5)};
static const float shrinking[] = {5, 4, 3, 2, 1, 1};
static const float of_shrinking[] = {0, 0, 0, 0, 0.3f, 0.1f, 0, 0, 0, -0.4f, 0.2f, 0.6f, 0, 0, 0.7f, 0.5f, -0.2f, 0.8f, 0, 0.3f, 0.1f, -0.9f, 0.4f, 0.2f, 0.5f, 1, 2, 3, -4, 5};
#define LEVELS(weights, w, rows, row, columns, column) .given = {{1, weights, w}, {2, rows, row}, {3, columns, column}}
#define SORTED LEVELS(3920, of_units, 56, units, 70, inputs)
#define CYCLING LEVELS(560, of_cycling, 8, cycling, 70, inputs)
#define CYCLES LEVELS(175, of_cycle, 5, cycle, 5, cycle)
#define SHRINKING LEVELS(30, of_shrinking, 5, cycle, 6, shrinking)
#define FORWARD(N, M, K, ...) &(const clf_masked_fwd_args){.x = DIM(N, K), .w = DIM(M, K), .row = DIM(M), .column = DIM(K), .y = DIM(N, M), __VA_ARGS__}
#define BACKWARD(N, M, K, ...) &(const clf_masked_bwd_args){.dy = DIM(N, M), .w = DIM(M, K), .row = DIM(M), .column = DIM(K), .dx = DIM(N, K), __VA_ARGS__}
#define OF_SAMPLES .by_column = 1 | 1 << 5
#define OF_COLUMNS .by_column = 1 | 1 << 4

CLF_CASES(masked_fwd,
  CASE("one",       FORWARD(1, 1, 1, .beta = 1), LEVELS(1, of_cycle, 1, cycle, 1, cycle)),
  CASE("sorted",    FORWARD(35, 56, 70, .bias = DIM(56), .act = CLF_ACT_tanh), OF_SAMPLES, SORTED, .fresh = 1),
  CASE("in rows",   FORWARD(45, 56, 70, .bias = DIM(56), .act = CLF_ACT_relu), SORTED),
  CASE("panels",    FORWARD(300, 56, 70, .beta = 0.5f), SORTED),
  CASE("many tiles", FORWARD(1925, 65, 6, .bias = DIM(65), .act = CLF_ACT_relu), SHRINKING),
  CASE("transposed", FORWARD(3, 56, 70, .bias = DIM(56), .act = CLF_ACT_silu), .by_column = 1 << 1, SORTED),
  CASE("cycling",   FORWARD(70, 43, 70, .beta = -1), OF_SAMPLES, CYCLING),
  CASE("cycles",    FORWARD(33, 50, 35, .bias = DIM(50)), OF_SAMPLES, CYCLES, .tol = 5e-5f),
  CASE("shrinking", FORWARD(33, 50, 6, .bias = DIM(50), .act = CLF_ACT_gelu), OF_SAMPLES, SHRINKING),
  CASE("removed",   FORWARD(20, 7, 10, .bias = DIM(7)), OF_SAMPLES, LEVELS(1, cycling, 1, cycling, 70, inputs)));

CLF_CASES(masked_bwd,
  CASE("one",       BACKWARD(1, 1, 1, .beta = 1), LEVELS(1, of_cycle, 1, cycle, 1, cycle)),
  CASE("sorted",    BACKWARD(35, 56, 70, .beta = 1), OF_COLUMNS, SORTED),
  CASE("in rows",   BACKWARD(45, 56, 70, .beta = 0), SORTED, .fresh = 1),
  CASE("panels",    BACKWARD(300, 56, 70, .beta = 0.5f), SORTED),
  CASE("many tiles", BACKWARD(1925, 6, 70, .beta = 0.5f), CYCLING),
  CASE("cycling",   BACKWARD(70, 43, 70, .beta = 0), OF_COLUMNS, CYCLING, .fresh = 1),
  CASE("cycles",    BACKWARD(33, 50, 35, .beta = 0), OF_COLUMNS, CYCLES, .tol = 1e-4f),
  CASE("shrinking", BACKWARD(33, 50, 6, .beta = -1), OF_COLUMNS, SHRINKING, .tol = 5e-5f),
  CASE("removed",   BACKWARD(20, 7, 10, .beta = 0), OF_COLUMNS, LEVELS(1, cycling, 1, cycling, 70, inputs)));
