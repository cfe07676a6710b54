/* SPDX-License-Identifier: MIT */
/* safetensors_read.c: opens a safetensors file and checks that header and data agree. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "signature.h"
#include "safetensors_format.h"
#include "status.h"

/* ---- Header ------------------------------------------------------------ */

/* A known other format, with a remedy. */
static clf_status foreign(const clf__st *st, clf__kind k) {
  static const char *const remedies[] = {
      [CLF_TORCH] = "load it in Python and write its state_dict with safetensors.torch.save_file",
      [CLF_MODEL] = "load it where it was made, and write its weights with a safetensors library",
      [CLF_NUMPY] = "it is data; pass it as data, not as the model",
      [CLF_TABLE] = "it is data; pass it as data, not as the model",
      [CLF_TEXT] = "it is data; pass it as data, not as the model",
      [CLF_IMAGE] = "it is data; pass it as data, not as the model",
      [CLF_ARCHIVE] = "unpack it first"};
  return clf__fail(CLF_EFORMAT, "%s: not a safetensors file, but %s: %s", st->path, k.name,
                   remedies[k.group]);
}

static clf_status find_header(clf__st *st) {
  const clf__kind kind = clf__kind_of(st->bytes, st->size);
  if (kind.group > CLF_SAFETENSORS) return foreign(st, kind);
  if (st->size < 8)
    return clf__fail(CLF_EFORMAT,
                     "%s: not a safetensors file: it has %zu bytes, fewer than the 8 of a header "
                     "length",
                     st->path, st->size);
  uint64_t n = 0;
  for (int i = 7; i >= 0; i--) n = n << 8 | (unsigned char)st->bytes[i];
  const int fits = n <= st->size - 8;
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

/* ---- Tensors ----------------------------------------------------------- */

/* Whether a tensor is inside the file, with the number of bytes of its shape. */
static clf_status check_offsets(const clf__st *st, const clf__st_entry *e) {
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

static clf_status check_all_offsets(clf__st *st) {
  st->find = calloc((size_t)st->count + 1, sizeof *st->find);
  if (st->find == NULL)
    return clf__fail(CLF_ENOMEM, "%s: no memory for the offsets of %d tensors", st->path,
                     st->count);
  for (int i = 0; i < st->count; i++) CLF_TRY(check_offsets(st, &st->entry[i]));
  return CLF_OK;
}

/* ---- Layout ------------------------------------------------------------ */

static int by_offset(const void *pa, const void *pb) {
  const clf__st_entry *a = pa, *b = pb;
  if (a->begin != b->begin) return a->begin < b->begin ? -1 : 1;
  if (a->end != b->end) return a->end < b->end ? -1 : 1;
  return strcmp(a->name, b->name);
}

static int by_name(const void *pa, const void *pb) {
  const clf__st_entry *const *a = pa, *const *b = pb;
  return strcmp((*a)->name, (*b)->name);
}

static clf_status sort_by_name(const clf__st *st) {
  for (int i = 0; i < st->count; i++) st->find[i] = &st->entry[i];
  qsort(st->find, (size_t)st->count, sizeof *st->find, by_name);
  for (int i = 1; i < st->count; i++)
    if (strcmp(st->find[i - 1]->name, st->find[i]->name) == 0)
      return clf__fail(CLF_EFORMAT, "%s: tensor \"%s\" is duplicate", st->path, st->find[i]->name);
  return CLF_OK;
}

static clf_status check_layout(const clf__st *st) {
  if (st->count) qsort(st->entry, (size_t)st->count, sizeof *st->entry, by_offset);
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
  return CLF_OK;
}

/* ---- Use --------------------------------------------------------------- */

static clf_status read_bytes(clf__st *st) {
  CLF_TRY(find_header(st));
  CLF_TRY(clf__st_read_header(st));
  CLF_TRY(check_all_offsets(st));
  CLF_TRY(check_layout(st));
  CLF_TRY(sort_by_name(st));
  return clf__st_check_crc(st);
}

static clf_status read_file(clf__st *st) {
  CLF_TRY(clf__file_read(st->path, &st->bytes, &st->size));
  return read_bytes(st);
}

/* If a checkpoint is damaged, mentions the previous one. */
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

static clf_status copy_bytes(clf__st *st, const void *bytes, size_t size) {
  st->path = strdup("the model in memory");
  st->bytes = malloc(size ? size : 1);
  if (!st->path || !st->bytes)
    return clf__fail(CLF_ENOMEM, "no memory for a model of %zu bytes", size);
  memcpy(st->bytes, bytes, size);
  st->size = size;
  return read_bytes(st);
}

clf_status clf__st_open_memory(const void *bytes, size_t size, clf__st **out) {
  clf__st *st = calloc(1, sizeof *st);
  const clf_status s =
      st ? copy_bytes(st, bytes, size) : clf__fail(CLF_ENOMEM, "no memory to open a model");
  if (s)
    clf__st_close(st);
  else
    *out = st;
  return s;
}

void clf__st_close(clf__st *st) {
  if (st == NULL) return;
  free(st->text);
  free(st->meta);
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
