/* SPDX-License-Identifier: MIT */
/* signature.h: recognises file formats by the first bytes, for messages about unexpected files.
 * Private. */
#ifndef CLF_DATA_KIND_H
#define CLF_DATA_KIND_H
#include <stddef.h>

typedef enum clf__group {
  CLF_UNKNOWN,
  CLF_SAFETENSORS,
  CLF_TORCH, /* files of torch.save(), and other pickles */
  CLF_MODEL, /* models of other programs */
  CLF_NUMPY, /* .npy */
  CLF_TABLE, /* tables of other programs */
  CLF_TEXT,  /* may be a table */
  CLF_IMAGE,
  CLF_ARCHIVE
} clf__group;

typedef struct clf__kind {
  clf__group group;
  const char *name; /* with article: "a WebP image"; "" for an unknown one */
} clf__kind;

enum { CLF_KIND_BYTES = 512 }; /* bytes to look at; fewer may suffice */

/* The format of a file that begins with these bytes. */
clf__kind clf__kind_of(const void *bytes, size_t size);

/* The same by file name; CLF_UNKNOWN if it cannot be read. */
clf__kind clf__kind_of_file(const char *path);

int clf__is_png(const void *bytes, size_t size);
int clf__is_jpeg(const void *bytes, size_t size);

#endif
