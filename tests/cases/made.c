/* SPDX-License-Identifier: MIT */
#include "cases.h"

/* H units in each of L layers, then m outputs for each of D dimensions; `skips` elements of w belong to no layer. */
#define WEIGHTS(D, H, L, m, pitch, skips) \
    ((H) * (pitch + 1) + (L - 1) * (H) * (H + 1) + (D) * (m) * (H + 1) + skips)
#define NET(N, D, H, L, m, pitch_, skips, ...) .y = DIM(N, D), .at = DIM(D), \
    .w = DIM(WEIGHTS(D, H, L, m, pitch_, skips)), .x = DIM(N, D), .logdet = DIM(N), .hidden = H, .layers = L, \
    .numbers = m, .pitch = pitch_, __VA_ARGS__
#define TANH .act_first = CLF_ACT_tanh, .act_odd = CLF_ACT_tanh, .act_even = CLF_ACT_tanh, .act_last = CLF_ACT_tanh
#define ALL(D) .period = D > 2 ? D - 1 : 1, .from = D > 1, .each = 1
#define SPLINE .left = -3, .right = 3, .bottom = -3, .top = 3, .min_width = 1e-3f, .min_height = 1e-3f, \
    .min_slope = 1e-3f, .end_slope = 1, .scale = 1, .gain = 1, .beta = 1
#define RQS(...) &(const clf_made_rqs_inv_args){__VA_ARGS__, SPLINE}
#define RESIDUAL .residual = 1, .act_first = CLF_ACT_relu, .act_odd = CLF_ACT_silu, .act_even = CLF_ACT_elu

#define AFFINE(kind, ...) &(const clf_made_affine_inv_args){__VA_ARGS__, .scale = kind, .a = 2, .b = 0.001f}
#define PAIR .scale_at = 0, .shift_at = 1

CLF_CASES(made_affine_inv,
  CASE("one",      AFFINE(CLF_SCALE_exp, NET(1, 1, 1, 1, 2, 1, 0, TANH, ALL(1), PAIR))),
  CASE("added",    AFFINE(CLF_SCALE_exp, NET(19, 3, 5, 2, 1, 3, 0, TANH, ALL(3), .scale_at = -1)), .lo = -0.5f, .hi = 0.5f),
  CASE("softplus", AFFINE(CLF_SCALE_softplus, NET(35, 5, 13, 3, 2, 5, 0, TANH, ALL(5), PAIR)), .lo = -0.5f, .hi = 0.5f),
  CASE("soft",     AFFINE(CLF_SCALE_sigmoid, NET(70, 7, 12, 2, 2, 9, 0, TANH, .period = 3, .from = 1, .each = 2,
       .scale_at = 1, .first = 1)), .lo = -0.5f, .hi = 0.5f),
  CASE("gated",    AFFINE(CLF_SCALE_tanh, NET(40, 5, 13, 5, 2, 5, 0, RESIDUAL, .period = 5, .each = 1, .c = DIM(40, 3 * 13),
       .join_first = 1, .join_even = 2, PAIR)), .lo = -0.5f, .hi = 0.5f),
  CASE("trained",  AFFINE(CLF_SCALE_tanh_wide, NET(35, 5, 13, 3, 2, 5, 0, TANH, ALL(5), PAIR), .g = DIM(1), .g0 = DIM(1)), .lo = -0.5f, .hi = 0.5f),
  CASE("trained alone", AFFINE(CLF_SCALE_tanh_wide, NET(19, 3, 5, 2, 2, 3, 0, TANH, ALL(3), .scale_at = 1, .first = 1),
       .g = DIM(1)), .lo = -0.5f, .hi = 0.5f),
  CASE("maf",      AFFINE(CLF_SCALE_softplus, NET(4096, 8, 50, 2, 2, 8, 0, TANH, ALL(8), PAIR)), .lo = -0.2f, .hi = 0.2f, .bench = 1),
  CASE("wide",     AFFINE(CLF_SCALE_softplus, NET(1024, 43, 512, 2, 2, 43, 0, TANH, ALL(43), PAIR)), .lo = -0.1f, .hi = 0.1f,
       .bench = 1));

CLF_CASES(made_rqs_inv,
  CASE("one",     RQS(NET(1, 1, 1, 1, 8, 1, 0, TANH, ALL(1)))),
  CASE("forward", RQS(NET(35, 5, 13, 3, 8, 5, 0, TANH, ALL(5))), .lo = -0.5f, .hi = 0.5f),
  CASE("far",     RQS(NET(19, 4, 9, 2, 11, 4, 0, TANH, ALL(4))), .lo = -4, .hi = 4, .tol = 2e-4f),
  CASE("narrow",  RQS(NET(70, 7, 3, 2, 5, 7, 0, TANH, ALL(7))), .lo = -0.5f, .hi = 0.5f),
  CASE("groups",  RQS(NET(17, 7, 12, 2, 8, 9, 0, TANH, .period = 3, .from = 1, .each = 2)), .lo = -0.5f, .hi = 0.5f),
  CASE("gaps",    RQS(NET(33, 3, 10, 4, 8, 3, 7 + 2 * 5 + 3, TANH, ALL(3), .skip_first = 7, .skip_odd = 5, .skip_even = 3)),
       .lo = -0.5f, .hi = 0.5f),
  CASE("added",   RQS(NET(21, 5, 13, 5, 8, 5, 0, RESIDUAL, ALL(5), .c = DIM(21, 3 * 13), .join_first = 1, .join_odd = 1)),
       .lo = -0.5f, .hi = 0.5f),
  /* Weights up to 0.5 would put a sample next to a steep knot, whose logdet changes by 30 ulp with a weight's last bit. */
  CASE("gated",   RQS(NET(40, 5, 13, 5, 8, 5, 0, RESIDUAL, .period = 5, .each = 1, .c = DIM(40, 3 * 13), .join_first = 1,
       .join_even = 2)), .lo = -0.4f, .hi = 0.4f),
  CASE("nsf",     RQS(NET(4096, 8, 50, 2, 23, 8, 0, TANH, ALL(8))), .lo = -0.2f, .hi = 0.2f, .bench = 1),
  CASE("wide",    RQS(NET(1024, 43, 512, 2, 23, 43, 0, TANH, ALL(43))), .lo = -0.1f, .hi = 0.1f, .bench = 1));
