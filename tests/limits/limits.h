/* SPDX-License-Identifier: MIT */
/* limits.h: the worst files of each format, which are the cases of one row of the table in
 * docs/reliability.md. */
#ifndef CLF_LIMITS_LIMITS_H
#define CLF_LIMITS_LIMITS_H
#include <stdint.h>
#include <stdio.h>
#include "clflow/clflow.h"
#include "suite.h"

typedef struct limit_case {
  const char *format; /* its name in the table */
  const char *what;
  void (*build)(void);      /* writes the file, or the files of folder "d"; the folder is empty */
  const char *path;         /* of it */
  clf_status (*read)(void); /* reads it, and frees the result */
  const char *refused;      /* part of the sentence; "": it may be refused; NULL: it is read */
} limit_case;

typedef struct limit_list {
  const limit_case *at;
  int count;
} limit_list;
extern const limit_list limits_of_tables, limits_of_sets, limits_of_pictures, limits_of_models,
    limits_of_cache, limits_of_checkpoints;

/* The bytes of a file, which grow as bytes are added. */
typedef struct limit_bytes {
  uint8_t *at;
  size_t size, room;
} limit_bytes;
void limit_add(limit_bytes *b, const void *bytes, size_t n);
void limit_repeat(limit_bytes *b, const char *text, size_t times);
/* Writes and frees them. */
void limit_write(limit_bytes *b, const char *path);

/* Compresses them as zlib's deflateInit2() with these bits does; returns the size. */
size_t limit_pack(const limit_bytes *b, int bits, uint8_t *to, size_t room);
/* Writes an archive of one compressed member, which claims to unpack to `claim` bytes (0: as it
 * does), and frees the bytes. */
void limit_zip(limit_bytes *b, const char *member, uint32_t claim, const char *path);

/* Opens a set of images and waits for it, with `crop`. */
clf_status limit_read_set(const char *source, clf_crop crop, int32_t side);
#endif
