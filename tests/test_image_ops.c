/* SPDX-License-Identifier: MIT */
/* test_image_ops.c: the values of squeeze, rescaled and pixels, convolutions of normalised
 * inputs, and the positions of latents: tables written by hand, identities, and gradients
 * against differences. */
#include <math.h>
#include <string.h>
#include "backend.h"
#include "clflow/arch.h"
#include "clflow/flow.h"
#include "suite.h"

#define SIZE(array) ((int)(sizeof(array) / sizeof *(array)))

static const char *const devices[] = {"cpu64",         "cpu",           "cpu/baseline", "opencl",
                                      "opencl:/simd4", "opencl:/simd8", "opencl:/simt"};
static clf_device *dev;
static clf_arena arena;
static int exact; /* double */

/* OpenCL devices are skipped if there are none. */
static int begin(const char *where) {
  const clf_status s = clf_open(where, &dev);
  if (s == CLF_ENODEV && strncmp(where, "opencl", 6) == 0) return 0;
  ck_assert_msg(!s, "%s", clf_errmsg());
  exact = strcmp(where, "cpu64") == 0;
  WORKS(clf_arena_init(&arena, dev, 1 << 16));
  return 1;
}
static void end(void) {
  clf_arena_free(&arena);
  clf_close(dev);
}

static clf_tensor put(int n, int c, int h, int w, const double *at) {
  clf_tensor t;
  WORKS(clf_new(&arena, (int32_t[4]){n, c, h, w}, &t));
  if (at) WORKS(clf_write64(dev, t, at));
  return t;
}
static clf_tensor zeros(int n) {
  clf_tensor t = put(n, 1, 1, 1, NULL);
  WORKS(clf_do(dev, fill, .y = t));
  return t;
}
static double first(clf_tensor t) {
  double v;
  WORKS(clf_read64(dev, clf_slice(t, 0, 0, 1), &v));
  return v;
}

/* To within `tol`; 0: to the bit. */
static void expect(const char *what, clf_tensor t, const double *want, double tol) {
  double got[512];
  const int n = (int)clf__count(&t);
  ck_assert_int_le(n, SIZE(got));
  WORKS(clf_read64(dev, t, got));
  for (int i = 0; i < n; i++)
    ck_assert_msg(fabs(got[i] - want[i]) <= tol, "%s on %s: number %d is %.9g, not %.9g", what,
                  clf_device_name(dev), i, got[i], want[i]);
}

static double noise(void) { /* -1 .. 1 */
  static uint32_t state = 12345;
  state = state * 1664525u + 1013904223u;
  return (double)(int32_t)state * 0x1p-31;
}
static void fill_noise(double *v, int n) {
  for (int i = 0; i < n; i++) v[i] = noise();
}

/* ---- Squeezing --------------------------------------------------------------------------- */

