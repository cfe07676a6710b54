/* SPDX-License-Identifier: MIT */
/* results.c: results of image flows: statistics, devices, the Jacobian, the inverse. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "images.h"
#include "trainer.h"

/* ---- Running statistics ------------------------------------------------------------------- */

/* Mean log p of the training images, normalised with their own statistics. */
static double train_mode(clf_flow *f, const double *x, int32_t n) {
  double loss, *g = flows_array(clf__count(&f->w)), *dx = flows_array((size_t)n * 64);
  double *w = weights_of(f); /* the pass moves the running statistics */
  flows_gradient(f, x, n, &loss, g, dx);
  WORKS(clf_write64(flows_dev, f->w, w));
  free(w);
  free(g);
  free(dx);
  return -loss;
}

START_TEST(statistics_recalibrated) {
  if (flows_checking()) return;
  enum { N = 128 };
  clf_images *images = glyphs("glyphs:n=128,size=8");
  clf_train_options o = options_of(3, 32); /* 12 steps: running statistics lag behind */
  clf_flow *f = small_flow(1);
  clf_trainer *t;
  WORKS(clf_trainer_create_images(f, images, NULL, &o, &t));
  WORKS(clf_trainer_run(t, NULL, NULL));
  uint8_t *bytes = malloc(N * 64);
  double *x = flows_array(N * 64);
  ck_assert_ptr_nonnull(bytes);
  WORKS(clf_images_get(images, NULL, 0, N, NULL, bytes));
  clf_dequantize(bytes, N, 64, 1, 0, x);
  clf_score before, after;
  const double bits = 64 * log(2), own = -train_mode(f, x, N) / bits;
  WORKS(clf_evaluate(f, x, N, &before));
  WORKS(clf_trainer_recalibrate(t));
  WORKS(clf_evaluate(f, x, N, &after));
  flows_expect(fabs(after.bits_per_dim - own), 0.05, "bits/dim recalibrated, from train mode's");
  ck_assert_double_gt(fabs(before.bits_per_dim - own), 2 * fabs(after.bits_per_dim - own));
  free(bytes);
  free(x);
  clf_trainer_free(t);
  clf_flow_free(f);
  clf_images_free(images);
}
END_TEST

/* ---- Rows without a density ---------------------------------------------------------------- */

/* A row with pixels so far outside of 0 .. 256 that they have no logit has zero density. It does
 * not affect other images of the call, with or without normalisation. */
START_TEST(rows_outside_of_the_levels) {
  enum { N = 9, D = 64, BAD = 4 };
  static const double pixels[] = {271, -15, 1e30, -1e300};
  if (flows_checking()) return;
  for (int norm = 0; norm < 2; norm++) {
    clf_images *images = glyphs("glyphs:n=9,size=8");
    clf_flow *f = small_flow(norm);
    uint8_t bytes[N * D];
    double x[N * D], z[N * D], near[N], logp[N];
    WORKS(clf_images_get(images, NULL, 0, N, NULL, bytes));
    clf_dequantize(bytes, N, D, 1, 0, x);
    WORKS(clf_log_prob(f, x, N, near));
    for (int k = 0; k < 4; k++) {
      char want[96];
      snprintf(want, sizeof want, "the data: row 5, column 12 is %.9g; pixels are 0 to 256",
               pixels[k]);
      x[BAD * D + 11] = pixels[k];
      WORKS(clf_log_prob(f, x, N, logp));
      ck_assert_msg(logp[BAD] == -INFINITY, "log p of a pixel of %g is %g", pixels[k], logp[BAD]);
      for (int i = 0; i < N; i++)
        ck_assert_msg(i == BAD || (isfinite(logp[i]) && logp[i] == near[i]),
                      "log p of row %d is %.17g, not %.17g", i, logp[i], near[i]);
      REFUSED(clf_transform(f, x, N, z, NULL), CLF_ENUM, want);
      REFUSED(clf_require_density(f, x, N, logp), CLF_ENUM, want);
    }
    clf_flow_free(f);
    clf_images_free(images);
  }
}
END_TEST

/* ---- Devices agree ------------------------------------------------------------------------ */

enum { STEPS = 50 };

