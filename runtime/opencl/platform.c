/* SPDX-License-Identifier: MIT */
/* platform.c: OpenCL discovery.  Platforms without devices are common (Mesa
 * installs two), and vendor ids are unreliable, so devices are judged by type and size. */
#define _POSIX_C_SOURCE 200809L
#include "platform.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "launch.h"
#include "memory_limit.h"
#include "temp.h"

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
  return t->lanes > 1 ? 0 : tiles + 12 * (size_t)t->tm; /* and the pixels of a tile */
}

clf_status clf__family_fits(const clf_traits *t, size_t items, uint64_t memory) {
  const size_t tile = t->lanes > 1 ? 1 : (size_t)(t->tn / 4) * (size_t)(t->tn / 4);
  const size_t maximum = tile > (size_t)t->wg ? tile : (size_t)t->wg;
  if (items >= maximum && memory >= group_memory(t)) return CLF_OK;
  return clf__fail(CLF_ENOTSUP,
                   "the kernels of the family %s need work-groups of %zu and %zu bytes of local "
                   "memory; this device allows work-groups of %zu and %llu bytes",
                   t->family, maximum, group_memory(t), items, (unsigned long long)memory);
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
  cl_ulong memory = 0, maximum = 0;
  clGetDeviceInfo(d->id, CL_DEVICE_TYPE, sizeof type, &type, NULL);
  clGetDeviceInfo(d->id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units, NULL);
  clGetDeviceInfo(d->id, CL_DEVICE_MAX_CLOCK_FREQUENCY, sizeof clock, &clock, NULL);
  clGetDeviceInfo(d->id, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof memory, &memory, NULL);
  clGetDeviceInfo(d->id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof maximum, &maximum, NULL);
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
  info->max_alloc = maximum;
  info->passes = -1;
  d->rank = (gpu ? 2e12 : accelerator ? 1e12 : 0) + (double)units * (double)(clock ? clock : 1);
}

static int best_first(const void *a, const void *b) {
  const double x = ((const clf__cl_device *)a)->rank, y = ((const clf__cl_device *)b)->rank;
  return (x < y) - (x > y);
}

/* ---- The list ------------------------------------------------------------------ */

typedef struct discovery {
  clf__cl_device *list;
  int count;
  char empty[512]; /* the platforms without a device, and why: "NAME: CODE, NAME: CODE" */
} discovery;

static void note_empty(discovery *found, cl_platform_id platform, const char *why) {
  char name[128] = "";
  clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof name - 1, name, NULL);
  const size_t n = strlen(found->empty);
  snprintf(found->empty + n, sizeof found->empty - n, "%s%s: %s", n ? ", " : "", name, why);
}

int clf__cl_is_pocl(const char *platform) {
  return strcmp(platform, "Portable Computing Language") == 0;
}

static int is_pocl(cl_platform_id platform) {
  char name[128] = "";
  return !clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof name - 1, name, NULL) &&
         clf__cl_is_pocl(name);
}

/* A variable that decides where pocl stores kernels, and where in its folder.  The first one that
 * is set counts. */
typedef struct place {
  const char *variable, *below;
} place;

static const place *place_of_kernels(void) {
  static const place all[] = {
      {"POCL_CACHE_DIR", ""}, {"XDG_CACHE_HOME", "/pocl"}, {"HOME", "/.cache/pocl"}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    const char *folder = getenv(all[i].variable);
    if (folder && *folder) return &all[i];
  }
  return NULL;
}

static int pocl_folder(char *path, size_t size) {
  const place *at = place_of_kernels();
  const int n = at ? snprintf(path, size, "%s%s", getenv(at->variable), at->below) : -1;
  return n > 0 && (size_t)n < size;
}

