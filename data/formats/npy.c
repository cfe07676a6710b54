/* SPDX-License-Identifier: MIT */
/* npy.c: tables and arrays in the format of numpy.save(). */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "clflow/images.h"
#include "columns.h"
#include "npy.h"
#include "table.h"
#include "status.h"

/* ---- Reading -------------------------------------------------------------- */

/* The numbers in a row: all dimensions except the first. */
static uint64_t columns(const clf__npy *h) {
  uint64_t cols = 1;
  for (int k = 1; k < h->dims; k++)
    if (__builtin_mul_overflow(cols, h->dim[k], &cols)) return UINT64_MAX;
  return cols;
}

/* Compares the shape with the number of bytes, before memory is allocated. */
static clf_status check_shape(const clf__npy *h, clf__npy_type d) {
  const int maximum = d.kind == 'f' ? CLF_NPY_DIMS : 2;
  if (h->dims < 1 || h->dims > maximum)
    return clf__fail(CLF_EFORMAT,
                     "%s: the shape is %s; a table is (N, D) or (N,), of floats also "
                     "(N, H, W) or (N, H, W, C)",
                     h->path, h->shape);
  const uint64_t rows = h->dim[0], cols = columns(h);
  if (rows == 0 || cols == 0)
    return clf__fail(CLF_EFORMAT, "%s: the shape is %s: there are no %s", h->path, h->shape,
                     rows == 0 ? "rows" : "columns");
  if (cols > INT32_MAX)
    return clf__fail(CLF_EFORMAT, "%s: the shape %s is beyond what a file can hold", h->path,
                     h->shape);
  return clf__npy_fits(h, d);
}

/* Columns of images, whose channel is the fastest index, become those of the file. */
static clf_status find_columns(const clf__npy *h, const clf_table_options *o, int32_t *from,
                               int32_t count) {
  int64_t dim[CLF_NPY_DIMS];
  clf_image_order order;
  if (!o->height || h->dims < 3) return CLF_OK;
  for (int k = 0; k < h->dims; k++) dim[k] = (int64_t)h->dim[k];
  CLF_TRY(clf_image_order_find(h->path, h->dims, dim, o->height, o->width, o->channels, o->order,
                               &order));
  const int64_t pixels = (int64_t)o->height * o->width, C = (int64_t)columns(h) / pixels;
  for (int32_t c = 0; c < count && order == CLF_ORDER_NCHW; c++)
    from[c] = (int32_t)(from[c] % C * pixels + from[c] / C);
  return CLF_OK;
}

/* The columns `from` of each row; others are not decoded. */
static clf_status decode_all(const clf__npy *h, clf__npy_type d, const char *data,
                             const int32_t *from, const clf_table_options *o, clf_table *t) {
  const unsigned char *const b = (const unsigned char *)data;
  const size_t cols = (size_t)columns(h);
  for (int64_t i = 0; i < t->rows; i++)
    for (int32_t c = 0; c < t->cols; c++) {
      const size_t k = (size_t)i * cols + (size_t)from[c];
      const double v = clf__npy_number(d, b + clf__npy_offset(h, k) * (size_t)d.size);
      if (!isfinite(v) && !(isnan(v) && o->missing != CLF_MISSING_REFUSE) &&
          !(v == -INFINITY && clf__takes_log_of_0(o)))
        return clf__fail(CLF_EFORMAT,
                         "%s: row %" PRId64 ", column %" PRId32 " (from 1): %s is not a finite "
                         "number",
                         h->path, i + 1, from[c] + 1,
                         isnan(v) ? "nan"
                         : v > 0  ? "inf"
                                  : "-inf");
      t->at[i * t->cols + c] = v;
    }
  return CLF_OK;
}

static clf_status decode(const clf__npy *h, clf__npy_type d, const char *bytes,
                         const clf_table_options *o, clf_table *t) {
  int32_t *from, count;
  clf_table n;
  CLF_TRY(clf__columns_choose(h->path, o, NULL, (int32_t)columns(h), &from, &count));
  clf_status s = find_columns(h, o, from, count);
  if (s == CLF_OK) s = clf_table_new((int64_t)h->dim[0], count, &n);
  if (s == CLF_OK) {
    s = decode_all(h, d, bytes + h->data, from, o, &n);
    if (s == CLF_OK) s = clf__array_describe(h->path, o, &n);
    if (s == CLF_OK)
      *t = n;
    else
      clf_table_free(&n);
  }
  free(from);
  return s;
}

clf_status clf__npy_read(const char *path, const char *bytes, size_t size,
                         const clf_table_options *o, clf_table *t) {
  clf__npy h;
  clf__npy_type d = {0};
  CLF_TRY(clf__options_check_no_text(path, o, "an NPY file"));
  CLF_TRY(clf__npy_open(path, bytes, size, &h));
  CLF_TRY(clf__npy_type_of(&h, &d));
  CLF_TRY(check_shape(&h, d));
  return decode(&h, d, bytes, o, t);
}

/* ---- Writing -------------------------------------------------------------- */

static clf_status put_numbers(clf__file *f, const double *at, size_t count) {
  unsigned char chunk[1 << 14];
  for (size_t i = 0, n = 0; i < count; i++) {
    uint64_t u;
    memcpy(&u, &at[i], sizeof u);
    for (int k = 0; k < 8; k++) chunk[n++] = (unsigned char)(u >> (8 * k));
    if (n < sizeof chunk && i + 1 < count) continue;
    CLF_TRY(clf__file_put(f, chunk, n));
    n = 0;
  }
  return CLF_OK;
}

/* The number of elements.  Errors: EINVAL if the shape is invalid. */
static clf_status count_array(const char *path, int rank, const int64_t *dim, size_t *count) {
  if (rank < 1 || rank > CLF_NPY_DIMS)
    return clf__fail(CLF_EINVAL, "%s: cannot be written: an array has 1 to %d dimensions, not %d",
                     path, CLF_NPY_DIMS, rank);
  *count = sizeof(double);
  for (int k = 0; k < rank; k++)
    if (dim[k] < 1 || __builtin_mul_overflow(*count, dim[k], count))
      return clf__fail(CLF_EINVAL, "%s: cannot be written: dimension %d of the array is %" PRId64,
                       path, k + 1, dim[k]);
  *count /= sizeof(double);
  return CLF_OK;
}

clf_status clf_array_write_npy(const char *path, const double *at, int rank, const int64_t *dim) {
  clf__file *f;
  size_t count = 0;
  CLF_GIVEN("path, at, dim", path, at, dim);
  CLF_TRY(count_array(path, rank, dim, &count));
  CLF_TRY(clf__file_begin(path, &f));
  clf_status s = clf__npy_put_header(f, "<f8", rank, dim);
  if (s == CLF_OK) s = put_numbers(f, at, count);
  if (s == CLF_OK) return clf__file_commit(f);
  clf__file_abort(f);
  return s;
}

clf_status clf__npy_write(const char *path, const clf_table *t) {
  return clf_array_write_npy(path, t->at, 2, (const int64_t[]){t->rows, t->cols});
}
