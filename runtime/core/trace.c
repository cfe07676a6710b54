/* SPDX-License-Identifier: MIT */
/* trace.c: a device that reports what another one does: "trace:opencl" prints each operation
 * with its shapes and, after waiting for it, its time; and a table at the end. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include "backend.h"
#include "clock.h"
#include "tally.h"

static clf_status trace_open(clf_device *dev, const char *which) {
  clf_device *of;
  if (!*which) /* CLFLOW_DEVICE may be this very name */
    return clf__fail(CLF_ENODEV, "trace needs the device to trace, such as trace:opencl");
  CLF_TRY(clf_open(which, &of));
  clf__wrapper_adopt(dev, "trace", of);
  dev->tally = calloc(1, sizeof *dev->tally); /* works without it, too */
  return CLF_OK;
}

static void trace_close(clf_device *dev) {
  const char *text = dev->tally ? clf__tally_traced(dev->tally) : NULL;
  if (text) fputs(text, stderr);
  clf_close(dev->inner);
}

static void note(clf_device *dev, int row, double begin) {
  if (dev->tally) clf__tally_trace(dev->tally, row, clf__now() - begin);
}

static clf_status trace_alloc(clf_device *dev, clf_buffer *b) {
  fprintf(stderr, "trace: allocates %zu elements\n", b->size);
  return clf__wrapper_alloc(dev, b);
}
static clf_status trace_write(clf_device *dev, clf_buffer *b, size_t at, const void *src,
                              size_t n) {
  fprintf(stderr, "trace: writes %zu elements\n", n);
  const double begin = clf__now();
  CLF_TRY(clf__wrapper_write(dev, b, at, src, n));
  note(dev, CLF_TALLY_WRITES, begin);
  return CLF_OK;
}
static clf_status trace_read(clf_device *dev, clf_buffer *b, size_t at, void *dst, size_t n) {
  fprintf(stderr, "trace: reads %zu elements\n", n);
  const double begin = clf__now();
  CLF_TRY(clf__wrapper_read(dev, b, at, dst, n));
  note(dev, CLF_TALLY_READS, begin);
  return CLF_OK;
}

static clf_status trace_run(clf_device *dev, clf_op op, const void *args) {
  _Alignas(16) char in[CLF_MAX_ARGS], call[384];
  clf__wrapper_args(op, args, in);
  clf__call_str(op, in, call, sizeof call);
  CLF_TRY(clf_sync(dev->inner));
  const double begin = clf__now();
  CLF_TRY(clf_dispatch(dev->inner, op, in));
  CLF_TRY(clf_sync(dev->inner));
  const double seconds = clf__now() - begin;
  if (dev->tally) clf__tally_trace(dev->tally, op, seconds);
  fprintf(stderr, "trace: %9.1f us  %s\n", 1e6 * seconds, call);
  return CLF_OK;
}

const clf_backend clf__trace = {
    .name = "trace",
    .open = trace_open,
    .close = trace_close,
    .alloc = trace_alloc,
    .release = clf__wrapper_release,
    .write = trace_write,
    .read = trace_read,
    .run = trace_run,
    .sync = clf__wrapper_sync,
};
