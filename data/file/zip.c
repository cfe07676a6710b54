/* SPDX-License-Identifier: MIT */
/* zip.c: the members of a ZIP archive in memory. */
#include "zip.h"

#include <string.h>
#include <zlib.h>

#include "status.h"
#include "unpack.h"

enum { END = 22, END64 = 56, LOCATOR = 20, ENTRY = 46, LOCAL = 30, STORED = 0, DEFLATED = 8 };

static uint64_t number(const unsigned char *p, int bytes) {
  uint64_t v = 0;
  for (int i = 0; i < bytes; i++) v |= (uint64_t)p[i] << (8 * i);
  return v;
}

static int is_mark(const clf__zip *z, uint64_t at, size_t room, const char mark[4]) {
  return at <= z->size && z->size - at >= room && !memcmp(z->bytes + at, mark, 4);
}

clf_status clf__zip_damaged(const clf__zip *z, const char *what) {
  return clf__fail(CLF_EFORMAT, "%s: the archive is damaged: %s", z->path, what);
}

/* Large archives have another end record, whose position is before the usual one. */
static clf_status find_list64(clf__zip *z, uint64_t end) {
  if (end < LOCATOR || !is_mark(z, end - LOCATOR, LOCATOR, "PK\x06\x07")) return CLF_OK;
  const uint64_t at = number(z->bytes + end - LOCATOR + 8, 8);
  if (!is_mark(z, at, END64, "PK\x06\x06"))
    return clf__zip_damaged(z, "its end is not where it says");
  z->list = number(z->bytes + at + 48, 8);
  z->list_end = at;
  return CLF_OK;
}

/* The end record is last in the file, except for a comment of at most 65535 bytes. */
static clf_status find_list(clf__zip *z, const char *what) {
  const size_t maximum = END + 65535;
  for (size_t back = END; back <= z->size && back <= maximum; back++) {
    const size_t end = z->size - back;
    if (!is_mark(z, end, END, "PK\x05\x06")) continue;
    z->list = number(z->bytes + end + 16, 4);
    z->list_end = end;
    CLF_TRY(find_list64(z, end));
    return z->list <= z->list_end ? CLF_OK
                                  : clf__zip_damaged(z, "its list of members is beyond its end");
  }
  return clf__fail(CLF_EFORMAT, "%s: this is not %s, or it is cut short", z->path, what);
}

/* Numbers that do not fit into four bytes are in a separate field, in this order. */
static int take_large(const unsigned char *extra, size_t n, clf__zip_member *m) {
  uint64_t *const large[] = {&m->whole, &m->packed, &m->at};
  while (n >= 4) {
    const uint64_t id = number(extra, 2), length = number(extra + 2, 2);
    if (length > n - 4) return 0;
    if (id == 1) {
      uint64_t used = 0;
      for (int i = 0; i < 3; i++) {
        if (*large[i] != UINT32_MAX) continue;
        if (used + 8 > length) return 0;
        *large[i] = number(extra + 4 + used, 8);
        used += 8;
      }
    }
    extra += 4 + length;
    n -= 4 + (size_t)length;
  }
  return 1;
}

clf_status clf__zip_next(const clf__zip *z, uint64_t *at, clf__zip_member *m, int *more) {
  *more = is_mark(z, *at, ENTRY, "PK\x01\x02") && *at < z->list_end;
  if (!*more)
    return *at == z->list_end ? CLF_OK : clf__zip_damaged(z, "its list of members ends early");
  const unsigned char *const e = z->bytes + *at;
  const size_t length = number(e + 28, 2), extra = number(e + 30, 2);
  const uint64_t whole = ENTRY + length + extra + number(e + 32, 2);
  if (whole > z->list_end - *at) return clf__zip_damaged(z, "its list of members ends early");
  *m = (clf__zip_member){.name = (const char *)e + ENTRY,
                         .length = length,
                         .flags = (unsigned)number(e + 8, 2),
                         .method = (unsigned)number(e + 10, 2),
                         .crc = (uint32_t)number(e + 16, 4),
                         .packed = number(e + 20, 4),
                         .whole = number(e + 24, 4),
                         .at = number(e + 42, 4)};
  if (!take_large(e + ENTRY + length, extra, m))
    return clf__zip_damaged(z, "an entry of its list is wrong");
  *at += whole;
  return CLF_OK;
}

clf_status clf__zip_open(const char *path, const void *bytes, size_t size, const char *what,
                         clf__zip *z) {
  *z = (clf__zip){.path = path, .bytes = bytes, .size = size};
  return find_list(z, what);
}

clf_status clf__zip_read(const clf__zip *z, const clf__zip_member *m, const char **content,
                         size_t *n, char **unpacked) {
  *unpacked = NULL;
  if (!is_mark(z, m->at, LOCAL, "PK\x03\x04"))
    return clf__zip_damaged(z, "a member is not where it says");
  const unsigned char *const h = z->bytes + m->at;
  const uint64_t skip = LOCAL + number(h + 26, 2) + number(h + 28, 2), left = z->size - m->at;
  if (m->flags & 1) return clf__fail(CLF_ENOTSUP, "%s: the archive is encrypted", z->path);
  if (skip > left || m->packed > left - skip)
    return clf__zip_damaged(z, "a member is longer than the file");
  *content = (const char *)h + skip;
  *n = (size_t)m->packed;
  if (m->method == STORED) {
    if (m->whole != m->packed ||
        crc32_z(crc32_z(0, NULL, 0), (const Bytef *)*content, *n) != m->crc)
      return clf__zip_damaged(z, "the checksum of a member is wrong");
    return CLF_OK;
  }
  if (m->method != DEFLATED)
    return clf__fail(CLF_ENOTSUP,
                     "%s: a member of the archive is compressed with method %u; only stored "
                     "and deflated members are read",
                     z->path, m->method);
  if (m->whole > SIZE_MAX / 2) return clf__zip_damaged(z, "a member is larger than memory");
  CLF_TRY(clf__inflate(z->path, *content, *n, (size_t)m->whole, m->crc, unpacked));
  *content = *unpacked;
  *n = (size_t)m->whole;
  return CLF_OK;
}
