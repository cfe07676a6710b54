/* SPDX-License-Identifier: MIT */
/* npz.c: arrays in an archive, as numpy.savez() writes them: a ZIP file of NPY files.
 *
 * The list of members stands at the end of the file; whatever it claims is held against the
 * file's length before it is used. */
#define _POSIX_C_SOURCE 200809L
#include "npz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "names.h"
#include "status.h"
#include "unpack.h"

/* ---- The archive ------------------------------------------------------------------ */

enum { END = 22, END64 = 56, LOCATOR = 20, ENTRY = 46, LOCAL = 30, STORED = 0, DEFLATED = 8 };

typedef struct archive {
  const char *path;
  const unsigned char *bytes;
  size_t size;
  uint64_t list, list_end; /* where the entries are */
} archive;

typedef struct member {
  const char *name; /* without ".npy" */
  size_t length;
  unsigned flags, method;
  uint32_t crc;
  uint64_t packed, whole, at; /* bytes as they are in the file and unpacked; where its header is */
} member;

static uint64_t number(const unsigned char *p, int bytes) {
  uint64_t v = 0;
  for (int i = 0; i < bytes; i++) v |= (uint64_t)p[i] << (8 * i);
  return v;
}

static int is_mark(const archive *a, uint64_t at, size_t room, const char mark[4]) {
  return at <= a->size && a->size - at >= room && !memcmp(a->bytes + at, mark, 4);
}

static clf_status damaged(const archive *a, const char *what) {
  return clf__fail(CLF_EFORMAT, "%s: the archive is damaged: %s", a->path, what);
}

/* Large archives have another end record, whose place stands in front of the usual one. */
static clf_status find_list64(archive *a, uint64_t end) {
  if (end < LOCATOR || !is_mark(a, end - LOCATOR, LOCATOR, "PK\x06\x07")) return CLF_OK;
  const uint64_t at = number(a->bytes + end - LOCATOR + 8, 8);
  if (!is_mark(a, at, END64, "PK\x06\x06")) return damaged(a, "its end is not where it says");
  a->list = number(a->bytes + at + 48, 8);
  a->list_end = at;
  return CLF_OK;
}

/* The end record is the last thing in the file but for a comment of at most 65535 bytes. */
static clf_status find_list(archive *a) {
  const size_t most = END + 65535;
  for (size_t back = END; back <= a->size && back <= most; back++) {
    const size_t end = a->size - back;
    if (!is_mark(a, end, END, "PK\x05\x06")) continue;
    a->list = number(a->bytes + end + 16, 4);
    a->list_end = end;
    CLF_TRY(find_list64(a, end));
    return a->list <= a->list_end ? CLF_OK : damaged(a, "its list of members is beyond its end");
  }
  return clf__fail(CLF_EFORMAT, "%s: this is not an NPZ file, or it is cut short", a->path);
}

