/* SPDX-License-Identifier: MIT */
/* memory.c: recomputed activations, and micro-batches. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "images.h"
#include "trainer.h"

/* ---- Networks evaluated again ------------------------------------------------------------- */

/* Recomputing uses the statistics of the forward pass, so no bit differs, and running statistics
 * are updated once. With batch normalisation, without, and with mixed statistics. */
START_TEST(networks_again) {
  enum { N = 5, D = 64 };
  clf_flow_spec spec = small_spec(_i != 1, 5);
  double x[N * D], *g[2], *w[2], dx[2][N * D], loss[2];
  if (flows_checking()) return;
  spec.blocks = 2;
  if (_i == 2) spec.variant.bn_rho = 0.7;
  for (int i = 0; i < N * D; i++) x[i] = (i * 37 % 256) + 0.25;
  for (int k = 0; k < 2; k++) {
    clf_flow *f;
    WORKS(clf_flow_create(flows_dev, &spec, &f));
    g[k] = flows_array(clf__count(&f->w));
    flows_mode = k ? CLF_REBUILT : CLF_STORED;
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
  flows_mode = CLF_STORED;
  for (int k = 0; k < 2; k++) {
    free(g[k]);
    free(w[k]);
  }
}
END_TEST

/* Activations of 10 and 22 couplings: when recomputed, a scale adds statistics and a few images of
 * half the size of the one before; when stored, it adds six nets. */
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

/* Without batch statistics micro-batches give the same step; with them each has its own statistics.
 */
START_TEST(parts_of_batches) {
  if (flows_checking()) return;
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
  ck_assert_uint_eq(whole.data, 3 * 64 * 64 * number); /* two alternating copies, made continuous */
  ck_assert_uint_eq(whole.optimiser, 10 * number * clf__count(&f->w));
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

void tests_of_memory(TCase *tc) {
  tcase_add_loop_test(tc, networks_again, 0, 3);
  tcase_add_test(tc, memory_of_scales);
  tcase_add_test(tc, parts_of_batches);
  tcase_add_test(tc, memory_decides_the_parts);
}
