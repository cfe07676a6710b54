/* SPDX-License-Identifier: MIT */
/* blas.c: the process-wide state of the CBLAS that cpu_ref/ calls.
 *
 * OpenBLAS is not linked but loaded when a device first needs it.  On loading it starts one
 * thread per core, each of which maps 128 MiB, and if that fails it retries for ever, even when
 * the process ends.  So it is loaded by a thread that is bound to one core, and then starts no
 * threads; and it is not loaded at all if memory is limited, since each product maps as much. */
#define _GNU_SOURCE
#include "blas.h"
#ifdef CLF_OPENBLAS
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include "memory_limit.h"
#include "threads.h"
#ifdef __linux__
#include <sched.h>
#endif

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t counting = PTHREAD_MUTEX_INITIALIZER; /* counts calls in progress */
static int under_way, threads;
static struct {
  clf__sgemm *sgemm;
  __typeof__(openblas_get_num_threads) *threads;
  __typeof__(openblas_set_num_threads) *set_threads;
  char name[256];
} blas;

/* ---- Loading --------------------------------------------------------------------------------- */

/* Whether each thread can map the memory that OpenBLAS needs, now and later. */
static int memory_suffices(void) {
  const size_t each = (size_t)128 << 20, size = each * ((size_t)clf_threads() + 1);
  if (SIZE_MAX < UINT64_MAX || clf__memory_limit().bytes != UINT64_MAX) return 0;
  void *all = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return all != MAP_FAILED && munmap(all, size) == 0;
}

/* Binds the calling thread to its current core. */
static void stay_on_one_core(void) {
#ifdef __linux__
  const int cpu = sched_getcpu();
  if (cpu < 0) return;
  cpu_set_t *set = CPU_ALLOC((size_t)cpu + 1);
  const size_t size = CPU_ALLOC_SIZE((size_t)cpu + 1);
  if (!set) return;
  CPU_ZERO_S(size, set);
  CPU_SET_S((size_t)cpu, size, set);
  (void)sched_setaffinity(0, size,
                          set); /* if it fails, OpenBLAS starts threads, which only sleep */
  CPU_FREE(set);
#endif
}

/* Converts a pointer to data to a pointer to a function, as POSIX allows. */
#define FIND(to, library, symbol) *(void **)&(to) = dlsym(library, symbol)

static void *load_here(void *unused) {
  static const char *const names[] = {"libopenblas.so.0", "libopenblas.so", "libopenblas.dylib"};
  __typeof__(openblas_get_config) *config;
  void *library = NULL;
  stay_on_one_core();
  for (size_t i = 0; i < sizeof names / sizeof *names && !library; i++)
    library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  if (!library) return unused;
  FIND(blas.sgemm, library, "cblas_sgemm");
  FIND(blas.threads, library, "openblas_get_num_threads");
  FIND(blas.set_threads, library, "openblas_set_num_threads");
  FIND(config, library, "openblas_get_config");
  if (!blas.threads || !blas.set_threads || !config)
    blas.sgemm = NULL;
  else if (blas.sgemm) /* later calls would overwrite the buffer with its answer */
    snprintf(blas.name, sizeof blas.name, "%s", config());
  return unused;
}

/* A forked child does not have its parent's calls in progress. */
static void before_fork(void) { pthread_mutex_lock(&counting); }
static void after_fork(void) { pthread_mutex_unlock(&counting); }
static void in_child(void) {
  under_way = 0;
  pthread_mutex_unlock(&counting);
}

static void load(void) {
  pthread_t thread;
  pthread_atfork(before_fork, after_fork, in_child);
  if (memory_suffices() && !pthread_create(&thread, NULL, load_here, NULL))
    pthread_join(thread, NULL);
}

clf__sgemm *clf__blas_sgemm(void) {
  pthread_once(&once, load);
  return blas.sgemm;
}
const char *clf__blas_name(void) {
  pthread_once(&once, load);
  return blas.name;
}

/* ---- Number of threads ------------------------------------------------------------------------
 * One, unless the program itself had loaded the library before.  Then the first call in progress
 * sets it to one, and the last one restores it. */

void clf__blas_hold_to_one_thread(void) {
  pthread_mutex_lock(&counting);
  if (under_way++ == 0) {
    threads = blas.threads();
    if (threads != 1) blas.set_threads(1);
  }
  pthread_mutex_unlock(&counting);
}
void clf__blas_let_go(void) {
  pthread_mutex_lock(&counting);
  if (--under_way == 0 && threads != 1) blas.set_threads(threads);
  pthread_mutex_unlock(&counting);
}
#else
#ifdef CLF_CBLAS
const char *clf__blas_name(void) { return "CBLAS"; }
clf__sgemm *clf__blas_sgemm(void) { return cblas_sgemm; }
#else
const char *clf__blas_name(void) { return ""; }
#endif
void clf__blas_hold_to_one_thread(void) {}
void clf__blas_let_go(void) {}
#endif
