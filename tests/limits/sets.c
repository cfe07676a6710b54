/* SPDX-License-Identifier: MIT */
/* sets.c: the worst files that hold many images, and folders. */
#define _XOPEN_SOURCE 700
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include "images.h"
#include "limits.h"

enum { MILLION = 1000000, RECORD = 3073 };

clf_status limit_read_set(const char *source, clf_crop crop, int32_t side) {
  const clf_image_options o = {.crop = crop, .height = side, .width = side, .strict = 1};
  clf_images *m = NULL;
  clf_status s = clf__images_open(source, &o, 1, &m);
  if (!s) s = clf_images_wait(m);
  clf_images_free(m);
  return s;
}

/* ---- IDX, plain and compressed ------------------------------------------------ */

static clf_status read_idx(void) { return limit_read_set("a.idx", CLF_CROP_NONE, 0); }
static clf_status read_gz(void) { return limit_read_set("a.idx.gz", CLF_CROP_NONE, 0); }

static void add_idx(limit_bytes *b, uint32_t n, uint32_t h, uint32_t w) {
  const uint32_t dims[] = {n, h, w};
  limit_add(b, "\0\0\x08\x03", 4);
  for (int k = 0; k < 3; k++)
    for (int i = 24; i >= 0; i -= 8) limit_add(b, (uint8_t[]){(uint8_t)(dims[k] >> i)}, 1);
}
static void one_pixel(void) {
  limit_bytes b = {0};
  add_idx(&b, MILLION, 1, 1);
  limit_add(&b, NULL, MILLION);
  limit_write(&b, "a.idx");
}
static void idx_claims(void) {
  limit_bytes b = {0};
  add_idx(&b, 0xffffffff, 1024, 1024);
  limit_add(&b, NULL, 100);
  limit_write(&b, "a.idx");
}

/* Compresses what is in b to a file. */
static void compress_to(const char *path, limit_bytes *b) {
  const gzFile f = gzopen(path, "wb9");
  ck_assert_int_eq(gzwrite(f, b->at, (unsigned)b->size), (int)b->size);
  ck_assert_int_eq(gzclose(f), Z_OK);
  b->size = 0;
  limit_write(b, "unused");
  unlink("unused");
}
static void compressed(void) {
  limit_bytes b = {0};
  add_idx(&b, 30 * MILLION, 1, 1);
  limit_add(&b, NULL, 30 * MILLION);
  compress_to("a.idx.gz", &b);
}
static void compressed_more(void) {
  limit_bytes b = {0};
  add_idx(&b, 10, 1, 1);
  limit_add(&b, NULL, 30 * MILLION);
  compress_to("a.idx.gz", &b);
}

/* ---- CIFAR and NPY --------------------------------------------------------------- */

static clf_status read_folder(void) { return limit_read_set("d", CLF_CROP_NONE, 0); }
static clf_status read_bytes(void) { return limit_read_set("a.npy", CLF_CROP_NONE, 0); }

static void batches(void) {
  char path[32];
  for (int i = 1; i <= 5; i++) {
    limit_bytes b = {0};
    limit_add(&b, NULL, 100 * RECORD);
    snprintf(path, sizeof path, "d/data_batch_%d.bin", i);
    limit_write(&b, path);
  }
}

static void columns_first(void) {
  limit_bytes b = {0};
  static const char head[] = "{'descr': '|u1', 'fortran_order': True, 'shape': (1000000, 1, 1), }";
  limit_add(&b, "\x93NUMPY\1", 8);
  limit_add(&b, (uint8_t[]){(uint8_t)(sizeof head - 1), 0}, 2);
  limit_add(&b, head, sizeof head - 1);
  limit_add(&b, NULL, MILLION);
  limit_write(&b, "a.npy");
}

/* ---- Folders ------------------------------------------------------------------------ */

static void other_files(void) {
  char path[64];
  for (int i = 0; i < 3000; i++) {
    limit_bytes b = {0};
    limit_repeat(&b, "x", 100);
    snprintf(path, sizeof path, "d/x.%d", i);
    limit_write(&b, path);
  }
}

static const limit_case cases[] = {
    {"IDX", "images of one pixel", one_pixel, "a.idx", read_idx, NULL},
    {"IDX", "images that are not there", idx_claims, "a.idx", read_idx, "a.idx: "},
    {"IDX, gzip", "images of one pixel", compressed, "a.idx.gz", read_gz, NULL},
    {"IDX, gzip", "more than it declares", compressed_more, "a.idx.gz", read_gz, "at least"},
    {"CIFAR-10", "five batches", batches, "d", read_folder, NULL},
    {"images in NPY", "images of one pixel, the last first", columns_first, "a.npy", read_bytes,
     NULL},
    {"folder", "files of other kinds", other_files, "d", read_folder, "no PNG or JPEG"},
};
const limit_list limits_of_sets = {cases, sizeof cases / sizeof *cases};
