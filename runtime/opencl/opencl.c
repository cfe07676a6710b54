/* SPDX-License-Identifier: MIT */
/* opencl.c: the OpenCL backend: one device, one context, one in-order queue and
 * one buffer of scratch memory. */
#include "opencl.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clflow/version.h"

/* ---- Choosing a device ----------------------------------------------------------------------- */

static int contains(const char *text, const char *part) {
  const size_t n = strlen(part);
  for (; *text; text++) {
    size_t i = 0;
    while (i < n && tolower((unsigned char)text[i]) == tolower((unsigned char)part[i])) i++;
    if (i == n) return 1;
  }
  return 0;
}

static int is_number(const char *s) { return *s && strspn(s, "0123456789") == strlen(s); }

static int matches(const clf_device_info *info, const char *which, int index) {
  if (!*which) return 1;
  if (is_number(which)) return strtol(which, NULL, 10) == index;
  if (strcmp(which, "gpu") == 0 || strcmp(which, "cpu") == 0 || strcmp(which, "accelerator") == 0)
    return strcmp(which, info->type) == 0;
  return contains(info->device, which) || contains(info->platform, which);
}

static clf_status pick(const char *which, clf__cl_device *out) {
  clf__cl_device *list = NULL;
  int count = 0, i = 0;
  CLF_TRY(clf__cl_list(&list, &count));
  while (i < count && !matches(&list[i].info, which, i)) i++;
  if (i < count) *out = list[i];
  free(list);
  if (i < count) return CLF_OK;
  return clf__fail(
      CLF_ENODEV, "no OpenCL device matches \"%s\" among the %d found; `clflow devices` lists them",
      which, count);
}

/* The family that a device string asks for, or else the family of the device. */
static clf_status find_family(clf__cl *cl, const char *asked) {
  cl->traits = &clf__families[clf__cl_family(cl->id)];
  if (!*asked) return CLF_OK;
  char known[128] = "";
  for (int i = 0; i < clf__family_count; i++) {
    if (strcmp(asked, clf__families[i].family) == 0) {
      cl->traits = &clf__families[i];
      return CLF_OK;
    }
    snprintf(known + strlen(known), sizeof known - strlen(known), " %s", clf__families[i].family);
  }
  return clf__fail(CLF_ENODEV, "no family of kernels is called \"%s\"; there are%s", asked, known);
}

static clf_status choose_family(clf__cl *cl, const char *asked) {
  size_t items;
  uint64_t memory;
  CLF_TRY(find_family(cl, asked));
  clf__cl_limits(cl->id, &items, &memory);
  return clf__family_fits(cl->traits, items, memory);
}

/* ---- Opening ------------------------------------------------------------------ */

static void opencl_close(clf_device *dev) {
  clf__cl *cl = dev->impl;
  clf__cl_release(cl);
  if (cl->scratch) clReleaseMemObject(cl->scratch);
  if (cl->marked) clReleaseEvent(cl->marked);
  if (cl->uploads) clReleaseCommandQueue(cl->uploads);
  if (cl->queue) clReleaseCommandQueue(cl->queue);
  if (cl->context) clReleaseContext(cl->context);
  free(cl);
}

static clf_status load_choices(clf_device *dev, const clf_device_info *info) {
  const clf__cl *cl = dev->impl;
  char program[32];
  snprintf(program, sizeof program, "%08lx", cl->program);
  const char *const fields[] = {info->platform,     info->device, info->driver,
                                cl->traits->family, program,      clf_version()};
  return clf__tuned_load(dev, fields, sizeof fields / sizeof *fields);
}

clf_status clf__cl_begin(clf_device *dev, clf__cl *cl, const clf_device_info *info,
                         const char *family) {
  CLF_TRY(choose_family(cl, family));
  dev->wide_cores = cl->traits->lanes > 1;
  /* 2e5 was measured on two cores: with 2e6 steps took 1.1 to 1.8 times as long. */
  dev->lone_work = dev->wide_cores ? 2e5 : 1e4;
  dev->memory = info->memory;
  dev->max_alloc = info->max_alloc;
  snprintf(dev->name, sizeof dev->name, "%s %.120s (%s)", info->name, info->device,
           cl->traits->family);
  CLF_TRY(clf__cl_build(cl, info));
  return load_choices(dev, info);
}

static clf_status start(clf_device *dev, clf__cl *cl, const char *which) {
  cl_int e;
  char name[96];
  clf__cl_device chosen;
  const size_t n = strcspn(which, "/");
  snprintf(name, sizeof name, "%.*s", (int)n, which);
  CLF_TRY(pick(name, &chosen));
  cl->id = chosen.id;
  cl->context = clCreateContext(NULL, 1, &cl->id, NULL, NULL, &e);
  if (e) return clf__fail(CLF_EDEVICE, "%s: no context: %s", chosen.info.device, clf__cl_error(e));
  cl->queue = clCreateCommandQueue(cl->context, cl->id, 0, &e);
  if (e) return clf__fail(CLF_EDEVICE, "%s: no queue: %s", chosen.info.device, clf__cl_error(e));
  return clf__cl_begin(dev, cl, &chosen.info, which[n] ? which + n + 1 : "");
}

