/* SPDX-License-Identifier: MIT */
/* safetensors_read.c: opens a safetensors file and checks that its header and its data agree. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "safetensors_format.h"
#include "status.h"

/* ---- Header ------------------------------------------------------------ */

/* What torch.save writes is what users most often mistake for a safetensors file: a zip
 * archive, or before version 1.6 a pickle. */
static int is_torch_save(const clf__st *st) {
  return memcmp(st->bytes, "PK\3\4", 4) == 0 || memcmp(st->bytes, "\x80\2\x8a\n", 4) == 0;
}

static clf_status foreign_torch(const clf__st *st) {
  return clf__fail(CLF_EFORMAT,
                   "%s: not a safetensors file: it looks like one of torch.save; load it in Python "
                   "and write its state_dict with safetensors.torch.save_file",
                   st->path);
}

static clf_status find_header(clf__st *st) {
  if (st->size < 8)
    return clf__fail(CLF_EFORMAT,
                     "%s: not a safetensors file: it has %zu bytes, fewer than the 8 of a header "
                     "length",
                     st->path, st->size);
  uint64_t n = 0;
  for (int i = 7; i >= 0; i--) n = n << 8 | (unsigned char)st->bytes[i];
  const int fits = n <= st->size - 8;
  if ((!fits || st->bytes[8] != '{') && is_torch_save(st)) return foreign_torch(st);
  if (!fits)
    return clf__fail(CLF_EFORMAT,
                     "%s: not a safetensors file, or cut short: it starts with a header length of "
                     "%" PRIu64 " bytes, but has %zu bytes",
                     st->path, n, st->size);
  if (n == 0 || st->bytes[8] != '{')
    return clf__fail(CLF_EFORMAT, "%s: not a safetensors file: its header does not begin with '{'",
                     st->path);
  if (n > CLF_ST_MAX_HEADER)
    return clf__fail(CLF_EFORMAT, "%s: its header has %" PRIu64 " bytes, more than %d", st->path, n,
                     CLF_ST_MAX_HEADER);
  st->header = (size_t)n;
  return CLF_OK;
}

static clf_status parse_header(clf__st *st) {
  json_error_t err;
  st->root = json_loadb(st->bytes + 8, st->header, JSON_REJECT_DUPLICATES, &err);
  /* jansson has no words for a lack of memory. */
  if (st->root == NULL && err.text[0] == '\0')
    return clf__fail(CLF_ENOMEM, "%s: no memory for its header of %zu bytes", st->path, st->header);
  if (st->root == NULL)
    return clf__fail(CLF_EFORMAT, "%s: byte %d of its header is not as it should be: %s", st->path,
                     err.position, err.text);
  st->meta = json_object_get(st->root, CLF_ST_META);
  if (st->meta == NULL) return CLF_OK;
  if (json_typeof(st->meta) != JSON_OBJECT)
    return clf__fail(CLF_EFORMAT, "%s: its " CLF_ST_META " is not an object", st->path);
  for (void *i = json_object_iter(st->meta); i; i = json_object_iter_next(st->meta, i))
    if (json_typeof(json_object_iter_value(i)) != JSON_STRING)
      return clf__fail(CLF_EFORMAT, "%s: metadata \"%s\" is not a string", st->path,
                       json_object_iter_key(i));
  return CLF_OK;
}

/* ---- Tensors ----------------------------------------------------------- */

static clf_status read_shape(const clf__st *st, const json_t *shape, clf__st_entry *e) {
  if (json_typeof(shape) != JSON_ARRAY)
    return clf__fail(CLF_EFORMAT, "%s: the shape of tensor \"%s\" is not an array", st->path,
                     e->name);
  const size_t rank = json_array_size(shape);
  if (rank > CLF_ST_MAX_RANK)
    return clf__fail(CLF_EFORMAT, "%s: tensor \"%s\" has %zu dimensions, more than %d", st->path,
                     e->name, rank, CLF_ST_MAX_RANK);
  e->rank = (int)rank;
  e->count = 1;
  for (int i = 0; i < CLF_ST_MAX_RANK; i++) e->dim[i] = 1;
  for (int i = 0; i < e->rank; i++) {
    const json_t *dim = json_array_get(shape, (size_t)i);
    e->dim[i] = json_typeof(dim) == JSON_INTEGER ? json_integer_value(dim) : -1;
    if (e->dim[i] < 0)
      return clf__fail(CLF_EFORMAT, "%s: dimension %d of tensor \"%s\" is not an integer from 0 up",
                       st->path, i, e->name);
    if (e->dim[i] > 0 && e->count > INT64_MAX / e->dim[i])
      return clf__fail(CLF_EFORMAT, "%s: tensor \"%s\" has more than 2^63 - 1 elements", st->path,
                       e->name);
    e->count *= e->dim[i];
  }
  return CLF_OK;
}

static clf_status read_place(const clf__st *st, const json_t *place, clf__st_entry *e) {
  const json_t *begin = json_array_get(place, 0), *end = json_array_get(place, 1);
  e->begin = json_is_integer(begin) ? json_integer_value(begin) : -1;
  e->end = json_is_integer(end) ? json_integer_value(end) : -1;
  if (json_array_size(place) != 2 || e->begin < 0 || e->end < e->begin)
    return clf__fail(CLF_EFORMAT,
                     "%s: the data_offsets of tensor \"%s\" are not two integers from 0 up, the "
                     "second not below the first",
                     st->path, e->name);
  const size_t data = st->size - 8 - st->header;
  if ((uint64_t)e->end > data)
    return clf__fail(CLF_EFORMAT,
                     "%s: cut short: tensor \"%s\" ends at byte %" PRId64
                     " of the data, which has %zu bytes",
                     st->path, e->name, e->end, data);
  const int64_t width = clf__st_width(e->dtype), have = e->end - e->begin;
  if (width > 0 && (have % width != 0 || have / width != e->count))
    return clf__fail(CLF_EFORMAT,
                     "%s: tensor \"%s\" has %" PRId64 " elements of %s by its shape, but %" PRId64
                     " bytes by its data_offsets",
                     st->path, e->name, e->count, e->dtype, have);
  return CLF_OK;
}

