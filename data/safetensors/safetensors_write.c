/* SPDX-License-Identifier: MIT */
/* safetensors_write.c: collects tensors and metadata and writes them as a safetensors file. */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "clflow/flow.h"
#include "file.h"
#include "safetensors_format.h"
#include "status.h"
#include "text.h"

typedef struct item {
  const char *name;
  json_t *info;         /* borrowed from the writer's `tensors` */
  unsigned char *bytes; /* as in the file */
  size_t size;
  int width, number; /* bytes of an element; index in the order of calls */
} item;

struct clf__st_writer {
  json_t *meta;    /* begins with the checksum, which is zeros until the file is written */
  json_t *tensors; /* name to {dtype, shape, data_offsets} */
  item *item;
  size_t count, cap;
};

clf_status clf__st_writer_new(clf__st_writer **out) {
  clf__st_writer *w = calloc(1, sizeof *w);
  if (w != NULL) {
    w->meta = json_pack("{s:s}", CLF_ST_CRC, CLF_ST_CRC_ZERO);
    w->tensors = json_object();
  }
  if (w == NULL || w->meta == NULL || w->tensors == NULL) {
    clf__st_writer_free(w);
    return clf__fail(CLF_ENOMEM, "no memory to write tensors");
  }
  *out = w;
  return CLF_OK;
}

void clf__st_writer_free(clf__st_writer *w) {
  if (w == NULL) return;
  for (size_t i = 0; i < w->count; i++) free(w->item[i].bytes);
  free(w->item);
  json_decref(w->tensors);
  json_decref(w->meta);
  free(w);
}

/* ---- Tensors ----------------------------------------------------------- */

static clf_status count_elements(const char *name, int rank, const int64_t *dim, int width,
                                 size_t *count) {
  if (rank < 0 || rank > CLF_ST_MAX_RANK)
    return clf__fail(CLF_EINVAL, "tensor \"%s\" has %d dimensions, not 0 to %d", name, rank,
                     CLF_ST_MAX_RANK);
  int64_t n = 1;
  const int64_t maximum = PTRDIFF_MAX / width;
  for (int i = 0; i < rank; i++) {
    if (dim[i] < 0 || (dim[i] > 0 && n > maximum / dim[i]))
      return clf__fail(CLF_EINVAL, "dimension %d of tensor \"%s\" is %" PRId64 ": out of range", i,
                       name, dim[i]);
    n *= dim[i];
  }
  *count = (size_t)n;
  return CLF_OK;
}

static clf_status check_name(const clf__st_writer *w, const char *name) {
  if (strcmp(name, CLF_ST_META) == 0)
    return clf__fail(CLF_EINVAL, "a tensor cannot have the name " CLF_ST_META);
  if (json_object_get(w->tensors, name) != NULL)
    return clf__fail(CLF_EINVAL, "tensor \"%s\" is duplicate", name);
  return CLF_OK;
}

static json_t *make_info(int rank, const int64_t *dim, int width) {
  json_t *shape = json_array();
  for (int i = 0; i < rank && shape != NULL; i++) {
    if (json_array_append_new(shape, json_integer(dim[i])) == 0) continue;
    json_decref(shape);
    shape = NULL;
  }
  return shape != NULL
             ? json_pack("{s:s, s:o}", "dtype", width == 8 ? "F64" : "F32", "shape", shape)
             : NULL;
}

static int reserve(clf__st_writer *w) {
  if (w->count < w->cap) return 1;
  const size_t cap = 2 * w->cap + 16;
  item *grown = realloc(w->item, cap * sizeof *grown);
  if (grown == NULL) return 0;
  w->item = grown;
  w->cap = cap;
  return 1;
}

/* Why jansson refuses a text: this, or no memory. */
static int is_utf8(const char *text) {
  const unsigned char *p = (const unsigned char *)text;
  size_t left = strlen(text);
  for (int length; left > 0; p += length, left -= (size_t)length)
    if ((length = clf__utf8_length(p, left)) == 0) return 0;
  return 1;
}

/* Takes ownership of `bytes` in any case. */
static clf_status add_item(clf__st_writer *w, const char *name, int rank, const int64_t *dim,
                           int width, unsigned char *bytes, size_t size) {
  json_t *info = bytes != NULL && reserve(w) ? make_info(rank, dim, width) : NULL;
  if (info == NULL) {
    free(bytes);
    return clf__fail(CLF_ENOMEM, "no memory for tensor \"%s\" of %zu bytes", name, size);
  }
  if (json_object_set_new(w->tensors, name, info) != 0) {
    free(bytes);
    return is_utf8(name) ? clf__fail(CLF_ENOMEM, "no memory for the name of tensor \"%s\"", name)
                         : clf__fail(CLF_EINVAL, "the name of tensor \"%s\" is not UTF-8", name);
  }
  w->item[w->count] = (item){.info = info, .bytes = bytes, .size = size, .width = width};
  w->item[w->count].number = (int)w->count;
  w->item[w->count].name = json_object_iter_key(json_object_iter_at(w->tensors, name));
  w->count++;
  return CLF_OK;
}

