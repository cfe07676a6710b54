/* SPDX-License-Identifier: MIT */
/* builds.c: builds all kernels for one device, family by family, and prints a line of JSON for
 * each: builds INDEX      the number of the device in `clflow devices`: 0 for opencl:0
 *
 *   family, device    what was built for what
 *   status            "built", "failed", or "does not fit" (the device allows no such groups)
 *   seconds           of clBuildProgram
 *   why               of a status other than "built"
 *   log               the compiler's own words; NVIDIA's also tells registers and spills
 *   kernels           name, and the bytes of private and local memory that each takes
 */
#define _POSIX_C_SOURCE 200809L
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "opencl.h"

/* ---- A build ----------------------------------------------------------------------------- */

typedef struct build {
  const clf__cl_device *device;
  const clf_traits *family;
  char options[256];
  cl_context context;
  cl_program program;
  json_t *line;
} build;

static void put(build *b, const char *key, json_t *value) {
  json_object_set_new(b->line, key, value);
}

/* What a compiler prints need not be UTF-8. */
static json_t *text_json(const char *text) {
  json_t *j = json_string(text);
  return j ? j : json_string("(the text is not UTF-8)");
}

static void put_failure(build *b, const char *status, const char *why) {
  put(b, "status", json_string(status));
  put(b, "why", text_json(why));
}

static int has_extension(cl_device_id id, const char *name) {
  size_t size = 0;
  if (clGetDeviceInfo(id, CL_DEVICE_EXTENSIONS, 0, NULL, &size)) return 0;
  char *all = calloc(size + 1, 1);
  const int found = all && !clGetDeviceInfo(id, CL_DEVICE_EXTENSIONS, size, all, NULL) &&
                    strstr(all, name) != NULL;
  free(all);
  return found;
}

static void put_log(build *b) {
  size_t size = 0;
  clGetProgramBuildInfo(b->program, b->device->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size);
  char *log = calloc(size + 1, 1);
  if (!log) return;
  clGetProgramBuildInfo(b->program, b->device->id, CL_PROGRAM_BUILD_LOG, size, log, NULL);
  put(b, "log", text_json(log));
  free(log);
}

static json_t *kernel_json(cl_kernel k, cl_device_id id) {
  char name[128] = "";
  cl_ulong private_bytes = 0, local_bytes = 0;
  size_t group = 0;
  clGetKernelInfo(k, CL_KERNEL_FUNCTION_NAME, sizeof name - 1, name, NULL);
  clGetKernelWorkGroupInfo(k, id, CL_KERNEL_PRIVATE_MEM_SIZE, sizeof private_bytes, &private_bytes,
                           NULL);
  clGetKernelWorkGroupInfo(k, id, CL_KERNEL_LOCAL_MEM_SIZE, sizeof local_bytes, &local_bytes, NULL);
  clGetKernelWorkGroupInfo(k, id, CL_KERNEL_WORK_GROUP_SIZE, sizeof group, &group, NULL);
  return json_pack("{s:s, s:I, s:I, s:I}", "name", name, "private_bytes", (json_int_t)private_bytes,
                   "local_bytes", (json_int_t)local_bytes, "group_size", (json_int_t)group);
}

static void put_kernels(build *b) {
  enum { MOST = 512 };
  static cl_kernel k[MOST];
  cl_uint count = 0;
  json_t *list = json_array();
  const cl_int e = clCreateKernelsInProgram(b->program, MOST, k, &count);
  if (e) put_failure(b, "failed", clf__cl_error(e));
  for (cl_uint i = 0; !e && i < count; i++) {
    json_array_append_new(list, kernel_json(k[i], b->device->id));
    clReleaseKernel(k[i]);
  }
  put(b, "kernels", list);
}

static void compile(build *b, const char *text) {
  cl_int e;
  b->program = clCreateProgramWithSource(b->context, 1, &text, NULL, &e);
  if (e) {
    put_failure(b, "failed", clf__cl_error(e));
    return;
  }
  const double begin = clf__now();
  e = clBuildProgram(b->program, 1, &b->device->id, b->options, NULL, NULL);
  put(b, "seconds", json_real(clf__now() - begin));
  put_log(b);
  if (e)
    put_failure(b, "failed", clf__cl_error(e));
  else {
    put(b, "status", json_string("built"));
    put_kernels(b);
  }
  clReleaseProgram(b->program);
}

