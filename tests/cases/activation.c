/* SPDX-License-Identifier: MIT */
#include "cases.h"

#define BWD(a, ...) &(const clf_act_bwd_args){.y = DIM(__VA_ARGS__), .dy = DIM(__VA_ARGS__), \
    .dx = DIM(__VA_ARGS__), .act = a}
#define ADD(a, ...) &(const clf_act_bwd_args){.y = DIM(__VA_ARGS__), .dy = DIM(__VA_ARGS__), \
    .dx = DIM(__VA_ARGS__), .act = a, .add = -0.5f}
#define FWD(a, ...) &(const clf_act_fwd_args){.x = DIM(__VA_ARGS__), .y = DIM(__VA_ARGS__), .act = a}
#define CRELU(a_, px, N, C, C2, H, W) &(const clf_crelu_fwd_args){.x = DIM(N, C, H, W), .y = DIM(N, C2, H, W), \
    .a = a_, .pixels = px}
#define CRELU_BWD(a_, N, C, C2, H, W) &(const clf_crelu_bwd_args){.x = DIM(N, C, H, W), .dy = DIM(N, C2, H, W), \
    .dx = DIM(N, C, H, W), .a = a_}

CLF_CASES(act_fwd,
  CASE("one",   FWD(CLF_ACT_tanh, 1)),
  CASE("none",  FWD(CLF_ACT_none, 5, 7)),
  CASE("tanh",  FWD(CLF_ACT_tanh, 35, 130), .lo = -5, .hi = 5),
  CASE("relu",  FWD(CLF_ACT_relu, 35, 130)),
  CASE("image", FWD(CLF_ACT_tanh, 3, 5, 4, 7)),
  CASE("last",  FWD(CLF_ACT_relu, 3, 33, 5, 7), .nhwc = 1),
  CASE("few",   FWD(CLF_ACT_relu, 35, 3, 9, 2), .nhwc = 1),
  CASE("leaky_relu", FWD(CLF_ACT_leaky_relu, 35, 130), .lo = -5, .hi = 5),
  CASE("leaky_relu, far", FWD(CLF_ACT_leaky_relu, 3, 5, 4, 7), .lo = -200, .hi = 200),
  CASE("leaky_relu, near 0", FWD(CLF_ACT_leaky_relu, 300), .lo = -1e-3f, .hi = 1e-3f, .tol = 5e-7f),
  CASE("elu", FWD(CLF_ACT_elu, 35, 130), .lo = -5, .hi = 5),
  CASE("elu, far", FWD(CLF_ACT_elu, 3, 5, 4, 7), .lo = -200, .hi = 200),
  CASE("elu, near 0", FWD(CLF_ACT_elu, 300), .lo = -1e-3f, .hi = 1e-3f, .tol = 5e-7f),
  CASE("sigmoid", FWD(CLF_ACT_sigmoid, 35, 130), .lo = -5, .hi = 5),
  CASE("sigmoid, far", FWD(CLF_ACT_sigmoid, 3, 5, 4, 7), .lo = -200, .hi = 200),
  CASE("sigmoid, near 0", FWD(CLF_ACT_sigmoid, 300), .lo = -1e-3f, .hi = 1e-3f, .tol = 5e-7f),
  CASE("softplus", FWD(CLF_ACT_softplus, 35, 130), .lo = -5, .hi = 5),
  CASE("softplus, far", FWD(CLF_ACT_softplus, 3, 5, 4, 7), .lo = -200, .hi = 200),
  CASE("softplus, near 0", FWD(CLF_ACT_softplus, 300), .lo = -1e-3f, .hi = 1e-3f, .tol = 5e-7f),
  CASE("silu", FWD(CLF_ACT_silu, 35, 130), .lo = -5, .hi = 5),
  CASE("silu, far", FWD(CLF_ACT_silu, 3, 5, 4, 7), .lo = -200, .hi = 200),
  CASE("silu, near 0", FWD(CLF_ACT_silu, 300), .lo = -1e-3f, .hi = 1e-3f, .tol = 5e-7f),
  CASE("gelu", FWD(CLF_ACT_gelu, 35, 130), .lo = -5, .hi = 5),
  CASE("gelu, far", FWD(CLF_ACT_gelu, 3, 5, 4, 7), .lo = -200, .hi = 200),
  CASE("gelu, near 0", FWD(CLF_ACT_gelu, 300), .lo = -1e-3f, .hi = 1e-3f, .tol = 5e-7f),
  CASE("64",    FWD(CLF_ACT_relu, 64, 64, 32, 32), .nhwc = 1, .bench = 1));

