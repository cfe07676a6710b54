/* SPDX-License-Identifier: MIT */
/* images_decode.c: decodes an image file, by its first bytes. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"
#include "images.h"
#include "signature.h"
#include "status.h"

static clf_status unknown(const char *path, const void *bytes, size_t size) {
  const clf__kind k = clf__kind_of(bytes, size);
  return clf__fail(CLF_EFORMAT, "%s: this is neither a PNG nor a JPEG file%s%s", path,
                   k.group ? ", but " : "", k.name);
}

static clf_status decode_bytes(const char *path, const uint8_t *b, size_t size, clf__decoding *how,
                               clf__picture *p) {
  if (size == 0) return clf__fail(CLF_EFORMAT, "%s: the file is empty", path);
  if (clf__is_png(b, size)) {
    how->orientation = clf__png_orientation(b, size);
    CLF_TRY(clf__decode_png(path, b, size, how, p));
  } else if (clf__is_jpeg(b, size)) {
    how->orientation = clf__jpeg_orientation(b, size);
    CLF_TRY(clf__decode_jpeg(path, b, size, how, p));
  } else {
    return unknown(path, b, size);
  }
  if (!how->header) return clf__turn(path, how->orientation, p);
  clf__turned_shape(how->orientation, p);
  return CLF_OK;
}

/* Sparse files may be far larger than the disk, and no readable image is. */
static clf_status check_size(const char *path) {
  struct stat st;
  if (stat(path, &st) || st.st_size <= CLF_IMAGE_FILE) return CLF_OK;
  return clf__fail(CLF_EFORMAT, "%s: has %" PRId64 " bytes; image files are read up to 2 GiB", path,
                   (int64_t)st.st_size);
}

clf_status clf__decode(const char *path, clf__decoding *how, clf__picture *p) {
  char *bytes;
  size_t size;
  clf__picture q = {0};
  how->orientation = 1;
  how->deepest = -1;
  CLF_TRY(check_size(path));
  CLF_TRY(clf__file_read(path, &bytes, &size));
  const clf_status s = decode_bytes(path, (const uint8_t *)bytes, size, how, &q);
  free(bytes);
  if (s == CLF_OK)
    *p = q;
  else
    free(q.at);
  return s;
}
