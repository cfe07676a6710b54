/* SPDX-License-Identifier: MIT */
/* ops.c: calls of single operations: a table of shapes that occur in flows, and how they are
 * run. Flops are those of the formula, whatever a kernel computes; bytes count each tensor once,
 * and twice if it is updated. */
#include "bench.h"
#include <stdlib.h>
#include <string.h>

typedef struct op_call {
  clf_op op;
  const void *args; /* tensors only contain dim */
  float scale;      /* inputs are uniform in -scale .. scale */
} op_call;

/* ---- Running ----------------------------------------------------------------------- */

enum { MOST_ARGS = 1024 };
typedef struct op_state {
  clf_arena arena;
  _Alignas(16) char args[MOST_ARGS];
  int calls; /* calls per sample */
} op_state;

/* Images are stored with channels last, as in flows. */
static clf_status lay_out(const clf_op_info *info, op_state *s) {
  static const int last[4] = {0, 2, 3, 1};
  clf_tensor *t = (clf_tensor *)(void *)s->args;
  for (int i = 0; info->modes[i]; i++) {
    if (!t[i].dim[0]) continue;
    const clf_tensor shape = t[i];
    CLF_TRY(clf_new(&s->arena, shape.dim, &t[i]));
    if (t[i].dim[2] * t[i].dim[3] == 1) continue;
    int32_t stride = 1;
    for (int k = 3; k >= 0; k--) {
      t[i].stride[last[k]] = stride;
      stride *= t[i].dim[last[k]];
    }
  }
  return CLF_OK;
}

/* A tensor that is updated may contain second moments or variances, so it starts with positive
 * values. */
static float value(char mode, size_t k, float scale, uint64_t *seed) {
  const float v = bench_random(seed);
  if (mode == 'b') return (float)(v > 0);
  if (mode == 'i') return (float)k;
  return mode == 'u' || mode == 'a' ? scale * (1.5f + v) : scale * v;
}

static clf_status give_data(clf_device *dev, const clf_op_info *info, const op_call *c,
                            op_state *s) {
  uint64_t seed = 88172645463325252ull;
  clf_tensor *t = (clf_tensor *)(void *)s->args;
  for (int i = 0; info->modes[i]; i++) {
    if (!t[i].buf) continue;
    const size_t n =
        (size_t)t[i].dim[0] * (size_t)t[i].dim[1] * (size_t)t[i].dim[2] * (size_t)t[i].dim[3];
    float *host = malloc(n * sizeof *host);
    if (!host) return bench_fail(CLF_ENOMEM, "no memory for %zu numbers", n);
    for (size_t k = 0; k < n; k++) host[k] = value(info->modes[i], k, c->scale, &seed);
    const clf_status status = clf_write(dev, t[i], host);
    free(host);
    CLF_TRY(status);
  }
  return CLF_OK;
}

static clf_status call(bench_run *run, int calls, double *each) {
  const op_call *c = run->w->what;
  const op_state *s = run->state;
  const double begin = bench_clock();
  for (int i = 0; i < calls; i++) CLF_TRY(clf_dispatch(run->dev, c->op, s->args));
  CLF_TRY(clf_sync(run->dev));
  *each = (bench_clock() - begin) / calls;
  return CLF_OK;
}

/* Calls are queued as in training; a sample is some milliseconds of calls. */
static clf_status find_calls(bench_run *run) {
  op_state *s = run->state;
  double each = 0;
  for (s->calls = 1; s->calls < 1024; s->calls *= 2) {
    CLF_TRY(call(run, s->calls, &each));
    if (each * s->calls > 4e-3) break;
  }
  return CLF_OK;
}

static clf_status prepare(bench_run *run) {
  const op_call *c = run->w->what;
  const clf_op_info *info = &clf_ops[c->op];
  op_state *s = run->state = calloc(1, sizeof *s);
  if (!s || info->args_size > sizeof s->args) return bench_fail(CLF_ENOMEM, "no memory");
  s->arena.dev = run->dev;
  memcpy(s->args, c->args, info->args_size);
  CLF_TRY(lay_out(info, s));
  CLF_TRY(clf_arena_init(&s->arena, run->dev, s->arena.used));
  memcpy(s->args, c->args, info->args_size);
  CLF_TRY(lay_out(info, s));
  CLF_TRY(give_data(run->dev, info, c, s));
  CLF_TRY(call(run, 1, &run->first));
  return find_calls(run);
}

static clf_status sample(bench_run *run, double *seconds) {
  return call(run, ((op_state *)run->state)->calls, seconds);
}