static void build_family(build *b, const char *text) {
  size_t items;
  uint64_t memory;
  cl_int e;
  clf__cl_limits(b->device->id, &items, &memory);
  if (clf__family_fits(b->family, items, memory)) {
    put_failure(b, "does not fit", clf_errmsg());
    return;
  }
  clf__cl_options(b->family, b->options, sizeof b->options);
  if (has_extension(b->device->id, "cl_nv_compiler_options"))
    strcat(b->options, " -cl-nv-verbose"); /* registers and spills, in the log */
  b->context = clCreateContext(NULL, 1, &b->device->id, NULL, NULL, &e);
  if (e) {
    put_failure(b, "failed", clf__cl_error(e));
    return;
  }
  compile(b, text);
  clReleaseContext(b->context);
}

/* ---- The device ------------------------------------------------------------------------ */

typedef enum value_type { TEXT, NUMBER32, NUMBER64, SIZE } value_type;

static const struct {
  const char *name;
  cl_device_info what;
  value_type type;
} properties[] = {
    {"vendor", CL_DEVICE_VENDOR, TEXT},
    {"version", CL_DEVICE_VERSION, TEXT},
    {"language", CL_DEVICE_OPENCL_C_VERSION, TEXT},
    {"extensions", CL_DEVICE_EXTENSIONS, TEXT},
    {"compute_units", CL_DEVICE_MAX_COMPUTE_UNITS, NUMBER32},
    {"clock_mhz", CL_DEVICE_MAX_CLOCK_FREQUENCY, NUMBER32},
    {"vector_width_float", CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, NUMBER32},
    {"cache_line_bytes", CL_DEVICE_GLOBAL_MEM_CACHELINE_SIZE, NUMBER32},
    {"host_unified_memory", CL_DEVICE_HOST_UNIFIED_MEMORY, NUMBER32},
    {"cache_bytes", CL_DEVICE_GLOBAL_MEM_CACHE_SIZE, NUMBER64},
    {"memory_bytes", CL_DEVICE_GLOBAL_MEM_SIZE, NUMBER64},
    {"largest_buffer_bytes", CL_DEVICE_MAX_MEM_ALLOC_SIZE, NUMBER64},
    {"local_memory_bytes", CL_DEVICE_LOCAL_MEM_SIZE, NUMBER64},
    {"largest_group", CL_DEVICE_MAX_WORK_GROUP_SIZE, SIZE},
};

static json_t *property_json(cl_device_id id, cl_device_info what, value_type type) {
  static char text[65536];
  union {
    cl_uint n32;
    cl_ulong n64;
    size_t size;
  } v = {.n64 = 0};
  if (type == TEXT)
    return clGetDeviceInfo(id, what, sizeof text - 1, text, NULL) ? json_null() : text_json(text);
  const size_t sizes[] = {0, sizeof v.n32, sizeof v.n64, sizeof v.size};
  if (clGetDeviceInfo(id, what, sizes[type], &v, NULL)) return json_null();
  if (type == NUMBER32) return json_integer(v.n32);
  return json_integer((json_int_t)(type == SIZE ? v.size : v.n64));
}

static void print_properties(cl_device_id id) {
  json_t *all = json_object(), *line = json_pack("{s:o}", "properties", all);
  for (size_t i = 0; i < sizeof properties / sizeof *properties; i++)
    json_object_set_new(all, properties[i].name,
                        property_json(id, properties[i].what, properties[i].type));
  json_dumpf(line, stdout, JSON_COMPACT);
  putchar('\n');
  json_decref(line);
}

/* ---- All of it -------------------------------------------------------------------------- */

/* Lines come as they are known, so that a driver which crashes leaves those before it. */
static int build_all(const clf__cl_device *device) {
  char *text = clf__cl_program(-1);
  int failed = !text;
  print_properties(device->id);
  for (int i = 0; text && i < clf__family_count; i++) {
    build b = {.device = device, .family = &clf__families[i], .line = json_object()};
    put(&b, "family", json_string(b.family->family));
    put(&b, "device", text_json(device->info.device));
    build_family(&b, text);
    failed |= json_dumpf(b.line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6)) != 0;
    putchar('\n');
    fflush(stdout);
    json_decref(b.line);
  }
  free(text);
  return failed;
}

int main(int argc, char **argv) {
  clf__cl_device *list = NULL;
  int count = 0;
  if (argc != 2 || strspn(argv[1], "0123456789") != strlen(argv[1])) {
    fputs("usage: builds INDEX\n", stderr);
    return 2;
  }
  if (clf__cl_list(&list, &count)) {
    fprintf(stderr, "builds: %s\n", clf_errmsg());
    return 1;
  }
  const long index = strtol(argv[1], NULL, 10);
  if (index >= count) {
    fprintf(stderr, "builds: there is no device %ld, only %d\n", index, count);
    free(list);
    return 1;
  }
  const int code = build_all(&list[index]);
  free(list);
  return code;
}
