/* SPDX-License-Identifier: MIT */
/* images_limits.c: limits on the size of images, and on what files may claim. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

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

/* Both formats need at least a bit per block of pixels: deflate packs 1032 bytes into one, and
 * PNG 8 pixels into a byte.  Files near that limit are blank; only small ones are read, so that
 * a few bytes cannot use up the machine's memory. */
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
  if (height * width > CLF_IMAGE_BLANK &&
      (uint64_t)(height * width - CLF_IMAGE_BLANK) / CLF_IMAGE_DENSE > size)
    return clf__fail(CLF_EFORMAT,
                     "%s: has %" PRId64 " x %" PRId64
                     " pixels in %zu bytes; images above 2^24 pixels are read up to %d more a "
                     "byte: divide it, or make it smaller",
                     path, height, width, size, CLF_IMAGE_DENSE);
  return CLF_OK;
}

clf_status clf__memory_fits(const char *name, const char *what, uint64_t bytes) {
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page <= 0 || bytes <= (uint64_t)pages * (uint64_t)page) return CLF_OK;
  return clf__fail(CLF_ENOMEM,
                   "%s: %s take %.4g GB of memory, and this machine has %.4g GB; give a smaller "
                   "size and a crop, or fewer of them",
                   name, what, (double)bytes / 1e9, (double)pages * (double)page / 1e9);
}
