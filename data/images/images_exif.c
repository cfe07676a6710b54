/* SPDX-License-Identifier: MIT */
/* images_exif.c: turns images upright by the EXIF data in their files.
 *
 * Cameras store pixels in the orientation of the sensor, and how the picture must be
 * turned.  Only this tag of EXIF is read, from blocks of known size, by the rules of web
 * browsers: the first directory, one number of 16 bits. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "images.h"
#include "status.h"

/* ---- The tag -------------------------------------------------------------- */

static uint32_t number(const uint8_t *b, int bytes, int big) {
  uint32_t v = 0;
  for (int i = 0; i < bytes; i++) v = v << 8 | b[big ? i : bytes - 1 - i];
  return v;
}

/* The orientation in an EXIF block, which has the format of a TIFF file; 1 if there is none. */
static int orientation(const uint8_t *b, size_t size) {
  enum { TAG = 0x112, SHORT = 3, ENTRY = 12 };
  if (size < 8 || (memcmp(b, "II*\0", 4) != 0 && memcmp(b, "MM\0*", 4) != 0)) return 1;
  const int big = *b == 'M';
  const size_t at = number(b + 4, 4, big);
  if (at > size - 2) return 1;
  const size_t count = number(b + at, 2, big), room = (size - at - 2) / ENTRY;
  for (size_t i = 0; i < count && i < room; i++) {
    const uint8_t *const e = b + at + 2 + i * ENTRY;
    if (number(e, 2, big) != TAG) continue;
    const uint32_t v = number(e + 8, 2, big);
    return number(e + 2, 2, big) == SHORT && number(e + 4, 4, big) == 1 && v >= 1 && v <= 8 ? (int)v
                                                                                            : 1;
  }
  return 1;
}

/* ---- Finding the block ----------------------------------------------------------------------- */

int clf__jpeg_orientation(const uint8_t *b, size_t size) {
  enum { START = 0xd8, APP1 = 0xe1, SCAN = 0xda };
  for (size_t i = 2; i + 4 <= size && b[i] == 0xff;) {
    const uint8_t marker = b[i + 1];
    if (marker == 0xff) { /* filling */
      i++;
      continue;
    }
    if (marker == 0x01 || (marker >= 0xd0 && marker <= START)) { /* these have no length */
      i += 2;
      continue;
    }
    const size_t length = number(b + i + 2, 2, 1);
    if (marker > START && marker <= SCAN) return 1;
    if (length < 2 || length > size - i - 2) return 1;
    if (marker == APP1 && length >= 8 && memcmp(b + i + 4, "Exif\0\0", 6) == 0)
      return orientation(b + i + 10, length - 8);
    i += 2 + length;
  }
  return 1;
}

int clf__png_orientation(const uint8_t *b, size_t size) {
  enum { SIGNATURE = 8, AROUND = 12 /* length, name and checksum of a chunk */ };
  for (size_t i = SIGNATURE; i < size && size - i >= AROUND;) {
    const size_t length = number(b + i, 4, 1);
    if (length > size - i - AROUND) return 1;
    if (memcmp(b + i + 4, "eXIf", 4) == 0)
      return crc32_z(0, b + i + 4, 4 + length) == number(b + i + 8 + length, 4, 1)
                 ? orientation(b + i + 8, length)
                 : 1;
    i += AROUND + length;
  }
  return 1;
}

/* ---- Turning -------------------------------------------------------------- */

void clf__turned_shape(int orientation, clf__picture *p) {
  if (orientation < 5) return;
  const int32_t height = p->height;
  p->height = p->width;
  p->width = height;
}

/* The index of the stored pixel for pixel (y, x) of the turned image. */
static size_t source(int orientation, const clf__picture *stored, size_t y, size_t x) {
  const size_t bottom = (size_t)stored->height - 1, right = (size_t)stored->width - 1;
  size_t sy = y, sx = x;
  switch (orientation) {
  case 2: sx = right - x; break;
  case 3: sy = bottom - y, sx = right - x; break;
  case 4: sy = bottom - y; break;
  case 5: sy = x, sx = y; break;
  case 6: sy = bottom - x, sx = y; break;
  case 7: sy = bottom - x, sx = right - y; break;
  case 8: sy = x, sx = right - y; break;
  default: break;
  }
  return sy * (size_t)stored->width + sx;
}

clf_status clf__turn(const char *name, int orientation, clf__picture *p) {
  if (orientation < 2) return CLF_OK;
  clf__picture q = *p;
  clf__turned_shape(orientation, &q);
  CLF_TRY(clf__picture_new(name, &q));
  const size_t c = (size_t)p->channels;
  uint8_t *to = q.at;
  for (size_t y = 0; y < (size_t)q.height; y++)
    for (size_t x = 0; x < (size_t)q.width; x++, to += c)
      memcpy(to, p->at + source(orientation, p, y, x) * c, c);
  free(p->at);
  *p = q;
  return CLF_OK;
}
