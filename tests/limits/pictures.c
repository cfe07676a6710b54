/* SPDX-License-Identifier: MIT */
/* pictures.c: the worst PNG and JPEG files: 2^24 pixels of 0, the maximum, and compressed data that
 * are not pixels. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jpeglib.h>
#include <zlib.h>
#include "limits.h"

enum { SIDE = 4096, TEXT = 7900000 /* libpng skips chunks of 8 MB */ };

static clf_status read_folder(void) { return limit_read_set("d", CLF_CROP_NONE, 0); }
static clf_status read_lsun(void) { return limit_read_set("d", CLF_CROP_LSUN, 64); }

/* ---- PNG -------------------------------------------------------------------- */

static void add_number(limit_bytes *b, uint32_t v) {
  for (int i = 24; i >= 0; i -= 8) limit_add(b, (uint8_t[]){(uint8_t)(v >> i)}, 1);
}

static void add_chunk(limit_bytes *b, const char *name, const void *bytes, size_t n) {
  add_number(b, (uint32_t)n);
  const size_t at = b->size;
  limit_add(b, name, 4);
  if (n) limit_add(b, bytes, n);
  add_number(b, (uint32_t)crc32(0, b->at + at, (uInt)(n + 4)));
}

static void begin_png(limit_bytes *b, uint32_t height, uint32_t width, int depth, int colour,
                      int interlace) {
  limit_bytes head = {0};
  limit_add(b, "\x89PNG\r\n\x1a\n", 8);
  add_number(&head, width);
  add_number(&head, height);
  limit_add(&head, (uint8_t[]){(uint8_t)depth, (uint8_t)colour, 0, 0, (uint8_t)interlace}, 5);
  add_chunk(b, "IHDR", head.at, head.size);
  free(head.at);
}

/* n zeros compressed by zlib, in a chunk after `before`. */
static void add_zeros(limit_bytes *b, const char *name, const char *before, size_t length,
                      size_t n) {
  uLongf packed = compressBound((uLong)n);
  uint8_t *const zeros = calloc(1, n), *const to = malloc(length + packed);
  ck_assert(zeros && to);
  if (length) memcpy(to, before, length);
  ck_assert_int_eq(compress2(to + length, &packed, zeros, (uLong)n, 9), Z_OK);
  add_chunk(b, name, to, length + packed);
  free(zeros);
  free(to);
}

static void end_png(limit_bytes *b) {
  add_chunk(b, "IEND", NULL, 0);
  limit_write(b, "d/a.png");
}

static void paletted(int interlace, const uint8_t *exif, size_t n) {
  limit_bytes b = {0};
  begin_png(&b, SIDE, SIDE, 1, 3, interlace);
  add_chunk(&b, "PLTE", "\1\2\3\4\5\6", 6);
  if (n) add_chunk(&b, "eXIf", exif, n);
  add_zeros(&b, "IDAT", NULL, 0, (SIDE / 8 + 1) * SIDE + 7 * SIDE);
  end_png(&b);
}
static void blank(void) { paletted(0, NULL, 0); }
static void interlaced(void) { paletted(1, NULL, 0); }
static void turned(void) {
  paletted(0, (const uint8_t *)"MM\0*\0\0\0\10\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0", 26);
}
static void deep_of(uint32_t height) {
  limit_bytes b = {0};
  begin_png(&b, height, SIDE, 16, 2, 1);
  add_zeros(&b, "IDAT", NULL, 0, (size_t)height * SIDE * 6 + 4 * height);
  end_png(&b);
}
static void deep(void) { deep_of(SIDE); }
static void paid_for(void) { deep_of(SIDE + SIDE / 2); }

/* An image of 8 x 8 pixels with chunks that are text, or an embedded profile. */
static void with_text(const char *name, const char *before, size_t length, int times) {
  limit_bytes b = {0}, one = {0};
  begin_png(&b, 8, 8, 8, 0, 0);
  add_zeros(&one, name, before, length, TEXT);
  for (int i = 0; i < times; i++) limit_add(&b, one.at, one.size);
  free(one.at);
  add_zeros(&b, "IDAT", NULL, 0, 72);
  end_png(&b);
}
static void compressed_text(void) { with_text("zTXt", "k\0\0", 3, 100); }
static void international_text(void) { with_text("iTXt", "k\0\1\0\0\0", 6, 100); }
static void profile(void) { with_text("iCCP", "p\0\0", 3, 1); }
static void behind_pixels(void) {
  limit_bytes b = {0};
  begin_png(&b, 8, 8, 8, 0, 0);
  add_zeros(&b, "IDAT", NULL, 0, 72);
  for (int i = 0; i < 20; i++) add_zeros(&b, "zTXt", "k\0\0", 3, TEXT);
  end_png(&b);
}
static void empty_chunks(void) {
  limit_bytes b = {0};
  begin_png(&b, 8, 8, 8, 0, 0);
  for (int i = 0; i < 50000; i++) add_chunk(&b, "teXt", "k", 1);
  add_zeros(&b, "IDAT", NULL, 0, 72);
  end_png(&b);
}
static void beyond_rows(void) { /* compressed data after the last row */
  limit_bytes b = {0};
  begin_png(&b, 8, 8, 8, 0, 0);
  add_zeros(&b, "IDAT", NULL, 0, 10 * TEXT);
  end_png(&b);
}
static void strip(void) { /* LSUN's crop would make it 96 times as wide */
  limit_bytes b = {0};
  begin_png(&b, 1, 32, 1, 0, 0);
  add_zeros(&b, "IDAT", NULL, 0, 5);
  end_png(&b);
}

