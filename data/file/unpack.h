/* SPDX-License-Identifier: MIT */
/* unpack.h: decompresses deflate data, within limits.  Private.
 *
 * Data may expand to CLF_UNPACK_RATIO times their packed size, and to CLF_UNPACK_FREE bytes in
 * any case:
 * tables rarely compress better, and a small file must not use up the machine's memory. */
#ifndef CLF_DATA_UNPACK_H
#define CLF_DATA_UNPACK_H
#include <stddef.h>
#include "clflow/core.h"

enum { CLF_UNPACK_RATIO = 100, CLF_UNPACK_FREE = 16 << 20 };

static inline int clf__is_gzip(const void *bytes, size_t size) {
  const unsigned char *const b = bytes;
  return size >= 2 && b[0] == 0x1f && b[1] == 0x8b;
}

/* The contents of a gzip file with one or several members; the caller frees it; a NUL, not
 * counted in *n, follows.  Errors: EFORMAT (damaged, truncated, or beyond the limit), ENOMEM. */
clf_status clf__gunzip(const char *path, const char *bytes, size_t size, char **out, size_t *n);

/* The same for a bare deflate stream with `want` bytes and this CRC-32. */
clf_status clf__inflate(const char *path, const char *bytes, size_t size, size_t want, uint32_t crc,
                        char **out);

#endif
