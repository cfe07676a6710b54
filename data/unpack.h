/* SPDX-License-Identifier: MIT */
/* unpack.h: what deflate has packed, within limits.  Private.
 *
 * Data may grow to CLF_UNPACK_RATIO times their packed size, and to CLF_UNPACK_FREE bytes in any
 * case: tables rarely pack better, and a small file must not take the machine's memory. */
#ifndef CLF_DATA_UNPACK_H
#define CLF_DATA_UNPACK_H
#include <stddef.h>
#include "clflow/core.h"

enum { CLF_UNPACK_RATIO = 100, CLF_UNPACK_FREE = 16 << 20 };

static inline int clf__is_gzip(const void *bytes, size_t size) {
  const unsigned char *const b = bytes;
  return size >= 2 && b[0] == 0x1f && b[1] == 0x8b;
}

/* The content of a gzip file, one or several members; to be freed, and a NUL that *n does not count
 * follows it.  Errors: EFORMAT (damaged, cut short, or beyond the limit), ENOMEM. */
clf_status clf__gunzip(const char *path, const char *bytes, size_t size, char **out, size_t *n);

/* The same of a bare deflate stream that is said to have `want` bytes and this CRC-32. */
clf_status clf__inflate(const char *path, const char *bytes, size_t size, size_t want, uint32_t crc,
                        char **out);

#endif
