/* SPDX-License-Identifier: MIT */
/* damage.c: pictures that are damaged or cannot be read. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include "images.h"
#include "sets.h"

/* The folder has one good image, good.png, and the damaged x.png. */
static void damaged(const void *bytes, size_t n, const char *sentence) {
  const clf_image_options strict = {.strict = 1, .height = 3, .width = 3, .channels = 1};
  const char *const *said;
  write_bytes("d/x.png", bytes, n);
  clf_images *const m = load("d", NULL);
  shape_is(m, 1, 3, 3, 1);
  ck_assert_int_eq(clf_images_skipped(m, &said), 1);
  ck_assert_str_eq(said[0], sentence);
  clf_images_free(m);
  fails("d", &strict, CLF_EFORMAT, sentence);
}

START_TEST(damaged_png) {
  uint8_t b[256];
  fresh("d");
  put_png("d/good.png", 3, 3, 1, nine);
  const size_t n = take("d/good.png", b, sizeof b);
  damaged("some text", 9, "d/x.png: this is neither a PNG nor a JPEG file, but a text file");
  damaged(b, 8, "d/x.png: the PNG file is damaged: the file ends early");
  damaged(b, 45, "d/x.png: the PNG file is damaged: the file ends early");
  damaged(b, n - 20, "d/x.png: the PNG file is damaged: the file ends early");
  damaged(b, n - 1, "d/x.png: the PNG file is damaged: the file ends early");
  b[n - 13] ^= 1; /* in the checksum of the pixels */
  damaged(b, n, "d/x.png: the PNG file is damaged: IDAT: CRC error");
  b[n - 13] ^= 1;
  b[19] = 4; /* width, and so the checksum of the header */
  damaged(b, n, "d/x.png: the PNG file is damaged: IHDR: CRC error");
}
END_TEST

/* Every third byte of a file is changed, and it is cut at every third length: no crash, no leak,
 * and what is read has the right shape. */
START_TEST(damaged_everywhere) {
  static const char *const paths[] = {"d/x.png", "d/x.jpg"};
  uint8_t b[2048], flat[12 * 9 * 3];
  const clf_image_options o = {
      .height = 8, .width = 8, .channels = 3, .crop = CLF_CROP_CENTER, .strict = 1};
  for (size_t i = 0; i < sizeof flat; i++) flat[i] = (uint8_t)(i * i / 7);
  for (int k = 0; k < 2; k++) {
    fresh("d");
    if (k)
      put_jpeg(paths[k], 12, 9, JCS_RGB, 3, flat);
    else
      put_png(paths[k], 12, 9, 3, flat);
    const size_t n = take(paths[k], b, sizeof b);
    for (size_t i = 0; i < 2 * n; i += 3) {
      clf_images *m = NULL;
      if (i < n) b[i] ^= 0x55;
      write_bytes(paths[k], b, i < n ? n : i - n);
      if (i < n) b[i] ^= 0x55;
      ck_assert_int_eq(clf__images_open("d", &o, 1, &m), CLF_OK);
      const clf_status s = clf_images_wait(m);
      ck_assert_msg(s == CLF_OK || s == CLF_EFORMAT, "%s", clf_errmsg());
      if (i >= n) ck_assert_int_eq(s, CLF_EFORMAT);
      clf_images_free(m);
    }
  }
}
END_TEST

START_TEST(damaged_jpeg) {
  static uint8_t b[8192], at[64 * 64];
  for (size_t i = 0; i < sizeof at; i++) at[i] = (uint8_t)(i * 7 ^ i >> 4);
  fresh("d");
  put_png("d/good.png", 3, 3, 1, nine);
  put_jpeg("d/x.png", 64, 64, JCS_GRAYSCALE, 1, at);
  const size_t n = take("d/x.png", b, sizeof b);
  const clf_image_options o = {.height = 3, .width = 3, .crop = CLF_CROP_CENTER};
  const size_t cuts[] = {n / 2, n - 2};
  for (size_t i = 0; i < SIZE(cuts); i++) {
    const char *const *said;
    write_bytes("d/x.png", b, cuts[i]);
    clf_images *const m = load("d", &o);
    ck_assert_int_eq(clf_images_skipped(m, &said), 1);
    ck_assert_str_eq(said[0], "d/x.png: the JPEG file is damaged: Premature end of JPEG file");
    clf_images_free(m);
  }
  damaged(b, 20, "d/x.png: the JPEG file is damaged: Premature end of JPEG file");
}
END_TEST

