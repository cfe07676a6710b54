/* SPDX-License-Identifier: MIT */
/* table_files.c: tables from and to files, and synthetic ones: the right reader by the name. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "columns.h"
#include "file.h"
#include "kind.h"
#include "status.h"
#include "table.h"

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

static const format *format_of(const char *path) {
  const char *const dot = strrchr(path, '.');
  for (size_t i = 0; dot && i < sizeof formats / sizeof *formats; i++)
    if (!strcasecmp(dot, formats[i].suffix)) return &formats[i];
  return NULL;
}

/* What to do with a file that is no table, by what it begins with; NULL where that says nothing, as
 * of text, which may be a table. */
static const char *remedy_of(const format *f, clf__kind k) {
  static const char *const remedies[] = {
      [CLF_SAFETENSORS] = "it belongs in the place of the model, not of the data",
      [CLF_TORCH] = "load it in Python and write its numbers with numpy.save",
      [CLF_MODEL] = "write its numbers as .csv or .npy",
      [CLF_NUMPY] = "give it a name that ends in .npy",
      [CLF_TABLE] = "write its numbers as .csv or .npy",
      [CLF_IMAGE] = "images are read as PNG and JPEG: convert it to PNG",
      [CLF_ARCHIVE] = "unpack it first",
      [CLF_TEXT] = NULL};
  return k.group == CLF_NUMPY && f && f->read == read_npy ? NULL : remedies[k.group];
}

/* "moon:noise=0.1" is a set misspelt and "d.dat" a file of another kind: a '.'
 * or '/' before any ':' tells. */
static clf_status unknown(const char *source) {
  if (source[strcspn(source, "./:")] && source[strcspn(source, "./:")] != ':')
    return clf__fail(CLF_EINVAL,
                     "%s: cannot be read: the name of a file of numbers ends in .csv, .tsv, .txt "
                     "or .npy",
                     source);
  return clf__fail(CLF_EINVAL,
                   "\"%.*s\" is no synthetic set; there are moons, circles, checkerboard, spirals, "
                   "gaussians and pinwheel, and files ending in .csv, .tsv, .txt or .npy",
                   (int)strcspn(source, ":"), source);
}

static clf_status read_file(const char *path, const format *f, const clf_table_options *o,
                            clf_table *t) {
  char *bytes;
  size_t size;
  CLF_TRY(clf__file_read(path, &bytes, &size));
  const clf_status s = f->read(path, bytes, size, o, t);
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

clf_status clf_table_read_with(const char *source, const clf_table_options *o, clf_table *t) {
  CLF_GIVEN("source, options, t", source, o, t);
  CLF_TRY(clf__options_check(source, o));
  if (clf__is_synthetic(source)) return read_synthetic(source, o, t);
  const format *const f = format_of(source);
  const clf_status s = f ? read_file(source, f, o, t) : CLF_EINVAL;
  if (s != CLF_EFORMAT && s != CLF_EINVAL) return s;
  const clf__kind k = clf__kind_of_file(source);
  const char *const remedy = remedy_of(f, k);
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
  const format *const f = format_of(path);
  if (!f || !f->write)
    return clf__fail(CLF_EINVAL,
                     "%s: cannot be written: the name of a table to write ends in .npy or .csv",
                     path);
  return f->write(path, t);
}

clf_status clf_path_writable(const char *path) { return clf__file_writable(path); }