static void finish(bench_run *run) {
  op_state *s = run->state;
  if (s) clf_arena_free(&s->arena);
  free(s);
}

static const bench_kind kind = {prepare, sample, finish};

/* ---- The table --------------------------------------------------------------------- */

#define DIM(...)                                                                                   \
  {                                                                                                \
    .dim = { __VA_ARGS__ }                                                                         \
  }
#define OP_(level_, name_, op_, flops_, dense_, floats_, scale_, ...)                              \
  {                                                                                                \
    .name = name_, .group = BENCH_OP, .level = BENCH_##level_, .kind = &kind, .flops = flops_,     \
    .dense = dense_, .bytes = 4.0 * (floats_), .what = &(const op_call) {                          \
      CLF_OP_##op_, &(const clf_##op_##_args){__VA_ARGS__}, scale_                                 \
    }                                                                                              \
  }
#define OP(level, name, op, flops, floats, scale, ...)                                             \
  OP_(level, name, op, flops, 0, floats, scale, __VA_ARGS__)
/* Operations for which kernels may omit some of the flops: Winograd convolutions, masked
 * weights. */
#define DENSE(level, name, op, flops, floats, scale, ...)                                          \
  OP_(level, name, op, flops, 1, floats, scale, __VA_ARGS__)

/* M x N x K; transposes after the sizes. */
#define GEMM_(level, name, M, N, K, A, B, ...)                                                     \
  OP(level, "gemm/" name, gemm, 2.0 * M * N * K, 1.0 * M * K + 1.0 * K * N + 1.0 * M * N, 1,       \
     .a = A, .b = B, .c = DIM(M, N), .alpha = 1, __VA_ARGS__)
