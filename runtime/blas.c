/* SPDX-License-Identifier: MIT */
/* blas.c: the CBLAS that cpu_ref/ calls, as far as it belongs to the process. */
#include "blas.h"
#ifdef CLF_OPENBLAS
#include <cblas.h>
#include <pthread.h>
#include <stdio.h>

/* OpenBLAS writes its answer to a static buffer each time, where another thread may just read. */
static pthread_once_t asked = PTHREAD_ONCE_INIT;
static char name[256];

static void ask(void) { snprintf(name, sizeof name, "%s", openblas_get_config()); }

const char *clf__blas_name(void) {
  pthread_once(&asked, ask);
  return name;
}

/* The first call under way takes the threads down to one, the last one puts them back. */
static pthread_mutex_t counting = PTHREAD_MUTEX_INITIALIZER;
static int under_way, threads;

void clf__blas_hold_to_one_thread(void) {
  pthread_mutex_lock(&counting);
  if (under_way++ == 0) {
    threads = openblas_get_num_threads();
    if (threads != 1) openblas_set_num_threads(1);
  }
  pthread_mutex_unlock(&counting);
}
void clf__blas_let_go(void) {
  pthread_mutex_lock(&counting);
  if (--under_way == 0 && threads != 1) openblas_set_num_threads(threads);
  pthread_mutex_unlock(&counting);
}
#else
#ifdef CLF_CBLAS
const char *clf__blas_name(void) { return "CBLAS"; }
#else
const char *clf__blas_name(void) { return ""; }
#endif
void clf__blas_hold_to_one_thread(void) {}
void clf__blas_let_go(void) {}
#endif