static const double count_up[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
static const struct {
  int C, H, ordered;
  double want[16]; /* of an image that counts up, channel by channel */
} tables[] = {
    {1, 4, 0, {0, 2, 8, 10, /**/ 1, 3, 9, 11, /**/ 4, 6, 12, 14, /**/ 5, 7, 13, 15}},
    {1, 4, 1, {0, 2, 8, 10, /**/ 5, 7, 13, 15, /**/ 1, 3, 9, 11, /**/ 4, 6, 12, 14}},
    {3, 2, 0, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
    {3, 2, 1, {0, 4, 8, 3, 7, 11, 1, 5, 9, 2, 6, 10}},
};

START_TEST(test_squeeze) {
  if (!begin(devices[_i])) return;
  for (int i = 0; i < SIZE(tables); i++) {
    const int C = tables[i].C, H = tables[i].H, ordered = tables[i].ordered;
    const clf_tensor x = put(1, C, H, H, count_up), y = put(1, 4 * C, H / 2, H / 2, NULL);
    const clf_tensor back = put(1, C, H, H, NULL);
    WORKS(clf_do(dev, squeeze, .x = x, .y = y, .ordered = ordered));
    expect("squeeze", y, tables[i].want, 0);
    WORKS(clf_do(dev, squeeze, .x = y, .y = back, .ordered = ordered, .inverse = 1));
    expect("squeeze, back", back, count_up, 0);
  }
  end();
}
END_TEST

/* Shapes that do not fit are refused with a sentence. */
START_TEST(test_squeeze_refuses) {
  begin("cpu64");
  const clf_tensor odd = put(1, 1, 3, 4, NULL), three = put(1, 3, 2, 2, NULL);
  const clf_tensor small = put(1, 4, 1, 2, NULL), large = put(1, 1, 4, 4, NULL);
  ck_assert_int_eq(clf_do(dev, squeeze, .x = odd, .y = small), CLF_ESHAPE);
  ck_assert_str_eq(clf_errmsg(),
                   "squeeze: (p->inverse ? &p->y : &p->x)->dim[2] % 2 is 1, but 0 is 0");
  ck_assert_int_eq(clf_do(dev, squeeze, .x = three, .y = large, .inverse = 1), CLF_ESHAPE);
  ck_assert_int_eq(clf_do(dev, squeeze, .x = large, .y = three), CLF_ESHAPE);
  ck_assert_int_eq(clf_do(dev, squeeze, .x = large, .y = small), CLF_ESHAPE);
  end();
}
END_TEST

static const int8_t scales_8x8[8][8] = {
    {2, 0, 1, 0, 2, 0, 1, 0}, {0, 2, 0, 1, 0, 2, 0, 1}, {1, 0, 2, 0, 1, 0, 2, 0},
    {0, 1, 0, 2, 0, 1, 0, 2}, {2, 0, 1, 0, 2, 0, 1, 0}, {0, 2, 0, 1, 0, 2, 0, 1},
    {1, 0, 2, 0, 1, 0, 2, 0}, {0, 1, 0, 2, 0, 1, 0, 2},
};

START_TEST(test_latent_scale) {
  clf_flow_spec spec = clf_flow_spec_default(CLF_REALNVP, 0);
  spec.height = spec.width = 8;
  for (int32_t h = 0; h < 8; h++)
    for (int32_t w = 0; w < 8; w++)
      ck_assert_int_eq(clf_latent_scale(&spec, h, w), scales_8x8[h][w]);
  spec.scales = 1;
  ck_assert_int_eq(clf_latent_scale(&spec, 0, 1), 0);
  const clf_flow_spec nvp = clf_flow_spec_default(CLF_NVP, 2);
  ck_assert_int_eq(clf_latent_scale(&nvp, 0, 0), 0);
}
END_TEST

static void expect_scales(const clf_flow *f, int32_t splits, const int32_t *want) {
  int32_t scales[128], count = -1;
  const int32_t D = clf_flow_get_spec(f)->dim;
  ck_assert_int_eq(clf_flow_latent_scales(f, scales, &count), CLF_OK);
  ck_assert_int_eq(count, splits + 1);
  for (int32_t d = 0; d < D; d++) ck_assert_int_eq(scales[d], want[d]);
}

static clf_flow *composed(const char *text) {
  clf_arch *arch = NULL;
  clf_flow *f = NULL;
  ck_assert_msg(clf_arch_parse(text, &arch) == CLF_OK, "%s: %s", text, clf_errmsg());
  ck_assert_msg(clf_flow_create_arch(dev, arch, 1, &f) == CLF_OK, "%s: %s", text, clf_errmsg());
  clf_arch_free(arch);
  return f;
}

/* In place, as in RealNVP, or in the order of leaving. */
START_TEST(test_scales_of_any_flow) {
  clf_flow_spec spec = clf_flow_spec_default(CLF_REALNVP, 64);
  int32_t want[64];
  clf_flow *f = NULL;
  begin("cpu");
  spec.height = spec.width = 8;
  spec.dim = 64;
  spec.hidden = spec.blocks = 1;
  ck_assert_int_eq(clf_flow_create(dev, &spec, &f), CLF_OK);
  for (int32_t d = 0; d < 64; d++) want[d] = scales_8x8[d / 8][d % 8];
  expect_scales(f, 2, want);
  clf_flow_free(f);

  f = composed("4x4x2: (squeeze, split)*2 -> normal");
  for (int32_t d = 0; d < 32; d++) want[d] = d < 16 ? 0 : d < 24 ? 1 : 2;
  expect_scales(f, 2, want);
  clf_flow_free(f);

  f = composed("2x2x1: squeeze(order=checker), split(place=1), split(place=1) -> normal");
  expect_scales(f, 2, (const int32_t[4]){2, 0, 0, 1}); /* (0, 0) remains, and (1, 1) next to it */
  clf_flow_free(f);

  f = composed("3: lu -> normal");
  expect_scales(f, 0, (const int32_t[3]){0, 0, 0});
  clf_flow_free(f);
  end();
}
END_TEST

/* A flow that only permutes elements has the image itself as latents in place, with any squeezes
 * and splits. */
START_TEST(test_latents_in_place) {
  static const char *const texts[] = {
      "4x4x2: squeeze(order=checker), split(place=1), squeeze, split(keep=second, place=1) -> "
      "normal",
      "4x4x2: squeeze(order=space), ~squeeze, squeeze(order=checker), ~squeeze(order=space), "
      "split(place=1) -> normal",
      "6: split(place=1), split(place=1, keep=second) -> normal"};
  begin("cpu");
  for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
    clf_flow *f = composed(texts[k]);
    const int32_t D = clf_flow_get_spec(f)->dim;
    double x[96], z[96], logdet[3], again[96];
    for (int32_t i = 0; i < 3 * D; i++) x[i] = i + 0.5;
    ck_assert_int_eq(clf_transform(f, x, 3, z, logdet), CLF_OK);
    ck_assert_int_eq(clf_invert(f, z, 3, again, logdet), CLF_OK);
    for (int32_t i = 0; i < 3 * D; i++) {
      ck_assert_double_eq(z[i], x[i]);
      ck_assert_double_eq(again[i], x[i]);
    }
    clf_flow_free(f);
  }
  end();
}
END_TEST

/* Positions counted up and squeezed as in the flow: half of the channels remain at each scale,
 * those of the other half belong to this scale, and the rest to the last one. */
START_TEST(test_latent_scale_squeezed) {
  enum { H = 16, W = 24, SCALES = 4 };
  begin("cpu64");
  clf_flow_spec spec = clf_flow_spec_default(CLF_REALNVP, 0);
  spec.height = H;
  spec.width = W;
  spec.scales = SCALES;
  double places[H * W];
  for (int i = 0; i < H * W; i++) places[i] = i;
  clf_tensor x = put(1, 1, H, W, places);
  for (int s = 0, c = 1; s < SCALES; s++, c *= 2) {
    clf_tensor here = x;
    if (s < SCALES - 1) {
      const clf_tensor y = put(1, 4 * c, H >> (s + 1), W >> (s + 1), NULL);
      WORKS(clf_do(dev, squeeze, .x = x, .y = y, .ordered = 1));
      x = clf_slice(y, 1, 0, 2 * c);
      here = clf_slice(y, 1, 2 * c, 4 * c);
    }
    const int count = (int)clf__count(&here);
    WORKS(clf_read64(dev, here, places));
    for (int i = 0; i < count; i++)
      ck_assert_int_eq(clf_latent_scale(&spec, (int)places[i] / W, (int)places[i] % W), s);
  }
  end();
}
END_TEST

/* ---- Couplings of images ------------------------------------------------------------------ */

static const int on_of[3][9] = {
    {1, 1, 1, 1, 1, 1, 1, 1, 1}, {1, 0, 1, 0, 1, 0, 1, 0, 1}, {0, 1, 0, 1, 0, 1, 0, 1, 0}};

static void check_masks(int pixels, int scale_first) {
  enum { C = 2 };
  const double g = 2, g0 = -0.1, t = 0.5, s = g * tanh(0.3) + g0, tol = exact ? 1e-14 : 1e-5;
  double x[C * 9], th[2 * C * 9], want[C * 9], logdet = 0;
  for (int i = 0; i < C * 9; i++) {
    x[i] = 2 + i;
    th[i] = t;
    th[C * 9 + i] = 0.3;
    want[i] = !on_of[pixels][i % 9] ? x[i] : scale_first ? x[i] * exp(s) + t : (x[i] + t) * exp(s);
    logdet += on_of[pixels][i % 9] ? s : 0;
  }
  const clf_tensor in = put(1, C, 3, 3, x), out = put(1, C, 3, 3, NULL),
                   back = put(1, C, 3, 3, NULL);
  const clf_tensor net = put(1, 2 * C, 3, 3, th), sum = zeros(1);
  const clf_tensor gt = put(1, 1, 1, 1, &g), g0t = put(1, 1, 1, 1, &g0);
  WORKS(clf_do(dev, rescaled_fwd, .x = in, .th = net, .g = gt, .g0 = g0t, .y = out, .logdet = sum,
               .pixels = pixels, .scale_first = scale_first));
  expect("rescaled_fwd", out, want, 50 * tol);
  expect("its log-det", sum, &logdet, 10 * tol);
  WORKS(clf_do(dev, rescaled_inv, .y = out, .th = net, .g = gt, .g0 = g0t, .x = back, .logdet = sum,
               .pixels = pixels, .scale_first = scale_first));
  expect("rescaled_inv", back, x, 20 * tol);
  expect("its log-det", sum, &(double){0}, tol);
}

START_TEST(test_masks) {
  if (!begin(devices[_i])) return;
  for (int pixels = 0; pixels < 3; pixels++)
    for (int scale_first = 0; scale_first < 2; scale_first++) check_masks(pixels, scale_first);
  end();
}
END_TEST

/* ---- Gradients against differences, in double --------------------------------------------- */

enum { N = 2, C = 3, H = 3, W = 2, SAMPLE = C * H * W };
typedef struct problem {
  double x[N * SAMPLE], th[N * 2 * SAMPLE], g, g0, dy[N * SAMPLE];
  int pixels, scale_first, has_g0;
} problem;
static const double lambda = -0.75; /* dL / dlogdet, a float */

/* L = sum dy y + lambda sum logdet. */
static double rescaled_loss(const problem *q) {
  double y[N * SAMPLE], logdet[N], loss = 0;
  arena.used = 0;
  const clf_tensor sum = zeros(N), out = put(N, C, H, W, NULL);
  WORKS(clf_do(dev, rescaled_fwd, .x = put(N, C, H, W, q->x), .th = put(N, 2 * C, H, W, q->th),
               .g = put(1, 1, 1, 1, &q->g),
               .g0 = q->has_g0 ? put(1, 1, 1, 1, &q->g0) : (clf_tensor){0}, .y = out, .logdet = sum,
               .pixels = q->pixels, .scale_first = q->scale_first));
  WORKS(clf_read64(dev, out, y));
  WORKS(clf_read64(dev, sum, logdet));
  for (int i = 0; i < N * SAMPLE; i++) loss += q->dy[i] * y[i];
  return loss + lambda * (logdet[0] + logdet[1]);
}

static void expect_slopes(const char *what, problem *q, double *v, const double *grad, int n) {
  const double step = 1e-5;
  for (int i = 0; i < n; i++) {
    const double keep = v[i];
    v[i] = keep + step;
    const double up = rescaled_loss(q);
    v[i] = keep - step;
    const double slope = (up - rescaled_loss(q)) / (2 * step);
    v[i] = keep;
    ck_assert_msg(fabs(slope - grad[i]) < 1e-8 * (1 + fabs(slope)),
                  "%s, pixels %d, scale_first %d: slope %d is %.12g, gradient %.12g", what,
                  q->pixels, q->scale_first, i, slope, grad[i]);
  }
}

static void check_rescaled_bwd(problem *q) {
  double dx[N * SAMPLE], dth[N * 2 * SAMPLE], dg, dg0 = 0;
  arena.used = 0;
  const clf_tensor none = {0}, tdx = put(N, C, H, W, NULL), tdth = put(N, 2 * C, H, W, NULL);
  const clf_tensor tdg = zeros(1), tdg0 = q->has_g0 ? zeros(1) : none;
  WORKS(clf_do(dev, rescaled_bwd, .x = put(N, C, H, W, q->x), .th = put(N, 2 * C, H, W, q->th),
               .g = put(1, 1, 1, 1, &q->g), .g0 = q->has_g0 ? put(1, 1, 1, 1, &q->g0) : none,
               .dy = put(N, C, H, W, q->dy), .dx = tdx, .dth = tdth, .dg = tdg, .dg0 = tdg0,
               .pixels = q->pixels, .scale_first = q->scale_first, .dlogdet = (float)lambda));
  WORKS(clf_read64(dev, tdx, dx));
  WORKS(clf_read64(dev, tdth, dth));
  dg = first(tdg);
  if (q->has_g0) dg0 = first(tdg0);
  expect_slopes("dx", q, q->x, dx, N * SAMPLE);
  expect_slopes("dth", q, q->th, dth, N * 2 * SAMPLE);
  expect_slopes("dg", q, &q->g, &dg, 1);
  if (q->has_g0) expect_slopes("dg0", q, &q->g0, &dg0, 1);
}

START_TEST(test_rescaled_bwd) {
  begin("cpu64");
  problem q = {
      .g = 0.8, .g0 = 0.3, .pixels = _i % 3, .scale_first = _i / 3 % 2, .has_g0 = _i / 6 % 2};
  fill_noise(q.x, SIZE(q.x));
  fill_noise(q.th, SIZE(q.th));
  fill_noise(q.dy, SIZE(q.dy));
  check_rescaled_bwd(&q);
  end();
}
END_TEST

/* ---- Logits ------------------------------------------------------------------------------- */

static const struct { float alpha, omega; } ranges[] = {{0.05f, 0.05f}, {0.05f, 0}, {1e-6f, 1e-6f}};

static double softplus(double y) { return fmax(y, 0) + log1p(exp(-fabs(y))); }

/* The log-det from y, and the backward pass. */
START_TEST(test_logit) {
  enum { D = 35 };
  if (!begin(devices[_i])) return;
  for (int k = 0; k < SIZE(ranges); k++) {
    const double alpha = ranges[k].alpha, omega = ranges[k].omega;
    double x[D], y[D], want = D * log((1 - alpha - omega) / 256);
    for (int i = 0; i < D; i++) x[i] = 128 + 127.5 * noise();
    const clf_tensor in = put(1, D, 1, 1, x), out = put(1, D, 1, 1, NULL),
                     back = put(1, D, 1, 1, NULL);
    const clf_tensor sum = zeros(1);
    WORKS(clf_do(dev, logit_fwd, .x = in, .y = out, .logdet = sum, .alpha = ranges[k].alpha,
                 .omega = ranges[k].omega, .levels = 256));
    WORKS(clf_read64(dev, out, y));
    for (int i = 0; i < D; i++) want += softplus(y[i]) + softplus(-y[i]);
    expect("log-det", sum, &want, exact ? 1e-11 : 1e-4);
    WORKS(clf_do(dev, logit_inv, .y = out, .x = back, .logdet = sum, .alpha = ranges[k].alpha,
                 .omega = ranges[k].omega, .levels = 256));
    expect("logit_inv", back, x, exact ? 1e-11 : 1e-4);
    expect("log-det there and back", sum, &(double){0}, exact ? 1e-11 : 1e-4);
  }
  end();
}
END_TEST

/* The ends of the range: bytes 0 and 255 with noise near 0 and near 1, which float rounds up to
 * 256. */
START_TEST(test_ends) {
  static const double ends[] = {0, 0x1p-24, 1 - 0x1p-24, 255, 256 - 0x1p-16, 256};
  if (!begin(devices[_i])) return;
  for (int k = 0; k < SIZE(ranges); k++) {
    double y[SIZE(ends)];
    const int n = SIZE(ends) - (ranges[k].omega > 0 ? 0 : 1); /* omega = 0: 256 is infinite */
    const clf_tensor in = put(1, n, 1, 1, ends), out = put(1, n, 1, 1, NULL),
                     back = put(1, n, 1, 1, NULL);
    const clf_tensor sum = zeros(1);
    WORKS(clf_do(dev, logit_fwd, .x = in, .y = out, .logdet = sum, .alpha = ranges[k].alpha,
                 .omega = ranges[k].omega, .levels = 256));
    WORKS(clf_read64(dev, out, y));
    for (int i = 0; i < n; i++) ck_assert_msg(isfinite(y[i]), "%g becomes %g", ends[i], y[i]);
    ck_assert(isfinite(first(sum)));
    WORKS(clf_do(dev, logit_inv, .y = out, .x = back, .logdet = sum, .alpha = ranges[k].alpha,
                 .omega = ranges[k].omega, .levels = 256));
    expect("logit_inv", back, ends, exact ? 1e-9 : 1e-4);
  }
  end();
}
END_TEST

static double logit_loss(int k, int n, const double *x, const double *dy) {
  double y[SAMPLE], loss = 0;
  arena.used = 0;
  const clf_tensor out = put(1, n, 1, 1, NULL), sum = zeros(1);
  WORKS(clf_do(dev, logit_fwd, .x = put(1, n, 1, 1, x), .y = out, .logdet = sum,
               .alpha = ranges[k].alpha, .omega = ranges[k].omega, .levels = 256));
  WORKS(clf_read64(dev, out, y));
  for (int i = 0; i < n; i++) loss += dy[i] * y[i];
  return loss + lambda * first(sum);
}

START_TEST(test_logit_bwd) {
  const double step = 1e-4;
  double x[SAMPLE], dy[SAMPLE], dx[SAMPLE];
  begin("cpu64");
  for (int i = 0; i < SAMPLE; i++) x[i] = 128 + 120 * noise();
  fill_noise(dy, SAMPLE);
  const clf_tensor out = put(1, SAMPLE, 1, 1, NULL);
  WORKS(clf_do(dev, logit_bwd, .x = put(1, SAMPLE, 1, 1, x), .dy = put(1, SAMPLE, 1, 1, dy),
               .dx = out, .alpha = ranges[_i].alpha, .omega = ranges[_i].omega, .levels = 256,
               .dlogdet = (float)lambda));
  WORKS(clf_read64(dev, out, dx));
  for (int i = 0; i < SAMPLE; i++) {
    const double keep = x[i];
    x[i] = keep + step;
    const double up = logit_loss(_i, SAMPLE, x, dy);
    x[i] = keep - step;
    const double slope = (up - logit_loss(_i, SAMPLE, x, dy)) / (2 * step);
    x[i] = keep;
    ck_assert_msg(fabs(slope - dx[i]) < 1e-7 * (1 + fabs(slope)),
                  "slope %d is %.12g, gradient %.12g", i, slope, dx[i]);
  }
  end();
}
END_TEST

/* ---- Noise -------------------------------------------------------------------------------- */

#define KEY .seed_lo = 11, .seed_hi = -2, .stream = 5, .first_lo = -1, .first_hi = 3
static void check_noise(int c, int h, int w) {
  enum { ROWS = 5 };
  const int n = ROWS * c * h * w;
  double x[512], u[512];
  ck_assert_int_le(n, SIZE(x));
  for (int i = 0; i < n; i++) x[i] = i % 256;
  const clf_tensor in = put(ROWS, c, h, w, x), out = put(ROWS, c, h, w, NULL);
  const clf_tensor drawn = put(ROWS, c, h, w, NULL);
  WORKS(clf_do(dev, dequantize, .x = in, .y = out, KEY));
  WORKS(clf_do(dev, random_uniform, .y = drawn, KEY));
  WORKS(clf_read64(dev, drawn, u));
  for (int i = 0; i < n; i++) {
    const double sum = exact ? x[i] + u[i] : (double)((float)x[i] + (float)u[i]);
    x[i] = fmin(sum, (double)nextafterf((float)x[i] + 1, 0)); /* never the next byte */
  }
  expect("dequantize", out, x, 0);
}

START_TEST(test_dequantize) {
  if (!begin(devices[_i])) return;
  check_noise(7, 1, 1);
  check_noise(96, 1, 1);
  check_noise(3, 4, 5);
  end();
}
END_TEST

/* ---- Convolutions of what is normalised ------------------------------------------------------ */

/* A convolution that normalises its input equals one of the normalised input. */
START_TEST(test_conv_of_normalised) {
  enum { IN = 19, OUT = 5, IMAGES = 2, HIGH = 5, WIDE = 6, PIXELS = IMAGES * HIGH * WIDE };
  double v[PIXELS * IN], want[2 * IN * 9]; /* of y, or two rows of dw */
  if (!begin(devices[_i])) return;
  const double tol = exact ? 1e-12 : 2e-5;
#define NOISE(n, c, h, w) (fill_noise(v, (n) * (c) * (h) * (w)), put(n, c, h, w, v))
  const clf_tensor x = NOISE(IMAGES, IN, HIGH, WIDE), mean = NOISE(IN, 1, 1, 1),
                   var = NOISE(IN, 1, 1, 1);
  const clf_tensor shift = NOISE(IN, 1, 1, 1), w = NOISE(OUT, IN, 3, 3),
                   dy = NOISE(IMAGES, OUT, HIGH, WIDE);
#undef NOISE
  const clf_tensor act = put(IMAGES, IN, HIGH, WIDE, NULL), y = put(IMAGES, OUT, HIGH, WIDE, NULL);
  const clf_tensor dw = put(OUT, IN, 3, 3, NULL);
  WORKS(clf_do(dev, bn_fwd, .x = x, .mean = mean, .var = var, .beta = shift, .y = act, .eps = 1.5f,
               .act = CLF_ACT_relu));
  WORKS(clf_do(dev, conv_fwd, .x = act, .w = w, .y = y));
  WORKS(clf_read64(dev, y, want));
  WORKS(clf_do(dev, conv_fwd, .x = x, .w = w, .mean = mean, .var = var, .shift = shift, .y = y,
               .eps = 1.5f));
  expect("conv_fwd", clf_slice(y, 0, 0, 1), want, tol);
  WORKS(clf_do(dev, conv_bwd_weights, .x = act, .dy = dy, .dw = dw));
  WORKS(clf_read64(dev, clf_slice(dw, 0, 0, 2), want));
  WORKS(clf_do(dev, conv_bwd_weights, .x = x, .mean = mean, .var = var, .shift = shift, .dy = dy,
               .dw = dw, .eps = 1.5f));
  expect("conv_bwd_weights", clf_slice(dw, 0, 0, 2), want, 3 * tol);
  end();
}
END_TEST

/* Statistics come in pairs and fit the channels. */
START_TEST(test_conv_refuses) {
  begin("cpu64");
  const clf_tensor x = put(1, 3, 2, 2, NULL), w = put(2, 3, 1, 1, NULL), y = put(1, 2, 2, 2, NULL);
  const clf_tensor three = put(3, 1, 1, 1, NULL), two = put(2, 1, 1, 1, NULL);
  ck_assert_int_eq(clf_do(dev, conv_fwd, .x = x, .w = w, .y = y, .mean = three), CLF_ESHAPE);
  ck_assert_int_eq(clf_do(dev, conv_fwd, .x = x, .w = w, .y = y, .var = three), CLF_ESHAPE);
  ck_assert_int_eq(clf_do(dev, conv_fwd, .x = x, .w = w, .y = y, .shift = three), CLF_ESHAPE);
  ck_assert_int_eq(clf_do(dev, conv_fwd, .x = x, .w = w, .y = y, .mean = two, .var = two),
                   CLF_ESHAPE);
  ck_assert_str_eq(clf_errmsg(), "conv_fwd: p->mean.buf ? p->mean.dim[0] : p->x.dim[1] is 2, but "
                                 "p->x.dim[1] is 3");
  ck_assert_int_eq(clf_do(dev, conv_bwd_weights, .x = x, .dy = y, .dw = w, .mean = three,
                          .var = three, .shift = two),
                   CLF_ESHAPE);
  ck_assert_int_eq(clf_do(dev, conv_bwd_weights, .x = x, .dy = y, .dw = w, .var = three),
                   CLF_ESHAPE);
  end();
}
END_TEST

int main(void) {
  Suite *suite = suite_create("image operations");
  TCase *tc = tcase_create("image operations");
  tcase_set_timeout(tc, 0);
  tcase_add_loop_test(tc, test_squeeze, 0, SIZE(devices));
  tcase_add_test(tc, test_squeeze_refuses);
  tcase_add_test(tc, test_latent_scale);
  tcase_add_test(tc, test_scales_of_any_flow);
  tcase_add_test(tc, test_latents_in_place);
  tcase_add_test(tc, test_latent_scale_squeezed);
  tcase_add_loop_test(tc, test_masks, 0, SIZE(devices));
  tcase_add_loop_test(tc, test_rescaled_bwd, 0, 12);
  tcase_add_loop_test(tc, test_logit, 0, SIZE(devices));
  tcase_add_loop_test(tc, test_ends, 0, SIZE(devices));
  tcase_add_loop_test(tc, test_logit_bwd, 0, SIZE(ranges));
  tcase_add_loop_test(tc, test_dequantize, 0, SIZE(devices));
  tcase_add_loop_test(tc, test_conv_of_normalised, 0, SIZE(devices));
  tcase_add_test(tc, test_conv_refuses);
  suite_add_tcase(suite, tc);
  return suite_run(suite);
}
