/* SPDX-License-Identifier: MIT */
/* external.c: a device on a program's own context and queue, and arenas on its buffers. */
#include "clflow/opencl.h"
#include <stdlib.h>
#include "opencl.h"

/* ---- The queue ------------------------------------------------------------------------------- */

static clf_status check_queue(clf__cl *cl) {
  cl_context own = NULL;
  cl_command_queue_properties how = 0;
  cl_int e = clGetCommandQueueInfo(cl->queue, CL_QUEUE_CONTEXT, sizeof own, &own, NULL);
  if (!e) e = clGetCommandQueueInfo(cl->queue, CL_QUEUE_PROPERTIES, sizeof how, &how, NULL);
  if (!e) e = clGetCommandQueueInfo(cl->queue, CL_QUEUE_DEVICE, sizeof cl->id, &cl->id, NULL);
  if (e) return clf__fail(CLF_EINVAL, "this is not a command queue: %s", clf__cl_error(e));
  if (own != cl->context) return clf__fail(CLF_EINVAL, "the queue belongs to another context");
  if (how & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE)
    return clf__fail(CLF_EINVAL, "the queue runs commands out of order; clflow needs one in order");
  return CLF_OK;
}

/* What is known of the queue's device. */
static clf_status find_device(const clf__cl *cl, clf_device_info *info) {
  clf__cl_device *list = NULL;
  int count = 0, i = 0;
  CLF_TRY(clf__cl_list(&list, &count));
  while (i < count && list[i].id != cl->id) i++;
  if (i < count) *info = list[i].info;
  free(list);
  return i < count ? CLF_OK
                   : clf__fail(CLF_ENODEV, "the queue's device is none of the %d that OpenCL lists",
                               count);
}

/* What was not retained yet must not be released. */
static clf_status take_queue(clf__cl *cl, void *context, void *queue) {
  CLF_TRY(clf__cl_load());
  cl->context = context;
  cl->queue = queue;
  clf_status s = check_queue(cl);
  if (!s && clRetainContext(cl->context))
    s = clf__fail(CLF_EINVAL, "the context cannot be retained");
  if (s) {
    cl->context = NULL;
    cl->queue = NULL;
    return s;
  }
  if (!clRetainCommandQueue(cl->queue)) return CLF_OK;
  cl->queue = NULL;
  return clf__fail(CLF_EINVAL, "the queue cannot be retained");
}

clf_status clf_open_cl(void *context, void *queue, clf_device **out) {
  CLF_GIVEN("context, queue, dev", context, queue, out);
  clf_device_info info = {0};
  clf_device *dev = calloc(1, sizeof *dev);
  clf__cl *cl = calloc(1, sizeof *cl);
  if (!dev || !cl) {
    free(dev);
    free(cl);
    return clf__fail(CLF_ENOMEM, "no memory for a device");
  }
  dev->backend = &clf__opencl;
  dev->bits = 32;
  dev->impl = cl;
  clf_status s = take_queue(cl, context, queue);
  if (!s) s = find_device(cl, &info);
  if (!s) s = clf__cl_begin(dev, cl, &info, "");
  if (s)
    clf_close(dev);
  else
    *out = dev;
  return s;
}

/* ---- Buffers --------------------------------------------------------------------------------- */

clf_status clf_wrap_cl(clf_device *dev, void *mem, clf_arena *a) {
  CLF_GIVEN("dev, mem, arena", dev, mem, a);
  if (dev->backend != &clf__opencl)
    return clf__fail(CLF_ENOTSUP, "%s is not an OpenCL device, and takes no cl_mem", dev->name);
  const clf__cl *cl = dev->impl;
  cl_context own = NULL;
  size_t bytes = 0;
  cl_int e = clGetMemObjectInfo(mem, CL_MEM_CONTEXT, sizeof own, &own, NULL);
  if (!e) e = clGetMemObjectInfo(mem, CL_MEM_SIZE, sizeof bytes, &bytes, NULL);
  if (e) return clf__fail(CLF_EINVAL, "this is not a memory object: %s", clf__cl_error(e));
  if (own != cl->context) return clf__fail(CLF_EINVAL, "the buffer belongs to another context");
  if (bytes < sizeof(float))
    return clf__fail(CLF_EINVAL, "the buffer has %zu bytes, less than a float", bytes);
  CLF_TRY(clf__arena_adopt(a, dev, bytes / sizeof(float), mem));
  if (!clRetainMemObject(mem)) return CLF_OK;
  a->buf->handle = NULL;
  clf_arena_free(a);
  return clf__fail(CLF_EINVAL, "the buffer cannot be retained");
}