static clf_status opencl_open(clf_device *dev, const char *which) {
  clf__cl *cl = dev->impl = calloc(1, sizeof *cl);
  if (!cl) return clf__fail(CLF_ENOMEM, "no memory for an OpenCL device");
  const clf_status s = start(dev, cl, which);
  if (s) opencl_close(dev);
  return s;
}

/* ---- Memory -------------------------------------------------------------------- */

static clf_status make_buffer(clf__cl *cl, size_t floats, const char *what, cl_mem *out) {
  cl_int e;
  cl_ulong maximum = 0;
  clGetDeviceInfo(cl->id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof maximum, &maximum, NULL);
  *out = NULL;
  if (floats * sizeof(float) > maximum)
    return clf__fail(CLF_ENOMEM,
                     "%s takes %zu MiB, but the device allocates at most %llu MiB at once; "
                     "a smaller batch needs less",
                     what, floats * sizeof(float) >> 20, (unsigned long long)maximum >> 20);
  *out = clCreateBuffer(cl->context, CL_MEM_READ_WRITE, floats * sizeof(float), NULL, &e);
  if (!e) return CLF_OK;
  const int full = e == CL_OUT_OF_RESOURCES || e == CL_INVALID_BUFFER_SIZE;
  return clf__fail(full ? CLF_ENOMEM : clf__cl_status(e), "%s takes %zu MiB: clCreateBuffer: %s",
                   what, floats * sizeof(float) >> 20, clf__cl_error(e));
}

static clf_status opencl_alloc(clf_device *dev, clf_buffer *b) {
  cl_mem mem;
  CLF_TRY(make_buffer(dev->impl, b->size, "an arena", &mem));
  b->handle = mem;
  return CLF_OK;
}
static void opencl_release(clf_device *dev, clf_buffer *b) {
  (void)dev;
  clReleaseMemObject(b->handle);
}
static clf_status opencl_write(clf_device *dev, clf_buffer *b, size_t at, const void *src,
                               size_t n) {
  clf__cl *cl = dev->impl; /* blocking, so that src may be reused on return */
  CL_TRY(clEnqueueWriteBuffer(cl->queue, b->handle, CL_TRUE, at * sizeof(float), n * sizeof(float),
                              src, 0, NULL, NULL));
  return CLF_OK;
}

/* By a queue of its own, which waits for a mark in the main queue: for what was enqueued before the
 * last upload, or at the first upload for everything. */
static clf_status opencl_upload(clf_device *dev, clf_buffer *b, size_t at, const void *src,
                                size_t n) {
  clf__cl *cl = dev->impl;
  cl_event mark;
  cl_int e = CL_SUCCESS;
  if (!cl->uploads) cl->uploads = clCreateCommandQueue(cl->context, cl->id, 0, &e);
  if (e) return clf__fail(clf__cl_status(e), "no queue for uploads: %s", clf__cl_error(e));
  CL_TRY(clEnqueueMarkerWithWaitList(cl->queue, 0, NULL, &mark));
  cl_event behind = cl->marked ? cl->marked : mark;
  e = clFlush(cl->queue); /* an event of a queue that is not flushed may never occur */
  if (!e)
    e = clEnqueueWriteBuffer(cl->uploads, b->handle, CL_TRUE, at * sizeof(float), n * sizeof(float),
                             src, 1, &behind, NULL);
  if (cl->marked) clReleaseEvent(cl->marked);
  cl->marked = mark;
  if (e) return clf__fail(clf__cl_status(e), "an upload: %s", clf__cl_error(e));
  return CLF_OK;
}

static clf_status opencl_read(clf_device *dev, clf_buffer *b, size_t at, void *dst, size_t n) {
  clf__cl *cl = dev->impl;
  CL_TRY(clEnqueueReadBuffer(cl->queue, b->handle, CL_TRUE, at * sizeof(float), n * sizeof(float),
                             dst, 0, NULL, NULL));
  return CLF_OK;
}

/* ---- Calls: what launch.h promises a host half ------------------------------------ */

static clf_status reserve(clf_call *call, size_t floats) {
  clf_device *dev = call->impl;
  clf__cl *cl = dev->impl;
  if (floats <= cl->scratch_size) return CLF_OK;
  if (floats > INT32_MAX) /* kernels index it with ints */
    return clf__fail(CLF_ENOTSUP,
                     "%s would need %zu floats of scratch memory, at most %d are possible; "
                     "a smaller batch needs less",
                     clf_ops[call->op].name, floats, INT32_MAX);
  if (cl->scratch) clReleaseMemObject(cl->scratch); /* lives on until enqueued kernels are done */
  clf__take(dev, 0, cl->scratch_size * sizeof(float));
  cl->scratch_size = 0;
  char what[96];
  snprintf(what, sizeof what, "the scratch memory of %s", clf_ops[call->op].name);
  CLF_TRY(make_buffer(cl, floats, what, &cl->scratch));
  cl->scratch_size = floats;
  clf__take(dev, floats * sizeof(float), 0);
  return CLF_OK;
}

