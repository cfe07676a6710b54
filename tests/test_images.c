/* SPDX-License-Identifier: MIT */
/* test_images.c: sets of images, their files, and the set that is drawn. */
#define _GNU_SOURCE
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jpeglib.h>
#include <png.h>
#include <zlib.h>

#include "clflow/images.h"
#include "images.h"
#include "suite.h"

#define SIZE(array) (sizeof(array) / sizeof *(array))

/* ---- Helpers: main() makes a fresh folder the current one ------------------ */

static size_t take(const char *path, uint8_t *bytes, size_t room) {
  FILE *const f = fopen(path, "rb");
  ck_assert_ptr_nonnull(f);
  const size_t n = fread(bytes, 1, room, f);
  ck_assert_uint_lt(n, room);
  fclose(f);
  return n;
}

static void put_gz(const char *path, const void *bytes, unsigned n) {
  const gzFile f = gzopen(path, "wb");
  ck_assert_int_eq(gzwrite(f, bytes, n), (int)n);
  ck_assert_int_eq(gzclose(f), Z_OK);
}

static void fresh(const char *folder) {
  suite_remove(folder);
  ck_assert_int_eq(mkdir(folder, 0777), 0);
}

static clf_images *load_by(const char *source, const clf_image_options *o, int threads) {
  clf_images *m = NULL;
  clf_status s = clf__images_open(source, o, threads, &m);
  if (s == CLF_OK) s = clf_images_wait(m);
  ck_assert_msg(s == CLF_OK, "%s", s ? clf_errmsg() : "");
  return m;
}

static clf_images *load(const char *source, const clf_image_options *o) {
  return load_by(source, o, 0);
}

static void fails(const char *source, const clf_image_options *o, clf_status want,
                  const char *message) {
  clf_images *m = NULL;
  clf_status s = clf_images_open(source, o, &m);
  if (s == CLF_OK) {
    s = clf_images_wait(m);
    ck_assert_int_eq(clf_images_wait(m), s); /* asked again it says the same */
  }
  ck_assert_msg(s != CLF_OK, "%s was taken", source);
  ck_assert_str_eq(clf_errmsg(), message);
  ck_assert_int_eq(s, want);
  clf_images_free(m);
}

static void shape_is(const clf_images *m, int64_t n, int32_t h, int32_t w, int32_t c) {
  int32_t height, width, channels;
  clf_images_shape(m, &height, &width, &channels);
  ck_assert_int_eq(clf_images_count(m), n);
  ck_assert_int_eq(height, h);
  ck_assert_int_eq(width, w);
  ck_assert_int_eq(channels, c);
}

static void bytes_are(const uint8_t *got, const uint8_t *want, size_t n) {
  size_t i = 0;
  while (i < n && got[i] == want[i]) i++; /* an assertion costs a write */
  ck_assert_msg(i == n, "byte %zu of %zu is not what it should be", i, n);
}

/* The whole set, in order. */
static void set_is(const char *source, const clf_image_options *o, int64_t n, int32_t h, int32_t w,
                   int32_t c, const uint8_t *want) {
  uint8_t got[4096];
  clf_images *const m = load(source, o);
  shape_is(m, n, h, w, c);
  ck_assert_int_eq(clf_images_get(m, NULL, 0, n, NULL, got), CLF_OK);
  bytes_are(got, want, (size_t)(n * h * w * c));
  clf_images_free(m);
}

static void put_png(const char *path, int32_t h, int32_t w, int32_t c, const uint8_t *at) {
  ck_assert_int_eq(clf_image_write_png(path, at, h, w, c), CLF_OK);
}

