/* SPDX-License-Identifier: MIT */
/* table_files.c: reads and writes tables, choosing the format by the name; and synthetic data
 * sets. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "columns.h"
#include "file.h"
#include "input.h"
#include "signature.h"
#include "named_options.h"
#include "npz.h"
#include "status.h"
#include "table.h"
#include "unpack.h"

typedef struct format {
  const char *suffix;
  clf_status (*read)(const char *path, char *bytes, size_t size, const clf_table_options *o,
                     clf_table *t);
  clf_status (*write)(const char *path, const clf_table *t);
} format;

static clf_status read_npy(const char *path, char *bytes, size_t size, const clf_table_options *o,
                           clf_table *t) {
  return clf__npy_read(path, bytes, size, o, t);
}

static const format formats[] = {{".csv", clf__csv_read, clf__csv_write},
                                 {".tsv", clf__csv_read, NULL},
                                 {".txt", clf__csv_read, NULL},
                                 {".npy", read_npy, clf__npy_write}};

/* By the suffix, before .gz if there is one. */
static const format *format_of(const char *path, int *packed) {
  const size_t n = strlen(path);
  *packed = n > 3 && !strcasecmp(path + n - 3, ".gz");
  const size_t left = n - (*packed ? 3 : 0);
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
    const size_t m = strlen(formats[i].suffix);
    if (left > m && !strncasecmp(path + left - m, formats[i].suffix, m)) return &formats[i];
  }
  return NULL;
}

/* What to do with a file that is not a table, by its first bytes; NULL if they do not tell, as
 * for text, which may be a table. */
static const char *remedy_of(const format *f, clf__kind k) {
  static const char *const remedies[] = {
      [CLF_SAFETENSORS] = "it is a model; pass it as the model, not as data",
      [CLF_TORCH] = "load it in Python and write its numbers with numpy.save",
      [CLF_MODEL] = "write its numbers as .csv or .npy",
      [CLF_NUMPY] = "give it a name that ends in .npy",
      [CLF_TABLE] = "write its numbers as .csv or .npy",
      [CLF_IMAGE] = "images are read as PNG and JPEG: convert it to PNG",
      [CLF_ARCHIVE] = "unpack it first",
      [CLF_TEXT] = NULL};
  return k.group == CLF_NUMPY && f && f->read == read_npy ? NULL : remedies[k.group];
}

/* "moon:noise=0.1" is a misspelt data set and "d.dat" a file of an unknown type: a '.' or '/'
 * before any ':' distinguishes them. */
static clf_status unknown(const char *source) {
  if (source[strcspn(source, "./:")] && source[strcspn(source, "./:")] != ':')
    return clf__fail(CLF_EINVAL,
                     "%s: cannot be read: the name of a file of numbers ends in .csv, .tsv, .txt, "
                     ".npy or .npz, or in one of the first four and .gz",
                     source);
  return clf__fail(CLF_EINVAL,
                   "unknown data set \"%.*s\"; there are moons, circles, checkerboard, spirals, "
                   "gaussians, pinwheel, meters and detector, files ending in .csv, .tsv, .txt, "
                   ".npy or .npz, and - for standard input",
                   (int)strcspn(source, ":"), source);
}

/* Bytes in memory, in the format given by their name or, without one, by their first bytes. */
static clf_status read_bytes(const char *source, const format *f, char *bytes, size_t size,
                             const clf_table_options *o, clf_table *t) {
  const char *array;
  if (clf__npz_name(source, &array) || (!f && size >= 4 && !memcmp(bytes, "PK\x03\x04", 4))) {
    CLF_TRY(clf__options_check_no_text(source, o, "an NPZ file"));
    return clf__npz_read(source, bytes, size, array, o, t);
  }
  if (f) return f->read(source, bytes, size, o, t);
  const int npy = size >= 6 && !memcmp(bytes, "\x93NUMPY", 6);
  return (npy ? read_npy : clf__csv_read)(source, bytes, size, o, t);
}

static clf_status read_packed(const char *source, const format *f, char *bytes, size_t size,
                              const clf_table_options *o, clf_table *t) {
  char *unpacked;
  size_t n;
  CLF_TRY(clf__gunzip(source, bytes, size, &unpacked, &n));
  const clf_status s = read_bytes(source, f, unpacked, n, o, t);
  free(unpacked);
  return s;
}

/* A file by its name, or a stream. */
static clf_status read_source(const char *source,
                              clf_status (*get)(const char *, char **, size_t *), const format *f,
                              int packed, const clf_table_options *o, clf_table *t) {
  char *bytes;
  size_t size;
  CLF_TRY(get(source, &bytes, &size));
  const int gzip = clf__is_gzip(bytes, size);
  clf_status s;
  if (packed && !gzip)
    s = clf__fail(CLF_EFORMAT,
                  "%s: is not compressed with gzip, though its name says so; rename it", source);
  else if (gzip && (packed || !f))
    s = read_packed(source, f, bytes, size, o, t);
  else
    s = read_bytes(source, f, bytes, size, o, t);
  free(bytes);
  return s;
}

