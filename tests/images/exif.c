/* SPDX-License-Identifier: MIT */
/* exif.c: images that are rotated according to EXIF data. */
#include <string.h>
#include <zlib.h>
#include "sets.h"

/* The image 1 2 3 over 4 5 6 as each orientation shows it. */
static const struct shown {
  int32_t height, width;
  uint8_t at[6];
} shown[] = {
    {2, 3, {1, 2, 3, 4, 5, 6}}, {2, 3, {3, 2, 1, 6, 5, 4}}, {2, 3, {6, 5, 4, 3, 2, 1}},
    {2, 3, {4, 5, 6, 1, 2, 3}}, {3, 2, {1, 4, 2, 5, 3, 6}}, {3, 2, {4, 1, 5, 2, 6, 3}},
    {3, 2, {6, 3, 5, 2, 4, 1}}, {3, 2, {3, 6, 2, 5, 1, 4}},
};

enum { BLOCK = 26 };

/* A directory of one entry: tag, type, count and first value. */
static void block_of(uint8_t b[BLOCK], int big, int tag, int type, int count, int value) {
  static const uint8_t bytes[2][8] = {"II*\0\10\0\0", "MM\0*\0\0\0\10"};
  const int fields[] = {1, tag, type, count, value, 0, 0, 0}, sizes[] = {2, 2, 2, 4, 2, 2, 2, 2};
  uint8_t *to = b;
  memcpy(to, bytes[big], 8);
  to += 8;
  for (int k = 0; k < 8; k++)
    for (int i = 0; i < sizes[k]; i++)
      *to++ = (uint8_t)(fields[k] >> 8 * (big ? sizes[k] - 1 - i : i));
}

/* Inserts n bytes after the first `at` of a file. */
static void insert(const char *path, size_t at, const uint8_t *bytes, size_t n) {
  uint8_t b[4096];
  const size_t size = take(path, b, sizeof b - n);
  memmove(b + at + n, b + at, size - at);
  memcpy(b + at, bytes, n);
  write_bytes(path, b, size + n);
}

