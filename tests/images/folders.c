/* SPDX-License-Identifier: MIT */
/* folders.c: folders of PNG and JPEG files, and how names are understood. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <png.h>
#include "sets.h"

/* ---- Folders -------------------------------------------------------------- */

START_TEST(folder_order) {
  static const uint8_t want[] = {1, 4, 5, 6, 2, 3};
  fresh("d");
  ck_assert_int_eq(mkdir("d/b", 0777) + mkdir("d/b.png", 0777), 0);
  put_png("d/z.PNG", 1, 1, 1, nine + 2);
  put_png("d/m.png", 1, 1, 1, nine + 1);
  put_png("d/a.png", 1, 1, 1, nine);
  put_png("d/b.png/1.png", 1, 1, 1, nine + 3);
  put_png("d/b/1.png", 1, 1, 1, nine + 4);
  put_png("d/b/2.jpeg", 1, 1, 1, nine + 5); /* what it is tells its content */
  put_png("d/._a.png", 1, 1, 1, nine + 6);
  write_bytes("d/notes.txt", "a", 1);
  set_is("d", NULL, 6, 1, 1, 1, want);
  set_is("d/", NULL, 6, 1, 1, 1, want);
  POSIX_ONLY;
  ck_assert_int_eq(symlink("..", "d/b/loop"), 0);
  set_is("d", NULL, 6, 1, 1, 1, want);
}
END_TEST

START_TEST(folder_kinds) {
  static const uint8_t deep[] = {0x80, 0x7f, 0xff, 0xff}, alpha[] = {100, 0, 200, 255};
  static const uint8_t want16[] = {128, 255}, bits[] = {0xa0}, want1[] = {255, 0, 255};
  static const uint8_t grey[] = {100, 200}, paints[] = {0x18}; /* 0, 1, 2 */
  static const uint8_t painted[] = {10, 20, 30, 40, 50, 60, 70, 80, 90};
  const clf_image_options colour = {.channels = 3};
  static const uint8_t repeated[] = {100, 100, 100, 200, 200, 200};
  fresh("d");
  put_png_kind("d/a.png", 1, 2, 16, PNG_COLOR_TYPE_GRAY, 0, deep, 4);
  set_is("d", NULL, 1, 1, 2, 1, want16);
  put_png_kind("d/a.png", 1, 2, 8, PNG_COLOR_TYPE_GRAY_ALPHA, 0, alpha, 4);
  set_is("d", NULL, 1, 1, 2, 1, grey);
  set_is("d", &colour, 1, 1, 2, 3, repeated);
  put_png_kind("d/a.png", 1, 3, 1, PNG_COLOR_TYPE_GRAY, 0, bits, 1);
  set_is("d", NULL, 1, 1, 3, 1, want1);
  put_png_kind("d/a.png", 1, 3, 2, PNG_COLOR_TYPE_PALETTE, 0, paints, 1);
  set_is("d", NULL, 1, 1, 3, 3, painted);
  put_png_kind("d/a.png", 3, 3, 8, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_ADAM7, nine, 3);
  set_is("d", NULL, 1, 3, 3, 1, nine);
}
END_TEST

START_TEST(folder_channels) {
  static const uint8_t rgb[] = {255, 0, 0, 0, 255, 0, 0, 0, 255}, want[] = {76, 150, 29};
  static const uint8_t grey[] = {1, 2, 3},
                       both[] = {1, 1, 1, 2, 2, 2, 3, 3, 3, 255, 0, 0, 0, 255, 0, 0, 0, 255};
  const clf_image_options one = {.channels = 1};
  fresh("d");
  put_png("d/b.png", 1, 3, 3, rgb);
  set_is("d", &one, 1, 1, 3, 1, want);
  put_png("d/a.png", 1, 3, 1, grey);
  set_is("d", NULL, 2, 1, 3, 3, both);
}
END_TEST

