/* SPDX-License-Identifier: MIT */
/* tensor.c: arenas, views, and transfers of views with any strides, in float and double. */
#include <stdlib.h>
#include <string.h>
#include "backend.h"
#include "sorted.h"

/* ---- Arenas ---------------------------------------------------------------------------------- */

static void append(clf_arena *a, clf_buffer *b) {
  a->buf = b;
  b->next = a->dev->buffers;
  if (b->next) b->next->before = b;
  a->dev->buffers = b;
}

static clf_status new_buffer(clf_arena *a, clf_device *dev, size_t cap, clf_buffer **b) {
  *a = (clf_arena){.dev = dev, .cap = cap};
  if (cap > INT32_MAX)
    return clf__fail(CLF_ENOTSUP, "an arena of %zu elements: one holds at most %d", cap, INT32_MAX);
  *b = calloc(1, sizeof **b);
  if (!*b) return clf__fail(CLF_ENOMEM, "no memory for a buffer's handle");
  **b = (clf_buffer){.dev = dev, .size = cap};
  return CLF_OK;
}

/* Bytes of device memory that count as clflow's. */
static size_t bytes_of(const clf_buffer *b) {
  return b->adopted ? 0 : b->size * (size_t)b->dev->bits / 8;
}

clf_status clf_arena_init(clf_arena *a, clf_device *dev, size_t cap) {
  clf_buffer *b;
  CLF_GIVEN("a, dev", a, dev);
  *a = (clf_arena){.dev = dev, .cap = cap};
  if (!cap) return CLF_OK;
  CLF_TRY(new_buffer(a, dev, cap, &b));
  const clf_status s = dev->backend->alloc(dev, b);
  if (s) {
    free(b);
    return s;
  }
  append(a, b);
  clf__take(dev, bytes_of(b), 0);
  return CLF_OK;
}

clf_status clf__arena_adopt(clf_arena *a, clf_device *dev, size_t cap, void *handle) {
  clf_buffer *b;
  CLF_TRY(new_buffer(a, dev, cap, &b));
  b->handle = handle;
  b->adopted = 1;
  append(a, b);
  return CLF_OK;
}

void clf_arena_free(clf_arena *a) {
  clf_buffer *b = a ? a->buf : NULL;
  if (!b) return;
  if (b->handle) a->dev->backend->release(a->dev, b);
  clf__take(a->dev, 0, bytes_of(b));
  if (b->next) b->next->before = b->before;
  *(b->before ? &b->before->next : &a->dev->buffers) = b->next;
  free(b->sorted);
  free(b);
  a->buf = NULL;
}

/* The stride of columns: whole vectors, and an odd number of cache lines, because columns at
 * equal page offsets evict each other from the caches. */
static int64_t column_pitch(int32_t rows) { return ((int64_t)rows + 15) / 16 * 16 | 16; }

/* Sets the strides of a tensor of these dimensions; returns the number of elements it spans. */
static int64_t lay_out(const clf_arena *a, clf_tensor *t) {
  if (a->by_column == t->dim[0] && t->dim[1] > 1 && t->dim[2] * t->dim[3] == 1) {
    const int64_t pitch = column_pitch(t->dim[0]);
    for (int i = 0; i < 4; i++) t->stride[i] = i == 1 ? (int32_t)pitch : 1;
    return pitch * t->dim[1];
  }
  int64_t size = 1;
  for (int i = 3; i >= 0 && size <= INT32_MAX; i--) {
    t->stride[i] = (int32_t)size;
    size *= t->dim[i];
  }
  return size;
}

clf_status clf_new(clf_arena *a, const int32_t dim[4], clf_tensor *t) {
  clf_tensor v = {0};
  CLF_GIVEN("a, dim, t", a, dim, t);
  v.buf = a->buf;
  for (int i = 0; i < 4; i++) {
    v.dim[i] = dim[i] ? dim[i] : 1;
    if (v.dim[i] < 0) return clf__fail(CLF_ESHAPE, "a tensor's dimension %d is %d", i, v.dim[i]);
  }
  const int64_t size = lay_out(a, &v);
  if (size > INT32_MAX)
    return clf__fail(CLF_ENOTSUP, "a tensor of [%d,%d,%d,%d]: one holds at most %d elements",
                     dim[0], dim[1], dim[2], dim[3], INT32_MAX);
  /* Vectors start aligned, but in a program's memory, which is as the program has it. */
  const size_t unit = a->buf && a->buf->adopted ? 1 : 16;
  const size_t end = a->used + ((size_t)size + unit - 1) / unit * unit;
  if (a->buf && end > a->cap)
    return clf__fail(CLF_ENOMEM, "an arena of %zu elements is full at %zu", a->cap, end);
  if (a->used > INT32_MAX)
    return clf__fail(CLF_ENOTSUP, "an arena of %zu elements: one holds at most %d", a->used,
                     INT32_MAX);
  v.offset = (int32_t)a->used;
  a->used = end;
  *t = v;
  return CLF_OK;
}

