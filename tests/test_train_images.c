/* SPDX-License-Identifier: MIT */
/* test_train_images.c: training image flows on one device: what batches hold, bits that
 * repeat, batches in parts, steps left out, running statistics, memory.
 *   test_train_images DEVICE */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "clflow/clflow.h"
#include "flows.h"
#include "philox.h"
#include "trainer.h"

static char folder[] = "/tmp/test_train_images.XXXXXX";
static const char *path_of(const char *name) {
  static char path[128];
  snprintf(path, sizeof path, "%s/%s.safetensors", folder, name);
  return path;
}

/* check: compares each operation, which for whole trainings is too slow to be worth it. */
static int checking(void) { return strncmp(clf_device_name(flows_dev), "check:", 6) == 0; }

static clf_images *glyphs(const char *source) {
  clf_images *images;
  WORKS(clf_images_open(source, NULL, &images));
  WORKS(clf_images_wait(images));
  return images;
}

static clf_flow_spec small_spec(int norm, uint64_t seed) {
  const clf_preset *tiny;
  WORKS(clf_preset_find("tiny", &tiny));
  clf_flow_spec s = clf_preset_spec(tiny, 8, 8, 1);
  s.hidden = 4;
  s.blocks = 1;
  s.seed = seed;
  s.variant.no_norm = !norm;
  return s;
}

static clf_flow *small_flow(int norm) {
  const clf_flow_spec s = small_spec(norm, 5);
  clf_flow *f;
  WORKS(clf_flow_create(flows_dev, &s, &f));
  return f;
}

static clf_train_options options_of(int64_t epochs, int32_t batch) {
  clf_train_options o = clf_train_options_images();
  o.epochs = epochs;
  o.batch = batch;
  o.seed = 11;
  return o;
}

static double *weights_of(const clf_flow *f) {
  double *w = flows_array(clf__count(&f->w));
  WORKS(clf_read64(flows_dev, f->w, w));
  return w;
}

static double distance(const clf_flow *a, const clf_flow *b) {
  double *x = weights_of(a), *y = weights_of(b), worst = 0;
  for (size_t i = 0; i < clf__count(&a->w); i++) worst = fmax(worst, fabs(x[i] - y[i]));
  free(x);
  free(y);
  return worst;
}

/* ---- Batches ------------------------------------------------------------------------------ */

/* Every row of an epoch once, in the order of shuffle_rows, noise added, mirrored by a coin. */
START_TEST(batches_are_the_images) {
  clf_images *images = glyphs("glyphs:n=37,size=8");
  clf_flow *f = small_flow(1);
  clf_train_options o = options_of(2, 8);
  o.flip = 1;
  clf_trainer *t;
  WORKS(clf_trainer_create_images(f, images, NULL, &o, &t));
  ck_assert_int_eq(clf__steps_per_epoch(t), 5);
  const clf__order order = clf__order_of(o.seed, 1, 37);
  const clf_image_draw draw = {1, o.seed, 1};
  double *x = flows_array(8 * 64);
  uint8_t bytes[64];
  int mirrored = 0;
  for (int step = 5; step < 10; step++) { /* the second epoch */
    clf_tensor batch;
    WORKS(clf__trainer_part(t, step, 0, &batch));
    WORKS(clf_read64(flows_dev, batch, x));
    for (int i = 0; i < batch.dim[0]; i++) {
      const int place = (step - 5) * 8 + i;
      const int64_t row = clf__order_at(&order, (uint32_t)place);
      WORKS(clf_images_get(images, &row, 0, 1, &draw, bytes));
      for (int e = 0; e < 64; e++) {
        const clf__words k = clf__philox_at((uint32_t)e / 4, (uint64_t)place, 2, o.seed);
        const double want = bytes[e] + clf__uniform(k.v[e % 4]);
        ck_assert_double_eq_tol(x[i * 64 + e], want, flows_exact ? 1e-12 : 2e-5);
      }
      uint8_t plain[64];
      WORKS(clf_images_get(images, &row, 0, 1, NULL, plain));
      mirrored += memcmp(plain, bytes, 64) != 0;
    }
  }
  ck_assert_int_gt(mirrored, 5);
  ck_assert_int_lt(mirrored, 32);
  free(x);
  clf_trainer_free(t);
  clf_flow_free(f);
  clf_images_free(images);
}
END_TEST