/* A PNG of any kind: rows as libpng takes them. */
static void put_png_kind(const char *path, int32_t h, int32_t w, int depth, int kind, int interlace,
                         const uint8_t *at, size_t stride) {
  png_color palette[] = {{10, 20, 30}, {40, 50, 60}, {70, 80, 90}, {1, 2, 3}};
  FILE *const f = fopen(path, "wb");
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_infop info = png_create_info_struct(png);
  png_bytep rows[16];
  for (int32_t y = 0; y < h; y++) rows[y] = (png_bytep)(uintptr_t)(at + (size_t)y * stride);
  png_init_io(png, f);
  png_set_IHDR(png, info, (png_uint_32)w, (png_uint_32)h, depth, kind, interlace, 0, 0);
  if (kind == PNG_COLOR_TYPE_PALETTE) png_set_PLTE(png, info, palette, 4);
  png_set_rows(png, info, rows);
  png_write_png(png, info, 0, NULL);
  png_destroy_write_struct(&png, &info);
  fclose(f);
}

static void put_jpeg(const char *path, int h, int w, J_COLOR_SPACE space, int channels,
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

static const uint8_t six[] = {1, 2, 3, 4, 5, 250};
static const uint8_t nine[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

/* ---- IDX ------------------------------------------------------------------ */

#define IDX3 "\0\0\x08\x03"
#define IDX_2_1_3 IDX3 "\0\0\0\2\0\0\0\1\0\0\0\3"
static const char idx[] = IDX_2_1_3 "\1\2\3\4\5\372";
enum { IDX_BYTES = sizeof idx - 1 };

START_TEST(idx_values) {
  write_bytes("a.idx", idx, IDX_BYTES);
  write_bytes("a-images-idx3-ubyte", idx, IDX_BYTES);
  put_gz("a-images-idx3-ubyte.gz", idx, IDX_BYTES);
  set_is("a.idx", NULL, 2, 1, 3, 1, six);
  set_is("a-images-idx3-ubyte", NULL, 2, 1, 3, 1, six);
  set_is("a-images-idx3-ubyte.gz", NULL, 2, 1, 3, 1, six);
  write_bytes("c.idx", "\0\0\x08\x04\0\0\0\1\0\0\0\1\0\0\0\2\0\0\0\3\1\2\3\4\5\372", 26);
  set_is("c.idx", NULL, 1, 1, 2, 3, six);
  write_bytes("one.idx", IDX3 "\0\0\0\1\0\0\0\1\0\0\0\1\372", 17);
  set_is("one.idx", NULL, 1, 1, 1, 1, six + 5);
}
END_TEST

#define IDX_FAILS(bytes, message)                                                                  \
  do {                                                                                             \
    write_bytes("b.idx", bytes, sizeof(bytes) - 1);                                                \
    fails("b.idx", NULL, CLF_EFORMAT, "b.idx: " message);                                          \
  } while (0)

START_TEST(idx_refusals) {
  IDX_FAILS("", "0 bytes are too few for an IDX file");
  IDX_FAILS(
      "\0\0\x08\x01\0\0\0\2\1\2",
      "holds labels (IDX magic 0x00000801), not images; these lie in the file of the same set "
      "with \"images\" in its name");
  IDX_FAILS("a,b\n1,2\n", "this is not an IDX file of images: it begins with 0x612c620a, not with "
                          "0x00000803 or 0x00000804");
  IDX_FAILS(IDX3 "\0\0\0\2\0\0", "ends within its header, after 10 of 16 bytes");
  IDX_FAILS(IDX_2_1_3 "\1\2\3\4\5",
            "2 x 1 x 3 pixels take 22 bytes with the header, the file has 21");
  IDX_FAILS(IDX_2_1_3 "\1\2\3\4\5\6\7",
            "2 x 1 x 3 pixels take 22 bytes with the header, the file has 23");
  IDX_FAILS(IDX3 "\0\0\0\0\0\0\0\1\0\0\0\1", "holds no pixels: 0 x 1 x 1");
  IDX_FAILS(IDX3 "\0\0\0\1\0\1\0\1\0\0\0\1",
            "images of 1 x 65537 x 1 pixels are beyond 65536 a side or 2^28 in all");
  IDX_FAILS(IDX3 "\xff\xff\xff\xff\0\0\x40\0\0\0\x40\0",
            "4294967295 x 16384 x 16384 pixels take 1152921504338411536 bytes with the header, the "
            "file has 16");
  IDX_FAILS("\0\0\x08\x04\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\2\1\2",
            "the shape is 1 x 1 x 1 x 2; the last must be 1 or 3 channels");
  fails("none.idx", NULL, CLF_EIO, "none.idx: cannot be read: No such file or directory");
}
END_TEST

START_TEST(idx_compressed_refusals) {
  uint8_t b[256];
  put_gz("a.idx.gz", idx, IDX_BYTES);
  const size_t n = take("a.idx.gz", b, sizeof b);
  char message[128];
  for (size_t cut = 10; cut < n; cut += cut < 12 ? 1 : n - 13) {
    write_bytes("b.idx.gz", b, cut);
    snprintf(message, sizeof message,
             "b.idx.gz: the gzip data are cut short: they end after %zu bytes", cut);
    fails("b.idx.gz", NULL, CLF_EFORMAT, message);
  }
  write_bytes("b.idx.gz", b, n + 2);
  fails("b.idx.gz", NULL, CLF_EFORMAT, "b.idx.gz: 2 bytes follow the gzip data");
  b[n - 6] ^= 1; /* in the checksum */
  write_bytes("b.idx.gz", b, n);
  fails("b.idx.gz", NULL, CLF_EFORMAT,
        "b.idx.gz: the gzip data are damaged after 22 bytes: incorrect data check");
  put_gz("b.idx.gz", idx, IDX_BYTES - 1);
  fails("b.idx.gz", NULL, CLF_EFORMAT,
        "b.idx.gz: 2 x 1 x 3 pixels take 22 bytes with the header, decompressed it has 21");
  put_gz("b.idx.gz", IDX_2_1_3 "\1\2\3\4\5\6\7\1\1\1", IDX_BYTES + 4);
  fails(
      "b.idx.gz", NULL, CLF_EFORMAT,
      "b.idx.gz: 2 x 1 x 3 pixels take 22 bytes with the header, decompressed it has at least 23");
  put_gz("b.idx.gz", IDX3 "\xff\0\0\0\0\0\1\0\0\0\1\0", 16);
  fails("b.idx.gz", NULL, CLF_EFORMAT,
        "b.idx.gz: 4278190080 x 256 x 256 pixels take 280375465082896 bytes with the header, more "
        "than can be made of the file's 30");
}
END_TEST

/* A megabyte of zeros where the header promises six bytes: no more than these are made. */
START_TEST(idx_bomb) {
  char *const b = calloc(1, 1 << 20);
  memcpy(b, idx, IDX_BYTES);
  put_gz("b.idx.gz", b, 1 << 20);
  free(b);
  fails(
      "b.idx.gz", NULL, CLF_EFORMAT,
      "b.idx.gz: 2 x 1 x 3 pixels take 22 bytes with the header, decompressed it has at least 23");
}
END_TEST

/* ---- CIFAR-10 ------------------------------------------------------------- */

static void put_cifar(const char *path, int records, int first) {
  uint8_t b[3 * 3073];
  for (int i = 0; i < records; i++)
    for (int k = 0; k < 3073; k++) {
      const int plane = (k - 1) / 1024, x = (k - 1) % 32, y = (k - 1) % 1024 / 32;
      b[i * 3073 + k] = (uint8_t)(k == 0 ? 9 : 80 * plane + first + i + x + y);
    }
  write_bytes(path, b, (size_t)(records * 3073));
}

static void cifar_is(const char *source, int64_t n) {
  uint8_t got[3072];
  clf_images *const m = load(source, NULL);
  shape_is(m, n, 32, 32, 3);
  for (int64_t i = 0; i < n; i++) {
    ck_assert_int_eq(clf_images_get(m, &i, 0, 1, NULL, got), CLF_OK);
    for (int k = 0; k < 3072; k++) {
      const int c = k % 3, x = k / 3 % 32, y = k / 96;
      ck_assert_int_eq(got[k], (uint8_t)(80 * c + i + x + y));
    }
  }
  clf_images_free(m);
}

START_TEST(cifar_values) {
  fresh("d");
  put_cifar("d/data_batch_2.bin", 2, 1);
  put_cifar("d/data_batch_1.bin", 1, 0);
  put_cifar("d/test_batch.bin", 1, 7);
  write_bytes("d/readme.png", "no image", 8);
  cifar_is("d", 3);
  put_cifar("t.bin", 3, 0);
  cifar_is("t.bin", 3);
}
END_TEST

START_TEST(cifar_refusals) {
  uint8_t b[3 * 3073 + 1];
  put_cifar("t.bin", 3, 0);
  ck_assert_uint_eq(take("t.bin", b, sizeof b), 3 * 3073);
  write_bytes("t.bin", b, 3 * 3073 - 1);
  fails("t.bin", NULL, CLF_EFORMAT,
        "t.bin: 9218 bytes are no whole number of CIFAR-10's records of 3073: 2 records and 3072 "
        "bytes");
  write_bytes("t.bin", b, 0);
  fails("t.bin", NULL, CLF_EFORMAT, "t.bin: the file is empty");
  fresh("d");
  write_bytes("d/data_batch_1.bin", b, 3073);
  write_bytes("d/data_batch_2.bin", b, 3074);
  fails("d", NULL, CLF_EFORMAT,
        "d/data_batch_2.bin: 3074 bytes are no whole number of CIFAR-10's records of 3073: 1 "
        "records and 1 bytes");
}
END_TEST

/* ---- NPY ------------------------------------------------------------------ */

static void put_npy(const char *path, const char *descr, int fortran, const char *shape,
                    const void *data, size_t n) {
  char b[1024];
  memcpy(b, "\x93NUMPY\x01\x00", 8);
  const int head = snprintf(b + 10, 200, "{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }\n",
                            descr, fortran ? "True" : "False", shape);
  b[8] = (char)head;
  b[9] = 0;
  memcpy(b + 10 + head, data, n);
  write_bytes(path, b, 10 + (size_t)head + n);
}

static void npy_fails(const char *descr, const char *shape, const char *message) {
  put_npy("b.npy", descr, 0, shape, nine, 6);
  fails("b.npy", NULL, CLF_EFORMAT, message);
}

START_TEST(npy_images) {
  static const uint8_t turned[] = {1, 3, 5, 2, 4, 250};
  put_npy("a.npy", "|u1", 0, "2, 1, 3", six, 6);
  set_is("a.npy", NULL, 2, 1, 3, 1, six);
  put_npy("a.npy", "|u1", 0, "1, 2, 1, 3", six, 6);
  set_is("a.npy", NULL, 1, 2, 1, 3, six);
  put_npy("a.npy", "|u1", 1, "2, 1, 3", six, 6);
  set_is("a.npy", NULL, 2, 1, 3, 1, turned);
  npy_fails("<f4", "2, 1, 3", "b.npy: holds numbers of dtype <f4; images are bytes, dtype uint8");
  npy_fails("|i1", "2, 1, 3", "b.npy: holds numbers of dtype |i1; images are bytes, dtype uint8");
  npy_fails("|u1", "2, 3", "b.npy: the shape is (2, 3); images are (N, H, W) or (N, H, W, C)");
  npy_fails("|u1", "1, 1, 1, 2, 3",
            "b.npy: the shape is (1, 1, 1, 2, 3); images are (N, H, W) or (N, H, W, C)");
  npy_fails("|u1", "1, 1, 3, 2",
            "b.npy: the shape is (1, 1, 3, 2); the last must be 1 or 3 channels");
  npy_fails("|u1", "2, 0, 3", "b.npy: the shape is (2, 0, 3): there are no pixels");
  npy_fails("|u1", "2, 1, 4", "b.npy: shape (2, 1, 4) of dtype |u1 takes 8 bytes, the file has 6");
  npy_fails("|u1", "99999999999, 65536, 4096",
            "b.npy: the shape (99999999999, 65536, 4096) is beyond what a file can hold");
  npy_fails("|u1", "2, 65537, 4",
            "b.npy: the shape (2, 65537, 4) is beyond 65536 pixels a side or 2^28 in all");
}
END_TEST

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
  fails("d", NULL, CLF_EFORMAT, "d: the folder holds no .png, .jpg or .jpeg");
  write_bytes("d/a.txt", "a", 1);
  fails("d", NULL, CLF_EFORMAT, "d: the folder holds no .png, .jpg or .jpeg");
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

/* ---- Damage --------------------------------------------------------------- */

/* The folder holds one good image, good.png, beside which x.png is damaged. */
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
  damaged("some text", 9, "d/x.png: this is neither a PNG nor a JPEG file");
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

/* Every third byte of a file changed and every third length of it: no crash, no leak, and what is
 * taken has the shape it should have. */
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

/* Sizes that are declared: memory is bounded by that of the file. */
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

/* ---- Crops ---------------------------------------------------------------- */

static clf_image_options sized(clf_crop crop, int32_t h, int32_t w) {
  return (clf_image_options){.crop = crop, .height = h, .width = w};
}

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
    /* Where brightness is linear in the place, so is what lies between two pixels. */
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

/* 192 x 400, halved to 96 x 200; red tells the row and green the column. */
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
        "a.npy: of images whose shorter side is 96 no 64 x 97 pixels can be cut");
  o = sized((clf_crop)9, 1, 1);
  fails("a.npy", &o, CLF_EINVAL, "a.npy: there is no crop 9");
  o = sized(CLF_CROP_CENTER, -1, 1);
  fails("a.npy", &o, CLF_EINVAL,
        "a.npy: no image is -1 x 1 pixels; up to 65536 a side and 2^28 in all can be");
  o = (clf_image_options){.channels = 2};
  fails("a.npy", &o, CLF_EINVAL, "a.npy: images have 1 or 3 channels, not 2");
  o = (clf_image_options){.crop = CLF_CROP_CELEBA};
  fails("a.npy", &o, CLF_EFORMAT,
        "a.npy: is 1 x 3 pixels (height x width); CelebA's crop needs at least 188 x 163");
  fresh("d");
  put_png("d/a.png", 9, 1, 1, nine); /* would become 864 x 96 */
  o = sized(CLF_CROP_LSUN, 96, 96);
  clf_images *const m = load("d", &o);
  shape_is(m, 1, 96, 96, 1);
  clf_images_free(m);
}
END_TEST

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
  put_npy("a.npy", "|u1", 0, "1, 1, 2, 3", six, 6); /* pixels, not bytes, change places */
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

