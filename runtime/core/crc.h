/* SPDX-License-Identifier: MIT */
/* crc.h: the CRC-32 of zip and PNG: zlib's, which is fast, or in a small build a loop over bits,
 * which needs no table.  Private. */
#ifndef CLF_CRC_H
#define CLF_CRC_H
#include <stddef.h>
#include <stdint.h>
#ifdef CLF_SMALL
static inline uint32_t clf__crc32(uint32_t crc, const void *bytes, size_t n) {
  const unsigned char *at = bytes;
  crc = ~crc;
  for (size_t i = 0; i < n; i++) {
    crc ^= at[i];
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320U : 0);
  }
  return ~crc;
}
#else
#include <zlib.h>
static inline uint32_t clf__crc32(uint32_t crc, const void *bytes, size_t n) {
  return (uint32_t)crc32_z(crc, bytes, n);
}
#endif
#endif