/* ---- Bits --------------------------------------------------------------------------------- */

static int stop_after_first(const clf_progress *p, void *context) {
  (void)context;
  return p->epoch_done && p->epoch == 1;
}

/* With activations stored, and not. */
START_TEST(interruptions_change_no_bit) {
  if (checking()) return;
  clf_images *images = glyphs("glyphs:n=50,size=8");
  clf_train_options o = options_of(2, 16);
  o.activations = _i;
  o.valid_split = 0.2;
  o.flip = 1;
  clf_flow *a = small_flow(1), *b = small_flow(1), *c;
  clf_trainer *t;
  WORKS(clf_trainer_create_images(a, images, NULL, &o, &t));
  WORKS(clf_trainer_run(t, NULL, NULL));
  clf_trainer_free(t);

  WORKS(clf_trainer_create_images(b, images, NULL, &o, &t));
  ck_assert_int_eq(clf_trainer_run(t, stop_after_first, NULL), CLF_ESTOPPED);
  WORKS(clf_trainer_save(t, path_of("half")));
  clf_trainer_free(t);
  WORKS(clf_flow_load(flows_dev, path_of("half"), NULL, &c));
  WORKS(clf_train_options_load(path_of("half"), &o));
  ck_assert_double_eq(o.clip, 100);
  ck_assert_double_eq(o.l2, 5e-5);
  ck_assert_int_eq(o.part, 16);
  ck_assert_int_eq(o.activations, _i);
  WORKS(clf_trainer_create_images(c, images, NULL, &o, &t));
  WORKS(clf_trainer_resume(t, path_of("half")));
  WORKS(clf_trainer_run(t, NULL, NULL));
  clf_trainer_free(t);
  ck_assert_double_eq(distance(a, c), 0);
  ck_assert_double_gt(distance(a, b), 0);
  unlink(path_of("half"));
  clf_flow_free(a);
  clf_flow_free(b);
  clf_flow_free(c);
  clf_images_free(images);
}
END_TEST

/* ---- Networks evaluated again ------------------------------------------------------------- */

/* From what was kept, by the statistics of then: no bit differs, also of the running ones, which
 * move once.  With batch normalisation, without, and with a mixture of statistics. */
START_TEST(networks_again) {
  enum { N = 5, D = 64 };
  clf_flow_spec spec = small_spec(_i != 1, 5);
  double x[N * D], *g[2], *w[2], dx[2][N * D], loss[2];
  if (checking()) return;
  spec.blocks = 2;
  if (_i == 2) spec.variant.bn_rho = 0.7;
  for (int i = 0; i < N * D; i++) x[i] = (i * 37 % 256) + 0.25;
  for (int k = 0; k < 2; k++) {
    clf_flow *f;
    WORKS(clf_flow_create(flows_dev, &spec, &f));
    g[k] = flows_array(clf__count(&f->w));
    flows_way = k ? CLF_REBUILT : CLF_STORED;
    flows_gradient(f, x, N, &loss[k], g[k], dx[k]);
    w[k] = weights_of(f);
    if (k) {
      const size_t size = clf__count(&f->w) * sizeof *w[0];
      ck_assert_double_eq(loss[0], loss[1]);
      ck_assert_int_eq(memcmp(g[0], g[1], size), 0);
      ck_assert_int_eq(memcmp(w[0], w[1], size), 0);
      ck_assert_int_eq(memcmp(dx[0], dx[1], sizeof dx[0]), 0);
    }
    clf_flow_free(f);
  }
  flows_way = CLF_STORED;
  for (int k = 0; k < 2; k++) {
    free(g[k]);
    free(w[k]);
  }
}
END_TEST

/* Activations of 10 couplings and of 22: what a scale adds are a few images of half the size of
 * the one before, beside statistics; stored, it adds six networks. */
