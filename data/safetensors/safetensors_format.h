/* SPDX-License-Identifier: MIT */
/* safetensors_format.h: shared by the reader and the writer.  Private to them. */
#ifndef CLF_DATA_SAFETENSORS_FORMAT_H
#define CLF_DATA_SAFETENSORS_FORMAT_H
#include "safetensors.h"

#define CLF_ST_META "__metadata__"
#define CLF_ST_CRC "clflow.crc32"
#define CLF_ST_CRC_ZERO "00000000"
#define CLF_ST_CRC_DIGITS 8
#define CLF_ST_MAX_HEADER 100000000 /* bytes; the limit of the reference implementation */

typedef struct clf__st_pair {
  const char *key, *value;
} clf__st_pair;

struct clf__st {
  char *path;
  char *bytes;         /* the whole file, and a NUL */
  size_t size, header; /* bytes of the file, and of its JSON, which begins at byte 8 */
  char *text;          /* the JSON, with strings decoded in place */
  clf__st_pair *meta;  /* the metadata, sorted by key */
  int metas;
  clf__st_entry *entry;       /* sorted by position */
  const clf__st_entry **find; /* sorted by name */
  int count;
};

/* Parses the JSON: the tensors, in the order of the file, and the metadata.  Errors: EFORMAT,
 * ENOMEM. */
clf_status clf__st_read_header(clf__st *st);

/* Bytes of an element; 0 for an unknown dtype. */
int clf__st_width(const char *dtype);

/* EFORMAT if the file has a wrong checksum. */
clf_status clf__st_check_crc(const clf__st *st);

#endif
