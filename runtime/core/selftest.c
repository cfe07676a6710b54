/* SPDX-License-Identifier: MIT */
/* selftest.c: can a device be used?  Runs every operation once, on small ragged inputs, and
 * compares each result with cpu64 by a checking device (check.c).  Every platform has drivers
 * that build kernels without errors and compute wrong results. */
#include <stdlib.h>
#include <string.h>
#include "backend.h"

#define DIM(...)                                                                                   \
  {                                                                                                \
    .dim = { __VA_ARGS__ }                                                                         \
  }
#define OP(name, ...)                                                                              \
  { CLF_OP_##name, &(const clf_##name##_args){__VA_ARGS__}, 0, 0 }

/* The same for images in channels-last layout.  A tensor whose height and width differ is an
 * image. */
#define LAST(name, ...)                                                                            \
  { CLF_OP_##name, &(const clf_##name##_args){__VA_ARGS__}, 1, 0 }
/* Tensors 1, 2 and 3 are weights that are masked by degrees, and these. */
#define MASKED(name, ...)                                                                          \
  { CLF_OP_##name, &(const clf_##name##_args){__VA_ARGS__}, 0, 1 }

#define IMAGE(C) DIM(3, C, 6, 5)
#define POLY                                                                                       \
  .order = 2, .tails = 1, .left = -0.7f, .right = 0.8f, .bottom = -0.6f, .top = 0.9f,              \
  .min_width = 0.01f, .min_height = 0.01f, .scale = 1, .end_share = 0.5f
#define RQS                                                                                        \
  .left = -0.7f, .right = 0.8f, .bottom = -0.6f, .top = 0.9f, .min_width = 0.01f,                  \
  .min_height = 0.01f, .min_slope = 0.01f, .end_slope = 1, .scale = 1, .gain = 1, .beta = 1

/* A row is a call, with shapes in place of tensors. */
enum { N = 37, D = 5, H = 9, L = 2, P = 2 * (H * (2 * D + 1) + D), Q = 11, T = D * (D - 1) / 2 };
static const struct {
  clf_op op;
  const void *args;
  int channels_last, masked;
} calls[] = {
    OP(gemm, .a = DIM(N, H), .b = DIM(70, H), .bias = DIM(70), .c = DIM(N, 70), .tb = 1,
       .act = CLF_ACT_tanh, .alpha = 1),
    MASKED(masked_fwd, .x = DIM(N, D), .w = DIM(H, D), .row = DIM(H), .column = DIM(D),
           .bias = DIM(H), .y = DIM(N, H), .act = CLF_ACT_tanh),
    MASKED(masked_bwd, .dy = DIM(N, H), .w = DIM(H, D), .row = DIM(H), .column = DIM(D),
           .dx = DIM(N, D), .beta = 1),
    OP(weights_bwd, .dy = DIM(N, H), .x = DIM(N, D), .row = DIM(H), .column = DIM(D),
       .dw = DIM(H, D)),
    OP(act_bwd, .y = DIM(N, H), .dy = DIM(N, H), .dx = DIM(N, H), .act = CLF_ACT_tanh),
    OP(conv_fwd, .x = DIM(3, D, 4, 5), .w = DIM(H, D, 3, 3), .bias = DIM(H), .y = DIM(3, H, 4, 5)),
    OP(conv_fwd, .x = DIM(3, D, 4, 5), .w = DIM(H, D, 3, 3), .mean = DIM(D), .var = DIM(D),
       .shift = DIM(D), .y = DIM(3, H, 4, 5), .eps = 1.5f),
    OP(conv_bwd_data, .dy = DIM(3, H, 4, 5), .w = DIM(H, D, 3, 3), .dx = DIM(3, D, 4, 5)),
    OP(conv_bwd_weights, .x = DIM(3, D, 4, 5), .dy = DIM(3, H, 4, 5), .dw = DIM(H, D, 3, 3)),
    OP(conv_bwd_weights, .x = DIM(3, D, 4, 5), .mean = DIM(D), .var = DIM(D), .shift = DIM(D),
       .dy = DIM(3, H, 4, 5), .dw = DIM(H, D, 3, 3), .eps = 1.5f),
    LAST(conv_fwd, .x = DIM(2, 16, 4, 5), .w = DIM(D, 16, 3, 3), .bias = DIM(D),
         .y = DIM(2, D, 4, 5)),
    LAST(conv_bwd_data, .dy = DIM(2, 16, 4, 5), .w = DIM(16, D, 3, 3), .dx = DIM(2, D, 4, 5)),
    LAST(conv_bwd_weights, .x = DIM(2, 16, 4, 5), .dy = DIM(2, D, 4, 5), .dw = DIM(D, 16, 3, 3)),
    LAST(conv_fwd, .x = DIM(2, D, 4, 5), .w = DIM(H, D, 1, 1), .bias = DIM(H),
         .y = DIM(2, H, 4, 5)),
    LAST(conv_bwd_data, .dy = DIM(2, H, 4, 5), .w = DIM(H, D, 1, 1), .dx = DIM(2, D, 4, 5)),
    LAST(conv_bwd_weights, .x = DIM(2, D, 4, 5), .dy = DIM(2, H, 4, 5), .dw = DIM(H, D, 1, 1)),
    OP(conv_bwd_bias, .dy = DIM(3, H, 4, 5), .db = DIM(H)),
    OP(act_fwd, .x = DIM(N, H), .y = DIM(N, H), .act = CLF_ACT_relu),
    OP(gated_fwd, .v = DIM(N, D), .g = DIM(N, D), .x = DIM(N, D), .y = DIM(N, D)),
    OP(gated_bwd, .v = DIM(N, D), .g = DIM(N, D), .dy = DIM(N, D), .dv = DIM(N, D),
       .dg = DIM(N, D)),
    OP(broadcast_fwd, .x = DIM(3, D), .y = IMAGE(D), .beta = -2),
    OP(broadcast_bwd, .dy = IMAGE(D), .dx = DIM(3, D), .beta = -2),
    OP(dropout, .x = DIM(N, D), .y = DIM(N, D), .drop = 0.25f, .seed_lo = 1, .first_lo = 3),
    OP(layernorm_fwd, .x = DIM(N, H), .y = DIM(N, H), .eps = 0.1f, .ddof = 1),
    OP(layernorm_bwd, .x = DIM(N, H), .dy = DIM(N, H), .dx = DIM(N, H), .eps = 0.1f, .ddof = 1),
    OP(mask_weights, .mask = DIM(H, D), .w = DIM(H, D)),
    OP(angles_fwd, .x = DIM(N, D), .scale = DIM(D), .y = DIM(N, 2 * D)),
    OP(angles_bwd, .y = DIM(N, 2 * D), .scale = DIM(D), .dy = DIM(N, 2 * D), .dx = DIM(N, D)),
    OP(angles_mix_fwd, .a = DIM(N, 2 * D), .w = DIM(D, 2), .y = DIM(N, D)),
    OP(angles_mix_bwd, .a = DIM(N, 2 * D), .w = DIM(D, 2), .dy = DIM(N, D), .da = DIM(N, 2 * D),
       .dw = DIM(D, 2)),
    OP(gain_fwd, .x = DIM(N, D), .gain = DIM(D), .bias = DIM(D), .y = DIM(N, D)),
    OP(gain_bwd, .x = DIM(N, D), .gain = DIM(D), .dy = DIM(N, D), .dx = DIM(N, D), .dgain = DIM(D),
       .dbias = DIM(D)),
    OP(crelu_fwd, .x = IMAGE(D), .y = IMAGE(2 * D + 1), .a = 2, .pixels = 1),
    OP(crelu_bwd, .x = IMAGE(D), .dy = IMAGE(2 * D + 1), .dx = IMAGE(D), .a = 2),
    OP(bn_stats, .x = IMAGE(D), .mean = DIM(D), .var = DIM(D), .pixels = 2),
    OP(bn_fwd, .x = IMAGE(D), .mean = DIM(D), .var = DIM(D), .beta = DIM(D), .y = IMAGE(D),
       .eps = 1.5f, .act = CLF_ACT_relu, .pixels = 1),
    OP(bn_bwd, .x = IMAGE(D), .mean = DIM(D), .var = DIM(D), .bmean = DIM(D), .beta = DIM(D),
       .dy = IMAGE(D), .dx = IMAGE(D), .dbeta = DIM(D), .eps = 1.5f, .act = CLF_ACT_relu,
       .pixels = 1, .batch = 0.5f, .add = 1),
    OP(bn_flow_fwd, .x = IMAGE(D), .mean = DIM(D), .var = DIM(D), .y = IMAGE(D), .logdet = DIM(3),
       .eps = 1.5f, .pixels = 2),
    OP(bn_flow_inv, .y = IMAGE(D), .mean = DIM(D), .var = DIM(D), .x = IMAGE(D), .logdet = DIM(3),
       .eps = 1.5f, .pixels = 2),
    OP(bn_flow_bwd, .x = IMAGE(D), .mean = DIM(D), .var = DIM(D), .dy = IMAGE(D), .dx = IMAGE(D),
       .eps = 1.5f, .pixels = 2, .batch = 1, .dlogdet = -1),
    OP(wn_fwd, .v = DIM(N, D, 3, 3), .g = DIM(N), .w = DIM(N, D, 3, 3)),
    OP(wn_bwd, .v = DIM(N, D, 3, 3), .g = DIM(N), .dw = DIM(N, D, 3, 3), .dv = DIM(N, D, 3, 3),
       .dg = DIM(N)),
    OP(mask_apply, .x = DIM(N, D), .b = DIM(1, D), .y = DIM(N, D)),
    OP(affine_fwd, .x = DIM(N, D), .h = DIM(N, D), .t = DIM(N, D), .b = DIM(1, D), .y = DIM(N, D),
       .logdet = DIM(N), .s_max = 2),
    OP(affine_inv, .y = DIM(N, D), .h = DIM(N, D), .t = DIM(N, D), .b = DIM(1, D), .x = DIM(N, D),
       .logdet = DIM(N), .s_max = 2),
    OP(affine_bwd, .x = DIM(N, D), .h = DIM(N, D), .b = DIM(1, D), .dy = DIM(N, D), .dx = DIM(N, D),
       .dh = DIM(N, D), .dt = DIM(N, D), .s_max = 2, .dlogdet = -1),
    OP(additive, .x = DIM(N, D), .t = DIM(N, D), .b = DIM(1, D), .y = DIM(N, D), .sign = 1),
    OP(additive_bwd, .b = DIM(1, D), .dy = DIM(N, D), .dt = DIM(N, D), .sign = 1),
    OP(mlp_coupling_fwd, .x = DIM(N, D), .b = DIM(L, D), .w = DIM(L, P), .acts = DIM(L, D, N),
       .y = DIM(N, D), .logdet = DIM(N), .hidden = H),
    OP(mlp_coupling_inv, .y = DIM(N, D), .b = DIM(L, D), .w = DIM(L, P), .x = DIM(N, D),
       .logdet = DIM(N), .hidden = H),
    OP(mlp_coupling_bwd, .y = DIM(N, D), .dy = DIM(N, D), .b = DIM(L, D), .w = DIM(L, P),
       .x = DIM(N, D), .dx = DIM(N, D), .dw = DIM(L, P), .hidden = H, .dlogdet = -1),
    OP(mlp_coupling_nll, .x = DIM(N, D), .b = DIM(L, D), .w = DIM(L, P), .loss = DIM(1),
       .dw = DIM(L, P), .hidden = H, .weight = 1),
    OP(bounds_fwd, .x = DIM(N, D), .how = DIM(D, 4), .y = DIM(N, D), .logdet = DIM(N)),
    OP(bounds_inv, .y = DIM(N, D), .how = DIM(D, 4), .x = DIM(N, D), .logdet = DIM(N)),
    OP(bounds_bwd, .x = DIM(N, D), .how = DIM(D, 4), .dy = DIM(N, D), .dx = DIM(N, D),
       .dlogdet = -1),
    OP(bounds_inv_bwd, .x = DIM(N, D), .how = DIM(D, 4), .dx = DIM(N, D), .dl = DIM(N),
       .dy = DIM(N, D), .dlogdet = -1),
    OP(scale_shift_fwd, .x = IMAGE(D), .u = DIM(D), .shift = DIM(D), .y = IMAGE(D),
       .logdet = DIM(3), .kind = 2),
    OP(scale_shift_inv, .y = DIM(N, D), .u = DIM(D), .shift = DIM(D), .x = DIM(N, D),
       .logdet = DIM(N)),
    OP(scale_shift_bwd, .x = IMAGE(D), .u = DIM(D), .dy = IMAGE(D), .dl = DIM(3), .dx = IMAGE(D),
       .du = DIM(D), .dshift = DIM(D), .kind = 4, .dlogdet = -1),
    OP(scale_shift_inv_bwd, .x = DIM(N, D), .u = DIM(D), .dx = DIM(N, D), .dy = DIM(N, D),
       .du = DIM(D), .dshift = DIM(D), .kind = 3, .dlogdet = -1),
    OP(lu_compose, .lower = DIM(T), .upper = DIM(T), .diagonal = DIM(D), .w = DIM(D, D),
       .v = DIM(D, D), .logdet = DIM(1)),
    OP(lu_bwd, .lower = DIM(T), .upper = DIM(T), .diagonal = DIM(D), .dw = DIM(D, D), .dl = DIM(1),
       .dlower = DIM(T), .dupper = DIM(T), .ddiagonal = DIM(D), .dlogdet = -1),
    OP(reflections_compose, .left = DIM(3, D), .upper = DIM(T), .diagonal = DIM(D),
       .right = DIM(2, D), .w = DIM(D, D), .v = DIM(D, D), .logdet = DIM(1), .kind = 1),
    OP(reflections_bwd, .left = DIM(3, D), .upper = DIM(T), .diagonal = DIM(D), .right = DIM(2, D),
       .dw = DIM(D, D), .dl = DIM(1), .dleft = DIM(3, D), .dupper = DIM(T), .ddiagonal = DIM(D),
       .dright = DIM(2, D), .kind = 1, .dlogdet = -1),
    OP(rotation_compose, .generator = DIM(D, D), .w = DIM(D, D)),
    OP(rotation_bwd, .generator = DIM(D, D), .dw = DIM(D, D), .dgenerator = DIM(D, D)),
    OP(dense_compose, .w = DIM(D, D), .v = DIM(D, D), .logdet = DIM(1)),
    OP(dense_bwd, .v = DIM(D, D), .dl = DIM(1), .dw = DIM(D, D), .dlogdet = -1),
    OP(logdet_add, .value = DIM(D), .logdet = DIM(N), .factor = 2, .times = 3),
    OP(scaling_fwd, .x = DIM(N, D), .log_s = DIM(D), .y = DIM(N, D), .logdet = DIM(N)),
    OP(scaling_inv, .y = DIM(N, D), .log_s = DIM(D), .x = DIM(N, D), .logdet = DIM(N)),
    OP(scaling_bwd, .x = DIM(N, D), .log_s = DIM(D), .dy = DIM(N, D), .dx = DIM(N, D),
       .dlog_s = DIM(D), .dlogdet = -1),
    OP(rescaled_fwd, .x = DIM(3, D, 5, 7), .th = DIM(3, 2 * D, 5, 7), .g = DIM(1), .g0 = DIM(1),
       .y = DIM(3, D, 5, 7), .logdet = DIM(3), .pixels = 1),
    OP(rescaled_inv, .y = DIM(3, D, 5, 7), .th = DIM(3, 2 * D, 5, 7), .g = DIM(1), .g0 = DIM(1),
       .x = DIM(3, D, 5, 7), .logdet = DIM(3), .pixels = 2),
    OP(rescaled_bwd, .x = DIM(3, D, 5, 7), .th = DIM(3, 2 * D, 5, 7), .g = DIM(1), .g0 = DIM(1),
       .dy = DIM(3, D, 5, 7), .dx = DIM(3, D, 5, 7), .dth = DIM(3, 2 * D, 5, 7), .dg = DIM(1),
       .dg0 = DIM(1), .pixels = 1, .dlogdet = -1),
    OP(squeeze, .x = DIM(3, D, 4, 6), .y = DIM(3, 4 * D, 2, 3), .ordered = 1),
    OP(normal_logp, .z = DIM(N, D), .logdet = DIM(N), .logp = DIM(N)),
    OP(normal_nll, .z = DIM(N, D), .logdet = DIM(N), .dz = DIM(N, D), .loss = DIM(1), .weight = 1),
    OP(column_logp, .z = DIM(N, D), .loc = DIM(N, D), .log_scale = DIM(N, D), .shape = DIM(N, D),
       .logdet = DIM(N), .logp = DIM(N), .kind = CLF_COLUMN_student_free, .beta = 1),
    OP(column_bwd, .z = DIM(N, D), .loc = DIM(N, D), .log_scale = DIM(N, D), .shape = DIM(N, D),
       .dl = DIM(N), .dz = DIM(N, D), .dloc = DIM(N, D), .dlog_scale = DIM(N, D),
       .dshape = DIM(N, D), .kind = CLF_COLUMN_student_free, .dlogdet = -1),
    OP(column_noise, .y = DIM(N, D), .kind = CLF_COLUMN_logistic, .seed_lo = 1, .first_lo = 3),
    OP(column_noise, .shape = DIM(N, D), .y = DIM(N, D), .kind = CLF_COLUMN_student_free,
       .seed_lo = 1, .first_lo = 3),
    OP(column_place, .e = DIM(N, D), .loc = DIM(N, D), .log_scale = DIM(N, D), .z = DIM(N, D)),
    OP(column_place_bwd, .z = DIM(N, D), .log_scale = DIM(N, D), .shape = DIM(N, D),
       .dz = DIM(N, D), .dloc = DIM(N, D), .dlog_scale = DIM(N, D), .dshape = DIM(N, D),
       .kind = CLF_COLUMN_student_free, .seed_lo = 1, .first_lo = 3),
    OP(gaussians_logp, .z = DIM(N, D), .loc = DIM(N, 2, D), .log_std = DIM(N, 2, D),
       .lower = DIM(N, 2, D *(D - 1) / 2), .t = DIM(N, 2, D), .logps = DIM(N, 2)),
    OP(gaussians_bwd, .t = DIM(N, 2, D), .log_std = DIM(N, 2, D),
       .lower = DIM(N, 2, D *(D - 1) / 2), .dlogps = DIM(N, 2), .dz = DIM(N, D),
       .dloc = DIM(N, 2, D)),
    OP(gaussians_gradients, .s = DIM(2, 1 + D + D * (D + 1) / 2), .log_std = DIM(1, 2, D),
       .lower = DIM(1, 2, D *(D - 1) / 2), .dloc = DIM(1, 2, D), .dlog_std = DIM(1, 2, D),
       .dlower = DIM(1, 2, D *(D - 1) / 2)),
    OP(gaussians_place, .e = DIM(N, D), .loc = DIM(N, 1, D), .log_std = DIM(N, 1, D),
       .lower = DIM(N, 1, D *(D - 1) / 2), .z = DIM(N, D)),
    OP(gaussians_place_bwd, .e = DIM(N, D), .log_std = DIM(N, 1, D), .dz = DIM(N, D),
       .dloc = DIM(N, 1, D), .dlog_std = DIM(N, 1, D), .dlower = DIM(N, 1, D *(D - 1) / 2)),
    OP(gaussians_moments, .t = DIM(N, 2, D), .resp = DIM(N, 2), .weights = DIM(N),
       .s = DIM(2, 1 + D + D * (D + 1) / 2)),
    OP(mixture_combine, .logps = DIM(N, D), .weights = DIM(N, D), .logdet = DIM(N), .logp = DIM(N),
       .resp = DIM(N, D), .beta = 1),
    OP(mixture_bwd, .resp = DIM(N, D), .weights = DIM(N, D), .dl = DIM(N), .dlogps = DIM(N, D),
       .dweights = DIM(N, D), .dlogdet = -1),
    OP(mixture_cdf, .weights = DIM(N, D), .cdf = DIM(N, D)),
    OP(mixture_pick, .cdf = DIM(N, D), .index = DIM(N), .seed_lo = 1, .first_lo = 3),
    OP(mixture_take, .index = DIM(N), .x = DIM(N, D), .y = DIM(N, D), .k = 1),
    OP(mixture_select, .x = DIM(N, 3, D), .index = DIM(N), .y = DIM(N, D)),
    OP(one_hot, .x = DIM(N), .y = DIM(N, D)),
    OP(piecewise_knots, .alpha = DIM(1), .xi = DIM(Q), .v = DIM(Q)),
    OP(piecewise_fwd, .x = DIM(N), .xi = DIM(Q), .v = DIM(Q), .y = DIM(N), .logdet = DIM(N),
       .xmin = -1, .rate = 5),
    OP(piecewise_inv, .y = DIM(N), .xi = DIM(2), .v = DIM(2), .x = DIM(N), .logdet = DIM(N),
       .xmin = -1, .rate = 5, .tails = 1), /* one piece, because random v are not increasing */
    OP(piecewise_deriv, .x = DIM(N), .xi = DIM(Q), .d = DIM(N), .xmin = -1, .rate = 5),
    OP(piecewise_bwd, .x = DIM(N), .xi = DIM(Q), .dy = DIM(N), .dx = DIM(N), .dalpha = DIM(1),
       .dxi = DIM(Q), .xmin = -1, .rate = 5, .dlogdet = -1),
    OP(piecewise_inv_bwd, .x = DIM(N), .xi = DIM(Q), .dx = DIM(N), .dl = DIM(N), .dy = DIM(N),
       .dalpha = DIM(1), .dxi = DIM(Q), .xmin = -1, .rate = 5, .dlogdet = -1),
    OP(affine_map_fwd, .x = DIM(N, D), .at = DIM(2), .s = DIM(N, 2), .t = DIM(N, 2), .y = DIM(N, D),
       .logdet = DIM(N), .scale = CLF_SCALE_sigmoid, .a = 2, .b = 0.001f),
    OP(affine_map_inv, .y = DIM(N, D), .at = DIM(2), .s = DIM(N, 2), .t = DIM(N, 2), .x = DIM(N, D),
       .logdet = DIM(N), .scale = CLF_SCALE_sigmoid, .a = 2, .b = 0.001f),
    OP(affine_map_bwd, .x = DIM(N, D), .at = DIM(2), .s = DIM(N, 2), .t = DIM(N, 2),
       .dy = DIM(N, D), .dl = DIM(N), .dx = DIM(N, D), .ds = DIM(N, 2), .dt = DIM(N, 2),
       .scale = CLF_SCALE_sigmoid, .a = 2, .b = 0.001f, .dlogdet = -1),
    OP(affine_map_inv_bwd, .x = DIM(N, D), .at = DIM(2), .s = DIM(N, 2), .t = DIM(N, 2),
       .dx = DIM(N, D), .dl = DIM(N), .dy = DIM(N, D), .ds = DIM(N, 2), .dt = DIM(N, 2),
       .scale = CLF_SCALE_sigmoid, .a = 2, .b = 0.001f, .dlogdet = -1),
    OP(trained_scale_bwd, .s = DIM(N, 2), .g = DIM(1), .ds = DIM(N, 2), .dg = DIM(1),
       .dg0 = DIM(1)),
    OP(poly_spline_fwd, .x = DIM(N, D), .at = DIM(2), .u = DIM(N, 2, 5), .y = DIM(N, D),
       .logdet = DIM(N), POLY),
    OP(poly_spline_inv, .y = DIM(N, D), .at = DIM(2), .u = DIM(N, 2, 5), .x = DIM(N, D),
       .logdet = DIM(N), POLY),
    OP(poly_spline_bwd, .x = DIM(N, D), .at = DIM(2), .u = DIM(N, 2, 5), .dy = DIM(N, D),
       .dl = DIM(N), .dx = DIM(N, D), .du = DIM(N, 2, 5), POLY, .dlogdet = -1),
    OP(poly_spline_inv_bwd, .x = DIM(N, D), .at = DIM(2), .u = DIM(N, 2, 5), .dx = DIM(N, D),
       .dl = DIM(N), .dy = DIM(N, D), .du = DIM(N, 2, 5), POLY, .dlogdet = -1),
    OP(rqs_fwd, .x = DIM(N, D), .at = DIM(2), .u = DIM(N, 2, 8), .y = DIM(N, D), .logdet = DIM(N),
       RQS),
    OP(made_affine_inv, .y = DIM(N, D), .at = DIM(D), .w = DIM(H * (D + 1) + D * 2 * (H + 1)),
       .x = DIM(N, D), .logdet = DIM(N), .hidden = H, .layers = 1, .period = D - 1, .from = 1,
       .each = 1, .numbers = 2, .pitch = D, .act_last = CLF_ACT_tanh, .shift_at = 1,
       .scale = CLF_SCALE_sigmoid, .a = 2, .b = 0.001f),
    OP(made_rqs_inv, .y = DIM(N, D), .at = DIM(D), .w = DIM(H * (D + 1) + D * 8 * (H + 1)),
       .x = DIM(N, D), .logdet = DIM(N), .hidden = H, .layers = 1, .period = D - 1, .from = 1,
       .each = 1, .numbers = 8, .pitch = D, .act_last = CLF_ACT_tanh, .left = -3, .right = 3,
       .bottom = -3, .top = 3, .min_width = 1e-3f, .min_height = 1e-3f, .min_slope = 1e-3f,
       .end_slope = 1, .scale = 1, .gain = 1, .beta = 1),
    OP(rqs_inv, .y = DIM(N, D), .at = DIM(2), .u = DIM(N, 2, 8), .x = DIM(N, D), .logdet = DIM(N),
       RQS),
    OP(rqs_bwd, .x = DIM(N, D), .at = DIM(2), .u = DIM(N, 2, 8), .dy = DIM(N, D), .dl = DIM(N),
       .dx = DIM(N, D), .du = DIM(N, 2, 8), RQS, .dlogdet = -1),
    OP(rqs_inv_bwd, .x = DIM(N, D), .at = DIM(2), .u = DIM(N, 2, 8), .dx = DIM(N, D), .dl = DIM(N),
       .dy = DIM(N, D), .du = DIM(N, 2, 8), RQS, .dlogdet = -1),
    OP(adam_step, .g = DIM(N), .w = DIM(N), .m = DIM(N), .v = DIM(N), .lr = 0.1f, .beta1 = 0.9f,
       .beta2 = 0.999f, .eps = 1e-8f, .c1 = 0.1f, .c2 = 0.001f),
    OP(clip_norm, .square = DIM(1), .g = DIM(N), .most = 0.1f),
    OP(mlp_steps, .x = DIM(N, D), .b = DIM(L, D), .w = DIM(L * P), .m = DIM(L * P), .v = DIM(L * P),
       .loss = DIM(3), .hidden = H, .batch = 20, .shuffle = 1, .count = 2, .lr = 0.01f,
       .beta1 = 0.9f, .beta2 = 0.999f, .eps = 1),
    OP(copy, .x = DIM(N, D), .y = DIM(N, D)),
    OP(fill, .y = DIM(N, D), .value = 3),
    OP(add_ratio, .a = DIM(N, D), .b = DIM(N, D), .y = DIM(N, D)),
    OP(scale_rows, .a = DIM(N), .y = DIM(N, D)),
    OP(axpby, .x = DIM(N, D), .y = DIM(N, D), .a = 2, .b = -1),
    OP(sum_rows, .x = DIM(N, D), .y = DIM(D)),
    OP(sum_squares, .x = IMAGE(D), .y = DIM(1), .beta = 1),
    OP(random_bits, .y = DIM(N, 10), .seed_lo = 1, .first_lo = 3),
    OP(random_uniform, .y = DIM(N, D), .seed_lo = 1, .first_lo = 3),
    OP(random_normal, .y = DIM(N, D), .seed_lo = 1, .first_lo = 3),
    OP(shuffle_rows, .x = DIM(N, D), .y = DIM(N, D), .seed_lo = 1, .epoch = 2),
    OP(columns_take, .x = DIM(N, D), .at = DIM(H), .y = DIM(N, H), .beta = -2),
    OP(columns_add, .x = DIM(N, H), .at = DIM(H), .y = DIM(N, D)),
    OP(on_grid, .x = DIM(N, D), .grid = DIM(3, D), .y = DIM(N, D)),
    OP(dequantize, .x = DIM(N, D), .y = DIM(N, D), .seed_lo = 1, .first_lo = 3),
    OP(logit_fwd, .x = DIM(N, D), .y = DIM(N, D), .logdet = DIM(N), .alpha = 0.3f, .omega = 0.2f,
       .levels = 2),
    OP(logit_inv, .y = DIM(N, D), .x = DIM(N, D), .logdet = DIM(N), .alpha = 0.3f, .omega = 0.2f,
       .levels = 2),
    OP(logit_bwd, .x = DIM(N, D), .dy = DIM(N, D), .dx = DIM(N, D), .alpha = 0.3f, .omega = 0.2f,
       .levels = 2, .dlogdet = -1),
    OP(fma_chain, .y = DIM(N), .rounds = 9, .a = 0.9f, .b = 0.1f),
};

static float next(uint32_t *state) { /* -1 .. 1 */
  *state = *state * 1664525u + 1013904223u;
  return (float)(int32_t)*state * 0x1p-31f;
}

/* Updated vectors may be second moments, so they start positive. */
static clf_status fill_in(clf_device *dev, const clf_op_info *info, clf_tensor *t, float *host) {
  uint32_t state = 12345;
  for (int i = 0; info->modes[i]; i++) {
    if (!t[i].buf) continue;
    for (size_t k = 0; k < clf__count(&t[i]); k++) {
      const float v = next(&state);
      host[k] = info->modes[i] == 'b'          ? (float)(v > 0)
                : info->modes[i] == 'i'        ? clf__test_index(k, clf__count(&t[i]))
                : clf__updates(info->modes[i]) ? 1 + v
                                               : v;
    }
    CLF_TRY(clf_write(dev, t[i], host));
  }
  return CLF_OK;
}

/* Sets weights to 0 where the degrees of units and inputs remove them. */
static clf_status clear_masked(clf_device *dev, const clf_tensor t[3], float *w) {
  const int32_t units = t[0].dim[0], inputs = t[0].dim[1];
  float *const row = w + units * inputs, *const column = row + units;
  CLF_TRY(clf_read(dev, t[0], w));
  CLF_TRY(clf_read(dev, t[1], row));
  CLF_TRY(clf_read(dev, t[2], column));
  for (int32_t i = 0; i < units; i++)
    for (int32_t j = 0; j < inputs; j++)
      if (row[i] < column[j]) w[i * inputs + j] = 0;
  return clf_write(dev, t[0], w);
}

typedef struct test {
  clf_device *checked; /* wraps the device under test */
  clf_device *bare;    /* that device, or the one it wraps */
  clf_arena arena;
  float *host;
  clf__passed_fn passed;
} test;

enum {
  MOST = 16384,
  USUAL = -1
}; /* elements of all tensors of a call; the algorithm chosen by the rules */

/* An image of such a shape. */
static clf_status new_channels_last(clf_arena *a, const clf_tensor *shape, clf_tensor *out) {
  const int32_t *d = shape->dim;
  clf_tensor t;
  CLF_TRY(clf_new(a, (int32_t[4]){d[0], d[2], d[3], d[1]}, &t));
  *out = (clf_tensor){t.buf,
                      t.offset,
                      {d[0], d[1], d[2], d[3]},
                      {t.stride[0], t.stride[3], t.stride[1], t.stride[2]}};
  return CLF_OK;
}

/* Allocates the tensors of a call, whose shapes are in its arguments. */
static clf_status lay_out(test *t, size_t call, char *copy) {
  const clf_op_info *info = &clf_ops[calls[call].op];
  clf_tensor *x = (clf_tensor *)(void *)copy;
  memcpy(copy, calls[call].args, info->args_size);
  t->arena.used = 0;
  for (int i = 0; info->modes[i]; i++) {
    const clf_tensor shape = x[i];
    if (!shape.dim[0]) continue;
    CLF_TRY(calls[call].channels_last && shape.dim[2] != shape.dim[3]
                ? new_channels_last(&t->arena, &shape, &x[i])
                : clf_new(&t->arena, shape.dim, &x[i]));
  }
  return CLF_OK;
}

/* Runs a call with one of its algorithms, unless that does not take it. */
static clf_status run_one(test *t, size_t call, int algorithm) {
  const clf_op op = calls[call].op;
  _Alignas(16) char copy[CLF_MAX_ARGS];
  CLF_TRY(lay_out(t, call, copy));
  if (algorithm == USUAL) algorithm = clf__algorithm_index(t->bare, op, copy);
  if (!clf__algorithm_takes(t->bare, op, algorithm, copy)) return CLF_OK;
  CLF_TRY(fill_in(t->checked, &clf_ops[op], (clf_tensor *)(void *)copy, t->host));
  if (calls[call].masked)
    CLF_TRY(clear_masked(t->checked, (clf_tensor *)(void *)copy + 1, t->host));
  t->bare->forced = algorithm + 1;
  const clf_status s = clf_dispatch(t->checked, op, copy);
  t->bare->forced = 0;
  if (!s && t->passed) t->passed(op, algorithm);
  return s;
}

static clf_status run_test(clf_device *dev, int op, int algorithm, clf__passed_fn passed) {
  test t = {.bare = dev, .host = malloc(MOST * sizeof *t.host), .passed = passed};
  while (t.bare->inner) t.bare = t.bare->inner;
  const int forced = t.bare->forced;
  t.bare->forced = 0;
  clf_status s = t.host ? clf__check_wrap(dev, &t.checked)
                        : clf__fail(CLF_ENOMEM, "no memory for a self-test");
  if (!s) s = clf_arena_init(&t.arena, t.checked, MOST);
  for (size_t i = 0; i < sizeof calls / sizeof *calls && !s; i++)
    if (op < 0 || calls[i].op == (clf_op)op) s = run_one(&t, i, algorithm);
  clf_arena_free(&t.arena);
  clf_close(t.checked);
  free(t.host);
  t.bare->forced = forced;
  return s;
}

clf_status clf__selftest(clf_device *dev, clf__passed_fn passed) {
  return run_test(dev, -1, USUAL, passed);
}
clf_status clf__selftest_of(clf_device *dev, clf_op op, int algorithm, clf__passed_fn passed) {
  return run_test(dev, (int)op, algorithm, passed);
}