/* The CRC-32 of 2, 1, 3, 1 in eight bytes each, and of the pixels. */
START_TEST(checksums) {
  uint8_t b[38] = {[0] = 2, [8] = 1, [16] = 3, [24] = 1};
  memcpy(b + 32, six, 6);
  put_npy("a.npy", "|u1", 0, "2, 1, 3", six, 6);
  clf_images *const m = load("a.npy", NULL);
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
    ck_assert_str_eq(said[0], "d/0.jpg: this is neither a PNG nor a JPEG file");
    ck_assert_str_eq(said[8], "d/7.png: this is neither a PNG nor a JPEG file");
    if (k == 0) crc = clf_images_checksum(m);
    ck_assert_uint_eq(clf_images_checksum(m), crc);
    clf_images_free(m);
  }
  const clf_image_options strict = {
      .height = 12, .width = 8, .channels = 3, .crop = CLF_CROP_CENTER, .strict = 1};
  for (int i = 0; i < 20; i++) /* which is the first does not depend on luck */
    fails("d", &strict, CLF_EFORMAT, "d/0.jpg: this is neither a PNG nor a JPEG file");
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
    ck_assert_int_gt(most - least, 50); /* there is something to be seen */
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
        "glyphs:m=3: \"m\" is no key; there are n, size, channels and seed");
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
        "glyphs:: \"\" is no key; there are n, size, channels and seed");
}
END_TEST

