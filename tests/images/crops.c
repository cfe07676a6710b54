/* SPDX-License-Identifier: MIT */
/* crops.c: pictures cut and scaled to a size. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include "images.h"
#include "sets.h"

START_TEST(crop_center) {
  static const uint8_t three[] = {0, 90, 210, 0, 90, 210}, third[] = {30, 170};
  static const uint8_t two[] = {0, 100}, four[] = {0, 25, 75, 100, 0, 25, 75, 100};
  static const uint8_t square[] = {0, 0, 10, 10, 0, 4, 10, 11, 20, 20, 30, 30, 20, 20, 30, 31};
  static const uint8_t mean[] = {1, 10, 20, 30};
  static const uint8_t tall[] = {9, 9, 1, 2, 3, 4, 9, 9}, middle[] = {1, 2, 3, 4};
  clf_image_options o = sized(CLF_CROP_CENTER, 2, 2);
  put_npy("a.npy", "|u1", 0, "1, 4, 4", square, 16);
  set_is("a.npy", &o, 1, 2, 2, 1, mean);
  put_npy("a.npy", "|u1", 0, "1, 4, 2", tall, 8);
  set_is("a.npy", &o, 1, 2, 2, 1, middle);
  put_npy("a.npy", "|u1", 0, "2, 1, 3", three, 6);
  /* A square out of 1 x 3 is the pixel in the middle. */
  set_is("a.npy", &o, 2, 2, 2, 1, (const uint8_t[]){90, 90, 90, 90, 90, 90, 90, 90});
  o = sized(CLF_CROP_CENTER, 2, 3);
  put_npy("a.npy", "|u1", 0, "1, 2, 3", three, 6);
  set_is("a.npy", &o, 1, 2, 3, 1, three);
  o = sized(CLF_CROP_CENTER, 2, 4);
  put_npy("a.npy", "|u1", 0, "1, 1, 2", two, 2);
  set_is("a.npy", &o, 1, 2, 4, 1, four);
  o = sized(CLF_CROP_CENTER, 1, 1);
  put_npy("a.npy", "|u1", 0, "1, 3, 3", (const uint8_t[]){0, 90, 210, 0, 90, 210, 0, 90, 210}, 9);
  set_is("a.npy", &o, 1, 1, 1, 1, (const uint8_t[]){100});
  clf__picture p = {1, 3, 1, (uint8_t *)(uintptr_t)three}, q = {1, 2, 0, NULL};
  ck_assert_int_eq(clf__picture_resize("p", &p, (clf__window){0, 0, 1, 3}, CLF__RESIZE_MEAN, &q),
                   CLF_OK);
  bytes_are(q.at, third, 2);
  free(q.at);
}
END_TEST

START_TEST(crop_celeba) {
  const clf_image_options o = {.crop = CLF_CROP_CELEBA};
  clf_image_options whole = sized(CLF_CROP_CELEBA, 148, 148);
  static uint8_t at[218 * 178 * 3], got[148 * 148 * 3];
  for (int i = 0; i < 218 * 178; i++) {
    at[3 * i] = (uint8_t)(i / 178);
    at[3 * i + 1] = (uint8_t)(i % 178);
    at[3 * i + 2] = 255;
  }
  fresh("d");
  put_png("d/a.png", 218, 178, 3, at);
  put_png("d/b.png", 188, 162, 3, at); /* one column too few */
  clf_images *m = load("d", &o);
  const char *const *said;
  ck_assert_int_eq(clf_images_skipped(m, &said), 1);
  ck_assert_str_eq(said[0], "d/b.png: is 188 x 162 pixels (height x width); CelebA's crop needs at "
                            "least 188 x 163");
  shape_is(m, 1, 64, 64, 3);
  ck_assert_int_eq(clf_images_get(m, NULL, 0, 1, NULL, got), CLF_OK);
  for (int i = 0; i < 64 * 64; i++) {
    /* If brightness is linear in the position, values between two pixels are interpolated exactly.
     */
    ck_assert_int_eq(got[3 * i], (int)(40 + i / 64 * 148 / 64.0 + 0.5));
    ck_assert_int_eq(got[3 * i + 1], (int)(15 + i % 64 * 148 / 64.0 + 0.5));
    ck_assert_int_eq(got[3 * i + 2], 255);
  }
  clf_images_free(m);
  m = load("d", &whole);
  ck_assert_int_eq(clf_images_get(m, NULL, 0, 1, NULL, got), CLF_OK);
  for (int i = 0; i < 148 * 148; i++) {
    ck_assert_int_eq(got[3 * i], 40 + i / 148);
    ck_assert_int_eq(got[3 * i + 1], 15 + i % 148);
  }
  clf_images_free(m);
}
END_TEST

