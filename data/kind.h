/* SPDX-License-Identifier: MIT */
/* kind.h: what a file is by its first bytes, for messages on files that are something else than
 * what was expected.  Private. */
#ifndef CLF_DATA_KIND_H
#define CLF_DATA_KIND_H
#include <stddef.h>

typedef enum clf__group {
  CLF_UNKNOWN,
  CLF_SAFETENSORS,
  CLF_TORCH, /* what torch.save() writes, and other pickles */
  CLF_MODEL, /* models of other programs */
  CLF_NUMPY, /* .npy */
  CLF_TABLE, /* numbers of other programs */
  CLF_TEXT,  /* which may be a table */
  CLF_IMAGE,
  CLF_ARCHIVE
} clf__group;

typedef struct clf__kind {
  clf__group group;
  const char *name; /* with its article: "a WebP image"; "" of an unknown one */
} clf__kind;

enum { CLF_KIND_BYTES = 512 }; /* that are looked at; fewer may do */

/* Of a file that begins with these bytes. */
clf__kind clf__kind_of(const void *bytes, size_t size);

/* The same of a file by its name; CLF_UNKNOWN where it cannot be read. */
clf__kind clf__kind_of_file(const char *path);

int clf__is_png(const void *bytes, size_t size);
int clf__is_jpeg(const void *bytes, size_t size);

#endif