/* ---- Names ---------------------------------------------------------------- */

START_TEST(names) {
  static const char *const yes[] = {"glyphs", "glyphs:n=2", "d",     "x-idx3-ubyte", "x.idx",
                                    "x.bin",  "x.idx.gz",   "a.npy", "X-UBYTE.GZ"};
  static const char *const no[] = {"glyph",    "moons", "moons:n=2", "none", "x.csv", "f.npy",
                                   "none.npy", "x.png", "x.gz",      "",     "t.npy"};
  fresh("d");
  fresh("moons"); /* the set of points goes first */
  put_npy("a.npy", "|u1", 0, "2, 1, 3", six, 6);
  put_npy("f.npy", "<f8", 0, "2, 1, 3", six, 6);
  put_npy("t.npy", "|u1", 0, "2, 3", six, 6);
  for (size_t i = 0; i < SIZE(yes); i++) ck_assert_msg(clf_is_image_source(yes[i]), "%s", yes[i]);
  for (size_t i = 0; i < SIZE(no); i++) ck_assert_msg(!clf_is_image_source(no[i]), "%s", no[i]);
  ck_assert(!clf_is_image_source(NULL));
  fails(NULL, NULL, CLF_EINVAL, "a set of images to read has no name");
  fails("x.png", NULL, CLF_EINVAL,
        "x.png: a single image is no set; give the folder that it lies in");
  fails("moons", NULL, CLF_EINVAL,
        "moons: is no set of images; there are glyphs, folders of PNG and JPEG files, and files "
        "ending in .idx, -ubyte, .idx.gz, -ubyte.gz, .bin or .npy");
}
END_TEST

