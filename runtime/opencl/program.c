/* SPDX-License-Identifier: MIT */
/* program.c: compiled kernels, from the cache or from source.
 *
 * On a GPU all kernels are one program, since every clBuildProgram has a fixed cost, and they are
 * compiled when the device is opened.  Compilers for CPUs spend most of their time on machine code,
 * some at once and some when a kernel is first launched.  So on a CPU the whole source is compiled
 * without optimisation when the device is opened, which finds what does not compile; the kernels of
 * an operation become a program of their own at its first use. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "cache.h"
#include "hash.h"
#include "opencl.h"

/* ---- What a binary depends on ------------------------------------------------------ */

void clf__cl_options(const clf_traits *t, char *out, size_t size) {
  snprintf(out, size, "-cl-std=CL1.2 -DLANES=%d -DTM=%d -DTN=%d -DGROUP=%d -DWG=%d", t->lanes,
           t->tm, t->tn, t->group, t->wg);
}

int clf__cl_builds_on_demand(const clf_device_info *info) { return strcmp(info->type, "cpu") == 0; }

int clf__cl_no_binaries(const clf_device_info *info) {
  return strcmp(info->type, "cpu") == 0 && clf__cl_is_pocl(info->platform);
}

/* Everything that a binary depends on. */
static char *cache_key(const clf_device_info *info, const char *options, const char *text,
                       cl_platform_id platform) {
  char version[256] = "";
  clGetPlatformInfo(platform, CL_PLATFORM_VERSION, sizeof version - 1, version, NULL);
  const size_t size = strlen(text) + strlen(options) + sizeof version + sizeof *info;
  char *key = malloc(size);
  if (key)
    snprintf(key, size, "%s\n%s\n%s\n%s\n%s\n%s", info->platform, version, info->device,
             info->driver, options, text);
  return key;
}

static unsigned long crc_of(const char *text) {
  return crc32_z(crc32_z(0, NULL, 0), (const unsigned char *)text, strlen(text));
}

/* The key of one operation: its name and hashes of the whole key, which would be a copy of all
 * kernels in each of many files. */
static void operation_key(const clf__on_demand *d, const char *name, char *out, size_t size) {
  snprintf(out, size, "%s\n%016llx %08lx %zu", name, (unsigned long long)clf__hash_text(d->key),
           crc_of(d->key), strlen(d->key));
}

/* ---- Programs ------------------------------------------------------------------- */

/* The content of a cache file if the driver caches the binary itself. */
static const char no_binary[] = "built from source";

static int is_no_binary(const void *bytes, size_t size) {
  return bytes && size == sizeof no_binary && memcmp(bytes, no_binary, size) == 0;
}

/* *known: it was built before, and the driver has the binary in its own cache. */
static cl_program from_cache(clf__cl *cl, const char *key, const char *options, int *known) {
  size_t size = 0;
  unsigned char *bytes = clf__cache_get(key, &size);
  *known = is_no_binary(bytes, size);
  if (!bytes || *known) {
    free(bytes);
    return NULL;
  }
  cl_int status = CL_SUCCESS, e;
  cl_program p = clCreateProgramWithBinary(cl->context, 1, &cl->id, &size,
                                           (const unsigned char *[]){bytes}, &status, &e);
  free(bytes);
  if (e || status || clBuildProgram(p, 1, &cl->id, options, NULL, NULL)) {
    if (!e) clReleaseProgram(p);
    return NULL; /* built from source, and the file replaced */
  }
  return p;
}

/* Asking for a binary may compile every kernel, which is a waste without a cache. */
static void to_cache(cl_program p, const char *key, int no_binaries) {
  size_t size = 0;
  if (!clf__cache_usable()) return;
  if (no_binaries) {
    clf__cache_put(key, no_binary, sizeof no_binary);
    return;
  }
  if (clGetProgramInfo(p, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL) || !size) return;
  unsigned char *bytes = malloc(size);
  if (bytes && !clGetProgramInfo(p, CL_PROGRAM_BINARIES, sizeof bytes, &bytes, NULL))
    clf__cache_put(key, bytes, size);
  free(bytes);
}

/* Whether the source is at fault, or the driver, in which case the build may be tried again. */
static clf_status kind_of(cl_int e) {
  return e == CL_BUILD_PROGRAM_FAILURE || e == CL_COMPILE_PROGRAM_FAILURE ? CLF_EBUILD
                                                                          : clf__cl_status(e);
}

