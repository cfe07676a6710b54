/* SPDX-License-Identifier: MIT */
/* found.c: which files of a folder are images, linked folders, single files, and notes about a set.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <png.h>
#include "sets.h"

/* ---- Which files ---------------------------------------------------------- */

/* The contents of a file decide its type, not its name. */
START_TEST(by_content) {
  static const uint8_t want[] = {1, 2, 3, 4, 5};
  fresh("d");
  put_png("d/1.jfif", 1, 1, 1, nine);
  put_png("d/2.JPE", 1, 1, 1, nine + 1);
  put_png("d/3", 1, 1, 1, nine + 2);
  put_png("d/4.scan", 1, 1, 1, nine + 3);
  put_png("d/5.tif", 1, 1, 1, nine + 4);
  set_is("d", NULL, 5, 1, 1, 1, want);
  notes_are("d", NULL, NULL, NULL);
}
END_TEST

START_TEST(other_kinds) {
  char path[32];
  fresh("d");
  put_png("d/a.png", 1, 1, 1, nine);
  write_bytes("d/.hidden.webp", "RIFF", 4);
  notes_are("d", NULL, NULL, NULL);
  write_bytes("d/a.txt", "a", 1);
  notes_are("d", NULL, "d: 1 file of another kind was left out (1 .txt)", NULL);
  write_bytes("d/b.WebP", "RIFF", 4);
  write_bytes("d/c.webp", "", 0);
  write_bytes("d/README", "a", 1);
  write_bytes("d/strange.a b", "a", 1);
  ck_assert_int_eq(mkdir("d/deep", 0777), 0);
  write_bytes("d/deep/x.bmp", "BM", 2);
  notes_are("d", NULL,
            "d: 6 files of other kinds were left out (2 without a suffix, 2 .webp, 1 .bmp, 1 .txt)",
            NULL);
  for (int i = 0; i < 40; i++) {
    snprintf(path, sizeof path, "d/x.%c%c", 'a' + i / 26, 'a' + i % 26);
    write_bytes(path, "x", 1);
  }
  notes_are("d", NULL,
            "d: 46 files of other kinds were left out (2 without a suffix, 2 .webp, 1 .aa, 1 .ab, "
            "1 .ac, 39 others)",
            NULL);
}
END_TEST

START_TEST(only_other_kinds) {
  fresh("d");
  write_bytes("d/a.webp", "RIFF....WEBP", 12);
  write_bytes("d/b.webp", "RIFF....WEBP", 12);
  fails("d", NULL, CLF_EFORMAT,
        "d: 2 files of other kinds were left out (2 .webp); no PNG or JPEG file is there: convert "
        "images to PNG");
  rename("d/a.webp", "d/a.png");
  fails("d", NULL, CLF_EFORMAT,
        "d: none of its 1 image files can be read; of the last: d/a.png: this is neither a PNG nor "
        "a JPEG file, but a WebP image");
}
END_TEST

START_TEST(single_files) {
  const clf_image_options size = {.height = 2, .width = 2};
  fresh("d");
  put_png("d/a.png", 1, 3, 1, nine);
  put_png("d/b", 3, 1, 1, nine);
  set_is("d/a.png", NULL, 1, 1, 3, 1, nine);
  set_is("d/b", NULL, 1, 3, 1, 1, nine);
  fails("d/a.png", &size, CLF_ESHAPE,
        "d/a.png: is 1 x 3 pixels (height x width), not 2 x 2; a crop would bring it to that size");
  write_bytes("d/a.png", "RIFF....WEBP", 12);
  fails("d/a.png", NULL, CLF_EFORMAT,
        "d/a.png: this is neither a PNG nor a JPEG file, but a WebP image");
  rename("d/a.png", "d/a.webp");
  ck_assert(!clf_is_image_source("d/a.webp"));
  fails("d/a.webp", NULL, CLF_EINVAL,
        "d/a.webp: is a WebP image; PNG and JPEG are read: convert it to PNG");
  fails("d/c.png", NULL, CLF_EIO, "d/c.png: cannot be read: No such file or directory");
}
END_TEST

/* ---- Folders that links join ----------------------------------------------- */