static int keep_losses(const clf_progress *p, void *context) {
  double *losses = context;
  for (int64_t i = 0; i < p->count; i++) losses[p->first + i] = (double)p->losses[i];
  return 0;
}

static void train_fifty(clf_device *dev, double *losses) {
  clf_images *images = glyphs("glyphs:n=160,size=8");
  clf_train_options o = options_of(5, 16); /* ten steps an epoch */
  const clf_flow_spec s = small_spec(1, 5);
  clf_flow *f;
  clf_trainer *t;
  WORKS(clf_flow_create(dev, &s, &f));
  WORKS(clf_trainer_create_images(f, images, NULL, &o, &t));
  WORKS(clf_trainer_run(t, keep_losses, losses));
  clf_trainer_free(t);
  clf_flow_free(f);
  clf_images_free(images);
}

/* Batch norm and clipping stop rounding from growing: the difference stays within 3e-7. */
START_TEST(fifty_steps_as_in_double) {
  if (flows_checking()) return;
  clf_device *exact;
  double got[STEPS], want[STEPS], worst = 0;
  WORKS(clf_open("cpu64", &exact));
  train_fifty(flows_dev, got);
  train_fifty(exact, want);
  clf_close(exact);
  ck_assert_double_lt(want[STEPS - 1], want[0] - 25); /* it has learnt */
  for (int i = 0; i < STEPS; i++) worst = fmax(worst, fabs(got[i] - want[i]) / fabs(want[i]));
  flows_expect(fabs(got[0] - want[0]) / fabs(want[0]), 1e-6, "the first loss");
  flows_expect(worst, 1e-5, "losses of fifty steps");
}
END_TEST

/* ---- The Jacobian ------------------------------------------------------------------------- */

/* The Jacobian by differences, with running statistics, for a flow with changed weights. */
START_TEST(jacobian_of_an_image) {
  if (flows_checking()) return;
  clf_images *images = glyphs("glyphs:n=32,size=8");
  clf_train_options o = options_of(2, 16);
  clf_flow *f = small_flow(1);
  clf_trainer *t;
  WORKS(clf_trainer_create_images(f, images, NULL, &o, &t));
  WORKS(clf_trainer_run(t, NULL, NULL));
  clf_trainer_free(t);
  uint8_t bytes[64];
  double x[64], *J = flows_array(64 * 64), logabsdet, logdet, z[64], near[64], own;
  WORKS(clf_images_get(images, NULL, 3, 1, NULL, bytes));
  clf_dequantize(bytes, 1, 64, 1, 0, x);
  WORKS(clf_jacobian(f, x, J, &logabsdet, &logdet));
  flows_expect(fabs(logabsdet - logdet) / fabs(logdet), flows_exact ? 1e-6 : 1e-4,
               "log |det J| of an image");
  WORKS(clf_transform(f, x, 1, z, &own));
  ck_assert_double_eq_tol(own, logdet, fabs(own) * 1e-6);
  const double step = flows_exact ? 1e-4 : 0.05;
  x[20] += step;
  WORKS(clf_transform(f, x, 1, near, &own));
  for (int i = 0; i < 64; i++)
    flows_expect(fabs((near[i] - z[i]) / step - J[i * 64 + 20]), flows_exact ? 1e-4 : 2e-2,
                 "dz[%d] / dx[20] by a difference", i);
  free(J);
  clf_flow_free(f);
  clf_images_free(images);
}
END_TEST

/* ---- Depth -------------------------------------------------------------------------------- */

static void expect_round_trip(clf_flow *f, const double *x, double *z, const char *when) {
  const int32_t D = f->spec.dim;
  double there[2], back[2], worst = 0;
  WORKS(clf_transform(f, x, 2, z, there));
  WORKS(clf_invert(f, z, 2, z, back));
  for (int i = 0; i < 2 * D; i++) worst = fmax(worst, fabs(z[i] - x[i]));
  flows_expect(worst, flows_exact ? 1e-5 : 1e-3, "%s: pixels after there and back", when);
  for (int i = 0; i < 2; i++)
    flows_expect(fabs(there[i] + back[i]) / fabs(there[i]), flows_exact ? 1e-7 : 1e-5,
                 "%s: log-det there and back", when);
}

