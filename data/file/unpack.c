/* SPDX-License-Identifier: MIT */
/* unpack.c: decompresses deflate data, within limits. */
#include "unpack.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#include "status.h"

typedef struct unpacking {
  const char *path;
  z_stream z;
  size_t left; /* packed bytes not yet passed to zlib */
  char *out;   /* room bytes, and one more */
  size_t n, room, limit;
} unpacking;

static size_t limit_of(size_t size) {
  const size_t maximum = SIZE_MAX / 2;
  const size_t limit = size > maximum / CLF_UNPACK_RATIO ? maximum : size * CLF_UNPACK_RATIO;
  return limit > CLF_UNPACK_FREE ? limit : CLF_UNPACK_FREE;
}

static clf_status beyond(const unpacking *u) {
  return clf__fail(
      CLF_EFORMAT,
      "%s: decompresses to more than %zu MiB, over %d times its size; decompress it first", u->path,
      u->limit >> 20, CLF_UNPACK_RATIO);
}

static clf_status damaged(const unpacking *u, int code) {
  if (code == Z_MEM_ERROR) return clf__fail(CLF_ENOMEM, "%s: no memory to decompress it", u->path);
  if (code == Z_BUF_ERROR || code == Z_OK)
    return clf__fail(CLF_EFORMAT, "%s: the compressed data are cut short", u->path);
  return clf__fail(CLF_EFORMAT, "%s: the compressed data are damaged after %zu bytes: %s", u->path,
                   u->n, u->z.msg ? u->z.msg : zError(code));
}

/* Doubles the room, up to one byte beyond the limit, which shows that there is more. */
static clf_status make_room(unpacking *u) {
  if (u->n < u->room) return CLF_OK;
  if (u->room > u->limit) return beyond(u);
  const size_t room = u->room >= u->limit / 2 ? u->limit + 1 : 2 * u->room;
  char *const out = realloc(u->out, room + 1);
  if (!out) return clf__fail(CLF_ENOMEM, "%s: no memory for %zu bytes", u->path, room);
  u->out = out;
  u->room = room;
  return CLF_OK;
}

/* zlib counts with int. */
static void hand_over(unpacking *u) {
  if (u->z.avail_in || !u->left) return;
  u->z.avail_in = u->left > UINT_MAX ? UINT_MAX : (uInt)u->left;
  u->left -= u->z.avail_in;
}

/* Decompresses one stream to its end. */
static clf_status run(unpacking *u) {
  int code = Z_OK;
  while (code == Z_OK) {
    CLF_TRY(make_room(u));
    hand_over(u);
    const size_t room = u->room - u->n;
    const uInt given = room > UINT_MAX ? UINT_MAX : (uInt)room;
    u->z.next_out = (Bytef *)u->out + u->n;
    u->z.avail_out = given;
    code = inflate(&u->z, Z_NO_FLUSH);
    u->n += given - u->z.avail_out;
    if (code == Z_BUF_ERROR && u->n == u->room) code = Z_OK; /* only lacks room */
  }
  return code == Z_STREAM_END ? CLF_OK : damaged(u, code);
}

static clf_status begin(unpacking *u, const char *bytes, size_t size, int bits, size_t room) {
  u->left = size;
  u->limit = limit_of(size);
  u->room = room;
  u->z.next_in = (z_const Bytef *)(uintptr_t)bytes;
  u->out = malloc(room + 1);
  if (!u->out) return clf__fail(CLF_ENOMEM, "%s: no memory for %zu bytes", u->path, room);
  const int code = inflateInit2(&u->z, bits);
  return code == Z_OK ? CLF_OK : damaged(u, code);
}

static clf_status end(unpacking *u, clf_status s, char **out) {
  inflateEnd(&u->z);
  if (s) {
    free(u->out);
    return s;
  }
  u->out[u->n] = 0;
  *out = u->out;
  return CLF_OK;
}

/* ---- gzip ------------------------------------------------------------------- */

/* After a member comes another one, or zeros up to the end of a block. */
static int has_another(unpacking *u) {
  hand_over(u);
  while (u->z.avail_in && !*u->z.next_in) {
    u->z.next_in++;
    u->z.avail_in--;
    hand_over(u);
  }
  return u->z.avail_in > 0;
}

static clf_status members(unpacking *u) {
  CLF_TRY(run(u));
  while (has_another(u)) {
    if (*u->z.next_in != 0x1f)
      return clf__fail(CLF_EFORMAT, "%s: other bytes follow the compressed data", u->path);
    const int code = inflateReset(&u->z);
    if (code != Z_OK) return damaged(u, code);
    CLF_TRY(run(u));
  }
  return CLF_OK;
}

clf_status clf__gunzip(const char *path, const char *bytes, size_t size, char **out, size_t *n) {
  unpacking u = {.path = path};
  clf_status s = begin(&u, bytes, size, 16 + MAX_WBITS, 1 << 14);
  if (!s) s = members(&u);
  s = end(&u, s, out);
  if (!s) *n = u.n;
  return s;
}

/* ---- Bare ---------------------------------------------------------------------- */

clf_status clf__inflate(const char *path, const char *bytes, size_t size, size_t want, uint32_t crc,
                        char **out) {
  unpacking u = {.path = path, .limit = limit_of(size)};
  if (want > u.limit) return beyond(&u);
  clf_status s = begin(&u, bytes, size, -MAX_WBITS, want);
  u.limit = want;
  if (!s) s = run(&u);
  if (!s && (u.n != want || crc32_z(crc32_z(0, NULL, 0), (const Bytef *)u.out, u.n) != crc))
    s = clf__fail(CLF_EFORMAT,
                  "%s: the compressed data are damaged: their length or checksum is wrong", path);
  return end(&u, s, out);
}
