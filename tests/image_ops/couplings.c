/* SPDX-License-Identifier: MIT */
/* couplings.c: rescaled couplings of images, and convolutions of normalised inputs. */
#include <math.h>
#include "image_ops/ops.h"

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
    const double before = v[i];
    v[i] = before + step;
    const double up = rescaled_loss(q);
    v[i] = before - step;
    const double slope = (up - rescaled_loss(q)) / (2 * step);
    v[i] = before;
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

void tests_of_couplings(TCase *tc) {
  tcase_add_loop_test(tc, test_masks, 0, SIZE(devices));
  tcase_add_loop_test(tc, test_rescaled_bwd, 0, 12);
  tcase_add_loop_test(tc, test_conv_of_normalised, 0, SIZE(devices));
  tcase_add_test(tc, test_conv_refuses);
}
