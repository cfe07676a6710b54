/* SPDX-License-Identifier: MIT */
/* layer.c: see layer.h. All functions are the same few lines, so they are tables: functions that
 * return a code, and functions that return an object and write a code. */
#define CL_TARGET_OPENCL_VERSION 120
#define _GNU_SOURCE
#include "layer.h"

#include <CL/cl_layer.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ABORT = 1, HANG = 2, WRONG = 3 }; /* OpenCL codes are negative */

static const cl_icd_dispatch *next;
static cl_icd_dispatch table;
static struct {
  char function[64];
  long n;
  int from_then_on, code;
  size_t above; /* buffers up to this size do not count */
} fault;
static atomic_int lost; /* 1: until a context is made */
static atomic_long calls, failed, alive;

/* ---- Which calls fail ---------------------------------------------------------------- */

/* The functions that find a device and make a context. */
static int finds_devices(const char *function) {
  return strncmp(function, "clGet", 5) == 0 || strcmp(function, "clCreateContext") == 0;
}

/* The code that this call returns; 0: that of the driver. */
static cl_int due(const char *function) {
  if (atomic_load(&lost)) return finds_devices(function) ? CL_SUCCESS : fault.code;
  if (fault.function[0] != '*' && strcmp(fault.function, function) != 0) return CL_SUCCESS;
  const long i = atomic_fetch_add(&calls, 1) + 1;
  if (fault.n == 0 || i < fault.n || (i > fault.n && fault.from_then_on != 1)) return CL_SUCCESS;
  atomic_fetch_add(&failed, 1);
  atomic_store(&lost, fault.from_then_on == CLF_FAULT_LOST);
  if (fault.code == ABORT) abort();
  while (fault.code == HANG) pause();
  return fault.code;
}

static void arm(const char *function, long n, int from_then_on, int code) {
  snprintf(fault.function, sizeof fault.function, "%s", function);
  fault.n = n;
  fault.from_then_on = from_then_on;
  fault.code = code;
  fault.above = 0;
  atomic_store(&lost, 0);
  atomic_store(&calls, 0);
  atomic_store(&failed, 0);
}

#define EXPORT __attribute__((visibility("default")))
EXPORT void clf_fault_arm(const char *function, long n, int from_then_on, int code) {
  arm(function, n, from_then_on, code);
}
EXPORT void clf_fault_above(size_t bytes) { fault.above = bytes; }
EXPORT void clf_fault_count(long *c, long *f) {
  *c = atomic_load(&calls);
  *f = atomic_load(&failed);
}
EXPORT long clf_fault_alive(void) { return atomic_load(&alive); }

static void arm_from_environment(void) {
  const char *text = getenv("CLF_CL_FAULT"), *at = text ? strchr(text, '@') : NULL;
  char function[64], what[16], plus[2] = "";
  long n = 0;
  if (at) {
    const size_t length = (size_t)(at - text);
    if (strlen(program_invocation_short_name) != length ||
        strncmp(program_invocation_short_name, text, length) != 0)
      return;
    text = at + 1;
  }
  if (!text) return;
  if (sscanf(text, "%63[^:]:%ld%1[+]:%15s", function, &n, plus, what) != 4 &&
      sscanf(text, "%63[^:]:%ld:%15s", function, &n, what) != 3) {
    fprintf(stderr, "CLF_CL_FAULT=%s is not [PROGRAM@]FUNCTION:N[+]:WHAT\n", text);
    exit(2);
  }
  arm(function, n, *plus == '+',
      strcmp(what, "abort") == 0   ? ABORT
      : strcmp(what, "hang") == 0  ? HANG
      : strcmp(what, "wrong") == 0 ? WRONG
                                   : (int)strtol(what, NULL, 10));
}

/* ---- The functions ---------------------------------------------------------------------- */

#define CODE(name, parameters, arguments)                                                          \
  static cl_int CL_API_CALL on_##name parameters {                                                 \
    const cl_int e = due(#name);                                                                   \
    return e ? e : next->name arguments;                                                           \
  }
/* `error` is the name of the parameter that a code is written to. */
#define OBJECT(name, type, parameters, arguments)                                                  \
  static type CL_API_CALL on_##name parameters {                                                   \
    const cl_int e = due(#name);                                                                   \
    type made = NULL;                                                                              \
    if (!e)                                                                                        \
      made = next->name arguments;                                                                 \
    else if (error)                                                                                \
      *error = e;                                                                                  \
    if (made) atomic_fetch_add(&alive, 1);                                                         \
    return made;                                                                                   \
  }
