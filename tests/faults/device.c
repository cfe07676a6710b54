/* SPDX-License-Identifier: MIT */
/* device.c: see device.h. */
#include "device.h"
#include <stdlib.h>
#include "suite.h"

struct faulty faulty;

static clf_status due(const char *what) {
  const long call = ++faulty.calls;
  const int second = faulty.again && call == faulty.n + faulty.again;
  if (call != faulty.n && !second && !(faulty.for_good && faulty.n && call > faulty.n))
    return CLF_OK;
  return clf__fail(CLF_EDEVICE, "call %ld, %s, fails", second ? call : faulty.n, what);
}

static clf_status faulty_alloc(clf_device *dev, clf_buffer *b) {
  CLF_TRY(due("memory"));
  return clf__wrapper_alloc(dev, b);
}
static clf_status faulty_write(clf_device *dev, clf_buffer *b, size_t at, const void *src,
                               size_t n) {
  CLF_TRY(due("a write"));
  return clf__wrapper_write(dev, b, at, src, n);
}
static clf_status faulty_read(clf_device *dev, clf_buffer *b, size_t at, void *dst, size_t n) {
  CLF_TRY(due("a read"));
  return clf__wrapper_read(dev, b, at, dst, n);
}
static clf_status faulty_run(clf_device *dev, clf_op op, const void *args) {
  _Alignas(16) char in[CLF_MAX_ARGS];
  CLF_TRY(due(clf_ops[op].name));
  clf__wrapper_args(op, args, in);
  return clf_dispatch(dev->inner, op, in);
}
static clf_status faulty_sync(clf_device *dev) {
  CLF_TRY(due("a wait"));
  return clf__wrapper_sync(dev);
}
static void faulty_close(clf_device *dev) { clf_close(dev->inner); }

static const clf_backend backend = {
    .name = "faulty",
    .close = faulty_close,
    .alloc = faulty_alloc,
    .release = clf__wrapper_release,
    .write = faulty_write,
    .read = faulty_read,
    .run = faulty_run,
    .sync = faulty_sync,
};

clf_device *open_faulty(const char *where) {
  clf_device *inner = NULL, *dev = calloc(1, sizeof *dev);
  ck_assert_ptr_nonnull(dev);
  WORKS(clf_open(where, &inner));
  dev->backend = &backend;
  clf__wrapper_adopt(dev, "faulty", inner);
  return dev;
}
