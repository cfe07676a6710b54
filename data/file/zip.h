/* SPDX-License-Identifier: MIT */
/* zip.h: the members of a ZIP archive in memory.  Private.
 *
 * The list of members is at the end of the file; whatever it claims is checked against the file's
 * length before it is used. */
#ifndef CLF_DATA_ZIP_H
#define CLF_DATA_ZIP_H
#include "clflow/core.h"

typedef struct clf__zip {
  const char *path; /* for messages */
  const unsigned char *bytes;
  size_t size;
  uint64_t list, list_end; /* range of the list */
} clf__zip;

typedef struct clf__zip_member {
  const char *name; /* not terminated */
  size_t length;    /* of the name */
  unsigned flags, method;
  uint32_t crc;
  uint64_t packed, whole, at; /* bytes in the file and unpacked; offset of its header */
} clf__zip_member;

static inline int clf__is_zip(const void *bytes, size_t size) {
  const unsigned char *const b = bytes;
  return size >= 4 && b[0] == 'P' && b[1] == 'K' && b[2] == 3 && b[3] == 4;
}

/* Finds the list of members.  `what`: the type of file for messages, as "an NPZ file".  Errors:
 * EFORMAT. */
clf_status clf__zip_open(const char *path, const void *bytes, size_t size, const char *what,
                         clf__zip *z);

/* Iterates over the list: *at begins as z->list.  *more is 0 at the end.  Errors: EFORMAT. */
clf_status clf__zip_next(const clf__zip *z, uint64_t *at, clf__zip_member *m, int *more);

/* The contents of a member, whose checksum is verified: a view of the archive if it is stored,
 * otherwise decompressed into *unpacked, which the caller frees (NULL: nothing to free).
 * Errors: EFORMAT, ENOTSUP (encrypted, or compressed by another method than deflate), ENOMEM. */
clf_status clf__zip_read(const clf__zip *z, const clf__zip_member *m, const char **content,
                         size_t *n, char **unpacked);

/* An archive of stored members, malloc'ed, whose contents begin at multiples of 64 bytes, as those
 * of torch.save() do.  Errors: ENOTSUP (beyond 4 GiB), ENOMEM. */
typedef struct clf__zip_file {
  const char *name;
  const void *bytes;
  size_t size;
} clf__zip_file;
clf_status clf__zip_write(const clf__zip_file *files, int count, char **bytes, size_t *size);

/* "PATH: the archive is damaged: WHAT" */
clf_status clf__zip_damaged(const clf__zip *z, const char *what);

#endif