/* Appends the devices of one platform. */
static clf_status add_platform(discovery *found, cl_platform_id platform) {
  cl_uint n = 0;
  const char *folder = getenv("POCL_CACHE_DIR");
  if (folder && !*folder && is_pocl(platform)) { /* it would abort the process */
    note_empty(found, platform, "POCL_CACHE_DIR is set but empty: unset it, or name a folder");
    return CLF_OK;
  }
  int e = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, NULL, &n);
  if (e || n == 0) {
    note_empty(found, platform, clf__cl_error(e ? e : CL_DEVICE_NOT_FOUND));
    return CLF_OK;
  }
  cl_device_id *ids = calloc(n, sizeof *ids);
  clf__cl_device *more = realloc(found->list, ((size_t)found->count + n) * sizeof *more);
  if (more) found->list = more;
  if (!ids || !more) {
    free(ids);
    return clf__fail(CLF_ENOMEM, "no memory for a list of %u OpenCL devices", n);
  }
  e = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, n, ids, NULL);
  if (e) note_empty(found, platform, clf__cl_error(e));
  for (cl_uint i = 0; i < n && !e; i++) {
    clf__cl_device *d = &found->list[found->count++];
    *d = (clf__cl_device){.platform = platform, .id = ids[i]};
    describe(d);
  }
  free(ids);
  return CLF_OK;
}

/* Tries to write, since permissions mean little for root and on read-only file systems. */
static int can_write_in(const char *folder) {
  clf__temp temp;
  const int made = !clf__temp_make(folder, 0600, &temp);
  if (made) {
    close(temp.fd);
    unlink(temp.name);
  }
  clf__temp_forget(&temp);
  return made;
}

/* Some drivers, such as pocl, offer no device if they cannot store compiled kernels, and give no
 * reason.  Returns the variable that names such a folder, if the folder cannot be written. */
static const char *unwritable(void) {
  const place *at = place_of_kernels();
  return at && !can_write_in(getenv(at->variable)) ? at->variable : NULL;
}

void clf__cl_why_not_built(cl_device_id id, char *why, size_t size) {
  cl_platform_id platform = NULL;
  char path[512];
  *why = 0;
  clGetDeviceInfo(id, CL_DEVICE_PLATFORM, sizeof(platform), &platform, NULL);
  if (is_pocl(platform) && pocl_folder(path, sizeof path) && !can_write_in(path))
    snprintf(why, size,
             "the driver stores them in %s, which cannot be written or was deleted: start again "
             "once it can be written",
             path);
}

static clf_status no_device(const discovery *found) {
  const char *name = unwritable();
  if (!name) return clf__fail(CLF_ENODEV, "no OpenCL driver offers a device (%s)", found->empty);
  return clf__fail(CLF_ENODEV,
                   "no OpenCL driver offers a device (%s); a driver may need a folder for the "
                   "kernels that it compiles, and %s is \"%s\", which cannot be written: set %s "
                   "to a folder that can",
                   found->empty, name, getenv(name),
                   strcmp(name, "HOME") == 0 ? "XDG_CACHE_HOME" : name);
}

static clf_status discover(discovery *found) {
  cl_platform_id platform[32];
  cl_uint np = 0;
  CLF_TRY(clf__limit_allows_drivers());
  CLF_TRY(clf__cl_load());
  const cl_int e = clGetPlatformIDs(32, platform, &np);
  if (e || np == 0)
    return clf__fail(CLF_ENODEV, "the OpenCL loader finds no platform: install a driver (%s)",
                     clf__cl_error(e));
  for (cl_uint p = 0; p < np && p < 32; p++) CLF_TRY(add_platform(found, platform[p]));
  return found->count ? CLF_OK : no_device(found);
}

clf_status clf__cl_list(clf__cl_device **out, int *count) {
  /* Loaders and drivers set themselves up at the first of these calls, and few of them expect
   * several threads there. */
  static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
  discovery found = {.list = NULL};
  pthread_mutex_lock(&one_at_a_time);
  const clf_status s = discover(&found);
  pthread_mutex_unlock(&one_at_a_time);
  if (s) {
    free(found.list);
    return s;
  }
  qsort(found.list, (size_t)found.count, sizeof *found.list, best_first);
  for (int i = 0; i < found.count; i++)
    snprintf(found.list[i].info.name, sizeof found.list[i].info.name, "opencl:%d", i);
  *out = found.list;
  *count = found.count;
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
      {CL_COMPILE_PROGRAM_FAILURE, "CL_COMPILE_PROGRAM_FAILURE"},
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