static void put_number(uint8_t *to, uint32_t v) {
  for (int i = 0; i < 4; i++) to[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* A PNG file of 2 x 3 pixels with this block in a chunk of its own. */
static void png_with(const char *path, const uint8_t *block, size_t n) {
  uint8_t chunk[128];
  put_png(path, 2, 3, 1, nine);
  put_number(chunk, (uint32_t)n);
  memcpy(chunk + 4, "eXIf", 4);
  memcpy(chunk + 8, block, n);
  put_number(chunk + 8 + n, (uint32_t)crc32(0, chunk + 4, (uInt)n + 4));
  insert(path, 33, chunk, n + 12);
}

/* A JPEG file of 2 x 3 blocks of 8 x 8 equal pixels with such a block. */
static void jpeg_with(const char *path, const uint8_t *block, size_t n) {
  uint8_t at[16 * 24], marker[128] = "\xff\xe1\0\0Exif\0";
  for (int y = 0; y < 16; y++)
    for (int x = 0; x < 24; x++) at[24 * y + x] = nine[3 * (y / 8) + x / 8];
  put_jpeg(path, 16, 24, JCS_GRAYSCALE, 1, at);
  marker[3] = (uint8_t)(n + 8);
  memcpy(marker + 10, block, n);
  insert(path, 20, marker, n + 10); /* after the JFIF marker */
}

static void is_shown(const struct shown *want, int scale) {
  uint8_t at[16 * 24];
  const int32_t h = scale * want->height, w = scale * want->width;
  for (int32_t y = 0; y < h; y++)
    for (int32_t x = 0; x < w; x++) at[w * y + x] = want->at[want->width * (y / scale) + x / scale];
  set_is("d", NULL, 1, h, w, 1, at);
}

START_TEST(orientations) {
  uint8_t block[BLOCK];
  for (int big = 0; big < 2; big++) {
    block_of(block, big, 0x112, 3, 1, _i + 1);
    fresh("d");
    png_with("d/a.png", block, sizeof block);
    is_shown(&shown[_i], 1);
    fresh("d");
    jpeg_with("d/a.jpg", block, sizeof block);
    is_shown(&shown[_i], 8);
  }
}
END_TEST

/* Without a valid orientation, an image stays as it is stored. */
START_TEST(not_turned) {
  static const struct {
    int tag, type, count, value;
  } blocks[] = {
      {0x112, 3, 1, 0}, {0x112, 3, 1, 9}, {0x112, 4, 1, 6}, {0x112, 3, 2, 6}, {0x113, 3, 1, 6}};
  uint8_t b[BLOCK];
  fresh("d");
  for (size_t i = 0; i < SIZE(blocks); i++) {
    block_of(b, 1, blocks[i].tag, blocks[i].type, blocks[i].count, blocks[i].value);
    png_with("d/a.png", b, sizeof b);
    is_shown(&shown[0], 1);
  }
  block_of(b, 1, 0x112, 3, 1, 6);
  for (size_t n = 0; n < 22; n++) { /* cut short */
    png_with("d/a.png", b, n);
    is_shown(&shown[0], 1);
  }
  png_with("d/a.png", b, 22);
  is_shown(&shown[5], 1);
  memset(b + 4, 0xff, 4); /* a directory beyond the block */
  png_with("d/a.png", b, sizeof b);
  is_shown(&shown[0], 1);
  memcpy(b, "MM*\0", 4);
  png_with("d/a.png", b, sizeof b);
  is_shown(&shown[0], 1);
}
END_TEST

START_TEST(damaged_block) {
  uint8_t b[BLOCK], at[512];
  block_of(b, 0, 0x112, 3, 1, 6);
  fresh("d");
  png_with("d/a.png", b, sizeof b);
  const size_t n = take("d/a.png", at, sizeof at);
  at[33 + 8 + BLOCK] ^= 1; /* the chunk's checksum */
  write_bytes("d/a.png", at, n);
  is_shown(&shown[0], 1);
}
END_TEST

/* Sizes are those of the rotated images. */
START_TEST(sizes) {
  uint8_t b[BLOCK];
  const clf_image_options as_stored = {.height = 2, .width = 3};
  static const uint8_t both[] = {4, 1, 5, 2, 6, 3, 1, 2, 3, 4, 5, 6};
  block_of(b, 0, 0x112, 3, 1, 6);
  fresh("d");
  png_with("d/a.png", b, sizeof b);
  fails("d", &as_stored, CLF_ESHAPE,
        "d/a.png: is 3 x 2 pixels (height x width), not 2 x 3; a crop would bring it to that size");
  put_png("d/b.png", 3, 2, 1, nine);
  set_is("d", NULL, 2, 3, 2, 1, both);
  put_png("d/b.png", 2, 3, 1, nine);
  fails("d", NULL, CLF_ESHAPE,
        "d/a.png is 3 x 2 pixels (height x width) and d/b.png 2 x 3: give a size and a crop to "
        "bring all to one size");
}
END_TEST

START_TEST(noted) {
  uint8_t b[BLOCK];
  fresh("d");
  block_of(b, 0, 0x112, 3, 1, 3);
  png_with("d/a.png", b, sizeof b);
  block_of(b, 0, 0x112, 3, 1, 1);
  png_with("d/b.png", b, sizeof b);
  notes_are("d", NULL, "d: 1 image was turned upright, as the EXIF orientation says", NULL);
  block_of(b, 0, 0x112, 3, 1, 2);
  png_with("d/b.png", b, sizeof b);
  notes_are("d", NULL, "d: 2 images were turned upright, as the EXIF orientation says", NULL);
}
END_TEST

void tests_of_exif(Suite *s) {
  TCase *c = tcase_create("exif");
  tcase_add_loop_test(c, orientations, 0, SIZE(shown));
  tcase_add_test(c, not_turned);
  tcase_add_test(c, damaged_block);
  tcase_add_test(c, sizes);
  tcase_add_test(c, noted);
  suite_add_tcase(s, c);
}
