/* SPDX-License-Identifier: MIT */
#include "cases.h"

#define KEY .seed_lo = 0x1234567, .seed_hi = -3, .stream = 2, .first_lo = -5, .first_hi = 1
#define BITS(...) &(const clf_random_bits_args){.y = DIM(__VA_ARGS__), KEY}
#define UNIFORM(...) &(const clf_random_uniform_args){.y = DIM(__VA_ARGS__), KEY}
#define NORMAL(...) &(const clf_random_normal_args){.y = DIM(__VA_ARGS__), KEY}
#define SHUFFLE(rows, N, D, from) &(const clf_shuffle_rows_args){.x = DIM(rows, D), .y = DIM(N, D), \
    .seed_lo = 7, .seed_hi = 8, .epoch = 3, .first = from}

/* Rows run across 2^32, and 16-bit halves must agree exactly: 1e-9 of 65535. */
CLF_CASES(random_bits,
  CASE("one", BITS(1, 2), .tol = 1e-9f), CASE("blocks", BITS(35, 22), .tol = 1e-9f));
CLF_CASES(random_uniform,
  CASE("one", UNIFORM(1, 1), .tol = 1e-9f), CASE("ragged", UNIFORM(35, 7), .tol = 1e-9f),
  CASE("image", UNIFORM(3, 5, 4, 7), .tol = 1e-9f), CASE("short", UNIFORM(2101, 2), .tol = 1e-9f));
CLF_CASES(random_normal,
  CASE("one", NORMAL(1, 1)), CASE("ragged", NORMAL(35, 7)), CASE("image", NORMAL(3, 5, 4, 7)),
  CASE("channels last", NORMAL(3, 5, 4, 7), .nhwc = 1), CASE("ones", NORMAL(2101, 1)),
  CASE("twos", NORMAL(2101, 2)), CASE("threes", NORMAL(77, 3)), CASE("sixes", NORMAL(1030, 6)),
  CASE("fours", NORMAL(35, 12)), CASE("long", NORMAL(2, 8195)),
  CASE("large", NORMAL(4096, 64), .bench = 1));
CLF_CASES(shuffle_rows,
  CASE("one", SHUFFLE(1, 1, 3, 0)), CASE("two", SHUFFLE(2, 2, 1, 0)),
  CASE("batch", SHUFFLE(1000, 35, 3, 700)), CASE("last", SHUFFLE(101, 1, 2, 100)),
  CASE("large", SHUFFLE(100000, 4096, 6, 50000), .bench = 1));