/* Numbers that do not fit their four bytes stand in a field of their own, in this order. */
static int take_large(const unsigned char *extra, size_t n, member *m) {
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

/* The entry at *at; moves on to the next.  *more is 0 at the end of the list. */
static clf_status next_entry(const archive *a, uint64_t *at, member *m, int *more) {
  *more = is_mark(a, *at, ENTRY, "PK\x01\x02") && *at < a->list_end;
  if (!*more) return *at == a->list_end ? CLF_OK : damaged(a, "its list of members ends early");
  const unsigned char *const e = a->bytes + *at;
  const size_t length = number(e + 28, 2), extra = number(e + 30, 2);
  const uint64_t whole = ENTRY + length + extra + number(e + 32, 2);
  if (whole > a->list_end - *at) return damaged(a, "its list of members ends early");
  *m = (member){.name = (const char *)e + ENTRY,
                .length = length,
                .flags = (unsigned)number(e + 8, 2),
                .method = (unsigned)number(e + 10, 2),
                .crc = (uint32_t)number(e + 16, 4),
                .packed = number(e + 20, 4),
                .whole = number(e + 24, 4),
                .at = number(e + 42, 4)};
  if (!take_large(e + ENTRY + length, extra, m)) return damaged(a, "an entry of its list is wrong");
  *at += whole;
  return CLF_OK;
}

/* ---- Choosing ------------------------------------------------------------------- */

static int is_array(member *m) {
  if (m->length < 4 || memcmp(m->name + m->length - 4, ".npy", 4) != 0) return 0;
  m->length -= 4;
  return 1;
}

static int has_name(const member *m, const char *array) {
  return strlen(array) == m->length && !memcmp(array, m->name, m->length);
}

static clf_status refuse_choice(const archive *a, const char *array, int64_t count, int64_t fits,
                                clf__name_list *list) {
  const char *given;
  char hint[64] = "";
  if (count == 0) return clf__fail(CLF_EFORMAT, "%s: the archive holds no array", a->path);
  if (fits && array) return damaged(a, "two members have the name of the array");
  if (array)
    return clf__fail(CLF_EINVAL, "%s: holds no array \"%s\"; there %s %s", a->path,
                     clf__excerpt_of(array, strlen(array)).s, count == 1 ? "is" : "are",
                     clf__name_list_text(list));
  if (clf__npz_name(a->path, &given)) snprintf(hint, sizeof hint, "; name one: FILE.npz:ARRAY");
  return clf__fail(CLF_EINVAL, "%s: holds %lld arrays, %s%s", a->path, (long long)count,
                   clf__name_list_text(list), hint);
}

static clf_status choose(const archive *a, const char *array, member *found) {
  clf__name_list list = {.used = 0};
  int64_t count = 0, fits = 0;
  uint64_t at = a->list;
  member m;
  for (int more = 1; more;) {
    CLF_TRY(next_entry(a, &at, &m, &more));
    if (!more || !is_array(&m)) continue;
    clf__name_list_add(&list, m.name, m.length);
    count++;
    if (array && !has_name(&m, array)) continue;
    *found = m;
    fits++;
  }
  return fits == 1 ? CLF_OK : refuse_choice(a, array, count, fits, &list);
}

/* ---- Reading --------------------------------------------------------------------- */

static clf_status read_member(const archive *a, const member *m, const clf_table_options *o,
                              clf_table *t) {
  if (!is_mark(a, m->at, LOCAL, "PK\x03\x04")) return damaged(a, "a member is not where it says");
  const unsigned char *const h = a->bytes + m->at;
  const uint64_t skip = LOCAL + number(h + 26, 2) + number(h + 28, 2), left = a->size - m->at;
  if (m->flags & 1) return clf__fail(CLF_ENOTSUP, "%s: the array is encrypted", a->path);
  if (skip > left || m->packed > left - skip) return damaged(a, "a member is longer than the file");
  const char *const bytes = (const char *)h + skip;
  const size_t packed = (size_t)m->packed;
  if (m->method == STORED) {
    if (m->whole != m->packed ||
        crc32_z(crc32_z(0, NULL, 0), (const Bytef *)bytes, packed) != m->crc)
      return damaged(a, "the checksum of the array is wrong");
    return clf__npy_read(a->path, bytes, packed, o, t);
  }
  if (m->method != DEFLATED)
    return clf__fail(CLF_ENOTSUP, "%s: the array is packed by method %u; write it with numpy.savez",
                     a->path, m->method);
  char *unpacked;
  if (m->whole > SIZE_MAX / 2) return damaged(a, "the array is larger than memory");
  CLF_TRY(clf__inflate(a->path, bytes, packed, (size_t)m->whole, m->crc, &unpacked));
  const clf_status s = clf__npy_read(a->path, unpacked, (size_t)m->whole, o, t);
  free(unpacked);
  return s;
}

clf_status clf__npz_read(const char *path, const char *bytes, size_t size, const char *array,
                         const clf_table_options *o, clf_table *t) {
  archive a = {.path = path, .bytes = (const unsigned char *)bytes, .size = size};
  member m = {0};
  CLF_TRY(find_list(&a));
  CLF_TRY(choose(&a, array, &m));
  return read_member(&a, &m, o, t);
}

size_t clf__npz_name(const char *source, const char **array) {
  const size_t n = strlen(source);
  *array = NULL;
  if (n > 4 && !strcasecmp(source + n - 4, ".npz")) return n;
  for (const char *p = source; (p = strchr(p, ':')); p++)
    if (p - source > 4 && !strncasecmp(p - 4, ".npz", 4) && p[1]) {
      *array = p + 1;
      return (size_t)(p - source);
    }
  return 0;
}