/* ---- Writing -------------------------------------------------------------- */

START_TEST(written) {
  static const uint8_t grey[] = {0, 255, 1, 254, 7, 8};
  fresh("d");
  put_png("d/a.png", 3, 2, 1, grey);
  set_is("d", NULL, 1, 3, 2, 1, grey);
  put_png("d/a.png", 1, 2, 3, grey);
  set_is("d", NULL, 1, 1, 2, 3, grey);
  ck_assert_int_eq(clf_images_write_npy("a.npy", grey, 1, 1, 2, 3), CLF_OK);
  set_is("a.npy", NULL, 1, 1, 2, 3, grey);
  ck_assert_int_eq(clf_images_write_npy("a.npy", grey, 3, 1, 2, 1), CLF_OK);
  set_is("a.npy", NULL, 3, 1, 2, 1, grey);
}
END_TEST

START_TEST(written_arrays) {
  static const double at[] = {0.5, -1, 2, 3};
  uint8_t b[256];
  clf_table t;
  ck_assert_int_eq(clf_array_write_npy("a.npy", at, 1, (const int64_t[]){4}), CLF_OK);
  ck_assert_int_eq(clf_table_read("a.npy", &t), CLF_OK);
  ck_assert_int_eq(t.rows, 4);
  for (int i = 0; i < 4; i++) ck_assert(t.at[i] == at[i]);
  clf_table_free(&t);
  ck_assert_int_eq(clf_array_write_npy("a.npy", at, 3, (const int64_t[]){2, 1, 2}), CLF_OK);
  ck_assert_uint_eq(take("a.npy", b, sizeof b), 128 + sizeof at);
  ck_assert_ptr_nonnull(memmem(b, 128, "'shape': (2, 1, 2), }", 21));
}
END_TEST

