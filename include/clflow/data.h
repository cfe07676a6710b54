/* SPDX-License-Identifier: MIT */
/* data.h: tables of numbers: files, synthetic sets.
 *
 * A table holds one sample a row, in double, on the host.  Nothing here needs
 * a device.  Every function refuses what it cannot take with a sentence that
 * names the file, and the line and column where there is one. */
#ifndef CLFLOW_DATA_H
#define CLFLOW_DATA_H
#include "clflow/core.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clf_table {
  int64_t rows;
  int32_t cols;
  double *at;   /* (rows, cols), row-major */
  char **names; /* cols names, from a CSV header; NULL without one */
  char *notes;  /* sentences, a line each, on how it was read and matched; NULL: nothing to say */
} clf_table;

/* A table of zeros without names.  Errors: ENOMEM, EINVAL (rows or cols < 1). */
CLF_API clf_status clf_table_new(int64_t rows, int32_t cols, clf_table *t);
/* Frees what the table holds and zeroes it. */
CLF_API void clf_table_free(clf_table *t);

/* Reads a file (.csv, .tsv, .txt, .npy, by suffix) or draws a synthetic set.
 *
 * CSV: numbers separated by comma, semicolon, tab or blanks (found from the
 * first line), with or without a header line, quoted fields and blank lines
 * and CRLF allowed, '.' as decimal point whatever the locale.  Refused: an empty file, a row of
 * another length, a field that is no number, NaN and infinities; the message names line and column.
 * NPY: format 1 to 3, shape (N, D) or (N), float, integer or boolean of any
 * byte order, C or Fortran order; the file's length must be what the header says.  Floats may
 * have up to 4 dimensions, such as (N, H, W, C): all but the first make a row, in row-major order.
 * (Bytes of 3 or 4 dimensions are images, for clf_images_open().)
 *
 * A synthetic set is NAME[:key=value,...] with NAME one of those that
 * clf_synthetic() lists, keys n (samples, default 10000), noise (default the
 * set's own) and seed (default 1): "moons:n=2000,noise=0.1".
 * Errors: EIO, EFORMAT, EINVAL, ENOMEM. */
CLF_API clf_status clf_table_read(const char *source, clf_table *t);

/* Writes .npy (float64), or .csv with 17 significant digits and, if the table has
 * names, a header.  The file appears whole or not at all: it is written beside,
 * synced and renamed.  Errors: EIO, EINVAL (another suffix). */
CLF_API clf_status clf_table_write(const char *path, const clf_table *t);

/* EIO if the folder of `path` does not exist or cannot be written, or if `path` is
 * a folder itself: to be asked before long work begins. */
CLF_API clf_status clf_path_writable(const char *path);

/* Writes a file of these bytes, which appears whole or not at all as clf_table_write()'s does.
 * Errors: EIO, EINVAL (no path). */
CLF_API clf_status clf_file_write(const char *path, const void *bytes, size_t n);
/* Brings the columns of a table into the order of `count` names (those of a flow,
 * clf_flow_columns()) and leaves the others out; the table's notes say so.  Without names, in the
 * table or as NULL here, columns go by position: nothing changes. Errors: EINVAL names a column
 * that the table lacks and the nearest names it has, or the two columns that share a name; ENOMEM.
 * The table is then as it was. */
CLF_API clf_status clf_table_match(clf_table *t, char *const *names, int32_t count);

/* Removes the temporary files of this process whose writing is not finished.  For a handler of a
 * signal that ends the process, where it may be called; what was at their paths stays as it was. A
 * process that is killed without that leaves one, which the next writer in the same folder removes.
 */
CLF_API void clf_discard_unfinished(void);

/* Mean and standard deviation (divisor N) of each column over the rows listed,
 * or over all rows if `index` is NULL; two passes in double. */
CLF_API void clf_table_moments(const clf_table *t, const int64_t *index, int64_t count,
                               double *mean, double *std);

/* The names of the synthetic sets, all two-dimensional:
 * moons circles checkerboard spirals gaussians pinwheel; NULL-terminated. */
CLF_API const char *const *clf_synthetic(void);

#ifdef __cplusplus
}
#endif
#endif
