/* SPDX-License-Identifier: MIT */
/* sizes.c: presets, and images that are refused. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "images.h"

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
      {1, 1, 1, 1, "images of 1 x 1: a coupling needs pixels that stay and pixels that change"},
      {7, 8, 1, 2,
       "images of 7 x 8 cannot be halved 1 time, as 2 scales do: both sides must be multiples of "
       "2; fewer scales ask for less"},
      {8, 12, 3, 4,
       "images of 8 x 12 cannot be halved 3 times, as 4 scales do: both sides must be multiples "
       "of 8; fewer scales ask for less"},
      {8, 8, 3, 4,
       "images of 8 x 8 are 1 x 1 at the last of 4 scales, where a coupling needs pixels that stay "
       "and pixels that change; use fewer scales"},
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

/* 3 images of 8 x 8 bytes in .npy, all 2 except the last pixel of the last image. */
static clf_images *last_pixel(uint8_t value) {
  enum { HEADER = 128 };
  uint8_t file[HEADER + 3 * 64];
  char path[256];
  clf_images *images;
  snprintf(path, sizeof path, "%s/last.npy", folder);
  memset(file, ' ', HEADER);
  memcpy(file, "\x93NUMPY\x01\x00\x76\x00", 10);
  memcpy(file + 10, "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 8, 8), }", 62);
  file[HEADER - 1] = '\n';
  memset(file + HEADER, 2, 3 * 64);
  file[sizeof file - 1] = value;
  write_bytes(path, file, sizeof file);
  WORKS(clf_images_open(path, NULL, &images));
  WORKS(clf_images_wait(images));
  unlink(path);
  return images;
}

/* Each pixel of each image is checked; a flow of 3 levels takes 0, 1 and 2. */
START_TEST(pixels_beyond_the_levels) {
  clf_flow_spec s = small_spec(1, 1);
  clf_flow *f = NULL;
  clf_score score;
  s.levels = 3;
  WORKS(clf_flow_create(flows_dev, &s, &f));
  for (int value = 2; value <= 4; value++) {
    clf_images *images = last_pixel((uint8_t)value);
    char message[96];
    const clf_status got = clf_evaluate_images(f, images, NULL, 0, 3, 1, &score);
    snprintf(message, sizeof message, "image 3 has a pixel of %d; the flow takes values below 3",
             value);
    if (value < 3)
      ck_assert_msg(!got, "%s", clf_errmsg());
    else
      REFUSED(got, CLF_ENUM, message);
    clf_images_free(images);
  }
  clf_flow_free(f);
}
END_TEST

/* One image is enough to train on, without validation rows. */
START_TEST(one_image) {
  if (flows_checking()) return;
  clf_images *images = glyphs("glyphs:n=1,size=8");
  clf_train_options o = options_of(3, 64);
  clf_flow *f = small_flow(1);
  clf_trainer *t = NULL;
  WORKS(clf_trainer_create_images(f, images, NULL, &o, &t));
  WORKS(clf_trainer_run(t, NULL, NULL));
  ck_assert_int_eq(clf_flow_history(f).steps, 3);
  clf_trainer_free(t);
  o.valid_split = 0.5;
  REFUSED(
      clf_trainer_create_images(f, images, NULL, &o, &t), CLF_EINVAL,
      "valid_split 0.5 of 1 rows leaves 0 for training and 1 for validation; both need at least 1");
  clf_flow_free(f);
  clf_images_free(images);
}
END_TEST

void tests_of_sizes(TCase *tc) {
  tcase_add_test(tc, weights_of_presets);
  tcase_add_test(tc, sizes_that_are_refused);
  tcase_add_test(tc, images_that_are_refused);
  tcase_add_test(tc, pixels_beyond_the_levels);
  tcase_add_test(tc, one_image);
}
