/* SPDX-License-Identifier: MIT */
/* clblast_load.c: CLBlast, loaded at run time. */
#include "clblast.h"
#ifndef CLF_CLBLAST
typedef int clf__no_clblast; /* a file must not be empty */
#elif defined CLF_OPENCL_LOAD
#include <dlfcn.h>
#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static clf__clblast_sgemm_fn *found;

static void load(void) {
  static const char *const names[] = {"libclblast.so.1", "libclblast.so", "libclblast.dylib",
                                      "clblast.dll"};
  void *library = NULL;
  for (size_t i = 0; i < sizeof names / sizeof *names && !library; i++)
    library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  if (library) *(void **)&found = dlsym(library, "CLBlastSgemm"); /* as POSIX has it */
}

clf__clblast_sgemm_fn *clf__clblast_sgemm(void) {
  pthread_once(&once, load);
  return found;
}
#else
clf__clblast_sgemm_fn *clf__clblast_sgemm(void) { return CLBlastSgemm; }
#endif
