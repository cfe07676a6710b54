/* SPDX-License-Identifier: MIT */
/* training.c: batches of a training of images, and interruptions. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "images.h"
#include "philox.h"
#include "trainer.h"

/* ---- Batches ------------------------------------------------------------------------------ */

/* An epoch has each row once, in the order of shuffle_rows, with noise, flipped at random. */
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
    WORKS(clf__trainer_micro_batch(t, step, 0, &batch));
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

/* With activations stored, and recomputed. */
START_TEST(interruptions_change_no_bit) {
  if (flows_checking()) return;
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

/* A training continues with the same training and validation images. */
START_TEST(other_images) {
  if (flows_checking()) return;
  static const char *const sets[] = {"glyphs:n=40,size=8", "glyphs:n=40,size=8,seed=2",
                                     "glyphs:n=9,size=8,seed=3", "glyphs:n=9,size=8,seed=4"};
  static const struct {
    int images, valid; /* of sets; -1: none */
    int good;
  } tries[] = {{0, 2, 1}, {1, 2, 0}, {0, 3, 0}, {0, -1, 0}, {1, 3, 0}};
  const clf_train_options o = options_of(1, 16);
  clf_images *set[4];
  clf_flow *f = small_flow(1);
  clf_trainer *t;
  for (int i = 0; i < 4; i++) set[i] = glyphs(sets[i]);
  WORKS(clf_trainer_create_images(f, set[0], set[2], &o, &t));
  WORKS(clf_trainer_run(t, NULL, NULL));
  WORKS(clf_trainer_save(t, path_of("begun")));
  clf_trainer_free(t);
  clf_flow_free(f);
  for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
    WORKS(clf_flow_load(flows_dev, path_of("begun"), NULL, &f));
    WORKS(clf_trainer_create_images(f, set[tries[i].images],
                                    tries[i].valid < 0 ? NULL : set[tries[i].valid], &o, &t));
    const clf_status s = clf_trainer_resume(t, path_of("begun"));
    if (tries[i].good)
      ck_assert_msg(!s, "%s", clf_errmsg());
    else
      ck_assert_msg(s == CLF_EFORMAT && strstr(clf_errmsg(), "another value of the data"),
                    "try %zu: %s", i, s ? clf_errmsg() : "it is resumed");
    clf_trainer_free(t);
    clf_flow_free(f);
  }
  for (int i = 0; i < 4; i++) clf_images_free(set[i]);
  unlink(path_of("begun"));
}
END_TEST

/* ---- A set of its own to hold out --------------------------------------------------------- */

START_TEST(images_held_out) {
  if (flows_checking()) return;
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
          "valid_split is 0.1, but validation images are given; it must be 0");
  clf_flow_free(f);
  clf_images_free(valid);
  clf_images_free(images);
}
END_TEST

void tests_of_training(TCase *tc) {
  tcase_add_test(tc, batches_are_the_images);
  tcase_add_loop_test(tc, interruptions_change_no_bit, CLF_ACTIVATIONS_STORE,
                      CLF_ACTIVATIONS_REVERSE + 1);
  tcase_add_test(tc, other_images);
  tcase_add_test(tc, images_held_out);
}
