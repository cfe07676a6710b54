/* SPDX-License-Identifier: MIT */
#include "cases.h"

#define SUM(N, D, bt) &(const clf_sum_rows_args){.x = DIM(N, D), .y = DIM(D), .beta = bt}

CLF_CASES(sum_rows, NULL,
  CASE("one", SUM(1, 1, 0), .fresh = 1), CASE("ragged", SUM(35, 7, 0), .fresh = 1),
  CASE("add", SUM(300, 33, 1), .tol = 3e-5f), CASE("bands", SUM(1000, 3, 0.5f), .tol = 3e-5f),
  CASE("large", SUM(4096, 512, 1), .tol = 1e-4f, .bench = 1));