static clf_status read_entry(const clf__st *st, const char *name, const json_t *info,
                             clf__st_entry *e) {
  const json_t *dtype = json_object_get(info, "dtype"), *shape = json_object_get(info, "shape"),
               *place = json_object_get(info, "data_offsets");
  if (json_object_size(info) != 3 || dtype == NULL || shape == NULL || place == NULL)
    return clf__fail(CLF_EFORMAT,
                     "%s: tensor \"%s\" must have dtype, shape and data_offsets and nothing else",
                     st->path, name);
  e->name = name;
  e->dtype = json_string_value(dtype);
  if (e->dtype == NULL)
    return clf__fail(CLF_EFORMAT, "%s: the dtype of tensor \"%s\" is not a string", st->path, name);
  CLF_TRY(read_shape(st, shape, e));
  return read_place(st, place, e);
}

static clf_status read_entries(clf__st *st) {
  const size_t n = json_object_size(st->root);
  st->entry = calloc(n + 1, sizeof *st->entry);
  st->find = calloc(n + 1, sizeof *st->find);
  if (st->entry == NULL || st->find == NULL)
    return clf__fail(CLF_ENOMEM, "%s: no memory for the places of %zu tensors", st->path, n);
  for (void *i = json_object_iter(st->root); i; i = json_object_iter_next(st->root, i)) {
    const json_t *info = json_object_iter_value(i);
    if (info == st->meta) continue;
    CLF_TRY(read_entry(st, json_object_iter_key(i), info, &st->entry[st->count]));
    st->count++;
  }
  return CLF_OK;
}

/* ---- Layout ------------------------------------------------------------ */

static int by_place(const void *pa, const void *pb) {
  const clf__st_entry *a = pa, *b = pb;
  if (a->begin != b->begin) return a->begin < b->begin ? -1 : 1;
  if (a->end != b->end) return a->end < b->end ? -1 : 1;
  return strcmp(a->name, b->name);
}

static int by_name(const void *pa, const void *pb) {
  const clf__st_entry *const *a = pa, *const *b = pb;
  return strcmp((*a)->name, (*b)->name);
}

static clf_status check_layout(clf__st *st) {
  qsort(st->entry, (size_t)st->count, sizeof *st->entry, by_place);
  int64_t end = 0;
  for (int i = 0; i < st->count; i++) {
    const clf__st_entry *e = &st->entry[i];
    if (e->begin > end)
      return clf__fail(CLF_EFORMAT,
                       "%s: %" PRId64 " bytes of the data before tensor \"%s\" belong to no tensor",
                       st->path, e->begin - end, e->name);
    if (e->begin < end)
      return clf__fail(CLF_EFORMAT,
                       "%s: tensors \"%s\" and \"%s\" overlap: one ends at byte %" PRId64
                       " of the data, the other begins at byte %" PRId64,
                       st->path, e[-1].name, e->name, end, e->begin);
    end = e->end;
  }
  const size_t data = st->size - 8 - st->header;
  if (data != (uint64_t)end)
    return clf__fail(CLF_EFORMAT, "%s: %zu bytes of the data belong to no tensor", st->path,
                     data - (size_t)end);
  for (int i = 0; i < st->count; i++) st->find[i] = &st->entry[i];
  qsort(st->find, (size_t)st->count, sizeof *st->find, by_name);
  return CLF_OK;
}

/* ---- Use --------------------------------------------------------------- */

static clf_status read_file(clf__st *st) {
  CLF_TRY(clf__file_read(st->path, &st->bytes, &st->size));
  CLF_TRY(find_header(st));
  CLF_TRY(parse_header(st));
  CLF_TRY(read_entries(st));
  CLF_TRY(check_layout(st));
  return clf__st_check_crc(st);
}

/* A damaged checkpoint may have one before it. */
static clf_status tell_of_previous(const char *path, clf_status s) {
  char *kept = clf__file_kept_name(path);
  if (kept && access(kept, R_OK) == 0)
    clf__fail(s, "%s; the file before it is %s", clf_errmsg(), kept);
  free(kept);
  return s;
}

clf_status clf__st_open(const char *path, clf__st **out) {
  clf__st *st = calloc(1, sizeof *st);
  if (st != NULL) st->path = strdup(path);
  const clf_status s = st != NULL && st->path != NULL
                           ? read_file(st)
                           : clf__fail(CLF_ENOMEM, "%s: no memory to open it", path);
  if (s != CLF_OK) {
    clf__st_close(st);
    return s == CLF_EFORMAT ? tell_of_previous(path, s) : s;
  }
  *out = st;
  return CLF_OK;
}

void clf__st_close(clf__st *st) {
  if (st == NULL) return;
  json_decref(st->root);
  free(st->find);
  free(st->entry);
  free(st->bytes);
  free(st->path);
  free(st);
}

int clf__st_count(const clf__st *st) { return st->count; }

const clf__st_entry *clf__st_at(const clf__st *st, int i) {
  return i >= 0 && i < st->count ? &st->entry[i] : NULL;
}

const clf__st_entry *clf__st_find(const clf__st *st, const char *name) {
  const clf__st_entry key = {.name = name}, *want = &key;
  const clf__st_entry **hit =
      bsearch(&want, st->find, (size_t)st->count, sizeof *st->find, by_name);
  return hit != NULL ? *hit : NULL;
}