#define GEMM(level, M, N, K) GEMM_(level, #M "x" #N "x" #K, M, N, K, DIM(M, K), DIM(K, N), .ta = 0)
#define GEMM_TA(level, M, N, K)                                                                    \
  GEMM_(level, #M "x" #N "x" #K "-ta", M, N, K, DIM(K, M), DIM(K, N), .ta = 1)
#define GEMM_TB(level, M, N, K)                                                                    \
  GEMM_(level, #M "x" #N "x" #K "-tb", M, N, K, DIM(M, K), DIM(N, K), .tb = 1)
#define BIAS(level, M, N, K)                                                                       \
  GEMM_(level, #M "x" #N "x" #K "-tb-bias", M, N, K, DIM(M, K), DIM(N, K), .tb = 1, .bias = DIM(N))
#define LAYER(level, M, N, K)                                                                      \
  GEMM_(level, #M "x" #N "x" #K "-tb-bias-tanh", M, N, K, DIM(M, K), DIM(N, K), .tb = 1,           \
        .bias = DIM(N), .act = CLF_ACT_tanh)

/* N x H x W x Ci - Co, 3x3 unless the name says k1. */
#define CONV_(level, pass, op, suffix, N, H, W, Ci, Co, k, ...)                                    \
  OP_(level, "conv/" pass "/" #N "x" #H "x" #W "x" #Ci "-" #Co suffix, op,                         \
      2.0 * N * H * W * Ci * Co * k * k, k == 3,                                                   \
      1.0 * N * H * W * (Ci + Co) + 1.0 * Ci * Co * k * k, 0.3f, __VA_ARGS__)
#define FWD(level, suffix, N, H, W, Ci, Co, k)                                                     \
  CONV_(level, "fwd", conv_fwd, suffix, N, H, W, Ci, Co, k, .x = DIM(N, Ci, H, W),                 \
        .w = DIM(Co, Ci, k, k), .y = DIM(N, Co, H, W))
#define DATA(level, suffix, N, H, W, Ci, Co, k)                                                    \
  CONV_(level, "data", conv_bwd_data, suffix, N, H, W, Ci, Co, k, .dx = DIM(N, Ci, H, W),          \
        .w = DIM(Co, Ci, k, k), .dy = DIM(N, Co, H, W))
#define WEIGHTS(level, suffix, N, H, W, Ci, Co, k)                                                 \
  CONV_(level, "weights", conv_bwd_weights, suffix, N, H, W, Ci, Co, k, .x = DIM(N, Ci, H, W),     \
        .dw = DIM(Co, Ci, k, k), .dy = DIM(N, Co, H, W))
#define CONV(level, suffix, ...)                                                                   \
  FWD(level, suffix, __VA_ARGS__), DATA(level, suffix, __VA_ARGS__),                               \
      WEIGHTS(level, suffix, __VA_ARGS__)

/* D, H, L and N of fused couplings: dimensions, hidden units, couplings, samples. A sample needs
 * two nets of two products each, and twice that for the gradients. */
#define WIDTH(D, H) (2 * (H * (2 * D + 1) + D))
#define MLP_(level, pass, op, D, H, L, N, flops, floats, ...)                                      \
  DENSE(level, "coupling/" pass "/" #D "-" #H "-" #L "-b" #N, op, flops *N *D *H *L,               \
        floats + 1.0 * L * WIDTH(D, H), 0.05f, .b = DIM(L, D), .w = DIM(L, WIDTH(D, H)),           \
        .hidden = H, __VA_ARGS__)
#define MLP(level, D, H, L, N)                                                                     \
  MLP_(level, "fwd", mlp_coupling_fwd, D, H, L, N, 8.0, 1.0 * N * D * (2 + L) + 2.0 * N,           \
       .x = DIM(N, D), .acts = DIM(L, D, N), .y = DIM(N, D), .logdet = DIM(N)),                    \
      MLP_(level, "inv", mlp_coupling_inv, D, H, L, N, 8.0, 2.0 * N * D + 2.0 * N, .y = DIM(N, D), \
           .x = DIM(N, D), .logdet = DIM(N)),                                                      \
      MLP_(level, "bwd", mlp_coupling_bwd, D, H, L, N, 16.0,                                       \
           1.0 * N * D * (3 + L) + 2.0 * L * WIDTH(D, H), .y = DIM(N, D), .dy = DIM(N, D),         \
           .acts = DIM(L, D, N), .dx = DIM(N, D), .dw = DIM(L, WIDTH(D, H)), .dlogdet = -0.3f)

/* Normalisations of images N x H x W x C. */
#define IMAGE(N, H, W, C) DIM(N, C, H, W)
#define COUNT(N, H, W, C) (1.0 * N * H * W * C)
#define NORM_(level, op, name, flops, tensors, N, H, W, C, ...)                                    \
  OP(level, "norm/" name "/" #N "x" #H "x" #W "x" #C, op, flops *COUNT(N, H, W, C),                \
     tensors *COUNT(N, H, W, C), 1, __VA_ARGS__)
#define NORM(level, N, H, W, C)                                                                    \
  NORM_(level, bn_stats, "bn-stats", 3.0, 1.0, N, H, W, C, .x = IMAGE(N, H, W, C), .mean = DIM(C), \
        .var = DIM(C)),                                                                            \
      NORM_(level, bn_fwd, "bn-fwd", 3.0, 2.0, N, H, W, C, .x = IMAGE(N, H, W, C), .mean = DIM(C), \
            .var = DIM(C), .beta = DIM(C), .y = IMAGE(N, H, W, C), .eps = 1.5f,                    \
            .act = CLF_ACT_relu),                                                                  \
      NORM_(level, bn_bwd, "bn-bwd", 10.0, 4.0, N, H, W, C, .x = IMAGE(N, H, W, C),                \
            .mean = DIM(C), .var = DIM(C), .beta = DIM(C), .dy = IMAGE(N, H, W, C),                \
            .dx = IMAGE(N, H, W, C), .dbeta = DIM(C), .eps = 1.5f, .act = CLF_ACT_relu,            \
            .batch = 1, .add = 1)
#define WN(level, O, C, k)                                                                         \
  OP(level, "norm/wn-fwd/" #O "x" #C "-k" #k, wn_fwd, 3.0 * O * C * k * k, 2.0 * O * C * k * k, 1, \
     .v = DIM(O, C, k, k), .g = DIM(O), .w = DIM(O, C, k, k)),                                     \
      OP(level, "norm/wn-bwd/" #O "x" #C "-k" #k, wn_bwd, 8.0 * O * C * k * k,                     \
         4.0 * O * C * k * k, 1, .v = DIM(O, C, k, k), .g = DIM(O), .dw = DIM(O, C, k, k),         \
         .dv = DIM(O, C, k, k), .dg = DIM(O))

/* Splines of K bins in d of D columns; per bin 40 flops for the exponentials, 100 for the rest;
 * twice that for the gradients. */
#define RQS_(level, pass, op, N, D, d, K, factor, ...)                                             \
  OP(level, "map/rqs-" pass "/" #N "x" #D "-" #d "-k" #K, op, factor *(40.0 * K + 100) * N * d,    \
     factor * 1.0 * N * (2 * D + d * (3 * K - 1)), 3, .at = DIM(d), .u = DIM(N, d, 3 * K - 1),     \
     .left = -3, .right = 3, .bottom = -3, .top = 3, .min_width = 1e-3f, .min_height = 1e-3f,      \
     .min_slope = 1e-3f, .end_slope = 1, .scale = 1, .gain = 1, .beta = 1, __VA_ARGS__)
#define RQS(level, N, D, d, K)                                                                     \
  RQS_(level, "fwd", rqs_fwd, N, D, d, K, 1, .x = DIM(N, D), .y = DIM(N, D), .logdet = DIM(N)),    \
      RQS_(level, "inv", rqs_inv, N, D, d, K, 1, .y = DIM(N, D), .x = DIM(N, D),                   \
           .logdet = DIM(N)),                                                                      \
      RQS_(level, "bwd", rqs_bwd, N, D, d, K, 2, .x = DIM(N, D), .dy = DIM(N, D), .dx = DIM(N, D), \
           .du = DIM(N, d, 3 * K - 1), .dlogdet = -1)

/* An affine map and a quadratic spline of d of D columns; the gradient reads and writes twice. */
#define AFFINE_MAP(level, N, D, d)                                                                 \
  OP(level, "map/affine-fwd/" #N "x" #D "-" #d, affine_map_fwd, 30.0 * N * d,                      \
     1.0 * N * (2 * D + 2 * d), 3, .at = DIM(d), .s = DIM(N, d), .t = DIM(N, d), .x = DIM(N, D),   \
     .y = DIM(N, D), .logdet = DIM(N), .scale = CLF_SCALE_softplus, .b = 1e-3f),                   \
      OP(level, "map/affine-bwd/" #N "x" #D "-" #d, affine_map_bwd, 60.0 * N * d,                  \
         1.0 * N * (3 * D + 4 * d), 3, .at = DIM(d), .s = DIM(N, d), .t = DIM(N, d),               \
         .x = DIM(N, D), .dy = DIM(N, D), .dx = DIM(N, D), .ds = DIM(N, d), .dt = DIM(N, d),       \
         .scale = CLF_SCALE_softplus, .b = 1e-3f, .dlogdet = -1)
#define QUADRATIC_(level, pass, op, N, D, d, K, factor, ...)                                       \
  OP(level, "map/quadratic-" pass "/" #N "x" #D "-" #d "-k" #K, op,                                \
     factor *(40.0 * K + 60) * N * d, factor * 1.0 * N * (2 * D + d * (2 * K - 1)), 3,             \
     .at = DIM(d), .u = DIM(N, d, 2 * K - 1), .order = 2, .tails = 1, .left = -3, .right = 3,      \
     .bottom = -3, .top = 3, .min_width = 1e-3f, .min_height = 1e-3f, .scale = 1,                  \
     .end_share = 0.25f, __VA_ARGS__)
#define QUADRATIC(level, N, D, d, K)                                                               \
  QUADRATIC_(level, "fwd", poly_spline_fwd, N, D, d, K, 1, .x = DIM(N, D), .y = DIM(N, D),         \
             .logdet = DIM(N)),                                                                    \
      QUADRATIC_(level, "inv", poly_spline_inv, N, D, d, K, 1, .y = DIM(N, D), .x = DIM(N, D),     \
                 .logdet = DIM(N)),                                                                \
      QUADRATIC_(level, "bwd", poly_spline_bwd, N, D, d, K, 2, .x = DIM(N, D), .dy = DIM(N, D),    \
                 .dx = DIM(N, D), .du = DIM(N, d, 2 * K - 1), .dlogdet = -1)

#define ROWS(level, stem, name, op, flops, tensors, N, D, ...)                                     \
  OP(level, stem "/" name "/" #N "x" #D, op, flops *N *D, tensors *N *D, 1, __VA_ARGS__)

const bench_workload bench_ops[] = {
    GEMM(QUICK, 256, 256, 256),
    GEMM(USUAL, 512, 512, 512),
    GEMM_TA(USUAL, 512, 512, 512),
    GEMM_TB(USUAL, 512, 512, 512),
    GEMM(USUAL, 1024, 1024, 1024),
    GEMM(USUAL, 2048, 2048, 2048),
    LAYER(USUAL, 1024, 128, 7),
    LAYER(USUAL, 4096, 512, 65),
    LAYER(USUAL, 4096, 64, 513),
    GEMM_TA(USUAL, 512, 65, 4096),
    LAYER(USUAL, 100, 2, 3),
    LAYER(USUAL, 4096, 512, 64),
    GEMM_TB(USUAL, 4096, 64, 512),
    GEMM_TA(USUAL, 512, 64, 4096),
    LAYER(USUAL, 1024, 128, 6),
    BIAS(USUAL, 1024, 6, 128),
    GEMM_TA(USUAL, 128, 6, 1024),
    GEMM_TA(USUAL, 6, 128, 1024),
    CONV(USUAL, "", 64, 32, 32, 64, 64, 3),
    CONV(USUAL, "", 64, 16, 16, 128, 128, 3),
    CONV(USUAL, "", 64, 8, 8, 128, 128, 3),
    CONV(USUAL, "", 16, 4, 4, 512, 512, 3),
    CONV(USUAL, "", 64, 32, 32, 7, 32, 3),
    CONV(USUAL, "", 16, 32, 32, 64, 6, 3),
    CONV(USUAL, "-k1", 64, 32, 32, 64, 64, 1),
    CONV(FULL, "", 64, 32, 32, 32, 32, 3),
    CONV(FULL, "", 64, 16, 16, 64, 64, 3),
    CONV(FULL, "", 64, 4, 4, 256, 256, 3),
    CONV(FULL, "-k1", 64, 16, 16, 64, 64, 1),
    CONV(FULL, "-k1", 64, 4, 4, 256, 256, 1),
    MLP(QUICK, 2, 2, 4, 100),
    MLP(USUAL, 6, 128, 10, 1024),
    MLP(USUAL, 64, 512, 1, 4096),
    NORM(USUAL, 64, 32, 32, 64),
    NORM(USUAL, 64, 32, 32, 3),
    NORM(USUAL, 64, 4, 4, 512),
    NORM(FULL, 64, 16, 16, 64),
    WN(USUAL, 128, 128, 3),
    WN(USUAL, 512, 512, 3),
    ROWS(USUAL, "reduce", "sum-rows", sum_rows, 1.0, 1.0, 4096, 512, .x = DIM(4096, 512),
         .y = DIM(512)),
    ROWS(USUAL, "reduce", "sum-squares", sum_squares, 2.0, 1.0, 4096, 1024, .x = DIM(4096, 1024),
         .y = DIM(1)),
    ROWS(QUICK, "elementwise", "copy", copy, 0.0, 2.0, 4096, 64, .x = DIM(4096, 64),
         .y = DIM(4096, 64)),
    ROWS(USUAL, "elementwise", "copy", copy, 0.0, 2.0, 4096, 4096, .x = DIM(4096, 4096),
         .y = DIM(4096, 4096)),
    ROWS(USUAL, "elementwise", "axpby", axpby, 3.0, 3.0, 4096, 4096, .x = DIM(4096, 4096),
         .y = DIM(4096, 4096), .a = 1, .b = 0.5f),
    ROWS(USUAL, "elementwise", "tanh", act_fwd, 0.0, 2.0, 4096, 512, .x = DIM(4096, 512),
         .y = DIM(4096, 512), .act = CLF_ACT_tanh),
    ROWS(USUAL, "elementwise", "adam", adam_step, 14.0, 8.0, 1000000, 1, .g = DIM(1000000),
         .w = DIM(1000000), .m = DIM(1000000), .v = DIM(1000000), .lr = 1e-3f, .beta1 = 0.9f,
         .beta2 = 0.999f, .eps = 1e-8f, .c1 = 0.1f, .c2 = 0.001f),
    ROWS(USUAL, "random", "normal", random_normal, 0.0, 1.0, 4096, 64, .y = DIM(4096, 64),
         .seed_lo = 1),
    ROWS(USUAL, "random", "normal", random_normal, 0.0, 1.0, 4096, 1024, .y = DIM(4096, 1024),
         .seed_lo = 1),
    ROWS(USUAL, "random", "shuffle-rows", shuffle_rows, 0.0, 2.0, 4096, 6, .x = DIM(100000, 6),
         .y = DIM(4096, 6), .seed_lo = 7, .epoch = 3),
    RQS(USUAL, 200, 8, 4, 10),
    RQS(USUAL, 4096, 32, 16, 8),
    AFFINE_MAP(USUAL, 200, 8, 8),
    AFFINE_MAP(USUAL, 4096, 32, 16),
    QUADRATIC(USUAL, 200, 8, 4, 10),
    QUADRATIC(USUAL, 4096, 32, 16, 8),
    {0},
};