START_TEST(memory_of_scales) {
  clf_train_plan plan[2];
  for (int k = 0; k < 2; k++) {
    const clf_preset *preset;
    WORKS(clf_preset_find("tiny", &preset));
    clf_flow_spec spec = clf_preset_spec(preset, 32, 32, 3);
    clf_flow *f;
    clf_train_options o = options_of(1, 16);
    spec.scales = k ? 4 : 2;
    spec.hidden = 32;
    spec.blocks = 4;
    o.activations = CLF_ACTIVATIONS_REVERSE;
    WORKS(clf_flow_create(flows_dev, &spec, &f));
    WORKS(clf_train_plan_of(f, &o, 0, &plan[k]));
    clf_flow_free(f);
  }
  if (getenv("CLF_VERBOSE"))
    for (int k = 0; k < 2; k++)
      printf("%d scales: %llu bytes rebuilt, %llu stored\n", k ? 4 : 2,
             (unsigned long long)plan[k].rebuilt, (unsigned long long)plan[k].stored);
  ck_assert_uint_eq(plan[1].activations, plan[1].rebuilt);
  ck_assert_uint_lt(plan[1].rebuilt * 3, plan[1].stored);
}
END_TEST

/* ---- Parts -------------------------------------------------------------------------------- */

static clf_flow *trained_in_parts(const clf_images *images, int norm, int32_t part) {
  clf_train_options o = options_of(2, 12);
  o.part = part;
  clf_flow *f = small_flow(norm);
  clf_trainer *t;
  WORKS(clf_trainer_create_images(f, images, NULL, &o, &t));
  ck_assert_int_eq(clf_trainer_plan(t).part, part);
  WORKS(clf_trainer_run(t, NULL, NULL));
  clf_trainer_free(t);
  return f;
}

/* Without batch statistics parts are the same step; with them they are their own. */
START_TEST(parts_of_batches) {
  if (checking()) return;
  clf_images *images = glyphs("glyphs:n=30,size=8");
  clf_flow *whole = trained_in_parts(images, 0, 12), *parts = trained_in_parts(images, 0, 5);
  flows_expect(distance(whole, parts), flows_exact ? 1e-9 : 2e-4, "parts of 5 instead of 12");
  clf_flow *normed = trained_in_parts(images, 1, 12),
           *normed_parts = trained_in_parts(images, 1, 5);
  ck_assert_double_gt(distance(normed, normed_parts), 1e-3);
  clf_flow_free(whole);
  clf_flow_free(parts);
  clf_flow_free(normed);
  clf_flow_free(normed_parts);
  clf_images_free(images);
}
END_TEST

START_TEST(memory_decides_the_parts) {
  clf_flow *f = small_flow(1);
  clf_train_options o = options_of(1, 64);
  clf_train_plan whole, parts;
  WORKS(clf_train_plan_of(f, &o, 0, &whole));
  ck_assert_int_eq(whole.part, 64);
  ck_assert_uint_eq(whole.total,
                    whole.parameters + whole.optimiser + whole.activations + whole.data);
  const uint64_t number = (uint64_t)flows_dev->bits / 8;
  ck_assert_uint_eq(whole.data, 3 * 64 * 64 * number); /* two copies in turn, and made continuous */
  ck_assert_uint_eq(whole.optimiser, 9 * number * clf__count(&f->w));
  o.memory = whole.total - whole.activations / 3;
  WORKS(clf_train_plan_of(f, &o, 0, &parts));
  ck_assert_int_eq(parts.part, 32);
  ck_assert_uint_le(parts.total, o.memory);
  o.memory = 1 << 16;
  ck_assert_int_eq(clf_train_plan_of(f, &o, 0, &parts), CLF_ENOMEM);
  ck_assert_msg(strncmp(clf_errmsg(), "training with 1 sample at a time takes ", 39) == 0, "%s",
                clf_errmsg());
  clf_flow_free(f);
}
END_TEST

/* ---- Steps left out ----------------------------------------------------------------------- */

/* With the paper's logit a pixel at the very top is infinitely far: a bad row. */
static clf_table rows_with_a_bad_one(int64_t bad) {
  clf_table t;
  WORKS(clf_table_new(48, 64, &t));
  clf__host_random r = {3};
  for (int64_t i = 0; i < t.rows * t.cols; i++) t.at[i] = 250 * clf__host_uniform(&r);
  t.at[bad * 64 + 7] = 256;
  return t;
}

