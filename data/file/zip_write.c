/* SPDX-License-Identifier: MIT */
/* zip_write.c: ZIP archives of stored files, as torch.save() writes them. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "status.h"
#include "zip.h"

enum { LOCAL = 30, ENTRY = 46, END = 22, ALIGN = 64 };

static void put(unsigned char **p, uint64_t v, int bytes) {
  for (int i = 0; i < bytes; i++) *(*p)++ = (unsigned char)(v >> (8 * i));
}
static void put_text(unsigned char **p, const char *s) {
  memcpy(*p, s, strlen(s));
  *p += strlen(s);
}

/* The fields that a member's own header and its entry in the list share. */
static void put_common(unsigned char **p, const clf__zip_file *m, uint32_t crc, size_t extra) {
  put(p, 20, 2);         /* version */
  put(p, 1 << 11, 2);    /* names are UTF-8 */
  put(p, 0, 2);          /* stored */
  put(p, 0x00210000, 4); /* 1980-01-01 */
  put(p, crc, 4);
  put(p, m->size, 4);
  put(p, m->size, 4);
  put(p, strlen(m->name), 2);
  put(p, extra, 2);
}

static size_t room_for(const clf__zip_file *files, int count) {
  size_t room = END;
  for (int i = 0; i < count; i++) {
    const size_t more = LOCAL + ENTRY + 2 * strlen(files[i].name) + 2 * ALIGN;
    if (files[i].size > UINT32_MAX || room > UINT32_MAX - more - files[i].size) return 0;
    room += more + files[i].size;
  }
  return room;
}

/* A member; its content is aligned by an extra field, of the kind that torch has for it. */
static void put_member(unsigned char **p, const unsigned char *start, const clf__zip_file *m,
                       uint32_t crc) {
  const size_t at = (size_t)(*p - start) + LOCAL + strlen(m->name) + 4;
  const size_t fill = (ALIGN - at % ALIGN) % ALIGN;
  put(p, 0x04034b50, 4);
  put_common(p, m, crc, 4 + fill);
  put_text(p, m->name);
  put(p, 0x4246, 2);
  put(p, fill, 2);
  memset(*p, 'Z', fill);
  *p += fill;
  if (m->size) memcpy(*p, m->bytes, m->size);
  *p += m->size;
}
static void put_entry(unsigned char **p, const clf__zip_file *m, uint32_t crc, size_t at) {
  put(p, 0x02014b50, 4);
  put(p, 20, 2);
  put_common(p, m, crc, 0);
  put(p, 0, 8); /* no comment, disk 0, no attributes */
  put(p, 0, 2);
  put(p, at, 4);
  put_text(p, m->name);
}

clf_status clf__zip_write(const clf__zip_file *files, int count, char **bytes, size_t *size) {
  const size_t room = room_for(files, count);
  if (!room) return clf__fail(CLF_ENOTSUP, "the archive would be larger than 4 GiB");
  unsigned char *start = malloc(room), *p = start;
  struct {
    uint32_t crc;
    size_t at;
  } *list = calloc((size_t)count + 1, sizeof *list);
  if (!start || !list) {
    free(start);
    free(list);
    return clf__fail(CLF_ENOMEM, "no memory for an archive of %zu bytes", room);
  }
  for (int i = 0; i < count; i++) {
    list[i].crc = (uint32_t)crc32_z(crc32_z(0, NULL, 0), files[i].bytes, files[i].size);
    list[i].at = (size_t)(p - start);
    put_member(&p, start, &files[i], list[i].crc);
  }
  const size_t begin = (size_t)(p - start);
  for (int i = 0; i < count; i++) put_entry(&p, &files[i], list[i].crc, list[i].at);
  const size_t length = (size_t)(p - start) - begin;
  put(&p, 0x06054b50, 4);
  put(&p, 0, 4);
  put(&p, (uint64_t)count, 2);
  put(&p, (uint64_t)count, 2);
  put(&p, length, 4);
  put(&p, begin, 4);
  put(&p, 0, 2);
  free(list);
  *bytes = (char *)start;
  *size = (size_t)(p - start);
  return CLF_OK;
}
