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

/* Whether bytes are (N, C, H, W), by their shape: 1 or 3 channels before pixels that are no
 * channels. */
static int is_first(const clf__npy *h) {
  return (h->dim[1] == 1 || h->dim[1] == 3) && h->dim[3] > 4;
}

/* The axes of height, width and channels. */
typedef struct axes {
  int h, w, c;
} axes;
static axes axes_of(const clf__npy *h, clf_image_order order) {
  const int first =
      h->dims == 4 && (order == CLF_ORDER_AUTO ? is_first(h) : order == CLF_ORDER_NCHW);
  return first ? (axes){2, 3, 1} : (axes){1, 2, 3};
}

static clf_status check_images(const clf__npy *h, clf__npy_type d, axes a) {
  if (d.kind != 'u' || d.size != 1)
    return clf__fail(CLF_EFORMAT, "%s: holds numbers of dtype %s; images are bytes, dtype uint8",
                     h->path, h->descr);
  if (!is_bytes(h, d))
    return clf__fail(CLF_EFORMAT,
                     "%s: the shape is %s; images are (N, H, W), (N, H, W, C) or (N, C, H, W)",
                     h->path, h->shape);
  for (int k = 0; k < h->dims; k++)
    if (h->dim[k] == 0)
      return clf__fail(CLF_EFORMAT, "%s: the shape is %s: there are no pixels", h->path, h->shape);
  if (h->dims == 4 && h->dim[a.c] > CLF_IMAGE_CHANNELS)
    return clf__fail(CLF_EFORMAT,
                     "%s: the shape is %s: %" PRIu64 " channels; images have at most %d", h->path,
                     h->shape, h->dim[a.c], CLF_IMAGE_CHANNELS);
  if (h->dim[a.h] > CLF_IMAGE_SIDE || h->dim[a.w] > CLF_IMAGE_SIDE ||
      (int64_t)(h->dim[a.h] * h->dim[a.w]) > CLF_IMAGE_PIXELS)
    return clf__fail(CLF_EFORMAT, "%s: the shape %s is beyond %d pixels a side or 2^28 in all",
                     h->path, h->shape, CLF_IMAGE_SIDE);
  return clf__npy_fits(h, d);
}

static clf_status open_images(const char *path, const char *bytes, size_t size,
                              clf_image_order order, clf__npy *h, axes *a) {
  clf__npy_type d = {0};
  CLF_TRY(clf__npy_open(path, bytes, size, h));
  CLF_TRY(clf__npy_type_of(h, &d));
  *a = axes_of(h, order);
  return check_images(h, d, *a);
}

/* The distance of neighbours along each axis of the file, in bytes. */
static void find_strides(const clf__npy *n, size_t stride[CLF_NPY_DIMS]) {
  size_t step = 1;
  for (int i = 0; i < n->dims; i++) {
    const int k = n->fortran ? i : n->dims - 1 - i;
    stride[k] = step;
    step *= (size_t)n->dim[k];
  }
}

clf_status clf__images_npy_open(const char *path, clf_image_order order, clf__source *s) {
  char *bytes;
  size_t size, stride[CLF_NPY_DIMS] = {0};
  clf__npy n;
  axes a;
  CLF_TRY(clf__file_read(path, &bytes, &size));
  const clf_status code = open_images(path, bytes, size, order, &n, &a);
  if (code != CLF_OK) {
    free(bytes);
    return code;
  }
  find_strides(&n, stride);
  const int32_t channels = n.dims == 4 ? (int32_t)n.dim[a.c] : 1;
  const clf__raw r = {.bytes = (uint8_t *)bytes,
                      .first = n.data,
                      .record = stride[0],
                      .stride = {stride[a.h], stride[a.w], stride[a.c]}};
  return clf__raw_open(path, &r, (int64_t)n.dim[0],
                       (clf__picture){(int32_t)n.dim[a.h], (int32_t)n.dim[a.w], channels, NULL}, s);
}

/* ---- Writing -------------------------------------------------------------- */

/* The numbers of n images, channels first. */
static clf_status put_channels_first(clf__file *f, const uint8_t *pixels, const int64_t dim[4]) {
  const size_t C = (size_t)dim[1], at = (size_t)dim[2] * (size_t)dim[3];
  uint8_t *image = malloc(C * at);
  clf_status s = image ? CLF_OK : clf__fail(CLF_ENOMEM, "no memory for an image");
  for (int64_t i = 0; i < dim[0] && s == CLF_OK; i++, pixels += C * at) {
    for (size_t c = 0; c < C; c++)
      for (size_t p = 0; p < at; p++) image[c * at + p] = pixels[p * C + c];
    s = clf__file_put(f, image, C * at);
  }
  free(image);
  return s;
}