typedef struct dropped {
  char said[512];
  int64_t without_loss, steps;
} dropped;

static int note_drops(const clf_progress *p, void *context) {
  dropped *d = context;
  if (p->dropped) snprintf(d->said, sizeof d->said, "%s", p->dropped);
  for (int64_t i = 0; i < p->count; i++) d->without_loss += !isfinite(p->losses[i]);
  d->steps += p->count;
  return 0;
}

static clf_flow *paper_flow(void) {
  clf_flow_spec s = small_spec(1, 5);
  s.variant.paper_logit = 1;
  clf_flow *f;
  WORKS(clf_flow_create(flows_dev, &s, &f));
  return f;
}

START_TEST(bad_steps_are_left_out) {
  if (checking()) return;
  clf_table data = rows_with_a_bad_one(21);
  clf_train_options o = options_of(2, 8);
  o.shuffle = 0;
  clf_flow *f = paper_flow();
  clf_trainer *t;
  dropped d = {.steps = 0};
  WORKS(clf_trainer_create(f, &data, &o, &t));
  WORKS(clf_trainer_run(t, note_drops, &d));
  ck_assert_int_eq(d.steps, 12);
  ck_assert_int_eq(d.without_loss, 2); /* steps 3 and 9 */
  ck_assert_msg(strstr(d.said, "step 9 (epoch 2): the loss is ") &&
                    strstr(d.said, "the logit of the pixels is not finite; that step is left out"),
                "%s", d.said);
  double *w = weights_of(f);
  for (size_t i = 0; i < clf__count(&f->w); i++) ck_assert(isfinite(w[i]));
  free(w);
  clf_trainer_free(t);
  clf_flow_free(f);

  /* The same weights as a training that knew of them. */
  clf_flow *knowing = paper_flow(), *again = paper_flow();
  WORKS(clf_trainer_create(knowing, &data, &o, &t));
  t->dropped[0] = 2, t->dropped[1] = 8, t->drops = 2;
  WORKS(clf_trainer_run(t, NULL, NULL));
  clf_trainer_free(t);
  WORKS(clf_trainer_create(again, &data, &o, &t));
  WORKS(clf_trainer_run(t, NULL, NULL));
  clf_trainer_free(t);
  ck_assert_double_eq(distance(knowing, again), 0);
  clf_flow_free(knowing);
  clf_flow_free(again);
  clf_table_free(&data);
}
END_TEST

/* Two bad steps in a row, and in the next epoch again, with a state remembered in between. */
START_TEST(bad_steps_in_a_row) {
  if (checking()) return;
  clf_table data = rows_with_a_bad_one(0);
  data.at[8 * 64 + 7] = 256; /* the second batch too */
  clf_train_options o = options_of(1, 8);
  o.shuffle = 0;
  o.drops = 10;
  clf_flow *f = paper_flow(), *knowing = paper_flow();
  clf_trainer *t;
  WORKS(clf_trainer_create(f, &data, &o, &t));
  WORKS(clf_trainer_run(t, NULL, NULL)); /* six steps, read and remembered */
  t->o.epochs = 2;
  WORKS(clf_trainer_run(t, NULL, NULL));
  ck_assert_int_eq(t->drops, 4);
  clf_trainer_free(t);
  o.epochs = 2;
  WORKS(clf_trainer_create(knowing, &data, &o, &t));
  for (int i = 0; i < 4; i++) t->dropped[t->drops++] = (const int[]){0, 1, 6, 7}[i];
  WORKS(clf_trainer_run(t, NULL, NULL));
  clf_trainer_free(t);
  ck_assert_double_eq(distance(f, knowing), 0);
  clf_flow_free(knowing);
  clf_flow_free(f);
  clf_table_free(&data);
}
END_TEST

