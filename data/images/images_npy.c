/* SPDX-License-Identifier: MIT */
/* images_npy.c: images and their noise in the format of numpy.save(). */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "images.h"
#include "npy.h"
#include "status.h"

static int is_bytes(const clf__npy *h, clf__npy_type d) {
  return d.kind == 'u' && d.size == 1 && (h->dims == 3 || h->dims == 4);
}

int clf__images_npy_is(const char *path) {
  char head[4096]; /* a header with four numbers takes 128 */
  size_t size;
  clf__npy h;
  clf__npy_type d;
  return clf__file_head(path, head, sizeof head, &size) == CLF_OK &&
         clf__npy_open(path, head, size, &h) == CLF_OK && clf__npy_type_of(&h, &d) == CLF_OK &&
         is_bytes(&h, d);
}

/* ---- Images --------------------------------------------------------------- */

static clf_status check_images(const clf__npy *h, clf__npy_type d) {
  if (d.kind != 'u' || d.size != 1)
    return clf__fail(CLF_EFORMAT, "%s: holds numbers of dtype %s; images are bytes, dtype uint8",
                     h->path, h->descr);
  if (!is_bytes(h, d))
    return clf__fail(CLF_EFORMAT, "%s: the shape is %s; images are (N, H, W) or (N, H, W, C)",
                     h->path, h->shape);
  for (int k = 0; k < h->dims; k++)
    if (h->dim[k] == 0)
      return clf__fail(CLF_EFORMAT, "%s: the shape is %s: there are no pixels", h->path, h->shape);
  if (h->dims == 4 && h->dim[3] > CLF_IMAGE_CHANNELS)
    return clf__fail(CLF_EFORMAT, "%s: the shape is %s; the last must be 1 to %d channels", h->path,
                     h->shape, CLF_IMAGE_CHANNELS);
  if (h->dim[1] > CLF_IMAGE_SIDE || h->dim[2] > CLF_IMAGE_SIDE ||
      (int64_t)(h->dim[1] * h->dim[2]) > CLF_IMAGE_PIXELS)
    return clf__fail(CLF_EFORMAT, "%s: the shape %s is beyond %d pixels a side or 2^28 in all",
                     h->path, h->shape, CLF_IMAGE_SIDE);
  return clf__npy_fits(h, d);
}

static clf_status open_images(const char *path, const char *bytes, size_t size, clf__npy *h) {
  clf__npy_type d = {0};
  CLF_TRY(clf__npy_open(path, bytes, size, h));
  CLF_TRY(clf__npy_type_of(h, &d));
  return check_images(h, d);
}

clf_status clf__images_npy_open(const char *path, clf__source *s) {
  char *bytes;
  size_t size;
  clf__npy n;
  CLF_TRY(clf__file_read(path, &bytes, &size));
  const clf_status code = open_images(path, bytes, size, &n);
  if (code != CLF_OK) {
    free(bytes);
    return code;
  }
  const size_t count = (size_t)n.dim[0], h = (size_t)n.dim[1], w = (size_t)n.dim[2];
  const size_t c = n.dims == 4 ? (size_t)n.dim[3] : 1;
  clf__raw r = {(uint8_t *)bytes, n.data, h * w * c, {w * c, c, 1}};
  if (n.fortran) r = (clf__raw){(uint8_t *)bytes, n.data, 1, {count, count * h, count * h * w}};
  return clf__raw_open(path, &r, (int64_t)count,
                       (clf__picture){(int32_t)h, (int32_t)w, (int32_t)c, NULL}, s);
}

/* ---- Writing -------------------------------------------------------------- */

