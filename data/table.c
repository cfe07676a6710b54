/* SPDX-License-Identifier: MIT */
/* table.c: tables: made, freed, measured, and handed to the right reader. */
#define _POSIX_C_SOURCE 200809L
#include "table.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "file.h"
#include "status.h"

/* ---- The table itself ---------------------------------------------------- */

clf_status clf_table_new(int64_t rows, int32_t cols, clf_table *t) {
  if (rows < 1 || cols < 1)
    return clf__fail(CLF_EINVAL,
                     "a table needs at least one row and one column, not %" PRId64 " x %" PRId32,
                     rows, cols);
  double *const at = (uint64_t)rows > SIZE_MAX / sizeof *at / (uint64_t)cols
                         ? NULL
                         : calloc((size_t)rows * (size_t)cols, sizeof *at);
  if (!at)
    return clf__fail(CLF_ENOMEM, "no memory for a table of %" PRId64 " x %" PRId32 " numbers", rows,
                     cols);
  *t = (clf_table){.rows = rows, .cols = cols, .at = at};
  return CLF_OK;
}

void clf_table_free(clf_table *t) {
  if (!t) return;
  for (int32_t c = 0; t->names && c < t->cols; c++) free(t->names[c]);
  free(t->names);
  free(t->at);
  *t = (clf_table){0};
}

/* ---- Files --------------------------------------------------------------- */

typedef struct format {
  const char *suffix;
  clf_status (*read)(const char *path, clf_table *t);
  clf_status (*write)(const char *path, const clf_table *t);
} format;

static const format formats[] = {{".csv", clf__csv_read, clf__csv_write},
                                 {".tsv", clf__csv_read, NULL},
                                 {".txt", clf__csv_read, NULL},
                                 {".npy", clf__npy_read, clf__npy_write}};

static const format *format_of(const char *path) {
  const char *const dot = strrchr(path, '.');
  for (size_t i = 0; dot && i < sizeof formats / sizeof *formats; i++)
    if (!strcasecmp(dot, formats[i].suffix)) return &formats[i];
  return NULL;
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

clf_status clf_table_read(const char *source, clf_table *t) {
  if (!source) return clf__fail(CLF_EINVAL, "a table to read has no name");
  if (clf__is_synthetic(source)) return clf__synthetic_read(source, t);
  const format *const f = format_of(source);
  return f ? f->read(source, t) : unknown(source);
}

clf_status clf_table_write(const char *path, const clf_table *t) {
  if (!path) return clf__fail(CLF_EINVAL, "a table to write has no name");
  if (!t || !t->at || t->rows < 1 || t->cols < 1)
    return clf__fail(CLF_EINVAL, "%s: cannot be written: the table is empty", path);
  const format *const f = format_of(path);
  if (!f || !f->write)
    return clf__fail(CLF_EINVAL,
                     "%s: cannot be written: the name of a table to write ends in .npy or .csv",
                     path);
  return f->write(path, t);
}

clf_status clf_path_writable(const char *path) { return clf__file_writable(path); }

/* ---- Moments ------------------------------------------------------------- */

static const double *row(const clf_table *t, const int64_t *index, int64_t i) {
  return t->at + (index ? index[i] : i) * t->cols;
}

/* Sums are of differences to the first row, so that a constant column has
 * exactly its constant for a mean and exactly zero for a deviation. */
void clf_table_moments(const clf_table *t, const int64_t *index, int64_t count, double *mean,
                       double *std) {
  const int64_t n = index ? count : t->rows;
  for (int32_t c = 0; c < t->cols; c++) mean[c] = std[c] = 0;
  if (n < 1) return;
  const double *const first = row(t, index, 0);
  for (int64_t i = 1; i < n; i++) {
    const double *const x = row(t, index, i);
    for (int32_t c = 0; c < t->cols; c++) mean[c] += x[c] - first[c];
  }
  for (int32_t c = 0; c < t->cols; c++) mean[c] = first[c] + mean[c] / (double)n;
  for (int64_t i = 0; i < n; i++) {
    const double *const x = row(t, index, i);
    for (int32_t c = 0; c < t->cols; c++) std[c] += (x[c] - mean[c]) * (x[c] - mean[c]);
  }
  for (int32_t c = 0; c < t->cols; c++) std[c] = sqrt(std[c] / (double)n);
}
