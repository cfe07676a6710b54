/* SPDX-License-Identifier: MIT */
/* platform.c: OpenCL discovery.  Platforms without devices are common (Mesa
 * installs two) and vendor ids lie, so devices are judged by type and size. */
#include "platform.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "launch.h"

const clf_traits clf__families[] = {
#define CLF_FAMILY(...) {__VA_ARGS__},
#include "tune.def"
#undef CLF_FAMILY
};
const int clf__family_count = sizeof clf__families / sizeof *clf__families;

static int family_called(const char *name) {
  for (int i = 0; i < clf__family_count; i++)
    if (strcmp(clf__families[i].family, name) == 0) return i;
  return 0;
}

static size_t group_memory(const clf_traits *t) {
  const size_t side = (size_t)t->tn / 4, tiles = 16 * side * (3 * side + 2);
  return t->lanes > 1 ? 0 : tiles + 12 * (size_t)t->tm; /* and where a tile's pixels are */
}

clf_status clf__family_fits(const clf_traits *t, size_t items, uint64_t memory) {
  const size_t tile = t->lanes > 1 ? 1 : (size_t)(t->tn / 4) * (size_t)(t->tn / 4);
  const size_t most = tile > (size_t)t->wg ? tile : (size_t)t->wg;
  if (items >= most && memory >= group_memory(t)) return CLF_OK;
  return clf__fail(CLF_ENOTSUP,
                   "the kernels of the family %s take groups of %zu items and %zu bytes of local "
                   "memory; this device allows %zu items and %llu bytes",
                   t->family, most, group_memory(t), items, (unsigned long long)memory);
}

int clf__gpu_family(size_t items, uint64_t memory) {
  const int best = family_called(CLF_GPU_FAMILY);
  return clf__family_fits(&clf__families[best], items, memory) ? family_called("simt64") : best;
}

void clf__cl_limits(cl_device_id id, size_t *items, uint64_t *memory) {
  cl_ulong local = 0;
  *items = 0;
  clGetDeviceInfo(id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof *items, items, NULL);
  clGetDeviceInfo(id, CL_DEVICE_LOCAL_MEM_SIZE, sizeof local, &local, NULL);
  *memory = local;
}

int clf__cl_family(cl_device_id id) {
  cl_device_type type = 0;
  cl_uint width = 0;
  size_t items;
  uint64_t memory;
  clGetDeviceInfo(id, CL_DEVICE_TYPE, sizeof type, &type, NULL);
  clGetDeviceInfo(id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, sizeof width, &width, NULL);
  clf__cl_limits(id, &items, &memory);
  if (!(type & CL_DEVICE_TYPE_CPU)) return clf__gpu_family(items, memory);
  return family_called(width >= 16 ? "simd16" : width >= 8 ? "simd8" : "simd4");
}

static void text(cl_device_id id, cl_device_info what, char *out, size_t size) {
  char long_text[1024] = "";
  if (clGetDeviceInfo(id, what, sizeof long_text - 1, long_text, NULL)) *long_text = 0;
  const char *s = long_text + strspn(long_text, " ");
  size_t n = strlen(s);
  while (n && s[n - 1] == ' ') n--;
  snprintf(out, size, "%.*s", (int)n, s);
}

static void describe(clf__cl_device *d) {
  clf_device_info *info = &d->info;
  cl_device_type type = 0;
  cl_uint units = 0, clock = 0;
  cl_ulong memory = 0, most = 0;
  clGetDeviceInfo(d->id, CL_DEVICE_TYPE, sizeof type, &type, NULL);
  clGetDeviceInfo(d->id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units, NULL);
  clGetDeviceInfo(d->id, CL_DEVICE_MAX_CLOCK_FREQUENCY, sizeof clock, &clock, NULL);
  clGetDeviceInfo(d->id, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof memory, &memory, NULL);
  clGetDeviceInfo(d->id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof most, &most, NULL);
  text(d->id, CL_DEVICE_NAME, info->device, sizeof info->device);
  text(d->id, CL_DRIVER_VERSION, info->driver, sizeof info->driver);
  clGetPlatformInfo(d->platform, CL_PLATFORM_NAME, sizeof info->platform - 1, info->platform, NULL);
  const int gpu = (type & CL_DEVICE_TYPE_GPU) != 0, cpu = (type & CL_DEVICE_TYPE_CPU) != 0;
  const int accelerator = (type & CL_DEVICE_TYPE_ACCELERATOR) != 0;
  const char *kind = gpu ? "gpu" : cpu ? "cpu" : accelerator ? "accelerator" : "other";
  snprintf(info->type, sizeof info->type, "%s", kind);
  snprintf(info->family, sizeof info->family, "%s", clf__families[clf__cl_family(d->id)].family);
  info->units = (int32_t)units;
  info->clock_mhz = (int32_t)clock;
  info->memory = memory;
  info->max_alloc = most;
  info->passes = -1;
  d->rank = (gpu ? 2e12 : accelerator ? 1e12 : 0) + (double)units * (double)(clock ? clock : 1);
}

