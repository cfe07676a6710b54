/* SPDX-License-Identifier: MIT */
/* sets.c: see sets.h. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <png.h>
#include <zlib.h>
#include "images.h"
#include "sets.h"

size_t take(const char *path, uint8_t *bytes, size_t room) {
  FILE *const f = fopen(path, "rb");
  ck_assert_ptr_nonnull(f);
  const size_t n = fread(bytes, 1, room, f);
  ck_assert_uint_lt(n, room);
  fclose(f);
  return n;
}

void put_gz(const char *path, const void *bytes, unsigned n) {
  const gzFile f = gzopen(path, "wb");
  ck_assert_int_eq(gzwrite(f, bytes, n), (int)n);
  ck_assert_int_eq(gzclose(f), Z_OK);
}

void fresh(const char *folder) {
  suite_remove(folder);
  ck_assert_int_eq(mkdir(folder, 0777), 0);
}

clf_images *load_by(const char *source, const clf_image_options *o, int threads) {
  clf_images *m = NULL;
  clf_status s = clf__images_open(source, o, threads, &m);
  if (s == CLF_OK) s = clf_images_wait(m);
  ck_assert_msg(s == CLF_OK, "%s", s ? clf_errmsg() : "");
  return m;
}

clf_images *load(const char *source, const clf_image_options *o) { return load_by(source, o, 0); }

void fails(const char *source, const clf_image_options *o, clf_status want, const char *message) {
  clf_images *m = NULL;
  clf_status s = clf_images_open(source, o, &m);
  if (s == CLF_OK) {
    s = clf_images_wait(m);
    ck_assert_int_eq(clf_images_wait(m), s); /* a second call gives the same */
  }
  ck_assert_msg(s != CLF_OK, "%s was taken", source);
  ck_assert_str_eq(clf_errmsg(), message);
  ck_assert_int_eq(s, want);
  clf_images_free(m);
}

void shape_is(const clf_images *m, int64_t n, int32_t h, int32_t w, int32_t c) {
  int32_t height, width, channels;
  clf_images_shape(m, &height, &width, &channels);
  ck_assert_int_eq(clf_images_count(m), n);
  ck_assert_int_eq(height, h);
  ck_assert_int_eq(width, w);
  ck_assert_int_eq(channels, c);
}

void bytes_are(const uint8_t *got, const uint8_t *want, size_t n) {
  size_t i = 0;
  while (i < n && got[i] == want[i]) i++; /* since each assertion writes to memory */
  ck_assert_msg(i == n, "byte %zu of %zu is not what it should be", i, n);
}

/* The whole set, in order. */
void set_is(const char *source, const clf_image_options *o, int64_t n, int32_t h, int32_t w,
            int32_t c, const uint8_t *want) {
  uint8_t got[4096];
  clf_images *const m = load(source, o);
  shape_is(m, n, h, w, c);
  ck_assert_int_eq(clf_images_get(m, NULL, 0, n, NULL, got), CLF_OK);
  bytes_are(got, want, (size_t)(n * h * w * c));
  clf_images_free(m);
}

void put_png(const char *path, int32_t h, int32_t w, int32_t c, const uint8_t *at) {
  ck_assert_int_eq(clf_image_write_png(path, at, h, w, c), CLF_OK);
}

/* A PNG of any kind, with rows as for libpng. */
void put_png_kind(const char *path, int32_t h, int32_t w, int depth, int kind, int interlace,
                  const uint8_t *at, size_t stride) {
  png_color palette[] = {{10, 20, 30}, {40, 50, 60}, {70, 80, 90}, {1, 2, 3}};
  FILE *const f = fopen(path, "wb");
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_infop info = png_create_info_struct(png);
  png_bytep rows[256];
  for (int32_t y = 0; y < h; y++) rows[y] = (png_bytep)(uintptr_t)(at + (size_t)y * stride);
  png_init_io(png, f);
  png_set_IHDR(png, info, (png_uint_32)w, (png_uint_32)h, depth, kind, interlace, 0, 0);
  if (kind == PNG_COLOR_TYPE_PALETTE) png_set_PLTE(png, info, palette, 4);
  png_set_rows(png, info, rows);
  png_write_png(png, info, 0, NULL);
  png_destroy_write_struct(&png, &info);
  fclose(f);
}

void put_jpeg(const char *path, int h, int w, J_COLOR_SPACE space, int channels,
              const uint8_t *at) {
  struct jpeg_compress_struct j;
  struct jpeg_error_mgr e;
  FILE *const f = fopen(path, "wb");
  j.err = jpeg_std_error(&e);
  jpeg_create_compress(&j);
  jpeg_stdio_dest(&j, f);
  j.image_height = (JDIMENSION)h;
  j.image_width = (JDIMENSION)w;
  j.input_components = channels;
  j.in_color_space = space;
  jpeg_set_defaults(&j);
  jpeg_set_quality(&j, 100, TRUE);
  jpeg_start_compress(&j, TRUE);
  while (j.next_scanline < j.image_height) {
    JSAMPROW row = (JSAMPROW)(uintptr_t)(at + j.next_scanline * (size_t)(w * channels));
    jpeg_write_scanlines(&j, &row, 1);
  }
  jpeg_finish_compress(&j);
  jpeg_destroy_compress(&j);
  fclose(f);
}

void put_npy(const char *path, const char *descr, int fortran, const char *shape, const void *data,
             size_t n) {
  char b[1024];
  memcpy(b, "\x93NUMPY\x01\x00", 8);
  const int head = snprintf(b + 10, 200, "{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }\n",
                            descr, fortran ? "True" : "False", shape);
  b[8] = (char)head;
  b[9] = 0;
  memcpy(b + 10 + head, data, n);
  write_bytes(path, b, 10 + (size_t)head + n);
}

void notes_are(const char *source, const clf_image_options *o, const char *first,
               const char *second) {
  clf_images *const m = load(source, o);
  const char *const want[] = {first, second};
  for (int i = 0; i < 2; i++)
    if (want[i])
      ck_assert_str_eq(clf_images_note(m, i), want[i]);
    else
      ck_assert_ptr_null(clf_images_note(m, i));
  clf_images_free(m);
}

clf_image_options sized(clf_crop crop, int32_t h, int32_t w) {
  return (clf_image_options){.crop = crop, .height = h, .width = w};
}

void said(clf_status got, clf_status want, const char *message) {
  ck_assert_int_eq(got, want);
  ck_assert_str_eq(clf_errmsg(), message);
}

const uint8_t six[6] = {1, 2, 3, 4, 5, 250};
const uint8_t nine[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
