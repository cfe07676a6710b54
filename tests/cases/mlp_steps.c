/* SPDX-License-Identifier: MIT */
#include "cases.h"

#define WIDTH(nets, D, H) ((nets) * ((H) * (2 * (D) + 1) + (D)))
/* All inputs are uniform in lo .. hi, so second moments are positive. */
#define STEPS(nets, s, N, D, H, L, diagonal, take, ...) &(const clf_mlp_steps_args){.x = DIM(N, D), \
    .b = DIM(L, D), .w = DIM(L * WIDTH(nets, D, H) + diagonal * D), .m = DIM(L * WIDTH(nets, D, H) + diagonal * D), \
    .v = DIM(L * WIDTH(nets, D, H) + diagonal * D), .loss = DIM(8), .hidden = H, .add = nets == 1, \
    .scaling = diagonal, .s_max = s, .batch = take, .seed_lo = 5, .seed_hi = 6, .lr = 0.01f, .beta1 = 0.9f, \
    .beta2 = 0.999f, .eps = 1e-8f, __VA_ARGS__}
#define POSITIVE .lo = 0.05f, .hi = 0.6f, .tol = 1e-4f

CLF_CASES(mlp_steps,
  CASE("one",      STEPS(2, 0, 1, 1, 1, 1, 0, 1, .count = 1), POSITIVE),
  CASE("block",    STEPS(2, 0, 16, 2, 3, 1, 0, 16, .count = 2), POSITIVE),
  CASE("shuffled", STEPS(2, 0, 35, 3, 5, 2, 0, 10, .count = 5, .shuffle = 1, .epoch = 1, .at = 2, .slot = 6), POSITIVE),
  CASE("bounded",  STEPS(2, 0.7f, 35, 3, 5, 2, 0, 35, .count = 3, .done = 10, .eps_hat = 1), POSITIVE),
  CASE("additive", STEPS(1, 0, 70, 3, 5, 2, 0, 70, .count = 2), POSITIVE),
  CASE("scaling",  STEPS(1, 0, 150, 2, 5, 3, 1, 130, .count = 4, .shuffle = 1), POSITIVE),
  CASE("clipped",  STEPS(2, 0, 35, 3, 5, 2, 0, 10, .square = DIM(8), .clip = 0.05f, .count = 5, .shuffle = 1, .slot = 6), POSITIVE),
  CASE("unclipped", STEPS(1, 0, 150, 2, 5, 3, 1, 130, .square = DIM(8), .clip = 1e4f, .count = 4), POSITIVE),
  CASE("lecture",  STEPS(2, 0, 300, 2, 2, 4, 0, 100, .count = 8, .shuffle = 1), POSITIVE),
  CASE("steps",    STEPS(2, 0, 10000, 2, 2, 4, 0, 100, .count = 8, .shuffle = 1), POSITIVE, .bench = 1),
  CASE("moons 16", STEPS(2, 0, 10000, 2, 16, 8, 0, 256, .count = 8, .shuffle = 1), .lo = 0.005f, .hi = 0.06f, .tol = 1e-4f, .bench = 1),
  CASE("moons 64", STEPS(2, 0, 10000, 2, 64, 8, 0, 256, .count = 8, .shuffle = 1), .lo = 0.005f, .hi = 0.06f, .tol = 1e-4f, .bench = 1));