START_TEST(bad_steps_again_and_again) {
  if (checking()) return;
  clf_table data = rows_with_a_bad_one(21);
  clf_train_options o = options_of(40, 8);
  o.shuffle = 0;
  clf_flow *f = paper_flow();
  clf_trainer *t;
  WORKS(clf_trainer_create(f, &data, &o, &t));
  ck_assert_int_eq(clf_trainer_run(t, NULL, NULL), CLF_ENUM);
  ck_assert_msg(strncmp(clf_errmsg(), "step 21 (epoch 4): the loss is ", 31) == 0, "%s",
                clf_errmsg());
  double *w = weights_of(f);
  for (size_t i = 0; i < clf__count(&f->w); i++) ck_assert(isfinite(w[i]));
  free(w);
  clf_trainer_free(t);
  clf_flow_free(f);
  clf_table_free(&data);
}
END_TEST

/* ---- Running statistics ------------------------------------------------------------------- */

/* Mean log p of the training images, normalised by their own statistics. */
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
  if (checking()) return;
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

/* Batch norm and the clip keep rounding from growing: these stay within 3e-7. */
START_TEST(fifty_steps_as_in_double) {
  if (checking()) return;
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

/* ---- A set of its own to hold out --------------------------------------------------------- */

START_TEST(images_held_out) {
  if (checking()) return;
  clf_images *images = glyphs("glyphs:n=40,size=8"), *valid = glyphs("glyphs:n=9,size=8,seed=2");
  clf_train_options o = options_of(2, 16);
  clf_flow *f = small_flow(1);
  clf_trainer *t = NULL;
  clf_score score;
  WORKS(clf_trainer_create_images(f, images, valid, &o, &t));
  ck_assert_int_eq(t->source->rows, 40);
  ck_assert_int_eq(t->source->held_out, 9);
  WORKS(clf_trainer_run(t, NULL, NULL));
  WORKS(clf_evaluate_images(f, valid, NULL, 0, 9, o.seed, &score));
  ck_assert_double_eq(score.mean, clf_flow_history(f).valid);
  clf_trainer_free(t);
  o.valid_split = 0.1;
  REFUSED(clf_trainer_create_images(f, images, valid, &o, &t), CLF_EINVAL,
          "valid_split is 0.1, but images to hold out are given; it must be 0");
  clf_flow_free(f);
  clf_images_free(valid);
  clf_images_free(images);
}
END_TEST

/* ---- The Jacobian ------------------------------------------------------------------------- */

/* By brute force, through running statistics, of a flow that is not as it began. */
START_TEST(jacobian_of_an_image) {
  if (checking()) return;
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
  if (checking()) return;
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

/* ---- Sizes -------------------------------------------------------------------------------- */

START_TEST(weights_of_presets) {
  static const struct {
    const char *name;
    int32_t blocks;
    int64_t weights;
  } list[] = {{"mnist", 0, 11094791},
              {"cifar10", 0, 19609545},
              {"imagenet32", 0, 46220359},
              {"imagenet64", 0, 96363237},
              {"imagenet64", 4, 185898341}};
  if (strncmp(clf_device_name(flows_dev), "cpu (", 5) != 0) return; /* one device will do */
  for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
    const clf_preset *p;
    WORKS(clf_preset_find(list[i].name, &p));
    clf_flow_spec s = clf_preset_spec(p, p->height, p->width, p->channels);
    if (list[i].blocks) s.blocks = list[i].blocks;
    ck_assert_int_eq(clf_flow_spec_weights(&s), list[i].weights);
  }
}
END_TEST

typedef struct refusal {
  int32_t height, width, channels, scales;
  const char *message;
} refusal;

START_TEST(sizes_that_are_refused) {
  static const refusal list[] = {
      {1, 1, 1, 1, "images of 1 x 1: a coupling needs pixels to keep and to change"},
      {7, 8, 1, 2,
       "images of 7 x 8 cannot be halved 1 time, as 2 scales do: both sides must be multiples of "
       "2; fewer scales ask for less"},
      {8, 12, 3, 4,
       "images of 8 x 12 cannot be halved 3 times, as 4 scales do: both sides must be multiples "
       "of 8; fewer scales ask for less"},
      {8, 8, 3, 4,
       "images of 8 x 8 are 1 x 1 at the last of 4 scales, where a coupling needs pixels to keep "
       "and to change; take fewer scales"},
      {8, 8, 3, 9, "a flow's scales is 9; it must be 1 to 8"}};
  for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
    clf_flow_spec s = small_spec(1, 1);
    clf_flow *f = NULL;
    s.height = list[i].height;
    s.width = list[i].width;
    s.channels = list[i].channels;
    s.dim = s.height * s.width * s.channels;
    s.scales = list[i].scales;
    REFUSED(clf_flow_create(flows_dev, &s, &f), CLF_EINVAL, list[i].message);
  }
}
END_TEST

