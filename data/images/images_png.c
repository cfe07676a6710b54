/* SPDX-License-Identifier: MIT */
/* images_png.c: reads and writes PNG with libpng. */
#include <inttypes.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "images.h"
#include "status.h"

/* libpng returns from an error by longjmp(), after which local variables may have any value, so
 * everything that must be freed is kept here. */
typedef struct job {
  const char *path;
  png_structp png;
  png_infop info;
  png_bytep *rows;
  const uint8_t *bytes; /* read: the file */
  size_t size, at;
  uint8_t *deep;   /* read: samples of 16 bits, big-endian */
  clf__file *file; /* written */
  clf__decoding *how;
  clf__picture *p;
  clf_status status; /* what stopped it, if not libpng */
  char why[128];     /* libpng's message */
} job;

static void on_error(png_structp png, png_const_charp why) {
  job *const j = png_get_error_ptr(png);
  if (j) snprintf(j->why, sizeof j->why, "%s", why);
  png_longjmp(png, 1);
}

/* libpng's warnings concern neither pixels nor shape. */
static void on_warning(png_structp png, png_const_charp why) {
  (void)png;
  (void)why;
}

static void stop(job *j, clf_status s) {
  if (s == CLF_OK) return;
  j->status = s;
  png_longjmp(j->png, 1);
}

/* ---- Reading -------------------------------------------------------------- */

static void get_bytes(png_structp png, png_bytep to, size_t n) {
  job *const j = png_get_io_ptr(png);
  if (n > j->size - j->at) png_error(png, "the file ends early");
  memcpy(to, j->bytes + j->at, n);
  j->at += n;
}

/* To 8 or 16 bits, without palette and alpha. */
static void normalise(job *j) {
  png_set_expand(j->png);
  png_set_strip_alpha(j->png);
  png_set_interlace_handling(j->png);
  png_read_update_info(j->png, j->info);
}

/* Rounds 16-bit samples to bytes, and records the range that the file uses. */
static clf_status scale(job *j) {
  const uint32_t top = (UINT32_C(1) << j->how->bits) - 1;
  const size_t n = (size_t)j->p->height * (size_t)j->p->width * (size_t)j->p->channels;
  uint32_t largest = 0;
  for (size_t i = 0; i < n; i++) {
    const uint32_t v = (uint32_t)j->deep[2 * i] << 8 | j->deep[2 * i + 1];
    if (v > largest) largest = v;
    j->p->at[i] = (uint8_t)((v * 255 + top / 2) / top);
  }
  j->how->deepest = (int32_t)largest;
  if (largest <= top) return CLF_OK;
  return clf__fail(CLF_EFORMAT,
                   "%s: has a sample of %" PRIu32 ", above the %" PRIu32 " of %d bits (--bits)",
                   j->path, largest, top, j->how->bits);
}

static void read_rows(job *j) {
  clf__picture *const p = j->p;
  const size_t wide = png_get_bit_depth(j->png, j->info) == 16 ? 2 : 1;
  const size_t stride = (size_t)p->width * (size_t)p->channels * wide, h = (size_t)p->height;
  if (png_get_rowbytes(j->png, j->info) != stride) png_error(j->png, "rows of another length");
  stop(j, clf__picture_new(j->path, p));
  j->rows = malloc(h * sizeof *j->rows);
  if (wide == 2) j->deep = malloc(h * stride);
  if (!j->rows || (wide == 2 && !j->deep))
    stop(j, clf__fail(CLF_ENOMEM, "%s: no memory for its rows", j->path));
  for (size_t y = 0; y < h; y++) j->rows[y] = (wide == 2 ? j->deep : p->at) + y * stride;
  png_read_image(j->png, j->rows);
  png_read_end(j->png, NULL); /* the checksum follows the last rows */
  if (wide == 2) stop(j, scale(j));
}