static int best_first(const void *a, const void *b) {
  const double x = ((const clf__cl_device *)a)->rank, y = ((const clf__cl_device *)b)->rank;
  return (x < y) - (x > y);
}

/* Appends one platform's devices to a list that grows. */
static clf_status add_platform(cl_platform_id platform, clf__cl_device **list, int *count) {
  cl_uint n = 0;
  if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, NULL, &n) || n == 0) return CLF_OK;
  cl_device_id *ids = calloc(n, sizeof *ids);
  clf__cl_device *more = realloc(*list, ((size_t)*count + n) * sizeof **list);
  if (more) *list = more;
  if (!ids || !more) {
    free(ids);
    return clf__fail(CLF_ENOMEM, "no memory for a list of %u OpenCL devices", n);
  }
  if (!clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, n, ids, NULL))
    for (cl_uint i = 0; i < n; i++) {
      clf__cl_device *d = &(*list)[(*count)++];
      *d = (clf__cl_device){.platform = platform, .id = ids[i]};
      describe(d);
    }
  free(ids);
  return CLF_OK;
}

clf_status clf__cl_list(clf__cl_device **out, int *count) {
  cl_platform_id platform[32];
  cl_uint np = 0;
  const cl_int e = clGetPlatformIDs(32, platform, &np);
  if (e || np == 0)
    return clf__fail(CLF_ENODEV, "the OpenCL loader finds no platform: install a driver (%s)",
                     clf__cl_error(e));
  clf__cl_device *list = NULL;
  int n = 0;
  clf_status s = CLF_OK;
  for (cl_uint p = 0; p < np && p < 32 && !s; p++) s = add_platform(platform[p], &list, &n);
  if (s) {
    free(list);
    return s;
  }
  if (n > 1) qsort(list, (size_t)n, sizeof *list, best_first);
  for (int i = 0; i < n; i++) snprintf(list[i].info.name, sizeof list[i].info.name, "opencl:%d", i);
  *out = list;
  *count = n;
  return CLF_OK;
}

clf_status clf__cl_status(cl_int e) {
  const int full = e == CL_MEM_OBJECT_ALLOCATION_FAILURE || e == CL_OUT_OF_HOST_MEMORY;
  return full ? CLF_ENOMEM : CLF_EDEVICE;
}

const char *clf__cl_error(cl_int e) {
  static const struct {
    cl_int code;
    const char *name;
  } names[] = {
      {CL_SUCCESS, "CL_SUCCESS"},
      {CL_DEVICE_NOT_FOUND, "CL_DEVICE_NOT_FOUND"},
      {CL_DEVICE_NOT_AVAILABLE, "CL_DEVICE_NOT_AVAILABLE"},
      {CL_COMPILER_NOT_AVAILABLE, "CL_COMPILER_NOT_AVAILABLE"},
      {CL_MEM_OBJECT_ALLOCATION_FAILURE, "CL_MEM_OBJECT_ALLOCATION_FAILURE"},
      {CL_OUT_OF_RESOURCES, "CL_OUT_OF_RESOURCES"},
      {CL_OUT_OF_HOST_MEMORY, "CL_OUT_OF_HOST_MEMORY"},
      {CL_BUILD_PROGRAM_FAILURE, "CL_BUILD_PROGRAM_FAILURE"},
      {CL_INVALID_VALUE, "CL_INVALID_VALUE"},
      {CL_INVALID_PLATFORM, "CL_INVALID_PLATFORM"},
      {CL_INVALID_CONTEXT, "CL_INVALID_CONTEXT"},
      {CL_INVALID_COMMAND_QUEUE, "CL_INVALID_COMMAND_QUEUE"},
      {CL_INVALID_MEM_OBJECT, "CL_INVALID_MEM_OBJECT"},
      {CL_INVALID_BINARY, "CL_INVALID_BINARY"},
      {CL_INVALID_BUILD_OPTIONS, "CL_INVALID_BUILD_OPTIONS"},
      {CL_INVALID_KERNEL_ARGS, "CL_INVALID_KERNEL_ARGS"},
      {CL_INVALID_ARG_SIZE, "CL_INVALID_ARG_SIZE"},
      {CL_INVALID_WORK_GROUP_SIZE, "CL_INVALID_WORK_GROUP_SIZE"},
      {CL_INVALID_WORK_ITEM_SIZE, "CL_INVALID_WORK_ITEM_SIZE"},
      {CL_INVALID_BUFFER_SIZE, "CL_INVALID_BUFFER_SIZE"},
      {-1001, "CL_PLATFORM_NOT_FOUND_KHR"},
  };
  static _Thread_local char text_[64];
  const char *name = "OpenCL error";
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (names[i].code == e) name = names[i].name;
  snprintf(text_, sizeof text_, "%s (%d)", name, (int)e);
  return text_;
}
