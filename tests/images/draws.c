/* SPDX-License-Identifier: MIT */
/* draws.c: rows drawn from a set, flips, threads; the built-in glyphs. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "sets.h"

/* ---- Draws ---------------------------------------------------------------- */

START_TEST(flips) {
  enum { N = 1000, BYTES = N * 3 };
  static uint8_t at[BYTES], a[BYTES], b[BYTES], one[3];
  const clf_image_draw first = {.flip = 1, .seed = 3, .epoch = 0};
  const clf_image_draw second = {.flip = 1, .seed = 3, .epoch = 1};
  for (int i = 0; i < BYTES; i++) at[i] = (uint8_t)(i % 3 + 1);
  ck_assert_int_eq(clf_images_write_npy("a.npy", at, N, 1, 3, 1), CLF_OK);
  clf_images *const m = load("a.npy", NULL);
  ck_assert_int_eq(clf_images_get(m, NULL, 0, N, &first, a), CLF_OK);
  ck_assert_int_eq(clf_images_get(m, NULL, 0, N, &second, b), CLF_OK);
  int mirrored = 0, changed = 0;
  for (int64_t i = 0; i < N; i++) {
    ck_assert_int_eq(a[3 * i + 1], 2);
    ck_assert_int_eq(a[3 * i] + a[3 * i + 2], 4);
    mirrored += a[3 * i] == 3;
    changed += a[3 * i] != b[3 * i];
    ck_assert_int_eq(clf_images_get(m, NULL, i, 1, &first, one), CLF_OK);
    bytes_are(one, a + 3 * i, 3);
  }
  ck_assert_int_gt(mirrored, 440);
  ck_assert_int_lt(mirrored, 560);
  ck_assert_int_gt(changed, 440);
  ck_assert_int_lt(changed, 560);
  ck_assert_int_eq(clf_images_get(m, NULL, 0, N, NULL, b), CLF_OK);
  bytes_are(b, at, BYTES);
  clf_images_free(m);
  put_npy("a.npy", "|u1", 0, "1, 1, 2, 3", six, 6); /* pixels are swapped, not bytes */
  clf_images *const c = load("a.npy", NULL);
  uint8_t pair[6];
  uint32_t epoch = 0;
  do {
    const clf_image_draw draw = {.flip = 1, .epoch = epoch++};
    ck_assert_int_eq(clf_images_get(c, NULL, 0, 1, &draw, pair), CLF_OK);
  } while (pair[0] == 1);
  bytes_are(pair, (const uint8_t[]){4, 5, 250, 1, 2, 3}, 6);
  clf_images_free(c);
}
END_TEST

START_TEST(rows) {
  uint8_t got[6];
  clf_images *m = NULL;
  const int64_t back[] = {1, 0}, beyond[] = {0, 2};
  put_npy("a.npy", "|u1", 0, "2, 1, 3", six, 6);
  ck_assert_int_eq(clf_images_open("a.npy", NULL, &m), CLF_OK);
  shape_is(m, 2, 1, 3, 1);
  ck_assert_int_eq(clf_images_get(m, NULL, 0, 1, NULL, got), CLF_EINVAL);
  ck_assert_str_eq(clf_errmsg(), "a.npy: images are asked for before all are decoded");
  ck_assert_uint_eq(clf_images_checksum(m), 0);
  ck_assert_int_eq(clf_images_wait(m), CLF_OK);
  int64_t done, total;
  clf_images_progress(m, &done, &total);
  ck_assert_int_eq(done, 2);
  ck_assert_int_eq(total, 2);
  ck_assert_int_eq(clf_images_get(m, back, 7, 2, NULL, got), CLF_OK);
  bytes_are(got, (const uint8_t[]){4, 5, 250, 1, 2, 3}, 6);
  ck_assert_int_eq(clf_images_get(m, beyond, 0, 2, NULL, got), CLF_EINVAL);
  ck_assert_str_eq(clf_errmsg(), "a.npy: there is no image 2, only 0 to 1");
  ck_assert_int_eq(clf_images_get(m, NULL, -1, 1, NULL, got), CLF_EINVAL);
  ck_assert_str_eq(clf_errmsg(), "a.npy: there is no image -1, only 0 to 1");
  ck_assert_int_eq(clf_images_get(m, NULL, INT64_MAX, 2, NULL, got), CLF_EINVAL);
  clf_images_free(m);
  clf_images_free(NULL);
}
END_TEST

/* Fills the stack with bytes that a function with uninitialised variables would read. */
static void leave_garbage(void) {
  volatile uint8_t b[1024];
  for (size_t i = 0; i < sizeof b; i++) b[i] = 0xff;
}

/* The CRC-32 of 2, 1, 3, 1 in eight bytes each, and of the pixels. */
START_TEST(checksums) {
  uint8_t b[38] = {[0] = 2, [8] = 1, [16] = 3, [24] = 1};
  memcpy(b + 32, six, 6);
  put_npy("a.npy", "|u1", 0, "2, 1, 3", six, 6);
  clf_images *const m = load("a.npy", NULL);
  leave_garbage();
  ck_assert_uint_eq(clf_images_checksum(m), crc32(0, b, sizeof b));
  clf_images_free(m);
}
END_TEST

/* ---- Threads -------------------------------------------------------------- */

