/* SPDX-License-Identifier: MIT */
/* revive.c: reopens a failed device in place: pointers to it, to its buffers and views of them
 * stay valid.  The contents of the buffers are lost. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "backend.h"

/* ---- A failed device ------------------------------------------------------------------------- */

static clf_status gone(const clf_device *dev) {
  return clf__fail(CLF_EDEVICE, "%s failed, and could not be reopened", dev->name);
}
static clf_status gone_alloc(clf_device *dev, clf_buffer *b) {
  (void)b;
  return gone(dev);
}
static void gone_release(clf_device *dev, clf_buffer *b) {
  (void)dev;
  (void)b;
}
static clf_status gone_write(clf_device *dev, clf_buffer *b, size_t at, const void *src, size_t n) {
  (void)b, (void)at, (void)src, (void)n;
  return gone(dev);
}
static clf_status gone_read(clf_device *dev, clf_buffer *b, size_t at, void *dst, size_t n) {
  (void)b, (void)at, (void)dst, (void)n;
  return gone(dev);
}
static clf_status gone_run(clf_device *dev, clf_op op, const void *args) {
  (void)op, (void)args;
  return gone(dev);
}
static clf_status gone_sync(clf_device *dev) { return gone(dev); }
static void gone_close(clf_device *dev) { (void)dev; }
static const clf_backend nothing = {.name = "nothing",
                                    .close = gone_close,
                                    .alloc = gone_alloc,
                                    .release = gone_release,
                                    .write = gone_write,
                                    .read = gone_read,
                                    .run = gone_run,
                                    .sync = gone_sync};

/* Releases everything that the driver holds: a full device has no memory for a second one. */
static void let_go(clf_device *dev) {
  for (clf_buffer *b = dev->buffers; b; b = b->next) {
    if (b->handle) dev->backend->release(dev, b);
    b->handle = NULL;
    b->lost = 1;
    clf__count_write(b);
  }
  dev->backend->close(dev);
  dev->backend = &nothing;
  dev->impl = NULL;
}

/* ---- Reopening ------------------------------------------------------------------------------- */

/* dev becomes `fresh`, with its own buffers and history.  If it is the same device it keeps its
 * tuned choices: bits depend on them, and the saved ones may have changed. */
static void become(clf_device *dev, clf_device *fresh) {
  const clf_device was = *dev;
  *dev = *fresh;
  dev->buffers = was.buffers;
  dev->stage = was.stage;
  dev->staged = was.staged;
  dev->forced = was.forced;
  dev->taken.most = was.taken.most;
  memcpy(dev->note, was.note, sizeof dev->note);
  for (const clf_buffer *b = dev->buffers; b; b = b->next)
    clf__take(dev, b->size * (size_t)dev->bits / 8, 0);
  *fresh = was;
  if (strcmp(was.tuned_key, dev->tuned_key) != 0) return;
  fresh->tuned = dev->tuned;
  dev->tuned = was.tuned;
  dev->tuned_count = was.tuned_count;
}

/* Frees a device whose implementation was moved elsewhere, or never existed. */
static void discard(clf_device *shell) {
  clf__late_end(shell->late);
  free(shell->tuned);
  free(shell->tuned_key);
  free(shell->asked);
  free(shell);
}

/* The new device's memory for a buffer. */
static clf_status copy_buffer(clf_device *dev, const clf_buffer *b, clf_device *fresh, void **to) {
  clf_buffer copy = {.dev = fresh, .size = b->size};
  void *host = malloc(b->size * (size_t)dev->bits / 8);
  if (!host) return clf__fail(CLF_ENOMEM, "no memory for a copy of %zu elements", b->size);
  clf_status s = dev->backend->read(dev, (clf_buffer *)(uintptr_t)b, 0, host, b->size);
  if (!s) s = fresh->backend->alloc(fresh, &copy);
  *to = s ? NULL : copy.handle;
  if (!s) s = fresh->backend->write(fresh, &copy, 0, host, b->size);
  free(host);
  return s;
}

static void give_back(clf_device *dev, size_t size, void *handle) {
  clf_buffer b = {.dev = dev, .size = size, .handle = handle};
  if (handle) dev->backend->release(dev, &b);
}

clf_status clf__replace(clf_device *dev, clf_device *fresh) {
  const int wide = dev->wide_cores; /* the layout of layers depends on it */
  const double lone = dev->lone_work;
  size_t n = 0, done = 0;
  for (const clf_buffer *b = dev->buffers; b; b = b->next) n++;
  void **handle = calloc(n + 1, sizeof *handle);
  clf_status s = handle ? CLF_OK : clf__fail(CLF_ENOMEM, "no memory for %zu buffers", n);
  for (const clf_buffer *b = dev->buffers; b && !s; b = b->next)
    s = copy_buffer(dev, b, fresh, &handle[done++]);
  done = 0;
  for (clf_buffer *b = dev->buffers; b && handle; b = b->next, done++) {
    give_back(s ? fresh : dev, b->size, s ? handle[done] : b->handle);
    if (!s) b->handle = handle[done];
  }
  free(handle);
  if (s) return s;
  become(dev, fresh);
  dev->wide_cores = wide;
  dev->lone_work = lone;
  fresh->backend->close(fresh); /* it has become what dev was */
  discard(fresh);
  return CLF_OK;
}

static clf_status make_buffers(clf_device *dev) {
  for (clf_buffer *b = dev->buffers; b; b = b->next) CLF_TRY(dev->backend->alloc(dev, b));
  return CLF_OK;
}

static clf_status reopen(clf_device *dev, const char *name) {
  clf_device *fresh;
  let_go(dev);
  CLF_TRY(clf__open(name ? name : dev->asked, &fresh));
  if (!name && strcmp(fresh->name, dev->name) != 0) {
    clf__fail(CLF_ENODEV, "%s is no longer available; its name now opens %s", dev->name,
              fresh->name);
    clf_close(fresh);
    return CLF_ENODEV;
  }
  become(dev, fresh);
  if (!name) { /* what is known about failures of its driver */
    dev->late = fresh->late;
    fresh->late = NULL;
  }
  discard(fresh);
  const clf_status s = make_buffers(dev);
  if (s) let_go(dev);
  return s;
}

clf_status clf__revive(clf_device *dev, const char *name) {
  if (!dev->inner) return reopen(dev, name);
  CLF_TRY(clf__revive(dev->inner, name));
  clf__wrapper_adopt(dev, dev->backend->name, dev->inner);
  return CLF_OK;
}

int clf__revivable(const clf_device *dev) {
  while (dev->inner) dev = dev->inner;
  /* One on a program's own queue has no name by which it could be opened. */
  return dev->asked && (dev->backend == &clf__opencl || dev->backend == &nothing);
}

void clf__set_lost(const clf_arena *a, int lost) {
  for (clf_buffer *b = a->buf; b; b = b->dev->inner ? b->handle : NULL) {
    b->lost = lost;
    clf__count_write(b);
  }
}