static clf_status build_failed(clf__cl *cl, cl_program p, const char *options, cl_int e) {
  size_t size = 0;
  clGetProgramBuildInfo(p, cl->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size);
  char *log = calloc(size + 1, 1);
  if (log) clGetProgramBuildInfo(p, cl->id, CL_PROGRAM_BUILD_LOG, size, log, NULL);
  char why[768];
  clf__cl_why_not_built(cl->id, why, sizeof why);
  const clf_status s =
      *why ? clf__fail(kind_of(e), "the kernels do not build: %s (%s)", why, clf__cl_error(e))
           : clf__fail(kind_of(e), "the kernels do not build with %s: %s\n%s", options,
                       clf__cl_error(e), log ? log : "");
  free(log);
  return s;
}

/* A program that is built, or with `compile_only` compiled and not linked. */
static clf_status from_source(clf__cl *cl, const char *text, const char *family, int compile_only,
                              cl_program *out) {
  char options[256]; /* without warnings, whose number pocl would print */
  cl_int e;
  snprintf(options, sizeof options, "-w %s", family);
  cl_program p = clCreateProgramWithSource(cl->context, 1, &text, NULL, &e);
  if (e) return clf__fail(clf__cl_status(e), "no program for the kernels: %s", clf__cl_error(e));
  e = compile_only ? clCompileProgram(p, 1, &cl->id, options, 0, NULL, NULL, NULL, NULL)
                   : clBuildProgram(p, 1, &cl->id, options, NULL, NULL);
  if (e) {
    const clf_status s = build_failed(cl, p, family, e);
    clReleaseProgram(p);
    return s;
  }
  *out = p;
  return CLF_OK;
}

/* ---- Kernels -------------------------------------------------------------------- */

/* Adds k to the kernels of its operation, or says why ops.def does not describe it. */
static clf_status adopt(clf__cl *cl, cl_kernel k) {
  clf__kernel it = {.k = k};
  cl_uint got = 0;
  CL_TRY(clGetKernelInfo(k, CL_KERNEL_FUNCTION_NAME, sizeof it.name, it.name, NULL));
  CL_TRY(clGetKernelInfo(k, CL_KERNEL_NUM_ARGS, sizeof got, &got, NULL));
  const int op = clf__cl_owner(it.name, strlen(it.name));
  if (op < 0) return clf__fail(CLF_EBUILD, "kernel %s is of no operation in ops.def", it.name);
  const cl_uint row = (cl_uint)strlen(clf_ops[op].modes) + 1;
  if (got < row || got > row + 2)
    return clf__fail(CLF_EBUILD,
                     "%s.cl: kernel %s takes %u arguments; ops.def says %u, and scratch memory and "
                     "a plan may follow",
                     clf_ops[op].file, it.name, got, row);
  it.extra = (int)(got - row);
  int i = 0;
  while (i < CLF_MAX_KERNELS && cl->kernel[op][i].k) i++;
  if (i == CLF_MAX_KERNELS)
    return clf__fail(CLF_EBUILD, "%s.cl: more than %d kernels for %s", clf_ops[op].file,
                     CLF_MAX_KERNELS, clf_ops[op].name);
  cl->kernel[op][i] = it;
  return CLF_OK;
}

static clf_status adopt_all(clf__cl *cl, cl_program p) {
  cl_kernel k[CLF_OP_COUNT * CLF_MAX_KERNELS];
  cl_uint n = 0;
  CL_TRY(clCreateKernelsInProgram(p, CLF_OP_COUNT * CLF_MAX_KERNELS, k, &n));
  clf_status s = CLF_OK;
  for (cl_uint i = 0; i < n; i++) {
    if (!s) s = adopt(cl, k[i]);
    if (s) clReleaseKernel(k[i]);
  }
  return s;
}

static clf_status has_kernel(const clf__cl *cl, int op) {
  if (cl->kernel[op][0].k) return CLF_OK;
  return clf__fail(CLF_EBUILD, "%s.cl has no kernel for %s", clf_ops[op].file, clf_ops[op].name);
}