/* FILE.npz:ARRAY is part of FILE.npz. */
static clf_status read_archive(const char *source, size_t n, const clf_table_options *o,
                               clf_table *t) {
  char *bytes, *const path = strndup(source, n);
  size_t size;
  if (!path) return clf__fail(CLF_ENOMEM, "%s: no memory for its name", source);
  clf_status s = clf__file_read(path, &bytes, &size);
  free(path);
  if (s) return s;
  s = read_bytes(source, NULL, bytes, size, o, t);
  free(bytes);
  return s;
}

static clf_status read_synthetic(const char *source, const clf_table_options *o, clf_table *t) {
  clf_table all;
  int32_t *from, count;
  CLF_TRY(clf__options_check_no_text(source, o, "a synthetic set"));
  CLF_TRY(clf__synthetic_read(source, &all));
  clf_status s = clf__columns_choose(source, o, NULL, all.cols, &from, &count);
  if (s == CLF_OK) {
    s = clf__table_pick(&all, from, count);
    free(from);
  }
  if (s)
    clf_table_free(&all);
  else
    *t = all;
  return s;
}

static const clf__named members[] = {
    CLF_NAMED(clf_table_options, header, CHOICE, "auto|yes|no"),
    CLF_NAMED(clf_table_options, delimiter, LETTER, NULL),
    CLF_NAMED(clf_table_options, decimal, LETTER, NULL),
    CLF_NAMED(clf_table_options, comment, LETTER, NULL),
    CLF_NAMED(clf_table_options, skip, INT64, NULL),
    CLF_NAMED(clf_table_options, kinds, FLAG, NULL),
    CLF_NAMED(clf_table_options, id, TEXT, NULL),
    CLF_NAMED(clf_table_options, missing, CHOICE, "refuse|keep|drop"),
    CLF_NAMED(clf_table_options, height, INT32, NULL),
    CLF_NAMED(clf_table_options, width, INT32, NULL),
    CLF_NAMED(clf_table_options, channels, INT32, NULL),
    CLF_NAMED(clf_table_options, order, CHOICE, "auto|NHWC|NCHW"),
    {"log_densities", CLF_NAMED_INT64, offsetof(clf_table_options, more[0].whole), NULL},
};

clf_status clf_table_options_set(clf_table_options *options, const char *name, const char *value) {
  CLF_GIVEN("options, name, value", options, name, value);
  return clf__named_set("table", members, sizeof members / sizeof *members, options, name, value);
}

clf_status clf_table_read_with(const char *source, const clf_table_options *o, clf_table *t) {
  CLF_GIVEN("source, options, t", source, o, t);
  CLF_TRY(clf__options_check(source, o));
  if (clf__is_synthetic(source)) return read_synthetic(source, o, t);
  const char *array;
  const size_t archive = clf__npz_name(source, &array);
  int packed;
  if (clf_source_is_stream(source)) return read_source(source, clf__stream_read, NULL, 0, o, t);
  if (archive) return read_archive(source, archive, o, t);
  const format *const f = format_of(source, &packed);
  const clf_status s = f ? read_source(source, clf__file_read, f, packed, o, t) : CLF_EINVAL;
  if (s != CLF_EFORMAT && s != CLF_EINVAL) return s;
  const clf__kind k = clf__kind_of_file(source);
  const char *const remedy = packed ? NULL : remedy_of(f, k);
  if (remedy)
    return clf__fail(s, "%s: cannot be read as a table: it is %s: %s", source, k.name, remedy);
  return f ? s : unknown(source);
}

clf_status clf_table_read(const char *source, clf_table *t) {
  CLF_GIVEN("source, t", source, t);
  return clf_table_read_with(source, &(clf_table_options){0}, t);
}

clf_status clf_table_write(const char *path, const clf_table *t) {
  CLF_GIVEN("path, t", path, t);
  if (!t->at || t->rows < 1 || t->cols < 1)
    return clf__fail(CLF_EINVAL, "%s: cannot be written: the table is empty", path);
  CLF_TRY(clf__rows_fit(t->rows, t->cols, sizeof *t->at));
  int packed;
  const format *const f = format_of(path, &packed);
  if (!f || !f->write || packed)
    return clf__fail(CLF_EINVAL,
                     "%s: cannot be written: the name of a table to write ends in .npy or .csv",
                     path);
  return f->write(path, t);
}

clf_status clf_path_writable(const char *path) { return clf__file_writable(path); }
