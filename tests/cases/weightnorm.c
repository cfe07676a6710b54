/* SPDX-License-Identifier: MIT */
#include "cases.h"

#define O_OF(O, ...) O
#define FWD(...) &(const clf_wn_fwd_args){.v = DIM(__VA_ARGS__), .g = DIM(O_OF(__VA_ARGS__, 1)), .w = DIM(__VA_ARGS__)}
#define PLAIN(...) &(const clf_wn_fwd_args){.v = DIM(__VA_ARGS__), .w = DIM(__VA_ARGS__)}
#define BWD(...) &(const clf_wn_bwd_args){.v = DIM(__VA_ARGS__), .g = DIM(O_OF(__VA_ARGS__, 1)), .dw = DIM(__VA_ARGS__), \
    .dv = DIM(__VA_ARGS__), .dg = DIM(O_OF(__VA_ARGS__, 1))}
#define BARE(...) &(const clf_wn_bwd_args){.v = DIM(__VA_ARGS__), .dw = DIM(__VA_ARGS__), .dv = DIM(__VA_ARGS__)}

CLF_CASES(wn_fwd,
  CASE("one",    FWD(1, 1)),
  CASE("rows",   FWD(35, 17)),
  CASE("plain",  PLAIN(5, 3, 3, 3)),
  CASE("last",   FWD(5, 33, 3, 3), .nhwc = 1), /* gaps between the pixels, so one at a time */
  CASE("dense",  FWD(1, 33, 3, 5), .nhwc = 1),
  CASE("crop",   FWD(5, 3, 4, 5), .cropped = 1),
  CASE("crop last", FWD(5, 3, 4, 5), .nhwc = 1, .cropped = 1),
  CASE("1x1",    FWD(33, 128, 1, 1)),
  CASE("128",    FWD(128, 128, 3, 3), .bench = 1),
  CASE("512",    FWD(512, 512, 3, 3), .bench = 1));

CLF_CASES(wn_bwd,
  CASE("one",    BWD(1, 1)),
  CASE("rows",   BWD(35, 17)),
  CASE("plain",  BARE(5, 3, 3, 3)),
  CASE("last",   BWD(5, 33, 3, 3), .nhwc = 1),
  CASE("dense",  BWD(1, 33, 3, 5), .nhwc = 1),
  CASE("crop",   BWD(5, 3, 4, 5), .cropped = 1),
  CASE("crop last", BWD(5, 3, 4, 5), .nhwc = 1, .cropped = 1),
  CASE("1x1",    BWD(33, 128, 1, 1)),
  CASE("128",    BWD(128, 128, 3, 3), .bench = 1),
  CASE("512",    BARE(512, 512, 3, 3), .bench = 1));