static void release_kernels(clf__cl *cl, int op) {
  for (int i = 0; i < CLF_MAX_KERNELS; i++) {
    if (cl->kernel[op][i].k) clReleaseKernel(cl->kernel[op][i].k);
    cl->kernel[op][i] = (clf__kernel){.k = NULL};
  }
}

void clf__cl_release(clf__cl *cl) {
  for (int op = 0; op < CLF_OP_COUNT; op++) release_kernels(cl, op);
  free(cl->on_demand.key);
  cl->on_demand = (clf__on_demand){.key = NULL};
}

/* ---- All at once ------------------------------------------------------------------ */

static clf_status build_all(clf__cl *cl, const clf_device_info *info, const char *text,
                            const char *options, const char *key) {
  int known;
  cl_program p = from_cache(cl, key, options, &known);
  if (!p) {
    clf__say("compiling the kernels for %s, once: the next start finds them in the cache",
             info->device);
    CLF_TRY(from_source(cl, text, options, 0, &p));
    to_cache(p, key, 0);
  }
  clf_status s = adopt_all(cl, p);
  clReleaseProgram(p); /* its kernels keep it */
  for (int op = 0; op < CLF_OP_COUNT && !s; op++) s = has_kernel(cl, op);
  return s;
}

/* ---- Operation by operation ---------------------------------------------------------- */

static void say_once(clf__on_demand *d) {
  if (!d->said)
    clf__say("compiling kernels for %s, each as it is first used; later starts find them in the "
             "cache",
             d->device);
  d->said = 1;
}

/* Without optimisation, which would take most of the time: this is never run. */
static clf_status check_all(clf__cl *cl, const char *text, const char *key) {
  char options[192];
  size_t size = 0;
  cl_program p;
  void *bytes = clf__cache_get(key, &size);
  const int known = is_no_binary(bytes, size);
  free(bytes);
  if (known) return CLF_OK;
  say_once(&cl->on_demand);
  snprintf(options, sizeof options, "%s -cl-opt-disable", cl->on_demand.options);
  CLF_TRY(from_source(cl, text, options, 1, &p));
  clReleaseProgram(p);
  to_cache(NULL, key, 1);
  return CLF_OK;
}

static clf_status build_operation(clf__cl *cl, char *text, const char *name) {
  clf__on_demand *d = &cl->on_demand;
  char key[128];
  int known;
  operation_key(d, name, key, sizeof key);
  cl_program p = from_cache(cl, key, d->options, &known);
  if (!p) {
    if (!known) say_once(d);
    CLF_TRY(from_source(cl, text, d->options, 0, &p));
    if (!known) to_cache(p, key, d->no_binaries);
  }
  const clf_status s = adopt_all(cl, p);
  clReleaseProgram(p);
  return s;
}

clf_status clf__cl_need(clf__cl *cl, clf_op op) {
  if (cl->kernel[op][0].k || !cl->on_demand.key) return CLF_OK;
  char *text = clf__cl_program((int)op);
  if (!text) return clf__fail(CLF_ENOMEM, "no memory for the kernels' source");
  clf_status s = build_operation(cl, text, clf_ops[op].name);
  if (!s) s = has_kernel(cl, (int)op);
  if (s) release_kernels(cl, (int)op); /* so that the next call begins from the start */
  free(text);
  return s;
}

/* ---- When a device is opened ----------------------------------------------------------------- */

clf_status clf__cl_build(clf__cl *cl, const clf_device_info *info) {
  clf__on_demand *d = &cl->on_demand;
  cl_platform_id platform = NULL;
  CL_TRY(clGetDeviceInfo(cl->id, CL_DEVICE_PLATFORM, sizeof platform, &platform, NULL));
  clf__cl_options(cl->traits, d->options, sizeof d->options);
  snprintf(d->device, sizeof d->device, "%s", info->device);
  d->no_binaries = clf__cl_no_binaries(info);
  char *text = clf__cl_program(-1);
  char *key = text ? cache_key(info, d->options, text, platform) : NULL;
  clf_status s = key ? CLF_OK : clf__fail(CLF_ENOMEM, "no memory for the kernels' source");
  if (key) cl->program = crc_of(key);
  const int on_demand = clf__cl_builds_on_demand(info);
  if (!s) s = on_demand ? check_all(cl, text, key) : build_all(cl, info, text, d->options, key);
  if (!s && on_demand)
    d->key = key;
  else
    free(key);
  free(text);
  return s;
}