static void said(clf_status got, clf_status want, const char *message) {
  ck_assert_int_eq(got, want);
  ck_assert_str_eq(clf_errmsg(), message);
}

START_TEST(write_refusals) {
  static const double one = 1;
  said(clf_image_write_png("none/a.png", six, 1, 1, 1), CLF_EIO,
       "none/a.png: cannot be written: the folder \"none\" does not exist");
  said(clf_image_write_png("a.png", six, 0, 1, 1), CLF_EINVAL,
       "a.png: cannot be written: this is no image: 0 x 1 pixels in 1 channels");
  said(clf_image_write_png("a.png", six, 1, 1, 2), CLF_EINVAL,
       "a.png: cannot be written: this is no image: 1 x 1 pixels in 2 channels");
  said(clf_image_write_png(NULL, six, 1, 1, 1), CLF_EINVAL, "an image to write has no name");
  said(clf_images_write_npy("a.npy", six, 0, 1, 1, 1), CLF_EINVAL,
       "a.npy: cannot be written: these are no images: 0 of 1 x 1 pixels in 1 channels");
  said(clf_array_write_npy("a.npy", &one, 5, (const int64_t[]){1, 1, 1, 1, 1}), CLF_EINVAL,
       "a.npy: cannot be written: an array has 1 to 4 dimensions, not 5");
  said(clf_array_write_npy("a.npy", &one, 2, (const int64_t[]){1, 0}), CLF_EINVAL,
       "a.npy: cannot be written: dimension 2 of the array is 0");
  fresh("d");
  ck_assert_int_eq(mkdir("d/a.png", 0777), 0);
  said(clf_image_write_png("d/a.png", six, 1, 1, 1), CLF_EIO,
       "d/a.png: cannot be written: it is a folder");
}
END_TEST

