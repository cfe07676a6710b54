/* SPDX-License-Identifier: MIT */
#include "cases.h"

/* Indices of columns are random too, in -1 .. D + 1: some occur twice, some are out of range. */
#define TAKE(N, D, d, b, ...) &(const clf_columns_take_args){.x = {.dim = {N, D, __VA_ARGS__}}, \
    .at = DIM(d), .y = {.dim = {N, d, __VA_ARGS__}}, .beta = b}
#define ADD(N, D, d, ...) &(const clf_columns_add_args){.x = {.dim = {N, d, __VA_ARGS__}}, \
    .at = DIM(d), .y = {.dim = {N, D, __VA_ARGS__}}}

#define GRID(N, D) &(const clf_on_grid_args){.x = DIM(N, D), .grid = DIM(3, D), .y = DIM(N, D)}

CLF_CASES(columns_take,
  CASE("one",    TAKE(1, 1, 1, 0, 1), .fresh = 1),
  CASE("fresh",  TAKE(35, 7, 5, 0, 1), .lo = -1, .hi = 8, .fresh = 1),
  CASE("added",  TAKE(130, 7, 11, -0.5f, 1), .lo = -1, .hi = 8),
  CASE("image",  TAKE(3, 5, 5, 0, 4, 7), .lo = -1, .hi = 6),
  CASE("last",   TAKE(3, 5, 6, 1, 4, 7), .lo = -1, .hi = 6, .nhwc = 1),
  CASE("large",  TAKE(4096, 64, 64, 0, 1), .lo = 0, .hi = 64, .bench = 1));
CLF_CASES(columns_add,
  CASE("one",    ADD(1, 1, 1, 1)),
  CASE("ragged", ADD(130, 7, 5, 1), .lo = -1, .hi = 8),
  CASE("image",  ADD(3, 5, 5, 4, 7), .lo = -1, .hi = 6),
  CASE("last",   ADD(3, 5, 9, 4, 7), .lo = -1, .hi = 6, .nhwc = 1),
  CASE("large",  ADD(4096, 64, 64, 1), .lo = 0, .hi = 64, .bench = 1));
CLF_CASES(on_grid,
  CASE("one",    GRID(1, 1), .fresh = 1),
  CASE("ragged", GRID(130, 37), .lo = -2, .hi = 2, .fresh = 1),
  CASE("far",    GRID(35, 20), .lo = -50, .hi = 50, .fresh = 1),
  CASE("large",  GRID(4096, 64), .lo = -2, .hi = 2, .fresh = 1, .bench = 1));