CLF_CASES(act_bwd,
  CASE("one",   BWD(CLF_ACT_tanh, 1)),
  CASE("none",  BWD(CLF_ACT_none, 5, 7)),
  CASE("tanh",  BWD(CLF_ACT_tanh, 35, 130), .fresh = 1),
  CASE("relu",  BWD(CLF_ACT_relu, 35, 130)),
  CASE("image", BWD(CLF_ACT_tanh, 3, 5, 4, 7)),
  CASE("last",  BWD(CLF_ACT_relu, 3, 33, 5, 7), .nhwc = 1),
  CASE("few",   BWD(CLF_ACT_relu, 35, 3, 9, 2), .nhwc = 1),
  CASE("wide",  BWD(CLF_ACT_relu, 2, 3, 2, 37), .nhwc = 1),
  CASE("leaky_relu", BWD(CLF_ACT_leaky_relu, 35, 130), .lo = -2, .hi = 2),
  CASE("elu", BWD(CLF_ACT_elu, 35, 130), .lo = -1, .hi = 5),
  CASE("sigmoid", BWD(CLF_ACT_sigmoid, 35, 130), .lo = 0, .hi = 1),
  CASE("softplus", BWD(CLF_ACT_softplus, 35, 130), .lo = 0, .hi = 8),
  CASE("silu", BWD(CLF_ACT_silu, 35, 130), .lo = -6, .hi = 6),
  CASE("gelu", BWD(CLF_ACT_gelu, 35, 130), .lo = -6, .hi = 6),
  CASE("silu, far", BWD(CLF_ACT_silu, 3, 33, 5, 7), .lo = -90, .hi = 90, .nhwc = 1),
  CASE("gelu, far", BWD(CLF_ACT_gelu, 3, 33, 5, 7), .lo = -90, .hi = 90, .nhwc = 1),
  CASE("added", ADD(CLF_ACT_tanh, 35, 130)),
  CASE("added, last", ADD(CLF_ACT_relu, 3, 33, 5, 7), .nhwc = 1),
  CASE("large", BWD(CLF_ACT_tanh, 4096, 512), .bench = 1),
  CASE("3",     BWD(CLF_ACT_relu, 64, 3, 32, 32), .nhwc = 1, .bench = 1),
  CASE("512",   BWD(CLF_ACT_relu, 64, 512, 4, 4), .nhwc = 1, .bench = 1),
  CASE("64",    BWD(CLF_ACT_relu, 64, 64, 32, 32), .nhwc = 1, .bench = 1));

CLF_CASES(crelu_fwd,
  CASE("one",   CRELU(2, 0, 1, 1, 2, 1, 1)),
  CASE("flag",  CRELU(2, 1, 1, 1, 3, 1, 1)),
  CASE("first", CRELU(2, 2, 3, 5, 11, 7, 9)),
  CASE("last",  CRELU(1, 0, 3, 33, 66, 5, 7), .nhwc = 1),
  CASE("even",  CRELU(2, 1, 3, 17, 35, 5, 7), .nhwc = 1),
  CASE("odd",   CRELU(-2, 2, 35, 3, 7, 9, 2), .nhwc = 1),
  CASE("all",   CRELU(2, 0, 2, 3, 7, 2, 37), .nhwc = 1),
  CASE("3",     CRELU(2, 1, 64, 3, 7, 32, 32), .nhwc = 1, .bench = 1),
  CASE("6",     CRELU(1, 0, 64, 6, 12, 16, 16), .nhwc = 1, .bench = 1),
  CASE("48",    CRELU(2, 1, 64, 48, 97, 8, 8), .nhwc = 1, .bench = 1));

CLF_CASES(crelu_bwd,
  CASE("one",   CRELU_BWD(2, 1, 1, 2, 1, 1)),
  CASE("first", CRELU_BWD(2, 3, 5, 11, 7, 9)),
  CASE("last",  CRELU_BWD(1, 3, 33, 66, 5, 7), .nhwc = 1),
  CASE("flag",  CRELU_BWD(2, 3, 17, 35, 5, 7), .nhwc = 1),
  CASE("few",   CRELU_BWD(-2, 35, 3, 7, 9, 2), .nhwc = 1),
  CASE("3",     CRELU_BWD(2, 64, 3, 7, 32, 32), .nhwc = 1, .bench = 1),
  CASE("6",     CRELU_BWD(1, 64, 6, 12, 16, 16), .nhwc = 1, .bench = 1));