static int read_guarded(job *j) {
  if (setjmp(png_jmpbuf(j->png))) return 0;
  png_set_read_fn(j->png, j, get_bytes);
  png_set_user_limits(j->png, PNG_UINT_31_MAX,
                      PNG_UINT_31_MAX); /* our limits include the numbers in messages */
  /* Text, profiles etc. are skipped: they may be compressed by a factor of 1000. */
  png_set_keep_unknown_chunks(j->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
  png_read_info(j->png, j->info);
  const png_uint_32 h = png_get_image_height(j->png, j->info);
  const png_uint_32 w = png_get_image_width(j->png, j->info);
  stop(j, clf__decode_limits(j->path, h, w, j->size));
  const int colour = (png_get_color_type(j->png, j->info) & PNG_COLOR_MASK_COLOR) != 0;
  *j->p = (clf__picture){(int32_t)h, (int32_t)w, colour ? 3 : 1, NULL};
  if (j->how->header) return 1;
  normalise(j);
  read_rows(j);
  return 1;
}

clf_status clf__decode_png(const char *path, const uint8_t *bytes, size_t size, clf__decoding *how,
                           clf__picture *p) {
  job j = {.path = path, .bytes = bytes, .size = size, .how = how, .p = p};
  j.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &j, on_error, on_warning);
  j.info = j.png ? png_create_info_struct(j.png) : NULL;
  const int good = j.info && read_guarded(&j);
  free(j.rows);
  free(j.deep);
  if (!j.info) j.status = clf__fail(CLF_ENOMEM, "%s: no memory to decode it", path);
  png_destroy_read_struct(&j.png, &j.info, NULL);
  if (good || j.status != CLF_OK) return j.status;
  return clf__fail(CLF_EFORMAT, "%s: the PNG file is damaged: %s", path, j.why);
}

/* ---- Writing -------------------------------------------------------------- */

static void put_bytes(png_structp png, png_bytep from, size_t n) {
  job *const j = png_get_io_ptr(png);
  stop(j, clf__file_put(j->file, from, n));
}

static void flush_bytes(png_structp png) { (void)png; }

static int write_guarded(job *j, const uint8_t *pixels) {
  const clf__picture *const p = j->p;
  const size_t stride = (size_t)p->width * (size_t)p->channels;
  if (setjmp(png_jmpbuf(j->png))) return 0;
  png_set_write_fn(j->png, j, put_bytes, flush_bytes);
  png_set_IHDR(j->png, j->info, (png_uint_32)p->width, (png_uint_32)p->height, 8,
               p->channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(j->png, j->info);
  for (int32_t y = 0; y < p->height; y++) png_write_row(j->png, pixels + (size_t)y * stride);
  png_write_end(j->png, NULL);
  return 1;
}

static clf_status write_png(job *j, const uint8_t *pixels) {
  j->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, j, on_error, on_warning);
  j->info = j->png ? png_create_info_struct(j->png) : NULL;
  const int good = j->info && write_guarded(j, pixels);
  if (!j->info) j->status = clf__fail(CLF_ENOMEM, "%s: no memory to encode it", j->path);
  png_destroy_write_struct(&j->png, &j->info);
  if (good || j->status != CLF_OK) return j->status;
  return clf__fail(CLF_EIO, "%s: cannot be written as PNG: %s", j->path, j->why);
}

clf_status clf_image_write_png(const char *path, const uint8_t *pixels, int32_t height,
                               int32_t width, int32_t channels) {
  clf__picture p = {height, width, channels, NULL};
  job j = {.path = path, .p = &p};
  CLF_GIVEN("path, pixels", path, pixels);
  if (height < 1 || width < 1 || height > CLF_IMAGE_SIDE || width > CLF_IMAGE_SIDE ||
      (channels != 1 && channels != 3))
    return clf__fail(CLF_EINVAL,
                     "%s: cannot be written: this is no image: %" PRId32 " x %" PRId32
                     " pixels in %" PRId32 " channels",
                     path, height, width, channels);
  CLF_TRY(clf__file_begin(path, &j.file));
  const clf_status s = write_png(&j, pixels);
  if (s == CLF_OK) return clf__file_commit(j.file);
  clf__file_abort(j.file);
  return s;
}
