/* SPDX-License-Identifier: MIT */
#include "cases.h"

#define SUM(N, D, bt) &(const clf_sum_rows_args){.x = DIM(N, D), .y = DIM(D), .beta = bt}

CLF_CASES(sum_rows,
  CASE("one long column", SUM(65541, 1, 0)),
  CASE("one", SUM(1, 1, 0), .fresh = 1), CASE("ragged", SUM(35, 7, 0), .fresh = 1),
  CASE("one row", SUM(1, 70, 0.5f)), CASE("one row, fresh", SUM(1, 70, 0), .fresh = 1),
  CASE("add", SUM(300, 33, 1), .tol = 3e-5f), CASE("bands", SUM(1000, 3, 0.5f), .tol = 3e-5f),
  CASE("column", SUM(50001, 1, 0.5f), .tol = 1e-4f),
  CASE("large", SUM(4096, 512, 1), .tol = 1e-4f, .bench = 1));

#define SQUARES(bt, ...) &(const clf_sum_squares_args){.x = DIM(__VA_ARGS__), .y = DIM(1), .beta = bt}

CLF_CASES(sum_squares,
  CASE("one",    SQUARES(0, 1), .fresh = 1), CASE("add", SQUARES(0.5f, 35, 7)),
  CASE("image",  SQUARES(1, 3, 5, 4, 7)), CASE("dense", SQUARES(0, 1, 33, 5, 7), .fresh = 1, .nhwc = 1),
  CASE("gaps",   SQUARES(0, 35, 17, 9, 9), .nhwc = 1), CASE("bands", SQUARES(0, 50001)),
  CASE("flat",   SQUARES(1, 4000001), .bench = 1));
