/* SPDX-License-Identifier: MIT */
/* pixels.c: the logit of pixels, and noise that makes bytes continuous. */
#include <math.h>
#include "image_ops/ops.h"

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

enum { SAMPLE = 18 };

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
    const double before = x[i];
    x[i] = before + step;
    const double up = logit_loss(_i, SAMPLE, x, dy);
    x[i] = before - step;
    const double slope = (up - logit_loss(_i, SAMPLE, x, dy)) / (2 * step);
    x[i] = before;
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

void tests_of_pixels(TCase *tc) {
  tcase_add_loop_test(tc, test_logit, 0, SIZE(devices));
  tcase_add_loop_test(tc, test_ends, 0, SIZE(devices));
  tcase_add_loop_test(tc, test_logit_bwd, 0, SIZE(ranges));
  tcase_add_loop_test(tc, test_dequantize, 0, SIZE(devices));
}
