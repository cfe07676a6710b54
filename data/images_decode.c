/* SPDX-License-Identifier: MIT */
/* images_decode.c: a file that is one image, by what it begins with. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "images.h"
#include "status.h"

clf_status clf__picture_new(const char *name, clf__picture *p) {
  const int64_t pixels = (int64_t)p->height * p->width;
  if (p->height < 1 || p->width < 1 || p->height > CLF_IMAGE_SIDE || p->width > CLF_IMAGE_SIDE ||
      pixels > CLF_IMAGE_PIXELS)
    return clf__fail(CLF_EFORMAT,
                     "%s: %" PRId32 " x %" PRId32 " pixels are not between 1 and %d a side and at "
                     "most 2^28 in all",
                     name, p->height, p->width, CLF_IMAGE_SIDE);
  p->at = malloc((size_t)pixels * (size_t)p->channels);
  if (p->at) return CLF_OK;
  return clf__fail(CLF_ENOMEM, "%s: no memory for %" PRId32 " x %" PRId32 " pixels", name,
                   p->height, p->width);
}

/* A bit is the least that either kind spends on a block of pixels: deflate packs 1032
 * bytes into one, and a PNG 8 pixels into a byte. */
clf_status clf__decode_limits(const char *path, int64_t height, int64_t width, size_t size) {
  if (height > CLF_IMAGE_SIDE || width > CLF_IMAGE_SIDE || height * width > CLF_IMAGE_PIXELS)
    return clf__fail(CLF_EFORMAT,
                     "%s: %" PRId64 " x %" PRId64
                     " pixels are beyond %d a side or 2^28 in all; that is not read",
                     path, height, width, CLF_IMAGE_SIDE);
  if ((uint64_t)(height * width) / 8256 > size)
    return clf__fail(CLF_EFORMAT,
                     "%s: is damaged: it declares %" PRId64 " x %" PRId64
                     " pixels, more than its %zu bytes can hold",
                     path, height, width, size);
  return CLF_OK;
}

static clf_status decode_bytes(const char *path, const uint8_t *b, size_t size, int header,
                               clf__picture *p) {
  if (size == 0) return clf__fail(CLF_EFORMAT, "%s: the file is empty", path);
  if (size >= 8 && !memcmp(b, "\x89PNG\r\n\x1a\n", 8))
    return clf__decode_png(path, b, size, header, p);
  if (size >= 3 && !memcmp(b, "\xff\xd8\xff", 3)) return clf__decode_jpeg(path, b, size, header, p);
  return clf__fail(CLF_EFORMAT, "%s: this is neither a PNG nor a JPEG file", path);
}

static clf_status decode_file(const char *path, int header, clf__picture *p) {
  char *bytes;
  size_t size;
  clf__picture q = {0};
  CLF_TRY(clf__file_read(path, &bytes, &size));
  const clf_status s = decode_bytes(path, (const uint8_t *)bytes, size, header, &q);
  free(bytes);
  if (s == CLF_OK)
    *p = q;
  else
    free(q.at);
  return s;
}

clf_status clf__decode_shape(const char *path, clf__picture *p) { return decode_file(path, 1, p); }

clf_status clf__decode(const char *path, clf__picture *p) { return decode_file(path, 0, p); }