/* ---- JPEG ------------------------------------------------------------------- */

static uint8_t *row;
static void put_jpeg(int side, int channels, const jpeg_scan_info *scan, int scans) {
  struct jpeg_compress_struct j;
  struct jpeg_error_mgr e;
  FILE *const f = fopen("d/a.jpg", "wb");
  row = calloc((size_t)side, 3);
  ck_assert(f && row);
  j.err = jpeg_std_error(&e);
  jpeg_create_compress(&j);
  jpeg_stdio_dest(&j, f);
  j.image_height = j.image_width = (JDIMENSION)side;
  j.input_components = channels;
  j.in_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&j);
  jpeg_set_quality(&j, 100, TRUE);
  for (int c = 0; c < channels; c++)
    j.comp_info[c].h_samp_factor = j.comp_info[c].v_samp_factor = 1;
  j.optimize_coding = TRUE;
  if (scans) {
    j.scan_info = scan;
    j.num_scans = scans;
  } else {
    jpeg_simple_progression(&j);
  }
  jpeg_start_compress(&j, TRUE);
  while (j.next_scanline < j.image_height) jpeg_write_scanlines(&j, &row, 1);
  jpeg_finish_compress(&j);
  jpeg_destroy_compress(&j);
  fclose(f);
  free(row);
}

static void progressive(void) { put_jpeg(SIDE, 3, NULL, 0); }

static void many_scans(void) {
  jpeg_scan_info scan[100];
  memset(scan, 0, sizeof scan);
  for (int i = 0; i < 100; i++) {
    const int k = i ? 1 + (i - 1) % 63 : 0, last = i > 63;
    scan[i] = (jpeg_scan_info){.comps_in_scan = 1, .Ss = k, .Se = k, .Ah = last, .Al = i && !last};
  }
  put_jpeg(SIDE / 2, 1, scan, 100);
}

/* Segments without pixels. */
static void segments(void) {
  static uint8_t text[2 + 65535];
  limit_bytes b = {0};
  size_t n;
  put_jpeg(8, 1, NULL, 0);
  uint8_t *const whole = (uint8_t *)read_file("d/a.jpg", &n);
  limit_add(&b, whole, 2);
  for (int i = 0; i < 200; i++) {
    memcpy(text,
           i % 2 ? "\xff\xe1\xff\xff"
                   "Exif\0"
                 : "\xff\xfe\xff\xff",
           i % 2 ? 10 : 4);
    limit_add(&b, text, sizeof text);
  }
  limit_add(&b, whole + 2, n - 2);
  free(whole);
  limit_write(&b, "d/a.jpg");
}

#define PNG(what, build)                                                                           \
  { "PNG", what, build, "d", read_folder, NULL }
#define REST(format, what, build)                                                                  \
  { format ", the rest", what, build, "d", read_folder, NULL }
static const limit_case cases[] = {
    PNG("a blank image of a bit a pixel", blank),
    PNG("the same interlaced", interlaced),
    PNG("the same turned", turned),
    PNG("a blank image of 48 bits a pixel", deep),
    PNG("more pixels, as its bytes allow", paid_for),
    REST("PNG", "compressed text", compressed_text),
    REST("PNG", "compressed text in UTF-8", international_text),
    REST("PNG", "a colour profile", profile),
    REST("PNG", "text behind the pixels", behind_pixels),
    REST("PNG", "chunks of one byte", empty_chunks),
    REST("PNG", "rows beyond the last", beyond_rows),
    {"PNG", "a strip for LSUN's crop", strip, "d", read_lsun, NULL},
    {"JPEG", "a blank progressive image", progressive, "d", read_folder, NULL},
    {"JPEG", "a hundred scans", many_scans, "d", read_folder, NULL},
    REST("JPEG", "comments and EXIF", segments),
};
const limit_list limits_of_pictures = {cases, sizeof cases / sizeof *cases};
