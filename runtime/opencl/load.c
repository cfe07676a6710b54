/* SPDX-License-Identifier: MIT */
/* load.c: OpenCL's library, loaded at run time. */
#define _GNU_SOURCE
#include "load.h"

#ifdef CLF_OPENCL_LOAD
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined __APPLE__
#define INSTALL "OpenCL is part of macOS"
static const char *const names[] = {"/System/Library/Frameworks/OpenCL.framework/OpenCL",
                                    "libOpenCL.dylib"};
#elif defined _WIN32
#define INSTALL "a graphics driver brings it along"
static const char *const names[] = {"OpenCL.dll"};
#else
#define INSTALL                                                                                    \
  "install ocl-icd-libopencl1 (Debian, Ubuntu) or ocl-icd (Fedora, Arch), and a driver"
static const char *const names[] = {"libOpenCL.so.1", "libOpenCL.so"};
#endif

clf__cl_functions clf__cl_function;

static struct {
  pthread_once_t once;
  clf_status status;
  char why[256]; /* a verdict and clf_device_info.why hold as much */
} loaded = {.once = PTHREAD_ONCE_INIT};

/* Keeps the first reason: the first name is the usual one. */
__attribute__((format(printf, 1, 2))) static void *not_loaded(const char *format, ...) {
  va_list ap;
  va_start(ap, format);
  if (!*loaded.why) vsnprintf(loaded.why, sizeof loaded.why, format, ap);
  va_end(ap);
  return NULL;
}

/* What the system says of a library that it did not load, without the name at its front. */
static const char *reason(const char *name) {
  const char *why = dlerror();
  const size_t n = strlen(name);
  if (!why) return "it cannot be loaded";
  return strncmp(why, name, n) == 0 && why[n] == ':' ? why + n + 1 + strspn(why + n + 1, " ") : why;
}

/* The name of the first function that the library lacks, or NULL. */
static const char *find_functions(void *library) {
  const char *lacks = NULL;
#define X(name)                                                                                    \
  *(void **)&clf__cl_function.name = dlsym(library, "cl" #name); /* as POSIX has it */             \
  if (!clf__cl_function.name && !lacks) lacks = "cl" #name;
  CLF_CL_FUNCTIONS(X)
#undef X
  return lacks;
}

static void *try_library(const char *name, int asked_for) {
  void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!library && asked_for)
    return not_loaded("CLFLOW_OPENCL_LIBRARY is %.90s, which cannot be loaded: %.90s", name,
                      reason(name));
  if (!library)
    return not_loaded("no OpenCL library can be loaded (%s: %.70s): " INSTALL, name, reason(name));
  const char *lacks = find_functions(library);
  if (!lacks) return library;
  *loaded.why = 0; /* a library that is there says more than a name that is not */
  dlclose(library);
  return not_loaded("%.120s is too old: it has no %s, and clflow needs OpenCL 1.2", name, lacks);
}

static void load(void) {
  const char *own = secure_getenv("CLFLOW_OPENCL_LIBRARY");
  void *library = NULL;
  if (own && *own) /* and no other in its place */
    library = try_library(own, 1);
  else
    for (size_t i = 0; i < sizeof names / sizeof *names && !library; i++)
      library = try_library(names[i], 0);
  loaded.status = library ? CLF_OK : CLF_ENODEV;
}

clf_status clf__cl_load(void) {
  pthread_once(&loaded.once, load);
  return loaded.status ? clf__fail(loaded.status, "%s", loaded.why) : CLF_OK;
}
#else
clf_status clf__cl_load(void) { return CLF_OK; }
#endif