clf_status clf_images_write_npy_in(const char *path, const uint8_t *pixels, int64_t n,
                                   int32_t height, int32_t width, int32_t channels,
                                   clf_image_order order) {
  clf__file *f;
  size_t size = 1;
  const int first = order == CLF_ORDER_NCHW;
  const int64_t last_dim[] = {n, height, width, channels},
                first_dim[] = {n, channels, height, width};
  const int64_t *const dim = first ? first_dim : last_dim;
  CLF_GIVEN("path, pixels", path, pixels);
  int bad = channels > CLF_IMAGE_CHANNELS || (unsigned)order > CLF_ORDER_NCHW;
  for (int k = 0; k < 4; k++) bad |= dim[k] < 1 || __builtin_mul_overflow(size, dim[k], &size);
  if (bad)
    return clf__fail(CLF_EINVAL,
                     "%s: cannot be written: these are no images: %" PRId64 " of %" PRId32
                     " x %" PRId32 " pixels in %" PRId32 " channels",
                     path, n, height, width, channels);
  CLF_TRY(clf__file_begin(path, &f));
  clf_status s = clf__npy_put_header(f, "|u1", channels == 1 && !first ? 3 : 4, dim);
  if (s == CLF_OK) s = first ? put_channels_first(f, pixels, dim) : clf__file_put(f, pixels, size);
  if (s == CLF_OK) return clf__file_commit(f);
  clf__file_abort(f);
  return s;
}

clf_status clf_images_write_npy(const char *path, const uint8_t *pixels, int64_t n, int32_t height,
                                int32_t width, int32_t channels) {
  CLF_GIVEN("path, pixels", path, pixels);
  return clf_images_write_npy_in(path, pixels, n, height, width, channels, CLF_ORDER_NHWC);
}

/* ---- Noise ---------------------------------------------------------------- */

/* Checks that there is noise for each image, and finds the order of its numbers. */
static clf_status check_noise(const clf__npy *h, clf__npy_type d, const int64_t dim[4],
                              clf_image_order *order) {
  int64_t has[CLF_NPY_DIMS];
  if (d.kind != 'f' || d.size < 4)
    return clf__fail(CLF_EFORMAT,
                     "%s: holds numbers of dtype %s; noise is of dtype float32 or float64", h->path,
                     h->descr);
  for (int k = 0; k < h->dims && k < CLF_NPY_DIMS; k++) has[k] = (int64_t)h->dim[k];
  *order = CLF_ORDER_NHWC;
  const int rows = h->dims == 2 && has[1] == dim[1] * dim[2] * dim[3];
  const int fits =
      rows || (h->dims >= 3 && h->dims <= 4 &&
               !clf_image_order_find("", h->dims, has, (int32_t)dim[1], (int32_t)dim[2],
                                     (int32_t)dim[3], CLF_ORDER_AUTO, order));
  if (!fits || has[0] != dim[0])
    return clf__fail(CLF_ESHAPE,
                     "%s: the shape is %s; noise for these images is (%" PRId64 ", %" PRId64
                     ", %" PRId64 ", %" PRId64 ")",
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

static clf_status read_noise(const char *path, const char *bytes, size_t size, const int64_t dim[4],
                             clf_table *noise) {
  clf__npy h;
  clf__npy_type d = {0};
  clf_table t;
  clf_image_order order;
  CLF_TRY(clf__npy_open(path, bytes, size, &h));
  CLF_TRY(clf__npy_type_of(&h, &d));
  CLF_TRY(check_noise(&h, d, dim, &order));
  CLF_TRY(clf_table_new(dim[0], (int32_t)(dim[1] * dim[2] * dim[3]), &t));
  clf_status s = decode_noise(&h, d, (const unsigned char *)bytes + h.data, &t);
  if (s == CLF_OK && order == CLF_ORDER_NCHW)
    s = clf_image_reorder(t.at, t.rows, (int32_t)dim[1], (int32_t)dim[2], (int32_t)dim[3],
                          CLF_ORDER_NHWC);
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
  const int64_t dim[] = {count, height, width, channels};
  CLF_TRY(clf__file_read(path, &bytes, &size));
  const clf_status s = read_noise(path, bytes, size, dim, noise);
  free(bytes);
  return s;
}
