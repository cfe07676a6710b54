/* SPDX-License-Identifier: MIT */
#include "cases.h"

#define COPY(...) &(const clf_copy_args){.x = DIM(__VA_ARGS__), .y = DIM(__VA_ARGS__)}
#define FILL(...) &(const clf_fill_args){.y = DIM(__VA_ARGS__), .value = 2.5f}
#define AXPBY(a_, b_, ...) &(const clf_axpby_args){.x = DIM(__VA_ARGS__), .y = DIM(__VA_ARGS__), .a = a_, .b = b_}

CLF_CASES(copy,
  CASE("one", COPY(1)), CASE("ragged", COPY(35, 7)), CASE("image", COPY(3, 5, 4, 7)),
  CASE("last", COPY(3, 5, 4, 7), .nhwc = 1), CASE("pixels", COPY(1, 5, 4, 7), .nhwc = 1),
  CASE("items", COPY(9001)), CASE("large", COPY(4096, 64), .bench = 1),
  CASE("features", COPY(32, 24, 32, 32), .nhwc = 1, .bench = 1));
CLF_CASES(fill,
  CASE("one", FILL(1)), CASE("ragged", FILL(35, 7)), CASE("image", FILL(3, 5, 4, 7)),
  CASE("items", FILL(9001)), CASE("last", FILL(3, 5, 4, 7), .nhwc = 1));
CLF_CASES(axpby,
  CASE("one", AXPBY(2, 1, 1)), CASE("fresh", AXPBY(2, 0, 35, 7), .fresh = 1),
  CASE("image", AXPBY(-1, 0.5f, 3, 5, 4, 7)),
  CASE("last", AXPBY(-1, 0.5f, 3, 5, 4, 7), .nhwc = 1), CASE("items", AXPBY(-1, 0.5f, 9001)),
  CASE("large", AXPBY(1, 1, 4096, 64), .bench = 1));

#define SCALE(n_, ...) &(const clf_scale_rows_args){.a = DIM(n_), .y = DIM(n_, __VA_ARGS__)}
CLF_CASES(scale_rows,
  CASE("one", SCALE(1, 1)), CASE("ragged", SCALE(35, 7)), CASE("items", SCALE(900, 11)),
  CASE("last", SCALE(3, 5, 4, 7), .nhwc = 1));

#define RATIO(...)                                                                                 \
  &(const clf_add_ratio_args){.a = DIM(__VA_ARGS__), .b = DIM(__VA_ARGS__), .y = DIM(__VA_ARGS__)}
CLF_CASES(add_ratio,
  CASE("one", RATIO(1, 1)), CASE("ragged", RATIO(35, 7)), CASE("items", RATIO(900, 11)));