/* Declared sizes do not matter: memory is bounded by the size of the file. */
START_TEST(damaged_sizes) {
  uint8_t b[256];
  fresh("d");
  put_png("d/good.png", 3, 3, 1, nine);
  const size_t n = take("d/good.png", b, sizeof b);
  static const struct {
    uint8_t width[4];
    const char *sentence;
  } cases[] = {{{0, 1, 0, 1},
                "d/x.png: 65537 x 65537 pixels are beyond 65536 a side or 2^28 in all; that is "
                "not read"},
               {{0, 0, 0x40, 1},
                "d/x.png: 16385 x 16385 pixels are beyond 65536 a side or 2^28 in all; that "
                "is not read"},
               {{0, 0, 0x40, 0},
                "d/x.png: is damaged: it declares 16384 x 16384 pixels, more than its 72 "
                "bytes can hold"}};
  for (size_t i = 0; i < SIZE(cases); i++) {
    memcpy(b + 16, cases[i].width, 4);
    memcpy(b + 20, cases[i].width, 4);
    const uint32_t crc = (uint32_t)crc32(0, b + 12, 17);
    for (int k = 0; k < 4; k++) b[29 + k] = (uint8_t)(crc >> (24 - 8 * k));
    ck_assert_uint_eq(n, 72);
    damaged(b, n, cases[i].sentence);
  }
}
END_TEST

/* The sizes at the limits are read, and one pixel more is refused. */
START_TEST(largest_sizes) {
  static const struct {
    int64_t height, width;
    clf_status s;
  } cases[] = {{CLF_IMAGE_SIDE, 1, CLF_OK},
               {1, CLF_IMAGE_SIDE, CLF_OK},
               {CLF_IMAGE_SIDE + 1, 1, CLF_EFORMAT},
               {1, CLF_IMAGE_SIDE + 1, CLF_EFORMAT},
               {16384, 16384, CLF_OK},
               {16384, 16385, CLF_EFORMAT}};
  for (size_t i = 0; i < SIZE(cases); i++)
    ck_assert_msg(clf__decode_limits("a", cases[i].height, cases[i].width, SIZE_MAX) == cases[i].s,
                  "%d: %s", (int)i, clf_errmsg());
}
END_TEST

/* A sparse file. */
START_TEST(large_file) {
  const clf_image_options strict = {.strict = 1};
  POSIX_ONLY;
  fresh("d");
  put_png("d/a.png", 3, 3, 1, nine);
  ck_assert_int_eq(truncate("d/a.png", (off_t)((UINT64_C(1) << 31) + 1)), 0);
  fails("d", &strict, CLF_EFORMAT,
        "d/a.png: has 2147483649 bytes; image files are read up to 2 GiB");
}
END_TEST

START_TEST(unreadable) {
  POSIX_ONLY;
  const char *const *said;
  const clf_image_options strict = {.strict = 1};
  fresh("d");
  put_png("d/a.png", 3, 3, 1, nine);
  ck_assert_int_eq(symlink("nowhere", "d/b.png"), 0);
  ck_assert_int_eq(mkfifo("d/c.png", 0666), 0);
  clf_images *const m = load("d", NULL);
  shape_is(m, 1, 3, 3, 1);
  ck_assert_int_eq(clf_images_skipped(m, &said), 2);
  ck_assert_str_eq(said[0], "d/b.png: cannot be read: No such file or directory");
  ck_assert_str_eq(said[1], "d/c.png: cannot be read: it is not a regular file");
  clf_images_free(m);
  fails("d", &strict, CLF_EIO, "d/b.png: cannot be read: No such file or directory");
}
END_TEST

