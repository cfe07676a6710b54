/* SPDX-License-Identifier: MIT */
/* images_get.c: returns images of a set, with the cuts and flips of a draw. */
#include <inttypes.h>
#include <string.h>
#include <zlib.h>

#include "images.h"
#include "random.h"
#include "status.h"

/* Random numbers of the draw for one image. */
enum { DRAW_FLIP, DRAW_Y, DRAW_X, DRAWS };

/* Each epoch has its own seed. */
static uint64_t draw_seed(const clf_image_draw *draw) {
  return clf__mix(draw->seed + clf__mix(draw->epoch + CLF_RANDOM_STEP));
}

/* A uniformly random offset in 0 .. left. */
static size_t offset_of(uint64_t seed, int64_t row, int what, int32_t left) {
  return (size_t)(clf__uniform(seed, DRAWS * (uint64_t)row + (uint64_t)what) * (left + 1));
}

static void copy_mirrored(uint8_t *to, const uint8_t *from, size_t width, size_t channels) {
  for (size_t x = 0; x < width; x++)
    memcpy(to + x * channels, from + (width - 1 - x) * channels, channels);
}

static void draw_one(const clf_images *m, int64_t row, const clf_image_draw *draw, uint8_t *out) {
  const clf__picture p = clf__image_at(m, row);
  const uint64_t seed = draw_seed(draw);
  const size_t c = (size_t)m->want.channels, width = (size_t)m->want.width, stride = width * c;
  const size_t y0 = offset_of(seed, row, DRAW_Y, p.height - m->want.height);
  const size_t x0 = offset_of(seed, row, DRAW_X, p.width - m->want.width);
  const int mirrored = draw->flip && clf__uniform(seed, DRAWS * (uint64_t)row + DRAW_FLIP) < 0.5;
  for (size_t y = 0; y < (size_t)m->want.height; y++, out += stride) {
    const uint8_t *const from = p.at + ((y0 + y) * (size_t)p.width + x0) * c;
    if (mirrored)
      copy_mirrored(out, from, width, c);
    else
      memcpy(out, from, stride);
  }
}

clf_status clf_images_get(const clf_images *m, const int64_t *index, int64_t first, int64_t n,
                          const clf_image_draw *draw, uint8_t *out) {
  static const clf_image_draw plain = {0};
  CLF_GIVEN("images, out", m, out);
  if (!m->ready)
    return clf__fail(CLF_EINVAL, "%s: images are asked for before all are decoded", m->name);
  if (n < 0) return clf__fail(CLF_EINVAL, "%s: %" PRId64 " images are asked for", m->name, n);
  const size_t size = clf__image_bytes(m);
  for (int64_t i = 0; i < n; i++) {
    /* Unsigned, where overflow is defined. */
    const uint64_t row = index ? (uint64_t)index[i] : (uint64_t)first + (uint64_t)i;
    if (row >= (uint64_t)m->count)
      return clf__fail(CLF_EINVAL, "%s: there is no image %" PRId64 ", only 0 to %" PRId64, m->name,
                       (int64_t)row, m->count - 1);
    draw_one(m, (int64_t)row, draw ? draw : &plain, out + (size_t)i * size);
  }
  return CLF_OK;
}

/* Numbers are added as eight bytes in little-endian order on every machine. */
static uint32_t add_number(uint32_t crc, int64_t v) {
  uint8_t b[8];
  for (int k = 0; k < 8; k++) b[k] = (uint8_t)((uint64_t)v >> (8 * k));
  return (uint32_t)crc32_z(crc, b, sizeof b);
}

/* LSUN images differ in size, so the size of each is included. */
uint32_t clf_images_checksum(const clf_images *m) {
  if (!m || !m->ready) return 0;
  uint32_t crc = add_number(0, m->count);
  crc = add_number(crc, m->want.height);
  crc = add_number(crc, m->want.width);
  crc = add_number(crc, m->want.channels);
  for (int64_t i = 0; i < m->count; i++) {
    const clf__picture p = clf__image_at(m, i);
    if (m->want.crop == CLF_CROP_LSUN) crc = add_number(add_number(crc, p.height), p.width);
    crc = (uint32_t)crc32_z(crc, p.at, (size_t)p.height * (size_t)p.width * (size_t)p.channels);
  }
  return crc;
}