/* 192 x 400, halved to 96 x 200; red is the row and green the column. */
static clf_images *load_lsun(void) {
  static uint8_t at[192 * 400 * 3];
  const clf_image_options o = {.crop = CLF_CROP_LSUN};
  for (int i = 0; i < 192 * 400; i++) {
    at[3 * i] = (uint8_t)(i / 400 / 2);
    at[3 * i + 1] = (uint8_t)(i % 400 / 2);
  }
  fresh("d");
  for (int k = 0; k < 3; k++)
    put_png((const char *const[]){"d/0.png", "d/1.png", "d/2.png"}[k], 192, 400, 3, at);
  clf_images *const m = load("d", &o);
  shape_is(m, 3, 64, 64, 3);
  return m;
}

START_TEST(crop_lsun) {
  static uint8_t got[3 * 64 * 64 * 3], again[64 * 64 * 3];
  int least[2] = {999, 999}, most[2] = {0, 0}, differ = 0;
  clf_images *const m = load_lsun();
  for (uint32_t epoch = 0; epoch < 300; epoch++) {
    const clf_image_draw draw = {.seed = 5, .epoch = epoch};
    const int64_t one = 1;
    ck_assert_int_eq(clf_images_get(m, NULL, 0, 3, &draw, got), CLF_OK);
    ck_assert_int_eq(clf_images_get(m, &one, 0, 1, &draw, again), CLF_OK);
    bytes_are(again, got + sizeof again, sizeof again);
    differ += memcmp(got, again, 2) != 0;
    int wrong = 0;
    for (int i = 0; i < 64 * 64; i++)
      wrong += got[3 * i] != got[0] + i / 64 || got[3 * i + 1] != got[1] + i % 64;
    ck_assert_int_eq(wrong, 0);
    for (int k = 0; k < 2; k++) {
      if (got[k] < least[k]) least[k] = got[k];
      if (got[k] > most[k]) most[k] = got[k];
    }
  }
  ck_assert_int_eq(least[0], 0);
  ck_assert_int_eq(most[0], 96 - 64);
  ck_assert_int_le(least[1], 3);
  ck_assert_int_ge(most[1], 200 - 64 - 3);
  ck_assert_int_le(most[1], 200 - 64);
  ck_assert_int_gt(differ, 290);
  clf_images_free(m);
}
END_TEST

START_TEST(crop_refusals) {
  clf_image_options o = sized(CLF_CROP_NONE, 1, 4);
  put_npy("a.npy", "|u1", 0, "2, 1, 3", six, 6);
  fails("a.npy", &o, CLF_ESHAPE,
        "a.npy: is 1 x 3 pixels (height x width), not 1 x 4; a crop would bring it to that size");
  o = sized(CLF_CROP_CENTER, 1, 0);
  fails("a.npy", &o, CLF_EINVAL, "a.npy: the centred crop needs a height and a width");
  o = sized(CLF_CROP_LSUN, 64, 97);
  fails("a.npy", &o, CLF_EINVAL,
        "a.npy: no 96 x 64 pixels can be cut from images whose shorter side is 97");
  o = sized((clf_crop)9, 1, 1);
  fails("a.npy", &o, CLF_EINVAL, "a.npy: there is no crop 9");
  o = sized(CLF_CROP_CENTER, -1, 1);
  fails("a.npy", &o, CLF_EINVAL,
        "a.npy: images of -1 x 1 pixels are not possible; up to 65536 per side and 2^28 in total "
        "are");
  o = (clf_image_options){.channels = 1025};
  fails("a.npy", &o, CLF_EINVAL, "a.npy: images have 1 to 1024 channels, not 1025");
  o = (clf_image_options){.crop = CLF_CROP_CELEBA};
  fails("a.npy", &o, CLF_EFORMAT,
        "a.npy: is 1 x 3 pixels (height x width); CelebA's crop needs at least 188 x 163");
  fresh("d");
  put_png("d/a.png", 9, 1, 1, nine); /* would become 864 x 96 */
  o = sized(CLF_CROP_LSUN, 96, 96);
  clf_images *const m = load("d", &o);
  shape_is(m, 1, 96, 96, 1);
  clf_images_free(m);
  static const uint8_t strip[33];
  o.strict = 1;
  put_png("d/a.png", 32, 1, 1, strip);
  clf_images_free(load("d", &o));
  put_png("d/a.png", 1, 33, 1, strip); /* would become 96 x 3168 */
  fails("d", &o, CLF_EFORMAT,
        "d/a.png: is 1 x 33 pixels (height x width); LSUN's crop takes images whose longer side is "
        "at most 32 times the shorter");
}
END_TEST

void tests_of_crops(Suite *s) {
  TCase *c = tcase_create("crops");
  tcase_set_timeout(c, 60);
  tcase_add_test(c, crop_center);
  tcase_add_test(c, crop_celeba);
  tcase_add_test(c, crop_lsun);
  tcase_add_test(c, crop_refusals);
  suite_add_tcase(s, c);
}
