/* SPDX-License-Identifier: MIT */
/* wrapper.c: what wrapping devices pass on unchanged. */
#include <stdio.h>
#include <string.h>
#include "backend.h"

void clf__wrapper_adopt(clf_device *dev, const char *prefix, clf_device *inner) {
  dev->inner = inner;
  dev->bits = inner->bits;
  dev->wide_cores = inner->wide_cores;
  dev->memory = inner->memory;
  dev->max_alloc = inner->max_alloc;
  snprintf(dev->name, sizeof dev->name, "%s:%.180s", prefix, inner->name);
}

clf_status clf__wrapper_alloc(clf_device *dev, clf_buffer *b) {
  clf_arena a;
  CLF_TRY(clf_arena_init(&a, dev->inner, b->size));
  b->handle = a.buf;
  return CLF_OK;
}

void clf__wrapper_release(clf_device *dev, clf_buffer *b) {
  clf_arena a = {.dev = dev->inner, .buf = b->handle};
  clf_arena_free(&a);
}

clf_status clf__wrapper_write(clf_device *dev, clf_buffer *b, size_t at, const void *src,
                              size_t n) {
  return dev->inner->backend->write(dev->inner, b->handle, at, src, n);
}

clf_status clf__wrapper_read(clf_device *dev, clf_buffer *b, size_t at, void *dst, size_t n) {
  return dev->inner->backend->read(dev->inner, b->handle, at, dst, n);
}

clf_status clf__wrapper_sync(clf_device *dev) { return clf_sync(dev->inner); }

void clf__wrapper_args(clf_op op, const void *args, void *out) {
  clf_tensor *t = out;
  memcpy(out, args, clf_ops[op].args_size);
  for (int i = 0; clf_ops[op].modes[i]; i++)
    if (t[i].buf) t[i].buf = t[i].buf->handle;
}