START_TEST(threads) {
  static uint8_t at[20 * 30 * 3];
  static const int counts[] = {1, 2, 5, 64};
  const clf_image_options o = sized(CLF_CROP_CENTER, 12, 8);
  uint32_t crc = 0;
  char path[32];
  fresh("d");
  for (int i = 0; i < 60; i++) {
    for (size_t k = 0; k < sizeof at; k++) at[k] = (uint8_t)(k * (size_t)(i + 3) >> 3);
    snprintf(path, sizeof path, "d/%d.%s", i, i % 3 ? "png" : "jpg");
    if (i % 3)
      put_png(path, 20, 30, 3, at);
    else
      put_jpeg(path, 20, 30, JCS_RGB, 3, at);
    if (i % 7 == 0) write_bytes(path, "text", 4);
  }
  for (size_t k = 0; k < SIZE(counts); k++) {
    const char *const *said;
    clf_images *const m = load_by("d", &o, counts[k]);
    shape_is(m, 51, 12, 8, 3);
    ck_assert_int_eq(clf_images_skipped(m, &said), 9);
    ck_assert_str_eq(said[0], "d/0.jpg: this is neither a PNG nor a JPEG file, but a text file");
    ck_assert_str_eq(said[8], "d/7.png: this is neither a PNG nor a JPEG file, but a text file");
    if (k == 0) crc = clf_images_checksum(m);
    ck_assert_uint_eq(clf_images_checksum(m), crc);
    clf_images_free(m);
  }
  const clf_image_options strict = {
      .height = 12, .width = 8, .channels = 3, .crop = CLF_CROP_CENTER, .strict = 1};
  for (int i = 0; i < 20; i++) /* the first one is always the same */
    fails("d", &strict, CLF_EFORMAT,
          "d/0.jpg: this is neither a PNG nor a JPEG file, but a text file");
}
END_TEST

START_TEST(given_up) {
  for (int i = 0; i < 10; i++) {
    clf_images *m = NULL;
    int64_t done, total;
    ck_assert_int_eq(clf_images_open("glyphs:n=100000,size=64", NULL, &m), CLF_OK);
    clf_images_progress(m, &done, &total);
    ck_assert_int_eq(total, 100000);
    ck_assert_int_lt(done, total);
    clf_images_free(m);
  }
}
END_TEST

/* ---- Glyphs --------------------------------------------------------------- */

START_TEST(glyph_values) {
  static uint8_t a[30 * 256], b[256];
  clf_images *m = load("glyphs:n=30", NULL);
  shape_is(m, 30, 16, 16, 1);
  ck_assert_int_eq(clf_images_get(m, NULL, 0, 30, NULL, a), CLF_OK);
  int pairs = 0;
  for (int i = 0; i < 30; i++) {
    int least = 255, most = 0;
    for (int k = 0; k < 256; k++) {
      if (a[256 * i + k] < least) least = a[256 * i + k];
      if (a[256 * i + k] > most) most = a[256 * i + k];
    }
    ck_assert_int_gt(most - least, 50); /* it is not blank */
    for (int j = 0; j < i; j++) pairs += !memcmp(a + 256 * i, a + 256 * j, 256);
  }
  ck_assert_int_eq(pairs, 0);
  clf_images_free(m);
  m = load("glyphs:seed=1,n=3,size=16,channels=1", NULL);
  ck_assert_int_eq(clf_images_get(m, NULL, 2, 1, NULL, b), CLF_OK);
  bytes_are(b, a + 512, 256);
  clf_images_free(m);
  m = load("glyphs:n=3,seed=2", NULL);
  ck_assert_int_eq(clf_images_get(m, NULL, 2, 1, NULL, b), CLF_OK);
  ck_assert_int_ne(memcmp(b, a + 512, 256), 0);
  clf_images_free(m);
  m = load("glyphs:n=1,size=5,channels=3", NULL);
  shape_is(m, 1, 5, 5, 3);
  clf_images_free(m);
}
END_TEST

START_TEST(glyph_refusals) {
  fails("glyphs:m=3", NULL, CLF_EINVAL,
        "glyphs:m=3: there is no key \"m\"; there are n, size, channels and seed");
  fails("glyphs:n", NULL, CLF_EINVAL,
        "glyphs:n: n has no value; it takes a whole number from 1 to 10000000, as in n=1");
  fails("glyphs:n=0", NULL, CLF_EINVAL,
        "glyphs:n=0: n must be a whole number from 1 to 10000000, not \"0\"");
  fails("glyphs:size=3", NULL, CLF_EINVAL,
        "glyphs:size=3: size must be a whole number from 4 to 256, not \"3\"");
  fails("glyphs:size=8,size=8", NULL, CLF_EINVAL, "glyphs:size=8,size=8: size is given twice");
  fails("glyphs:channels=2", NULL, CLF_EINVAL,
        "glyphs:channels=2: channels must be 1 or 3, not \"2\"");
  fails("glyphs:channels=4", NULL, CLF_EINVAL,
        "glyphs:channels=4: channels must be 1 or 3, not \"4\"");
  fails("glyphs:", NULL, CLF_EINVAL,
        "glyphs:: there is no key \"\"; there are n, size, channels and seed");
}
END_TEST

void tests_of_draws(Suite *s) {
  TCase *c = tcase_create("draws");
  tcase_set_timeout(c, 60);
  tcase_add_test(c, flips);
  tcase_add_test(c, rows);
  tcase_add_test(c, checksums);
  tcase_add_test(c, threads);
  tcase_add_test(c, given_up);
  tcase_add_test(c, glyph_values);
  tcase_add_test(c, glyph_refusals);
  suite_add_tcase(s, c);
}