static void store(unsigned char *p, uint64_t bits, int width) {
  for (int i = 0; i < width; i++) p[i] = (unsigned char)(bits >> 8 * i);
}

static double number_at(const void *data, size_t i, int width) {
  return width == 8 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

static void store_number(unsigned char *p, const void *data, size_t i, int width) {
  uint64_t u8 = 0;
  uint32_t u4 = 0;
  if (width == 8)
    memcpy(&u8, (const double *)data + i, sizeof u8);
  else
    memcpy(&u4, (const float *)data + i, sizeof u4);
  store(p, u8 | u4, width);
}

static clf_status not_finite(const char *name, size_t i, double x) {
  return clf__fail(CLF_ENUM, "tensor \"%s\" has %s at element %zu", name,
                   isnan(x) ? "nan"
                   : x > 0  ? "inf"
                            : "-inf",
                   i);
}

static clf_status put(clf__st_writer *w, const char *name, int rank, const int64_t *dim, int width,
                      const void *data) {
  size_t n = 0;
  CLF_TRY(check_name(w, name));
  CLF_TRY(count_elements(name, rank, dim, width, &n));
  for (size_t i = 0; i < n; i++) {
    const double x = number_at(data, i, width);
    if (!isfinite(x)) return not_finite(name, i, x);
  }
  const size_t each = (size_t)width;
  unsigned char *bytes = malloc(each * n + 1);
  for (size_t i = 0; bytes != NULL && i < n; i++) store_number(bytes + each * i, data, i, width);
  return add_item(w, name, rank, dim, width, bytes, each * n);
}

clf_status clf__st_put_f32(clf__st_writer *w, const char *name, int rank, const int64_t *dim,
                           const float *data) {
  return put(w, name, rank, dim, 4, data);
}

clf_status clf__st_put_f64(clf__st_writer *w, const char *name, int rank, const int64_t *dim,
                           const double *data) {
  return put(w, name, rank, dim, 8, data);
}

/* ---- Metadata ---------------------------------------------------------- */

static clf_status set_meta(clf__st_writer *w, const char *key, const char *text) {
  if (strcmp(key, CLF_ST_CRC) == 0)
    return clf__fail(CLF_EINVAL, "metadata \"" CLF_ST_CRC "\" is reserved for the writer");
  if (json_object_set_new(w->meta, key, json_string(text)) != 0)
    return is_utf8(key) && is_utf8(text)
               ? clf__fail(CLF_ENOMEM, "no memory for metadata \"%s\"", key)
               : clf__fail(CLF_EINVAL, "metadata \"%s\" is not UTF-8: \"%.60s\"", key, text);
  return CLF_OK;
}

clf_status clf__st_put_meta(clf__st_writer *w, const char *key, const char *fmt, ...) {
  va_list args, again;
  va_start(args, fmt);
  va_copy(again, args);
  const int n = vsnprintf(NULL, 0, fmt, args);
  va_end(args);
  /* n is negative only for text beyond 2 GiB */
  char *text = n >= 0 ? malloc((size_t)n + 1) : NULL; /* GCOVR_EXCL_BR_LINE */
  if (text != NULL) vsnprintf(text, (size_t)n + 1, fmt, again);
  va_end(again);
  if (text == NULL) return clf__fail(CLF_ENOMEM, "no memory for metadata \"%s\"", key);
  const clf_status s = set_meta(w, key, text);
  free(text);
  return s;
}

clf_status clf__st_put_meta_real(clf__st_writer *w, const char *key, double value) {
  if (!isfinite(value))
    return clf__fail(CLF_ENUM, "metadata \"%s\" is a number that is not finite", key);
  json_t *number = json_real(value);
  char *text = json_dumps(number, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
  json_decref(number);
  if (text == NULL) return clf__fail(CLF_ENOMEM, "no memory for metadata \"%s\"", key);
  const clf_status s = set_meta(w, key, text);
  free(text);
  return s;
}

/* ---- The file ---------------------------------------------------------- */

static int by_width(const void *pa, const void *pb) {
  const item *a = pa, *b = pb;
  return a->width != b->width ? b->width - a->width : a->number - b->number;
}

/* The whole header as JSON; NULL if memory runs out. */
static json_t *make_root(const clf__st_writer *w) {
  json_t *root = json_object();
  int bad = json_object_set(root, CLF_ST_META, w->meta);
  json_int_t begin = 0;
  for (size_t i = 0; i < w->count && !bad; i++) {
    const item *it = &w->item[i];
    const json_int_t end = begin + (json_int_t)it->size;
    bad = json_object_set_new(it->info, "data_offsets", json_pack("[I, I]", begin, end)) ||
          json_object_set(root, it->name, it->info);
    begin = end;
  }
  if (!bad) return root;
  json_decref(root);
  return NULL;
}

/* The bytes before the data: the header's length, the header, and blanks that align the data. */
static clf_status make_header(const clf__st_writer *w, unsigned char **head, size_t *size) {
  json_t *root = make_root(w);
  const size_t n = json_dumpb(root, NULL, 0, JSON_COMPACT), padded = (n + 7) & ~(size_t)7;
  unsigned char *h = n > 0 ? malloc(8 + padded) : NULL;
  if (h != NULL) {
    store(h, padded, 8);
    memset(h + 8, ' ', padded);
    if (json_dumpb(root, (char *)h + 8, n, JSON_COMPACT) != n) { /* memory ran out */
      free(h);
      h = NULL;
    }
  }
  json_decref(root);
  if (h == NULL) return clf__fail(CLF_ENOMEM, "no memory for the header of %zu tensors", w->count);
  *head = h;
  *size = 8 + padded;
  return CLF_OK;
}

/* Replaces the zeros, which follow the beginning of every header, by the checksum. */
static void put_crc(const clf__st_writer *w, unsigned char *head, size_t size) {
  uLong crc = crc32_z(0, head, size);
  for (size_t i = 0; i < w->count; i++) crc = crc32_z(crc, w->item[i].bytes, w->item[i].size);
  char digits[CLF_ST_CRC_DIGITS + 1];
  snprintf(digits, sizeof digits, "%08" PRIx32, (uint32_t)crc);
  const size_t at = 8 + strlen("{\"" CLF_ST_META "\":{\"" CLF_ST_CRC "\":\"");
  memcpy(head + at, digits, CLF_ST_CRC_DIGITS);
}

static clf_status put_all(const clf__st_writer *w, clf__file *f, const unsigned char *head,
                          size_t size) {
  CLF_TRY(clf__file_put(f, head, size));
  for (size_t i = 0; i < w->count; i++)
    CLF_TRY(clf__file_put(f, w->item[i].bytes, w->item[i].size));
  return CLF_OK;
}

static clf_status write_file(const clf__st_writer *w, const char *path, int keep,
                             const unsigned char *head, size_t size) {
  if (size - 8 > CLF_ST_MAX_HEADER)
    return clf__fail(CLF_EINVAL, "%s: its header would have %zu bytes, more than %d", path,
                     size - 8, CLF_ST_MAX_HEADER);
  clf__file *f = NULL;
  CLF_TRY(clf__file_begin(path, &f));
  if (keep) clf__file_keep(f, clf_is_model_file);
  const clf_status s = put_all(w, f, head, size);
  if (s == CLF_OK) return clf__file_commit(f);
  clf__file_abort(f);
  return s;
}

/* The header, with the checksum of everything. */
static clf_status finish(clf__st_writer *w, unsigned char **head, size_t *size) {
  if (w->count > 0) qsort(w->item, w->count, sizeof *w->item, by_width);
  CLF_TRY(make_header(w, head, size));
  put_crc(w, *head, *size);
  return CLF_OK;
}

clf_status clf__st_write(clf__st_writer *w, const char *path, int keep) {
  unsigned char *head = NULL;
  size_t size = 0;
  CLF_TRY(finish(w, &head, &size));
  const clf_status s = write_file(w, path, keep, head, size);
  free(head);
  return s;
}

clf_status clf__st_write_memory(clf__st_writer *w, void **bytes, size_t *size) {
  unsigned char *head = NULL;
  CLF_TRY(finish(w, &head, size));
  const size_t begin = *size;
  for (size_t i = 0; i < w->count; i++) *size += w->item[i].size;
  unsigned char *all = realloc(head, *size);
  if (!all) {
    free(head);
    return clf__fail(CLF_ENOMEM, "no memory for a model of %zu bytes", *size);
  }
  for (size_t i = 0, at = begin; i < w->count; at += w->item[i++].size)
    memcpy(all + at, w->item[i].bytes, w->item[i].size);
  *bytes = all;
  return CLF_OK;
}