/* ---- Views ----------------------------------------------------------------------------------- */

/* Invalid views have no buffer, which every operation refuses. */
clf_tensor clf_slice(clf_tensor t, int axis, int32_t begin, int32_t end) {
  if (axis < 0 || axis > 3) return (clf_tensor){0};
  const int64_t offset = t.offset + (int64_t)begin * t.stride[axis], n = (int64_t)end - begin;
  if (offset < 0 || offset > INT32_MAX || n < 0 || n > INT32_MAX) return (clf_tensor){0};
  t.offset = (int32_t)offset;
  t.dim[axis] = (int32_t)n;
  return t;
}

clf_tensor clf_flat(clf_tensor t) {
  t.dim[0] = (int32_t)clf__count(&t);
  t.stride[0] = 1;
  for (int i = 1; i < 4; i++) t.dim[i] = t.stride[i] = 1;
  return t;
}

int clf__dense(const clf_tensor *t) {
  int64_t s = 1;
  for (int i = 3; i >= 0; i--) {
    if (t->dim[i] != 1 && t->stride[i] != s) return 0;
    s *= t->dim[i];
  }
  return 1;
}

/* ---- Transfers ------------------------------------------------------------------------------- */

static clf_status stage(clf_device *dev, size_t elements) {
  const size_t need = elements * (size_t)dev->bits / 8;
  if (need <= dev->staged) return CLF_OK;
  free(dev->stage);
  dev->staged = 0;
  dev->stage = malloc(need);
  if (!dev->stage) return clf__fail(CLF_ENOMEM, "no memory for a transfer of %zu bytes", need);
  dev->staged = need;
  return CLF_OK;
}

static void store(void *at, int bits, size_t i, double v) {
  if (bits == 64)
    ((double *)at)[i] = v;
  else
    ((float *)at)[i] = (float)v;
}
static double load(const void *at, int bits, size_t i) {
  return bits == 64 ? ((const double *)at)[i] : (double)((const float *)at)[i];
}

/* Runs the body for each element of t, in row-major order, with its offset in the span. */
#define EACH_ELEMENT(t, i, at)                                                                     \
  size_t i = 0;                                                                                    \
  for (int32_t n_ = 0; n_ < (t).dim[0]; n_++)                                                      \
    for (int32_t c_ = 0; c_ < (t).dim[1]; c_++)                                                    \
      for (int32_t h_ = 0; h_ < (t).dim[2]; h_++)                                                  \
        for (size_t w_ = 0, at = (size_t)n_ * (size_t)(t).stride[0] +                              \
                                 (size_t)c_ * (size_t)(t).stride[1] +                              \
                                 (size_t)h_ * (size_t)(t).stride[2];                               \
             w_ < (size_t)(t).dim[3]; w_++, i++, at += (size_t)(t).stride[3])

/* Elements begin .. end - 1 of a buffer, to the device's staging memory. */
static clf_status stage_range(clf_device *dev, clf_buffer *b, int64_t begin, int64_t end) {
  const size_t span = (size_t)(end - begin);
  CLF_TRY(stage(dev, span));
  return dev->backend->read(dev, b, (size_t)begin, dev->stage, span);
}

/* Transfers of views of sorted matrices (sorted.h), which are in elements begin .. end - 1. */
static clf_status write_sorted(clf_device *dev, const clf_tensor *t, const void *src, int bits,
                               int64_t begin, int64_t end) {
  CLF_TRY(stage_range(dev, t->buf, begin, end)); /* preserves the gaps */
  EACH_ELEMENT(*t, i, at)
    store(dev->stage, dev->bits,
          (size_t)(clf__sorted_element(t->buf, t->offset + (int64_t)at) - begin),
          load(src, bits, i));
  return dev->backend->write(dev, t->buf, (size_t)begin, dev->stage, (size_t)(end - begin));
}
static clf_status read_sorted(clf_device *dev, const clf_tensor *t, void *dst, int bits,
                              int64_t begin, int64_t end) {
  CLF_TRY(stage_range(dev, t->buf, begin, end));
  EACH_ELEMENT(*t, i, at)
    store(dst, bits, i,
          load(dev->stage, dev->bits,
               (size_t)(clf__sorted_element(t->buf, t->offset + (int64_t)at) - begin)));
  return CLF_OK;
}