/* One scan for the mean of each block, one for each frequency, and `count` more for last bits. */
static void put_scans(const char *path, int count) {
  enum { FREQUENCIES = 63 };
  jpeg_scan_info scan[1 + 2 * FREQUENCIES];
  struct jpeg_compress_struct j;
  struct jpeg_error_mgr e;
  uint8_t row[8] = {0, 90, 200, 10, 255, 30, 70, 1};
  JSAMPROW rows = row;
  memset(scan, 0, sizeof scan);
  for (int i = 0; i < count; i++) {
    const int k = i ? 1 + (i - 1) % FREQUENCIES : 0, last = i > FREQUENCIES;
    scan[i] = (jpeg_scan_info){.comps_in_scan = 1, .Ss = k, .Se = k, .Ah = last, .Al = i && !last};
  }
  FILE *const f = fopen(path, "wb");
  j.err = jpeg_std_error(&e);
  jpeg_create_compress(&j);
  jpeg_stdio_dest(&j, f);
  j.image_height = j.image_width = 8;
  j.input_components = 1;
  j.in_color_space = JCS_GRAYSCALE;
  jpeg_set_defaults(&j);
  j.scan_info = scan;
  j.num_scans = count;
  jpeg_start_compress(&j, TRUE);
  while (j.next_scanline < j.image_height) jpeg_write_scanlines(&j, &rows, 1);
  jpeg_finish_compress(&j);
  jpeg_destroy_compress(&j);
  fclose(f);
}

START_TEST(many_scans) {
  const clf_image_options strict = {.strict = 1};
  fresh("d");
  put_scans("d/a.jpg", 100);
  clf_images_free(load("d", &strict));
  put_scans("d/a.jpg", 101);
  fails("d", &strict, CLF_EFORMAT, "d/a.jpg: the JPEG file is damaged: it has more than 100 scans");
}
END_TEST

/* Pixels that compress well: a blank image may have 2^24 pixels, and 128 for each byte of its file.
 */
START_TEST(blank_images) {
  enum { SIDE = 4096 };
  uint8_t *const at = calloc(SIDE + 1, SIDE);
  const clf_image_options small = {.height = 2, .width = 2, .crop = CLF_CROP_CENTER};
  static const uint8_t want[4];
  char message[256];
  fresh("d");
  put_png("d/a.png", SIDE, SIDE, 1, at);
  set_is("d", &small, 1, 2, 2, 1, want);
  put_png("d/a.png", SIDE + 1, SIDE, 1, at);
  size_t n;
  free(read_file("d/a.png", &n));
  ck_assert_uint_lt(128 * n, 1 << 24);
  set_is("d", &small, 1, 2, 2, 1, want); /* the file is large enough for one more row */
  const int32_t rows = SIDE + (int32_t)(128 * n / SIDE * 5 / 4);
  free(at);
  uint8_t *const more = calloc((size_t)rows, SIDE);
  put_png("d/a.png", rows, SIDE, 1, more);
  free(more);
  free(read_file("d/a.png", &n));
  ck_assert_uint_lt(n, (unsigned)(rows - SIDE) * SIDE / 128);
  snprintf(
      message, sizeof message,
      "d/a.png: has %d x 4096 pixels in %zu bytes; images above 2^24 pixels are read up to 128 "
      "more a byte: divide it, or make it smaller",
      rows, n);
  const clf_image_options strict = {.strict = 1};
  fails("d", &strict, CLF_EFORMAT, message);
}
END_TEST

void tests_of_damage(Suite *s) {
  TCase *c = tcase_create("damage");
  tcase_set_timeout(c, 60);
  tcase_add_test(c, damaged_png);
  tcase_add_test(c, damaged_everywhere);
  tcase_add_test(c, damaged_jpeg);
  tcase_add_test(c, damaged_sizes);
  tcase_add_test(c, largest_sizes);
  tcase_add_test(c, many_scans);
  tcase_add_test(c, blank_images);
  tcase_add_test(c, large_file);
  tcase_add_test(c, unreadable);
  suite_add_tcase(s, c);
}