/* Each folder has two links to the next, so 2^30 paths lead to the image at the end. */
START_TEST(fan_of_links) {
  char path[64];
  POSIX_ONLY;
  fresh("d");
  for (int i = 0; i <= 30; i++) {
    snprintf(path, sizeof path, "d/%02d", i);
    ck_assert_int_eq(mkdir(path, 0777), 0);
  }
  put_png("d/30/x.png", 1, 1, 1, nine);
  for (int i = 0; i < 60; i++) {
    char target[16];
    snprintf(target, sizeof target, "../%02d", i / 2 + 1);
    snprintf(path, sizeof path, "d/%02d/%c", i / 2, 'a' + i % 2);
    ck_assert_int_eq(symlink(target, path), 0);
  }
  set_is("d/00", NULL, 1, 1, 1, 1, nine);
  set_is("d", NULL, 1, 1, 1, 1, nine);
}
END_TEST

/* A folder with two names is read once, under the first. */
START_TEST(linked_folders) {
  const clf_image_options strict = {.strict = 1};
  POSIX_ONLY;
  fresh("d");
  ck_assert_int_eq(mkdir("d/m", 0777), 0);
  put_png("d/m/x.png", 1, 1, 1, nine);
  ck_assert_int_eq(symlink("m", "d/z"), 0);
  set_is("d", NULL, 1, 1, 1, 1, nine);
  write_bytes("d/m/x.png", "", 0);
  fails("d", &strict, CLF_EFORMAT, "d/m/x.png: the file is empty");
  ck_assert_int_eq(symlink("m", "d/a"), 0);
  fails("d", &strict, CLF_EFORMAT, "d/a/x.png: the file is empty");
  put_png("d/m/x.png", 1, 1, 1, nine);
  ck_assert_int_eq(symlink("..", "d/m/up"), 0);
  set_is("d", NULL, 1, 1, 1, 1, nine);
}
END_TEST

START_TEST(deep_folders) {
  char path[512] = "d";
  fresh("d");
  for (int i = 0; i < 64; i++) {
    strcat(path, "/f");
    ck_assert_int_eq(mkdir(path, 0777), 0);
  }
  char file[512];
  snprintf(file, sizeof file, "%.500s/x.png", path);
  put_png(file, 1, 1, 1, nine);
  set_is("d", NULL, 1, 1, 1, 1, nine);
  strcat(path, "/f");
  ck_assert_int_eq(mkdir(path, 0777), 0);
  snprintf(file, sizeof file, "%.400s: folders are nested more than 64 deep; give one further down",
           path);
  fails("d", NULL, CLF_EIO, file);
}
END_TEST

/* ---- Samples of 16 bits ---------------------------------------------------- */

static void put_16(const char *path, const uint16_t *at, int n) {
  uint8_t b[64];
  for (int i = 0; i < n; i++) {
    b[2 * i] = (uint8_t)(at[i] >> 8);
    b[2 * i + 1] = (uint8_t)at[i];
  }
  put_png_kind(path, 1, n, 16, PNG_COLOR_TYPE_GRAY, 0, b, sizeof b);
}

START_TEST(little_range) {
  static const uint16_t low[] = {0, 2048, 4095}, above[] = {0, 1, 4096}, eight[] = {0, 1, 255};
  static const uint8_t as_16[] = {0, 8, 16}, as_12[] = {0, 128, 255}, as_8[] = {0, 1, 255};
  const clf_image_options bits12 = {.bits = 12}, bits8 = {.bits = 8};
  fresh("d");
  put_16("d/a.png", low, 3);
  set_is("d", NULL, 1, 1, 3, 1, as_16);
  notes_are("d", NULL,
            "d: 1 image of 16 bits has no sample above 4095 and is read as 0 to 16 of 255; give "
            "bits = 12 (--bits 12), and 4095 is read as 255",
            NULL);
  set_is("d", &bits12, 1, 1, 3, 1, as_12);
  notes_are("d", &bits12, NULL, NULL);
  put_16("d/b.png", above, 3);
  notes_are("d", NULL, NULL, NULL);
  put_16("d/b.png", low, 3);
  notes_are("d", NULL,
            "d: 2 images of 16 bits have no sample above 4095 and are read as 0 to 16 of 255; give "
            "bits = 12 (--bits 12), and 4095 is read as 255",
            NULL);
  put_16("d/b.png", eight, 3);
  rename("d/b.png", "d/a.png");
  set_is("d", &bits8, 1, 1, 3, 1, as_8);
  notes_are("d", &bits12,
            "d: 1 image of 16 bits has no sample above 255 and is read as 0 to 16 of 255; give "
            "bits = 8 (--bits 8), and 255 is read as 255",
            NULL);
  put_png("d/a.png", 1, 3, 1, nine); /* of 8 bits */
  notes_are("d", NULL, NULL, NULL);
  set_is("d", &bits12, 1, 1, 3, 1, nine);
}
END_TEST