/* 28 couplings, as the deepest presets have. */
START_TEST(round_trip_of_the_deepest) {
  if (flows_checking()) return;
  const clf_preset *preset;
  WORKS(clf_preset_find("imagenet64", &preset));
  clf_flow_spec s = clf_preset_spec(preset, 64, 64, 3);
  s.hidden = 4;
  s.blocks = 1;
  s.seed = 3;
  clf_flow *f;
  clf_trainer *t;
  WORKS(clf_flow_create(flows_dev, &s, &f));
  clf_images *images = glyphs("glyphs:n=8,size=64,channels=3");
  uint8_t *bytes = malloc(2 * (size_t)s.dim);
  double *x = flows_array(2 * (size_t)s.dim), *z = flows_array(2 * (size_t)s.dim);
  ck_assert_ptr_nonnull(bytes);
  WORKS(clf_images_get(images, NULL, 0, 2, NULL, bytes));
  clf_dequantize(bytes, 2, s.dim, 1, 0, x);
  expect_round_trip(f, x, z, "at first");
  const clf_train_options o = options_of(4, 4);
  WORKS(clf_trainer_create_images(f, images, NULL, &o, &t));
  WORKS(clf_trainer_run(t, NULL, NULL));
  clf_trainer_free(t);
  expect_round_trip(f, x, z, "after training");
  free(bytes);
  free(x);
  free(z);
  clf_images_free(images);
  clf_flow_free(f);
}
END_TEST

/* ---- The result ----------------------------------------------------------------------------- */

enum { BREAK_AFTER = 2 };

typedef struct wreck {
  clf_trainer *t;
  clf_flow *f;
  double factor, *good, train[4];
} wreck;

/* After epoch BREAK_AFTER all weights are multiplied, as a bad step might. */
static int break_it(const clf_progress *p, void *context) {
  wreck *w = context;
  if (!p->epoch_done) return 0;
  w->train[p->epoch - 1] = p->train;
  if (p->epoch != BREAK_AFTER) return 0;
  w->good = weights_of(w->f);
  WORKS(clf_do(flows_dev, axpby, .x = w->t->best, .y = w->f->w, .a = (float)w->factor, .b = 0));
  return 0;
}

/* 0.5 bits/dim is much worse, 22 nats for 64 pixels; 1 nat does not count. */
START_TEST(much_worse_at_the_end) {
  if (flows_checking()) return;
  clf_images *images = glyphs("glyphs:n=32,size=8");
  const clf_train_options o = options_of(4, 16);
  const double margin = 0.5 * log(2) * 64;
  for (int much = 0; much < 2; much++) {
    wreck w = {.f = small_flow(0), .factor = much ? 4 : 1.5};
    WORKS(clf_trainer_create_images(w.f, images, NULL, &o, &w.t));
    WORKS(clf_trainer_run(w.t, break_it, &w));
    const clf_history h = clf_flow_history(w.f);
    const double fall = w.train[BREAK_AFTER - 1] - w.train[3];
    ck_assert_msg(much ? fall > margin : fall > 1 && fall < margin, "it falls by %g nats", fall);
    ck_assert_int_eq(h.best_epoch, much ? BREAK_AFTER : 0);
    ck_assert_double_eq(h.train, w.train[3]);
    if (much) ck_assert_double_eq(h.best_train, w.train[BREAK_AFTER - 1]);
    double *now = weights_of(w.f);
    ck_assert_int_eq(memcmp(now, w.good, clf__count(&w.f->w) * sizeof *now) == 0, much);
    free(now);
    free(w.good);
    clf_trainer_free(w.t);
    clf_flow_free(w.f);
  }
  clf_images_free(images);
}
END_TEST

void tests_of_results(TCase *tc) {
  tcase_add_test(tc, much_worse_at_the_end);
  tcase_add_test(tc, statistics_recalibrated);
  tcase_add_test(tc, rows_outside_of_the_levels);
  tcase_add_test(tc, fifty_steps_as_in_double);
  tcase_add_test(tc, jacobian_of_an_image);
  tcase_add_test(tc, round_trip_of_the_deepest);
}