/* Releases do not fail, since nothing could be done about it. */
#define RELEASE(name, type)                                                                        \
  static cl_int CL_API_CALL on_##name(type object) {                                               \
    atomic_fetch_sub(&alive, 1);                                                                   \
    return next->name(object);                                                                     \
  }

#define FUNCTIONS                                                                                  \
  CODE(clGetPlatformIDs, (cl_uint room, cl_platform_id * id, cl_uint * n), (room, id, n))          \
  CODE(clGetPlatformInfo,                                                                          \
       (cl_platform_id id, cl_platform_info what, size_t room, void *out, size_t *size),           \
       (id, what, room, out, size))                                                                \
  CODE(clGetDeviceIDs,                                                                             \
       (cl_platform_id id, cl_device_type type, cl_uint room, cl_device_id * out, cl_uint * n),    \
       (id, type, room, out, n))                                                                   \
  RELEASE(clReleaseContext, cl_context)                                                            \
  OBJECT(clCreateCommandQueue, cl_command_queue,                                                   \
         (cl_context context, cl_device_id id, cl_command_queue_properties p, cl_int * error),     \
         (context, id, p, error))                                                                  \
  RELEASE(clReleaseCommandQueue, cl_command_queue)                                                 \
  RELEASE(clReleaseMemObject, cl_mem)                                                              \
  OBJECT(clCreateProgramWithSource, cl_program,                                                    \
         (cl_context context, cl_uint n, const char **text, const size_t *size, cl_int *error),    \
         (context, n, text, size, error))                                                          \
  OBJECT(clCreateProgramWithBinary, cl_program,                                                    \
         (cl_context context, cl_uint n, const cl_device_id *id, const size_t *size,               \
          const unsigned char **binary, cl_int *status, cl_int *error),                            \
         (context, n, id, size, binary, status, error))                                            \
  RELEASE(clReleaseProgram, cl_program)                                                            \
  CODE(clBuildProgram,                                                                             \
       (cl_program program, cl_uint n, const cl_device_id *id, const char *options,                \
        void(CL_CALLBACK * tell)(cl_program, void *), void *user),                                 \
       (program, n, id, options, tell, user))                                                      \
  CODE(clCompileProgram,                                                                           \
       (cl_program program, cl_uint n, const cl_device_id *id, const char *options, cl_uint n2,    \
        const cl_program *headers, const char **names,                                             \
        void(CL_CALLBACK * tell)(cl_program, void *), void *user),                                 \
       (program, n, id, options, n2, headers, names, tell, user))                                  \
  CODE(clGetProgramInfo,                                                                           \
       (cl_program program, cl_program_info what, size_t room, void *out, size_t *size),           \
       (program, what, room, out, size))                                                           \
  CODE(clGetProgramBuildInfo,                                                                      \
       (cl_program program, cl_device_id id, cl_program_build_info what, size_t room, void *out,   \
        size_t *size),                                                                             \
       (program, id, what, room, out, size))                                                       \
  RELEASE(clReleaseKernel, cl_kernel)                                                              \
  CODE(clGetKernelInfo,                                                                            \
       (cl_kernel kernel, cl_kernel_info what, size_t room, void *out, size_t *size),              \
       (kernel, what, room, out, size))                                                            \
  CODE(clSetKernelArg, (cl_kernel kernel, cl_uint i, size_t size, const void *value),              \
       (kernel, i, size, value))                                                                   \
  CODE(clFinish, (cl_command_queue queue), (queue))                                                \
  CODE(clFlush, (cl_command_queue queue), (queue))                                                 \
  CODE(clEnqueueWriteBuffer,                                                                       \
       (cl_command_queue queue, cl_mem buffer, cl_bool wait, size_t at, size_t size,               \
        const void *from, cl_uint n, const cl_event *after, cl_event *event),                      \
       (queue, buffer, wait, at, size, from, n, after, event))                                     \
  CODE(clEnqueueNDRangeKernel,                                                                     \
       (cl_command_queue queue, cl_kernel kernel, cl_uint dims, const size_t *offset,              \
        const size_t *global, const size_t *local, cl_uint n, const cl_event *after,               \
        cl_event *event),                                                                          \
       (queue, kernel, dims, offset, global, local, n, after, event))

FUNCTIONS

/* Functions that do more than call the driver. */

static struct {
  cl_device_info what;
  size_t size;
  char value[256];
} answer;

EXPORT void clf_fault_answer(unsigned what, const void *value, size_t size) {
  answer.what = what;
  answer.size = size;
  memcpy(answer.value, value, size);
}

