/* SPDX-License-Identifier: MIT */
/* program.c: all kernels as one program, from the cache or from source.
 *
 * One program, because every clBuildProgram has a fixed cost; a #line before
 * each file makes a build log name the .cl file and its line. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "cache.h"
#include "clock.h"
#include "opencl.h"
#include "sources.h"

/* ---- Text --------------------------------------------------------------------- */

char *clf__cl_program(void) {
  size_t size = 1;
  for (const clf_source *s = clf__sources; s->name; s++) size += strlen(s->text) + 128;
  char *text = malloc(size), *end = text;
  if (!text) return NULL;
  for (const clf_source *s = clf__sources; s->name; s++)
    end += sprintf(end, "#line 1 \"%s\"\n%s\n", s->name, s->text);
  return text;
}

void clf__cl_options(const clf_traits *t, char *out, size_t size) {
  snprintf(out, size, "-cl-std=CL1.2 -DLANES=%d -DTM=%d -DTN=%d -DGROUP=%d -DWG=%d", t->lanes,
           t->tm, t->tn, t->group, t->wg);
}

/* All that a binary depends on. */
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

/* ---- Programs ------------------------------------------------------------------- */

/* What stands for a binary where a driver compiles each kernel at its first launch, and keeps it
 * in a cache of its own: asking it for one would compile all of them, for a group size that no
 * launch uses. */
static const char lazy[] = "built from source";

/* pocl is known to, on a busy machine too; other drivers of CPUs by how soon they have built. */
int clf__compiles_at_launch(const clf_device_info *info, double seconds) {
  const double soon = 3;
  return strcmp(info->type, "cpu") == 0 &&
         (seconds < soon || strcmp(info->platform, "Portable Computing Language") == 0);
}

/* Also tells whether the next start was promised to be quick without a binary. */
static cl_program from_cache(clf__cl *cl, const char *key, const char *options, int *promised) {
  size_t size = 0;
  unsigned char *bytes = clf__cache_get(key, &size);
  *promised = bytes && size == sizeof lazy && memcmp(bytes, lazy, size) == 0;
  if (!bytes || *promised) {
    free(bytes);
    return NULL;
  }
  cl_int status = CL_SUCCESS, e;
  cl_program p = clCreateProgramWithBinary(cl->context, 1, &cl->id, &size,
                                           (const unsigned char *[]){bytes}, &status, &e);
  free(bytes);
  if (e || status || clBuildProgram(p, 1, &cl->id, options, NULL, NULL)) {
    if (!e) clReleaseProgram(p);
    return NULL; /* built anew, and the file replaced */
  }
  return p;
}

static void to_cache(const clf_device_info *info, cl_program p, const char *key, double build) {
  size_t size = 0;
  if (!clf__cache_usable()) return; /* asking for a binary may compile every kernel */
  if (clf__compiles_at_launch(info, build)) {
    clf__cache_put(key, lazy, sizeof lazy);
    return;
  }
  if (clGetProgramInfo(p, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL) || !size) return;
  unsigned char *bytes = malloc(size);
  if (bytes && !clGetProgramInfo(p, CL_PROGRAM_BINARIES, sizeof bytes, &bytes, NULL))
    clf__cache_put(key, bytes, size);
  free(bytes);
}

static clf_status build_failed(clf__cl *cl, cl_program p, const char *options) {
  size_t size = 0;
  clGetProgramBuildInfo(p, cl->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size);
  char *log = calloc(size + 1, 1);
  if (log) clGetProgramBuildInfo(p, cl->id, CL_PROGRAM_BUILD_LOG, size, log, NULL);
  const clf_status s =
      clf__fail(CLF_EBUILD, "the kernels do not build with %s:\n%s", options, log ? log : "");
  free(log);
  return s;
}

static clf_status from_source(clf__cl *cl, const char *text, const char *options, cl_program *out) {
  cl_int e;
  cl_program p = clCreateProgramWithSource(cl->context, 1, &text, NULL, &e);
  if (e) return clf__fail(CLF_EDEVICE, "no program for the kernels: %s", clf__cl_error(e));
  if (clBuildProgram(p, 1, &cl->id, options, NULL, NULL)) {
    const clf_status s = build_failed(cl, p, options);
    clReleaseProgram(p);
    return s;
  }
  *out = p;
  return CLF_OK;
}

static clf_status load(clf__cl *cl, const clf_device_info *info, cl_program *out) {
  char options[128];
  int promised = 0;
  cl_platform_id platform = NULL;
  CL_TRY(clGetDeviceInfo(cl->id, CL_DEVICE_PLATFORM, sizeof platform, &platform, NULL));
  clf__cl_options(cl->traits, options, sizeof options);
  char *text = clf__cl_program();
  char *key = text ? cache_key(info, options, text, platform) : NULL;
  clf_status s = key ? CLF_OK : clf__fail(CLF_ENOMEM, "no memory for the kernels' source");
  if (key) cl->program = crc32_z(crc32_z(0, NULL, 0), (const unsigned char *)key, strlen(key));
  *out = key ? from_cache(cl, key, options, &promised) : NULL;
  if (!s && !*out) {
    const double begin = clf__now();
    if (!promised)
      clf__say("compiling the kernels for %s, once: the next start finds them in the cache",
               info->device);
    s = from_source(cl, text, options, out);
    if (!s && !promised) to_cache(info, *out, key, clf__now() - begin);
  }
  free(key);
  free(text);
  return s;
}

/* ---- Kernels -------------------------------------------------------------------- */

/* A kernel belongs to the operation with the longest name that begins its own. */
static int owner(const char *kernel) {
  int best = -1;
  for (int op = 0; op < CLF_OP_COUNT; op++) {
    const size_t n = strlen(clf_ops[op].name);
    if (strncmp(kernel, clf_ops[op].name, n) == 0 && (kernel[n] == 0 || kernel[n] == '_') &&
        (best < 0 || n > strlen(clf_ops[best].name)))
      best = op;
  }
  return best;
}

/* Takes k over, or says why it cannot be what ops.def describes. */
static clf_status adopt(clf__cl *cl, cl_kernel k) {
  clf__kernel it = {.k = k};
  cl_uint got = 0;
  CL_TRY(clGetKernelInfo(k, CL_KERNEL_FUNCTION_NAME, sizeof it.name, it.name, NULL));
  CL_TRY(clGetKernelInfo(k, CL_KERNEL_NUM_ARGS, sizeof got, &got, NULL));
  const int op = owner(it.name);
  if (op < 0) return clf__fail(CLF_EBUILD, "kernel %s is of no operation in ops.def", it.name);
  const cl_uint row = (cl_uint)strlen(clf_ops[op].modes) + 1;
  if (got != row && got != row + 2)
    return clf__fail(CLF_EBUILD,
                     "%s.cl: kernel %s takes %u arguments; ops.def says %u, or %u with the pool",
                     clf_ops[op].file, it.name, got, row, row + 2);
  it.pool = got != row;
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
  for (int op = 0; op < CLF_OP_COUNT && !s; op++)
    if (!cl->kernel[op][0].k)
      s = clf__fail(CLF_EBUILD, "%s.cl has no kernel for %s", clf_ops[op].file, clf_ops[op].name);
  return s;
}

clf_status clf__cl_build(clf__cl *cl, const clf_device_info *info) {
  cl_program p = NULL;
  CLF_TRY(load(cl, info, &p));
  const clf_status s = adopt_all(cl, p);
  clReleaseProgram(p); /* its kernels keep it */
  return s;
}