START_TEST(images_that_are_refused) {
  clf_images *images = glyphs("glyphs:n=4,size=16");
  clf_flow *f = small_flow(1);
  clf_trainer *t = NULL;
  clf_score score;
  const clf_train_options o = options_of(1, 4);
  REFUSED(clf_trainer_create_images(f, images, NULL, &o, &t), CLF_ESHAPE,
          "the images are 16 x 16 x 1, the flow takes 8 x 8 x 1");
  REFUSED(clf_evaluate_images(f, images, NULL, 0, 4, 1, &score), CLF_ESHAPE,
          "the images are 16 x 16 x 1, the flow takes 8 x 8 x 1");
  clf_images_free(images);
  clf_flow_free(f);
  clf_flow_spec s = small_spec(1, 1);
  s.levels = 3;
  images = glyphs("glyphs:n=4,size=8");
  WORKS(clf_flow_create(flows_dev, &s, &f));
  ck_assert_int_eq(clf_evaluate_images(f, images, NULL, 0, 4, 1, &score), CLF_ENUM);
  ck_assert_msg(strstr(clf_errmsg(), "; the flow takes values below 3") != NULL, "%s",
                clf_errmsg());
  clf_images_free(images);
  clf_flow_free(f);
}
END_TEST

/* One image is enough to train on, if nothing is held out. */
START_TEST(one_image) {
  if (checking()) return;
  clf_images *images = glyphs("glyphs:n=1,size=8");
  clf_train_options o = options_of(3, 64);
  clf_flow *f = small_flow(1);
  clf_trainer *t = NULL;
  WORKS(clf_trainer_create_images(f, images, NULL, &o, &t));
  WORKS(clf_trainer_run(t, NULL, NULL));
  ck_assert_int_eq(clf_flow_history(f).steps, 3);
  clf_trainer_free(t);
  o.valid_split = 0.5;
  REFUSED(clf_trainer_create_images(f, images, NULL, &o, &t), CLF_EINVAL,
          "valid_split 0.5 of 1 rows leaves 0 to train on and 1 held out; both need at least 1");
  clf_flow_free(f);
  clf_images_free(images);
}
END_TEST

static void add(TCase *tc) {
  tcase_set_timeout(tc, 120);
  tcase_add_test(tc, batches_are_the_images);
  tcase_add_loop_test(tc, interruptions_change_no_bit, CLF_ACTIVATIONS_STORE,
                      CLF_ACTIVATIONS_REVERSE + 1);
  tcase_add_loop_test(tc, networks_again, 0, 3);
  tcase_add_test(tc, memory_of_scales);
  tcase_add_test(tc, parts_of_batches);
  tcase_add_test(tc, memory_decides_the_parts);
  tcase_add_test(tc, bad_steps_are_left_out);
  tcase_add_test(tc, bad_steps_in_a_row);
  tcase_add_test(tc, bad_steps_again_and_again);
  tcase_add_test(tc, statistics_recalibrated);
  tcase_add_test(tc, fifty_steps_as_in_double);
  tcase_add_test(tc, images_held_out);
  tcase_add_test(tc, jacobian_of_an_image);
  tcase_add_test(tc, round_trip_of_the_deepest);
  tcase_add_test(tc, weights_of_presets);
  tcase_add_test(tc, sizes_that_are_refused);
  tcase_add_test(tc, images_that_are_refused);
  tcase_add_test(tc, one_image);
}

int main(int argc, char **argv) {
  if (!mkdtemp(folder)) return 1;
  const int code = flows_main(argc, argv, add);
  rmdir(folder);
  return code;
}