START_TEST(folder_jpeg) {
  uint8_t flat[8 * 8 * 4], got[8 * 8 * 3];
  memset(flat, 77, sizeof flat);
  fresh("d");
  put_jpeg("d/a.jpg", 8, 8, JCS_GRAYSCALE, 1, flat);
  set_is("d", NULL, 1, 8, 8, 1, flat);
  put_jpeg("d/a.jpg", 5, 7, JCS_RGB, 3, flat);
  clf_images *const m = load("d", NULL);
  shape_is(m, 1, 5, 7, 3);
  ck_assert_int_eq(clf_images_get(m, NULL, 0, 1, NULL, got), CLF_OK);
  bytes_are(got, flat, 5 * 7 * 3);
  clf_images_free(m);
  put_jpeg("d/a.jpg", 8, 8, JCS_CMYK, 4, flat);
  fails(
      "d", NULL, CLF_EFORMAT,
      "d: none of its 1 image files can be read; of the last: d/a.jpg: a JPEG of CMYK, colours for "
      "print, is not read; make it RGB");
}
END_TEST

START_TEST(folder_nothing) {
  fresh("d");
  fails("d", NULL, CLF_EFORMAT, "d: the folder holds no PNG or JPEG file");
  write_bytes("d/a.txt", "a", 1);
  fails("d", NULL, CLF_EFORMAT,
        "d: 1 file of another kind was left out (1 .txt); no PNG or JPEG file is there: convert "
        "images to PNG");
  write_bytes("d/a.png", "", 0);
  fails("d", NULL, CLF_EFORMAT,
        "d: none of its 1 image files can be read; of the last: d/a.png: the file is empty");
  const clf_image_options o = {.height = 1, .width = 1, .channels = 1};
  fails("d", &o, CLF_EFORMAT,
        "d: none of its 1 image files can be read; of the first: d/a.png: the file is empty");
}
END_TEST

START_TEST(folder_mixed) {
  const clf_image_options wide = {.height = 1, .width = 3, .channels = 1};
  const clf_image_options center = {.height = 1, .width = 1, .crop = CLF_CROP_CENTER};
  static const uint8_t want[] = {2, 5};
  fresh("d");
  put_png("d/a.png", 1, 3, 1, nine);
  put_png("d/b.png", 3, 3, 1, nine);
  fails("d", NULL, CLF_ESHAPE,
        "d/a.png is 1 x 3 pixels (height x width) and d/b.png 3 x 3: give a size and a crop to "
        "bring all to one size");
  fails("d", &wide, CLF_ESHAPE,
        "d/b.png: is 3 x 3 pixels (height x width), not 1 x 3; a crop would bring it to that size");
  set_is("d", &center, 2, 1, 1, 1, want);
}
END_TEST

/* ---- Names ---------------------------------------------------------------- */

START_TEST(names) {
  static const char *const yes[] = {"glyphs",     "glyphs:n=2", "d",        "x-idx3-ubyte",
                                    "x.idx",      "x.bin",      "x.idx.gz", "a.npy",
                                    "X-UBYTE.GZ", "x.PNG",      "a.jfif",   "b.jpe"};
  static const char *const no[] = {"glyph",    "moons", "moons:n=2", "none",  "x.csv", "f.npy",
                                   "none.npy", "x.gz",  "",          "t.npy", "x.webp"};
  fresh("d");
  fresh("moons"); /* the data set of points takes precedence */
  put_npy("a.npy", "|u1", 0, "2, 1, 3", six, 6);
  put_npy("f.npy", "<f8", 0, "2, 1, 3", six, 6);
  put_npy("t.npy", "|u1", 0, "2, 3", six, 6);
  for (size_t i = 0; i < SIZE(yes); i++) ck_assert_msg(clf_is_image_source(yes[i]), "%s", yes[i]);
  for (size_t i = 0; i < SIZE(no); i++) ck_assert_msg(!clf_is_image_source(no[i]), "%s", no[i]);
  ck_assert(!clf_is_image_source(NULL));
  fails(NULL, NULL, CLF_EINVAL, "clf_images_open: source is NULL");
  fails("moons", NULL, CLF_EINVAL,
        "moons: is not a set of images; there are glyphs, folders of PNG and JPEG files, single "
        "ones, and files ending in .idx, -ubyte, .idx.gz, -ubyte.gz, .bin or .npy");
}
END_TEST

void tests_of_folders(Suite *s) {
  TCase *c = tcase_create("folders");
  tcase_set_timeout(c, 60);
  tcase_add_test(c, folder_order);
  tcase_add_test(c, folder_kinds);
  tcase_add_test(c, folder_channels);
  tcase_add_test(c, folder_jpeg);
  tcase_add_test(c, folder_nothing);
  tcase_add_test(c, folder_mixed);
  tcase_add_test(c, names);
  suite_add_tcase(s, c);
}
