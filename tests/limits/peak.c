/* SPDX-License-Identifier: MIT */
/* peak.c: see peak.h. */
#define _GNU_SOURCE
#include "peak.h"
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t each);
extern void *__libc_realloc(void *p, size_t n);
extern void *__libc_memalign(size_t align, size_t n);
extern void __libc_free(void *p);

static long live, most, begin; /* blocks that were allocated before may be freed */

static void *add(void *p) {
  if (!p) return NULL;
  const long now = __atomic_add_fetch(&live, (long)malloc_usable_size(p), __ATOMIC_RELAXED);
  long had = __atomic_load_n(&most, __ATOMIC_RELAXED);
  while (now > had &&
         !__atomic_compare_exchange_n(&most, &had, now, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
    continue;
  return p;
}

static void drop(size_t n) { __atomic_sub_fetch(&live, (long)n, __ATOMIC_RELAXED); }

/* Visible to the libraries too. */
#pragma GCC visibility push(default)

void *malloc(size_t n) { return add(__libc_malloc(n)); }
void *calloc(size_t n, size_t each) { return add(__libc_calloc(n, each)); }
void *memalign(size_t align, size_t n) { return add(__libc_memalign(align, n)); }
void *aligned_alloc(size_t align, size_t n) { return add(__libc_memalign(align, n)); }

int posix_memalign(void **p, size_t align, size_t n) {
  void *const at = add(__libc_memalign(align, n));
  if (!at) return ENOMEM;
  *p = at;
  return 0;
}

void *realloc(void *p, size_t n) {
  const size_t had = p ? malloc_usable_size(p) : 0;
  void *const at = __libc_realloc(p, n);
  if (at) add(at);
  if (at || !n) drop(had);
  return at;
}

void free(void *p) {
  const int why = errno;
  if (p) drop(malloc_usable_size(p));
  __libc_free(p);
  errno = why;
}

#pragma GCC visibility pop

void peak_begin(void) {
  begin = __atomic_load_n(&live, __ATOMIC_RELAXED);
  __atomic_store_n(&most, begin, __ATOMIC_RELAXED);
}

size_t peak_end(void) { return (size_t)(__atomic_load_n(&most, __ATOMIC_RELAXED) - begin); }