static clf_status write_any(clf_device *dev, const clf_tensor *t, const void *src, int bits) {
  const clf_backend *b = dev->backend;
  const size_t span = clf__span(t), begin = (size_t)t->offset;
  int64_t first = t->offset, end = first + (int64_t)span;
  clf__count_write(t->buf);
  if (clf__sorted_range(t->buf, &first, &end)) return write_sorted(dev, t, src, bits, first, end);
  if (clf__dense(t) && bits == dev->bits) return b->write(dev, t->buf, begin, src, span);
  CLF_TRY(stage(dev, span));
  if (!clf__dense(t))
    CLF_TRY(b->read(dev, t->buf, begin, dev->stage, span)); /* preserves the gaps */
  EACH_ELEMENT(*t, i, at) store(dev->stage, dev->bits, at, load(src, bits, i));
  return b->write(dev, t->buf, begin, dev->stage, span);
}

static clf_status read_any(clf_device *dev, const clf_tensor *t, void *dst, int bits) {
  const clf_backend *b = dev->backend;
  const size_t span = clf__span(t), begin = (size_t)t->offset;
  int64_t first = t->offset, end = first + (int64_t)span;
  if (clf__sorted_range(t->buf, &first, &end)) return read_sorted(dev, t, dst, bits, first, end);
  if (clf__dense(t) && bits == dev->bits) return b->read(dev, t->buf, begin, dst, span);
  CLF_TRY(stage(dev, span));
  CLF_TRY(b->read(dev, t->buf, begin, dev->stage, span));
  if (clf__dense(t) && bits == 64) { /* samples */
    for (size_t i = 0; i < span; i++) ((double *)dst)[i] = (double)((const float *)dev->stage)[i];
    return CLF_OK;
  }
  EACH_ELEMENT(*t, i, at) store(dst, bits, i, load(dev->stage, dev->bits, at));
  return CLF_OK;
}

static clf_status on_device(const clf_device *dev, const clf_tensor *t, const char *what) {
  if (!t->buf || t->buf->dev != dev)
    return clf__fail(CLF_EINVAL, "%s: the tensor is not on %s", what, dev->name);
  return clf__check_view(what, 0, t);
}

clf_status clf_write(clf_device *dev, clf_tensor dst, const float *src) {
  CLF_GIVEN("dev, src", dev, src);
  CLF_TRY(on_device(dev, &dst, "clf_write"));
  return write_any(dev, &dst, src, 32);
}
clf_status clf_upload(clf_device *dev, clf_tensor dst, const float *src) {
  CLF_GIVEN("dev, src", dev, src);
  CLF_TRY(on_device(dev, &dst, "clf_upload"));
  const clf_backend *b = dev->backend;
  if (!b->upload || !clf__dense(&dst) || dev->bits != 32 || dst.buf->sorted_count)
    return write_any(dev, &dst, src, 32);
  clf__count_write(dst.buf);
  return b->upload(dev, dst.buf, (size_t)dst.offset, src, clf__span(&dst));
}
clf_status clf_write64(clf_device *dev, clf_tensor dst, const double *src) {
  CLF_GIVEN("dev, src", dev, src);
  CLF_TRY(on_device(dev, &dst, "clf_write64"));
  return write_any(dev, &dst, src, 64);
}
clf_status clf_read(clf_device *dev, clf_tensor src, float *dst) {
  CLF_GIVEN("dev, dst", dev, dst);
  CLF_TRY(on_device(dev, &src, "clf_read"));
  clf__late_answered(dev);
  return read_any(dev, &src, dst, 32);
}
clf_status clf_read64(clf_device *dev, clf_tensor src, double *dst) {
  CLF_GIVEN("dev, dst", dev, dst);
  CLF_TRY(on_device(dev, &src, "clf_read64"));
  clf__late_answered(dev);
  return read_any(dev, &src, dst, 64);
}