START_TEST(beyond_the_range) {
  static const uint16_t above[] = {0, 1, 4096};
  const clf_image_options bits = {.bits = 12};
  clf_image_options wrong = {.bits = 7};
  fresh("d");
  put_16("d/a.png", above, 3);
  fails("d", &bits, CLF_EFORMAT,
        "d: none of its 1 image files can be read; of the first: d/a.png: has a sample of 4096, "
        "above the 4095 of 12 bits (--bits)");
  fails("d", &wrong, CLF_EINVAL, "d: samples of 16-bit images have 8 to 16 bits, not 7");
  wrong.bits = 17;
  fails("d", &wrong, CLF_EINVAL, "d: samples of 16-bit images have 8 to 16 bits, not 17");
}
END_TEST

/* Every sample is rounded to the nearest byte, also of interlaced files and colours. */
START_TEST(rounding) {
  enum { SIDE = 256, C = 3 };
  static uint8_t deep[SIDE * SIDE * C * 2], got[SIDE * SIDE * C];
  fresh("d");
  for (uint32_t v = 0; v < SIDE * SIDE; v++)
    for (uint32_t c = 0; c < C; c++) {
      const uint32_t sample = v ^ c;
      deep[2 * (C * v + c)] = (uint8_t)(sample >> 8);
      deep[2 * (C * v + c) + 1] = (uint8_t)sample;
    }
  for (int interlace = 0; interlace < 2; interlace++) {
    put_png_kind("d/a.png", SIDE, SIDE, 16, PNG_COLOR_TYPE_RGB,
                 interlace ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, deep, SIDE * C * 2);
    clf_images *const m = load("d", NULL);
    ck_assert_int_eq(clf_images_get(m, NULL, 0, 1, NULL, got), CLF_OK);
    clf_images_free(m);
    int wrong = 0;
    for (int v = 0; v < SIDE * SIDE; v++)
      for (int c = 0; c < C; c++) wrong += got[C * v + c] != (uint8_t)((v ^ c) / 257.0 + 0.5);
    ck_assert_int_eq(wrong, 0);
  }
}
END_TEST

/* ---- Sets that no memory holds ---------------------------------------------- */

START_TEST(too_large) {
  POSIX_ONLY;
  const clf_image_options lsun = {.crop = CLF_CROP_LSUN};
  const double has = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / 1e9;
  char message[256];
  if (has > 1900) return; /* it does */
  snprintf(message, sizeof message,
           "glyphs:n=10000000,size=256,channels=3: its 10000000 images take 1966 GB of memory, and "
           "this machine has %.4g GB; give a smaller size and a crop, or fewer of them",
           has);
  fails("glyphs:n=10000000,size=256,channels=3", NULL, CLF_ENOMEM, message);
  if (has > 270) return;
  snprintf(message, sizeof message,
           "glyphs:n=10000000,size=4,channels=3: its 10000000 images take 276.5 GB of memory, and "
           "this machine has %.4g GB; give a smaller size and a crop, or fewer of them",
           has);
  fails("glyphs:n=10000000,size=4,channels=3", &lsun, CLF_ENOMEM, message);
}
END_TEST

void tests_of_found(Suite *s) {
  TCase *c = tcase_create("found");
  tcase_set_timeout(c, 60);
  tcase_add_test(c, by_content);
  tcase_add_test(c, other_kinds);
  tcase_add_test(c, only_other_kinds);
  tcase_add_test(c, single_files);
  tcase_add_test(c, fan_of_links);
  tcase_add_test(c, linked_folders);
  tcase_add_test(c, deep_folders);
  tcase_add_test(c, little_range);
  tcase_add_test(c, beyond_the_range);
  tcase_add_test(c, rounding);
  tcase_add_test(c, too_large);
  suite_add_tcase(s, c);
}