/* A disk that is full, for which a limit on the size of files stands in. */
START_TEST(disk_full) {
  POSIX_ONLY;
  static uint8_t at[100 * 100 * 3];
  struct rlimit before, little = {.rlim_cur = 1000};
  for (size_t i = 0; i < sizeof at; i++) at[i] = (uint8_t)(i * i >> 3);
  fresh("d");
  signal(SIGXFSZ, SIG_IGN);
  ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
  little.rlim_max = before.rlim_max;
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &little), 0);
  const clf_status png = clf_image_write_png("d/a.png", at, 100, 100, 3);
  const clf_status npy = clf_images_write_npy("d/a.npy", at, 3, 100, 100, 1);
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
  said(npy, CLF_EIO, "d/a.npy: write failed: File too large");
  ck_assert_int_eq(png, CLF_EIO);
  ck_assert_int_eq(rmdir("d"), 0); /* nothing was left behind */
}
END_TEST

/* ---- Noise ---------------------------------------------------------------- */

/* The order of this machine's bytes, in which its numbers are put into files here. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define HOST ">"
#else
#define HOST "<"
#endif

START_TEST(noise) {
  static const double at[] = {0, 0.25, 0.5, 0.75, 0.125, 0.9999999999999999};
  static const float single[] = {0, 0.25f, 0.5f, 0.75f, 0.125f, 0.5f};
  static const char *const shapes[] = {"2, 1, 3", "2, 1, 3, 1", "2, 3"};
  clf_table t;
  for (size_t i = 0; i < SIZE(shapes); i++) {
    put_npy("n.npy", HOST "f8", 0, shapes[i], at, sizeof at);
    ck_assert_int_eq(clf_noise_read("n.npy", 2, 1, 3, 1, &t), CLF_OK);
    ck_assert_int_eq(t.rows, 2);
    ck_assert_int_eq(t.cols, 3);
    for (int k = 0; k < 6; k++) ck_assert(t.at[k] == at[k]);
    clf_table_free(&t);
  }
  put_npy("n.npy", HOST "f4", 1, "1, 1, 2, 3", single, sizeof single);
  ck_assert_int_eq(clf_noise_read("n.npy", 1, 1, 2, 3, &t), CLF_OK);
  for (int k = 0; k < 6; k++) ck_assert(t.at[k] == (double)single[k / 3 + 2 * (k % 3)]);
  clf_table_free(&t);
}
END_TEST

static void noise_fails(const char *descr, const char *shape, const void *data, size_t n,
                        clf_status want, const char *message) {
  clf_table t;
  put_npy("n.npy", descr, 0, shape, data, n);
  said(clf_noise_read("n.npy", 1, 1, 2, 3, &t), want, message);
}

START_TEST(noise_refusals) {
  static const double one[] = {0, 0, 0, 0, 0, 1}, less[] = {0, -0.5, 0, 0, 0, 0};
  const double nan_at[] = {0, 0, 0, (double)NAN, 0, 0};
  clf_table t;
  noise_fails(HOST "f8", "1, 1, 2, 3", one, 48, CLF_ENUM,
              "n.npy: number 5 of image 0 (both from 0) is 1; noise is at least 0 and below 1");
  noise_fails(HOST "f8", "1, 6", less, 48, CLF_ENUM,
              "n.npy: number 1 of image 0 (both from 0) is -0.5; noise is at least 0 and below 1");
  noise_fails(HOST "f8", "1, 6", nan_at, 48, CLF_ENUM,
              "n.npy: number 3 of image 0 (both from 0) is nan; noise is at least 0 and below 1");
  noise_fails(HOST "f8", "1, 2, 3", one, 48, CLF_ESHAPE,
              "n.npy: the shape is (1, 2, 3); noise for these images is (1, 1, 2, 3)");
  noise_fails(HOST "f8", "2, 1, 2, 3", one, 48, CLF_ESHAPE,
              "n.npy: the shape is (2, 1, 2, 3); noise for these images is (1, 1, 2, 3)");
  noise_fails("|u1", "1, 1, 2, 3", six, 6, CLF_EFORMAT,
              "n.npy: holds numbers of dtype |u1; noise is of dtype float32 or float64");
  noise_fails(HOST "f8", "1, 6", one, 47, CLF_EFORMAT,
              "n.npy: shape (1, 6) of dtype " HOST "f8 takes 48 bytes, the file has 47");
  said(clf_noise_read("n.npy", 1, 65536, 65536, 1, &t), CLF_EINVAL,
       "there is no noise for 1 images of 65536 x 65536 pixels in 1 channels");
}
END_TEST

static Suite *suite(void) {
  const TTest *const tests[] = {idx_values,      idx_refusals,   idx_compressed_refusals,
                                idx_bomb,        cifar_values,   cifar_refusals,
                                npy_images,      folder_order,   folder_kinds,
                                folder_channels, folder_jpeg,    folder_nothing,
                                folder_mixed,    damaged_png,    damaged_everywhere,
                                damaged_jpeg,    damaged_sizes,  unreadable,
                                crop_center,     crop_celeba,    crop_lsun,
                                crop_refusals,   flips,          rows,
                                checksums,       threads,        given_up,
                                glyph_values,    glyph_refusals, names,
                                written,         written_arrays, disk_full,
                                write_refusals,  noise,          noise_refusals};
  Suite *const s = suite_create("images");
  TCase *const c = tcase_create("images");
  tcase_set_timeout(c, 60);
  for (size_t i = 0; i < SIZE(tests); i++) tcase_add_test(c, tests[i]);
  suite_add_tcase(s, c);
  return s;
}

int main(void) {
  char folder[] = "/tmp/clflow-images-XXXXXX";
  if (!mkdtemp(folder) || chdir(folder)) return 1;
  const int failed = suite_run(suite());
  suite_remove(folder);
  return failed;
}
