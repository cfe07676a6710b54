/* SPDX-License-Identifier: MIT */
/* images_decode.c: a file that is one image, by what it begins with. */
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "images.h"
#include "status.h"

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
