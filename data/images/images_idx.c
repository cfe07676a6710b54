/* SPDX-License-Identifier: MIT */
/* images_idx.c: images and labels in MNIST's IDX format, plain or compressed by gzip. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "file.h"
#include "images.h"
#include "path.h"
#include "status.h"

/* Four magic bytes, of which the last is the number of dimensions; the dimensions, in four bytes
 * each, big-endian; the pixels. */
enum { MAGIC_BYTES = 4, RANK_LABELS = 1, RANK_GREY = 3, RANK_COLOUR = 4, HEADER_MAX = 20 };

typedef struct idx {
  const char *path;
  int is_labels; /* 1: labels are wanted, not images */
  int rank;
  uint32_t dim[RANK_COLOUR];
  uint64_t want; /* bytes of the whole file, according to its header */
} idx;

static uint32_t word(const uint8_t *b) {
  return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* ---- The header ------------------------------------------------------------------------------ */

static clf_status parse_magic(idx *x, const uint8_t *b, size_t size) {
  if (size < MAGIC_BYTES)
    return clf__fail(CLF_EFORMAT, "%s: %zu bytes are too few for an IDX file", x->path, size);
  if (word(b) == 0x800 + RANK_LABELS && !x->is_labels)
    return clf__fail(CLF_EFORMAT,
                     "%s: holds labels (IDX magic 0x00000801), not images; these are in the file "
                     "of the same set with \"images\" in its name",
                     x->path);
  if (word(b) != 0x800 + RANK_LABELS && x->is_labels)
    return clf__fail(CLF_EFORMAT,
                     "%s: this is not an IDX file of labels: it begins with 0x%08" PRIx32
                     ", not with 0x00000801",
                     x->path, word(b));
  if (word(b) != 0x800 + RANK_GREY && word(b) != 0x800 + RANK_COLOUR && !x->is_labels)
    return clf__fail(CLF_EFORMAT,
                     "%s: this is not an IDX file of images: it begins with 0x%08" PRIx32
                     ", not with 0x00000803 or 0x00000804",
                     x->path, word(b));
  x->rank = b[3];
  return CLF_OK;
}

/* "3 x 28 x 28", for messages. */
static void shape_text(const idx *x, char text[64]) {
  size_t n = 0;
  for (int k = 0; k < x->rank; k++)
    n += (size_t)snprintf(text + n, 64 - n, "%s%" PRIu32, k ? " x " : "", x->dim[k]);
}

static clf_status check_images(const idx *x, const char *text) {
  if (x->dim[1] > CLF_IMAGE_SIDE || x->dim[2] > CLF_IMAGE_SIDE ||
      (int64_t)x->dim[1] * x->dim[2] > CLF_IMAGE_PIXELS)
    return clf__fail(CLF_EFORMAT, "%s: images of %s pixels are beyond %d a side or 2^28 in all",
                     x->path, text, CLF_IMAGE_SIDE);
  if (x->rank == RANK_COLOUR && x->dim[3] != 1 && x->dim[3] != 3)
    return clf__fail(CLF_EFORMAT, "%s: the shape is %s; the last must be 1 or 3 channels", x->path,
                     text);
  return CLF_OK;
}

static const char *what_of(const idx *x) { return x->is_labels ? "labels" : "pixels"; }

static clf_status parse_header(idx *x, const uint8_t *b, size_t size) {
  char text[64];
  CLF_TRY(parse_magic(x, b, size));
  const size_t header = MAGIC_BYTES + 4 * (size_t)x->rank;
  if (size < header)
    return clf__fail(CLF_EFORMAT, "%s: ends within its header, after %zu of %zu bytes", x->path,
                     size, header);
  uint64_t pixels = 1;
  int beyond = 0;
  for (int k = 0; k < x->rank; k++) {
    x->dim[k] = word(b + MAGIC_BYTES + 4 * k);
    beyond |= __builtin_mul_overflow(pixels, (uint64_t)x->dim[k], &pixels);
  }
  shape_text(x, text);
  if (pixels == 0) return clf__fail(CLF_EFORMAT, "%s: holds no pixels: %s", x->path, text);
  if (!x->is_labels) CLF_TRY(check_images(x, text));
  if (beyond || __builtin_add_overflow(pixels, (uint64_t)header, &x->want))
    return clf__fail(CLF_EFORMAT, "%s: %s %s are beyond what a file can hold", x->path, text,
                     what_of(x));
  return CLF_OK;
}

static clf_status wrong_size(const idx *x, const char *has, uint64_t size) {
  char text[64];
  shape_text(x, text);
  return clf__fail(CLF_EFORMAT, "%s: %s %s take %" PRIu64 " bytes with the header, %s %" PRIu64,
                   x->path, text, what_of(x), x->want, has, size);
}

/* ---- Compressed ----------------------------------------------------------- */

static clf_status bad_gzip(const char *path, const z_stream *z, int code) {
  if (code == Z_MEM_ERROR) return clf__fail(CLF_ENOMEM, "%s: no memory to decompress it", path);
  if (code == Z_BUF_ERROR)
    return clf__fail(CLF_EFORMAT, "%s: the gzip data are cut short: they end after %lu bytes", path,
                     z->total_in);
  return clf__fail(CLF_EFORMAT, "%s: the gzip data are damaged after %lu bytes: %s", path,
                   z->total_out, z->msg ? z->msg : zError(code));
}

/* Inflates until n bytes are available, or the stream ends; returns zlib's code. */
static int inflate_to(z_stream *z, uint8_t *to, size_t n) {
  int code = Z_OK;
  while (code == Z_OK && z->total_out < n) {
    const size_t room = n - z->total_out;
    z->next_out = to + z->total_out;
    z->avail_out = room > UINT_MAX ? UINT_MAX : (uInt)room;
    code = inflate(z, Z_NO_FLUSH);
  }
  return code;
}

/* After the last byte that the header promises the stream must end, with the right checksum; one
 * extra byte of room shows whether it continues. */
static clf_status check_end(const idx *x, z_stream *z, int code) {
  uint8_t more;
  if (code == Z_STREAM_END && z->total_out < x->want)
    return wrong_size(x, "decompressed it has", z->total_out);
  z->next_out = &more;
  z->avail_out = sizeof more;
  while (code == Z_OK && z->avail_out) code = inflate(z, Z_NO_FLUSH);
  if (!z->avail_out) return wrong_size(x, "decompressed it has at least", x->want + 1);
  if (code != Z_STREAM_END) return bad_gzip(x->path, z, code);
  if (z->avail_in)
    return clf__fail(CLF_EFORMAT, "%s: %u bytes follow the gzip data", x->path, z->avail_in);
  return CLF_OK;
}

/* The header is inflated first and determines the memory; deflate expands at most by a factor of
 * 1032, so a false header cannot request more than that. */
static clf_status gunzip(idx *x, z_stream *z, size_t size, uint8_t **bytes) {
  uint8_t head[HEADER_MAX];
  int code = inflate_to(z, head, sizeof head);
  if (code != Z_OK && code != Z_STREAM_END) return bad_gzip(x->path, z, code);
  const size_t have = z->total_out;
  CLF_TRY(parse_header(x, head, have));
  if (x->want / 1032 > size) return wrong_size(x, "more than can be made of the file's", size);
  if (x->want < have) return wrong_size(x, "decompressed it has at least", have);
  uint8_t *const b = x->want > SIZE_MAX ? NULL : malloc((size_t)x->want);
  if (!b) return clf__fail(CLF_ENOMEM, "%s: no memory for %" PRIu64 " bytes", x->path, x->want);
  memcpy(b, head, have);
  if (code == Z_OK) code = inflate_to(z, b, (size_t)x->want);
  const clf_status s = check_end(x, z, code);
  if (s == CLF_OK)
    *bytes = b;
  else
    free(b);
  return s;
}

static clf_status read_gzip(idx *x, const uint8_t *from, size_t size, uint8_t **bytes) {
  z_stream z = {0};
  if (size > UINT_MAX)
    return clf__fail(CLF_ENOTSUP, "%s: %zu bytes of gzip data are beyond 2^32", x->path, size);
  z.next_in = (z_const Bytef *)(uintptr_t)from;
  z.avail_in = (uInt)size;
  const int code = inflateInit2(&z, 16 + MAX_WBITS);
  if (code != Z_OK) return bad_gzip(x->path, &z, code);
  const clf_status s = gunzip(x, &z, size, bytes);
  inflateEnd(&z);
  return s;
}

/* ---- Both ----------------------------------------------------------------- */

/* The whole file; the caller frees it. */
static clf_status read_whole(idx *x, uint8_t **bytes) {
  char *file;
  size_t size;
  CLF_TRY(clf__file_read(x->path, &file, &size));
  if (size >= 2 && !memcmp(file, "\x1f\x8b", 2)) {
    const clf_status s = read_gzip(x, (uint8_t *)file, size, bytes);
    free(file);
    return s;
  }
  clf_status s = parse_header(x, (uint8_t *)file, size);
  if (s == CLF_OK && size != x->want) s = wrong_size(x, "the file has", size);
  if (s == CLF_OK)
    *bytes = (uint8_t *)file;
  else
    free(file);
  return s;
}

/* Replaces the last `from` in the name of the file, if it is there. */
static void replace(char *path, const char *from, const char *to) {
  char *last = NULL;
  for (char *at = path + (clf__file_name(path) - path); (at = strstr(at, from)); at++) last = at;
  if (last) memcpy(last, to, strlen(to)); /* of the same length */
}

/* The path of the labels of a file of images, in the same folder; NULL: there is none.  The caller
 * frees it. */
static char *labels_beside(const char *path) {
  char *const name = malloc(strlen(path) + 1);
  if (!name) return NULL;
  strcpy(name, path);
  replace(name, "images", "labels");
  replace(name, "idx3", "idx1");
  if (strcmp(name, path) != 0 && access(name, F_OK) == 0) return name;
  free(name);
  return NULL;
}

/* A label for each of `count` images, which the caller frees; NULL: no file has them. */
static uint8_t *read_labels(const char *path, uint32_t count) {
  char *const name = labels_beside(path);
  idx x = {.path = name, .is_labels = 1};
  uint8_t *label = NULL;
  if (!name) return NULL;
  const int fits = read_whole(&x, &label) == CLF_OK && x.dim[0] == count;
  free(name);
  if (fits) return memmove(label, label + x.want - count, count); /* without the header */
  free(label);
  return NULL;
}

clf_status clf__idx_open(const char *path, clf__source *s) {
  idx x = {.path = path};
  uint8_t *bytes = NULL;
  CLF_TRY(read_whole(&x, &bytes));
  const size_t h = x.dim[1], w = x.dim[2], c = x.rank == RANK_COLOUR ? x.dim[3] : 1;
  const clf__raw r = {.bytes = bytes,
                      .first = MAGIC_BYTES + 4 * (size_t)x.rank,
                      .record = h * w * c,
                      .stride = {w * c, c, 1},
                      .label = read_labels(path, x.dim[0])};
  return clf__raw_open(path, &r, x.dim[0], (clf__picture){(int32_t)h, (int32_t)w, (int32_t)c, NULL},
                       s);
}