clf_status clf_images_write_npy(const char *path, const uint8_t *pixels, int64_t n, int32_t height,
                                int32_t width, int32_t channels) {
  clf__file *f;
  size_t size = 1;
  const int64_t dim[] = {n, height, width, channels};
  CLF_GIVEN("path, pixels", path, pixels);
  int bad = channels > CLF_IMAGE_CHANNELS;
  for (int k = 0; k < 4; k++) bad |= dim[k] < 1 || __builtin_mul_overflow(size, dim[k], &size);
  if (bad)
    return clf__fail(CLF_EINVAL,
                     "%s: cannot be written: these are no images: %" PRId64 " of %" PRId32
                     " x %" PRId32 " pixels in %" PRId32 " channels",
                     path, n, height, width, channels);
  CLF_TRY(clf__file_begin(path, &f));
  clf_status s = clf__npy_put_header(f, "|u1", channels == 1 ? 3 : 4, dim);
  if (s == CLF_OK) s = clf__file_put(f, pixels, size);
  if (s == CLF_OK) return clf__file_commit(f);
  clf__file_abort(f);
  return s;
}

/* ---- Noise ---------------------------------------------------------------- */

/* Whether the shape is one of those allowed for the images. */
static int noise_fits(const clf__npy *h, const uint64_t dim[4]) {
  if (h->dims < 2 || h->dims > 4 || h->dim[0] != dim[0]) return 0;
  if (h->dims == 2) return h->dim[1] == dim[1] * dim[2] * dim[3];
  return h->dim[1] == dim[1] && h->dim[2] == dim[2] &&
         (h->dims == 3 ? dim[3] == 1 : h->dim[3] == dim[3]);
}

static clf_status check_noise(const clf__npy *h, clf__npy_type d, const uint64_t dim[4]) {
  if (d.kind != 'f' || d.size < 4)
    return clf__fail(CLF_EFORMAT,
                     "%s: holds numbers of dtype %s; noise is of dtype float32 or float64", h->path,
                     h->descr);
  if (!noise_fits(h, dim))
    return clf__fail(CLF_ESHAPE,
                     "%s: the shape is %s; noise for these images is (%" PRIu64 ", %" PRIu64
                     ", %" PRIu64 ", %" PRIu64 ")",
                     h->path, h->shape, dim[0], dim[1], dim[2], dim[3]);
  return clf__npy_fits(h, d);
}

static clf_status decode_noise(const clf__npy *h, clf__npy_type d, const unsigned char *data,
                               const clf_table *t) {
  const size_t cols = (size_t)t->cols, count = (size_t)t->rows * cols;
  for (size_t k = 0; k < count; k++) {
    const double v = clf__npy_number(d, data + clf__npy_offset(h, k) * (size_t)d.size);
    if (!(v >= 0 && v < 1))
      return clf__fail(CLF_ENUM,
                       "%s: number %zu of image %zu is %g; noise is at least 0 and "
                       "below 1",
                       h->path, k % cols + 1, k / cols + 1, v);
    t->at[k] = v;
  }
  return CLF_OK;
}

static clf_status read_noise(const char *path, const char *bytes, size_t size,
                             const uint64_t dim[4], clf_table *noise) {
  clf__npy h;
  clf__npy_type d = {0};
  clf_table t;
  CLF_TRY(clf__npy_open(path, bytes, size, &h));
  CLF_TRY(clf__npy_type_of(&h, &d));
  CLF_TRY(check_noise(&h, d, dim));
  CLF_TRY(clf_table_new((int64_t)dim[0], (int32_t)(dim[1] * dim[2] * dim[3]), &t));
  const clf_status s = decode_noise(&h, d, (const unsigned char *)bytes + h.data, &t);
  if (s == CLF_OK)
    *noise = t;
  else
    clf_table_free(&t);
  return s;
}

clf_status clf_noise_read(const char *path, int64_t count, int32_t height, int32_t width,
                          int32_t channels, clf_table *noise) {
  char *bytes;
  size_t size;
  CLF_GIVEN("path, noise", path, noise);
  if (count < 1 || height < 1 || width < 1 || channels < 1 ||
      (int64_t)height * width > INT32_MAX / channels)
    return clf__fail(CLF_EINVAL,
                     "there is no noise for %" PRId64 " images of %" PRId32 " x %" PRId32
                     " pixels in %" PRId32 " channels",
                     count, height, width, channels);
  const uint64_t dim[] = {(uint64_t)count, (uint64_t)height, (uint64_t)width, (uint64_t)channels};
  CLF_TRY(clf__file_read(path, &bytes, &size));
  const clf_status s = read_noise(path, bytes, size, dim, noise);
  free(bytes);
  return s;
}