static cl_int CL_API_CALL on_clGetDeviceInfo(cl_device_id id, cl_device_info what, size_t room,
                                             void *out, size_t *size) {
  const cl_int e = due("clGetDeviceInfo");
  if (e || !answer.size || answer.what != what)
    return e ? e : next->clGetDeviceInfo(id, what, room, out, size);
  if (out) memcpy(out, answer.value, answer.size < room ? answer.size : room);
  if (size) *size = answer.size;
  return CL_SUCCESS;
}

static cl_context CL_API_CALL on_clCreateContext(const cl_context_properties *properties, cl_uint n,
                                                 const cl_device_id *id,
                                                 void(CL_CALLBACK *tell)(const char *, const void *,
                                                                         size_t, void *),
                                                 void *user, cl_int *error) {
  const cl_int e = due("clCreateContext");
  cl_context made = NULL;
  if (!e)
    made = next->clCreateContext(properties, n, id, tell, user, error);
  else if (error)
    *error = e;
  if (!made) return NULL;
  atomic_fetch_add(&alive, 1);
  atomic_store(&lost, 0);
  return made;
}

static cl_mem CL_API_CALL on_clCreateBuffer(cl_context context, cl_mem_flags flags, size_t size,
                                            void *host, cl_int *error) {
  const cl_int e = size > fault.above ? due("clCreateBuffer") : CL_SUCCESS;
  cl_mem made = NULL;
  if (!e)
    made = next->clCreateBuffer(context, flags, size, host, error);
  else if (error)
    *error = e;
  if (made) atomic_fetch_add(&alive, 1);
  return made;
}

static cl_int CL_API_CALL on_clCreateKernelsInProgram(cl_program program, cl_uint room,
                                                      cl_kernel *out, cl_uint *n) {
  cl_uint made = 0;
  const cl_int e = due("clCreateKernelsInProgram");
  if (e) return e;
  const cl_int own = next->clCreateKernelsInProgram(program, room, out, &made);
  if (!own && out) atomic_fetch_add(&alive, (long)made);
  if (n) *n = made;
  return own;
}

static cl_int CL_API_CALL on_clEnqueueReadBuffer(cl_command_queue queue, cl_mem buffer,
                                                 cl_bool wait, size_t at, size_t size, void *to,
                                                 cl_uint n, const cl_event *after,
                                                 cl_event *event) {
  const cl_int e = due("clEnqueueReadBuffer");
  if (e && e != WRONG) return e;
  const cl_int own = next->clEnqueueReadBuffer(queue, buffer, wait, at, size, to, n, after, event);
  if (e == WRONG && !own && wait && size >= sizeof(float)) *(float *)to += 1;
  return own;
}

/* ---- What the loader asks for --------------------------------------------------------------- */

EXPORT CL_API_ENTRY cl_int CL_API_CALL clGetLayerInfo(cl_layer_info what, size_t room, void *out,
                                                      size_t *size) {
  static const cl_layer_api_version version = CL_LAYER_API_VERSION_100;
  static const char name[] = "clflow's faults";
  const void *from = what == CL_LAYER_NAME ? (const void *)name : &version;
  const size_t need = what == CL_LAYER_NAME ? sizeof name : sizeof version;
  if (what != CL_LAYER_NAME && what != CL_LAYER_API_VERSION) return CL_INVALID_VALUE;
  if (out && room < need) return CL_INVALID_VALUE;
  if (out) memcpy(out, from, need);
  if (size) *size = need;
  return CL_SUCCESS;
}

EXPORT CL_API_ENTRY cl_int CL_API_CALL clInitLayer(cl_uint count, const cl_icd_dispatch *target,
                                                   cl_uint *count_out,
                                                   const cl_icd_dispatch **out) {
  const cl_uint known = sizeof table / sizeof(void *);
  if (!target || count < known) return CL_INVALID_VALUE;
  next = target;
#undef CODE
#undef OBJECT
#undef RELEASE
#define CODE(name, parameters, arguments) table.name = on_##name;
#define OBJECT(name, type, parameters, arguments) table.name = on_##name;
#define RELEASE(name, type) table.name = on_##name;
  FUNCTIONS
  table.clCreateContext = on_clCreateContext;
  table.clGetDeviceInfo = on_clGetDeviceInfo;
  table.clCreateBuffer = on_clCreateBuffer;
  table.clCreateKernelsInProgram = on_clCreateKernelsInProgram;
  table.clEnqueueReadBuffer = on_clEnqueueReadBuffer;
  arm_from_environment();
  *out = &table;
  *count_out = known;
  return CL_SUCCESS;
}
