/* SPDX-License-Identifier: MIT */
/* safetensors.h: named arrays in a file, in Hugging Face's safetensors format.  Private.
 *
 * A file has 8 bytes of header length, a JSON header that gives each tensor's dtype, shape and
 * position, and the tensors' bytes without gaps.  The header may contain named strings: the
 * metadata.  Files written here have a checksum in the metadata "clflow.crc32": 8 hexadecimal
 * digits, the CRC-32 of the whole file with zeros in place of those digits.  Files without a
 * checksum are read, too; files with a wrong one are refused. */
#ifndef CLF_DATA_SAFETENSORS_H
#define CLF_DATA_SAFETENSORS_H
#include "clflow/core.h"

#define CLF_ST_MAX_RANK 8

/* ---- Reading ----------------------------------------------------------- */

typedef struct clf__st clf__st;

typedef struct clf__st_entry {
  const char *name;  /* UTF-8 */
  const char *dtype; /* as in the file: "F32" */
  int rank;
  int64_t dim[CLF_ST_MAX_RANK]; /* row-major; 1 beyond the rank */
  int64_t count;                /* elements, the product of dim */
  int64_t begin, end;           /* byte range, counted from the end of the header */
} clf__st_entry;

/* Reads the whole file and checks everything except the values.  Needs memory for the file and
 * at most ten times its header, whatever that claims.
 * Errors: EIO; EFORMAT says what is wrong with the file; ENOMEM. */
clf_status clf__st_open(const char *path, clf__st **st);
/* The same from memory; the bytes are copied. */
clf_status clf__st_open_memory(const void *bytes, size_t size, clf__st **st);
void clf__st_close(clf__st *st); /* NULL is a no-op */

/* The tensors, in the order of their data.  Entries, and the strings below, are valid until the
 * file is closed. */
int clf__st_count(const clf__st *st);
const clf__st_entry *clf__st_at(const clf__st *st, int i);
const clf__st_entry *clf__st_find(const clf__st *st, const char *name); /* NULL: none */

/* ENOTSUP unless the dtype of the tensor is supported; for others the size in the file was not
 * checked. */
clf_status clf__st_check_dtype(const clf__st *st, const clf__st_entry *e);

/* The e->count elements of a tensor of dtype F64 F32 F16 BF16 I64 I32 I16 I8 U64 U32 U16 U8 or
 * BOOL, rounded to nearest if the type of `out` cannot represent them.
 * Errors: ENOTSUP for another dtype; ENUM names the tensor and the element that is not finite,
 * or too large for float; `out` is then undefined. */
clf_status clf__st_get(const clf__st *st, const clf__st_entry *e, double *out);
clf_status clf__st_get_f32(const clf__st *st, const clf__st_entry *e, float *out);

const char *clf__st_meta(const clf__st *st, const char *key); /* NULL: none */
/* All metadata, ordered by key: returns the key of string i. */
int clf__st_meta_count(const clf__st *st);
const char *clf__st_meta_at(const clf__st *st, int i, const char **value);

/* Required metadata that must be a number, independent of the locale.  Errors: EFORMAT. */
clf_status clf__st_meta_int(const clf__st *st, const char *key, int64_t *value);
clf_status clf__st_meta_uint(const clf__st *st, const char *key, uint64_t *value);
clf_status clf__st_meta_real(const clf__st *st, const char *key, double *value);

/* ---- Writing ----------------------------------------------------------- */

typedef struct clf__st_writer clf__st_writer;

clf_status clf__st_writer_new(clf__st_writer **w);
void clf__st_writer_free(clf__st_writer *w); /* NULL is a no-op */

/* Adds a copy of a tensor.  Errors: EINVAL (a duplicate name or one that is not UTF-8, a rank or
 * dimension out of range), ENUM (a non-finite value), ENOMEM. */
clf_status clf__st_put_f32(clf__st_writer *w, const char *name, int rank, const int64_t *dim,
                           const float *data);
clf_status clf__st_put_f64(clf__st_writer *w, const char *name, int rank, const int64_t *dim,
                           const double *data);

/* Sets a string of the metadata.  fmt may only use %s and integers: what %g prints depends on
 * the locale, so numbers use clf__st_put_meta_real(), which preserves doubles exactly.  Errors:
 * EINVAL (not UTF-8), ENUM (not finite), ENOMEM. */
clf_status clf__st_put_meta(clf__st_writer *w, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
clf_status clf__st_put_meta_real(clf__st_writer *w, const char *key, double value);

/* Writes the file atomically.  Doubles come first, otherwise tensors keep their order, so that
 * every tensor is aligned in the file.  `keep`: keeps the replaced file, see clf__file_keep().
 * Errors: EIO, EINVAL, ENOMEM. */
clf_status clf__st_write(clf__st_writer *w, const char *path, int keep);
/* The contents of the file, malloc'ed. */
clf_status clf__st_write_memory(clf__st_writer *w, void **bytes, size_t *size);

#endif