/* The argument struct as kernels see it: views, then parameters. */
static size_t pack(const clf_op_info *info, const void *args, char *out) {
  const clf_tensor *t = args;
  char *end = out;
  for (const char *m = info->modes; *m; m++, t++) {
    if (t->buf)
      memcpy(end, &t->offset, 9 * sizeof(int32_t));
    else
      memset(end, 0, 9 * sizeof(int32_t)); /* so kernels recognise what was left out */
    end += 9 * sizeof(int32_t);
  }
  memcpy(end, (const char *)args + info->params_offset, info->params_size);
  return (size_t)(end - out) + info->params_size;
}

/* The only place that sets a kernel argument. */
static clf_status enqueue(clf_call *call, const char *name, clf_grid grid, const void *plan,
                          size_t plan_size) {
  clf__cl *cl = ((clf_device *)call->impl)->impl;
  const clf_op_info *info = &clf_ops[call->op];
  const clf_tensor *t = call->args;
  int at = 0;
  CLF_TRY(clf__cl_need(cl, call->op));
  while (at < CLF_MAX_KERNELS && strcmp(cl->kernel[call->op][at].name, name) != 0) at++;
  if (at == CLF_MAX_KERNELS)
    return clf__fail(CLF_EBUILD, "%s.cl has no kernel %s", info->file, name);
  const clf__kernel *kernel = &cl->kernel[call->op][at];
  char args[CLF_MAX_ARGS];
  const size_t size = pack(info, call->args, args);
  cl_uint i = 0;
  for (const char *m = info->modes; *m; m++, t++)
    CL_TRY(clSetKernelArg(kernel->k, i++, sizeof(cl_mem), t->buf ? &t->buf->handle : NULL));
  CL_TRY(clSetKernelArg(kernel->k, i++, size, args));
  if (kernel->extra > 0)
    CL_TRY(clSetKernelArg(kernel->k, i++, sizeof(cl_mem), cl->scratch ? &cl->scratch : NULL));
  if (kernel->extra > 1) CL_TRY(clSetKernelArg(kernel->k, i++, plan_size, plan));
  const cl_int err =
      clEnqueueNDRangeKernel(cl->queue, kernel->k, 3, NULL, grid.global, grid.local, 0, NULL, NULL);
  if (err) {
    char text[384], why[768];
    clf__call_str(call->op, call->args, text, sizeof text);
    clf__cl_why_not_built(cl->id, why, sizeof why); /* drivers compile at a launch, too */
    return *why
               ? clf__fail(clf__cl_status(err), "kernel %s: %s (%s)", name, why, clf__cl_error(err))
               : clf__fail(clf__cl_status(err), "%s: kernel %s: %s", text, name,
                           clf__cl_error(err));
  }
  return CLF_OK;
}

static const clf_algorithm *const algorithms[CLF_OP_COUNT] = {
#define CLF_OP(file, name, tensors, params, rules, ...) [CLF_OP_##name] = clf__launches_##name,
#include "clflow/ops.def"
#undef CLF_OP
};

static clf_status opencl_run(clf_device *dev, clf_op op, const void *args) {
  const clf_traits *traits = ((clf__cl *)dev->impl)->traits;
  clf_call call = {.op = op,
                   .args = args,
                   .traits = traits,
                   .reserve = reserve,
                   .enqueue = enqueue,
                   .blas = traits->blas ? clf__cl_blas : NULL,
                   .impl = dev};
  const clf_algorithm *algorithm = clf__algorithm(dev, op, args);
  if (dev->late) CLF_TRY(clf__late_test(dev, op, (int)(algorithm - algorithms[op])));
  return algorithm->launch(&call);
}

static const clf_algorithm *opencl_algorithms(const clf_device *dev, clf_op op,
                                              const clf_traits **traits) {
  *traits = ((const clf__cl *)dev->impl)->traits;
  return algorithms[op];
}

static clf_status opencl_sync(clf_device *dev) {
  CL_TRY(clFinish(((clf__cl *)dev->impl)->queue));
  return CLF_OK;
}

const clf_backend clf__opencl = {
    .name = "opencl",
    .open = opencl_open,
    .close = opencl_close,
    .alloc = opencl_alloc,
    .release = opencl_release,
    .write = opencl_write,
    .upload = opencl_upload,
    .read = opencl_read,
    .run = opencl_run,
    .sync = opencl_sync,
    .algorithms = opencl_algorithms,
};
