/* SPDX-License-Identifier: MIT */
/* cpu.c: the C backend: host memory, and the best compiled variant of cpu_ref/ that this
 * processor supports.  Operations run immediately. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../cpu_ref/ref.h"
#include "blas.h"
#include "clflow/version.h"
#include "platform.h"

extern const clf__cpu_variant clf__cpu_f32_baseline;
#ifndef CLF_ONE_VARIANT
extern const clf__cpu_variant clf__cpu_f64;
#endif
#ifdef CLF_X86
extern const clf__cpu_variant clf__cpu_f32_avx2, clf__cpu_f32_avx512;
#endif

/* Scratch memory, used by one thread at a time. */
typedef struct desk {
  _Alignas(64) atomic_flag taken;
  clf_scratch scratch;
} desk;

typedef struct cpu {
  const clf__cpu_variant *variant;
  desk desk[CLF_THREADS_MAX];
} cpu;

/* ---- Variants -------------------------------------------------------------------------------- */

static int baseline_runs(void) { return 1; }
#ifdef CLF_X86
static int avx2_runs(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
static int avx512_runs(void) {
  return avx2_runs() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}
#endif

static const struct {
  const char *name;
  const clf__cpu_variant *variant;
  int (*runs)(void);
} floats[] = {
/* best first */
#ifdef CLF_X86
    {"avx512", &clf__cpu_f32_avx512, avx512_runs},
    {"avx2", &clf__cpu_f32_avx2, avx2_runs},
#endif
    {"baseline", &clf__cpu_f32_baseline, baseline_runs},
};
enum { FLOATS = sizeof floats / sizeof *floats };

/* The index into `floats` of the requested variant, or of the best one; -1 with a message. */
static int choose(const char *asked) {
  for (int i = 0; i < FLOATS; i++) {
    if (*asked && strcmp(asked, floats[i].name) != 0) continue;
    if (floats[i].runs()) return i;
    if (*asked) {
      clf__fail(CLF_ENODEV, "this processor does not run cpu/%s", asked);
      return -1;
    }
  }
  clf__fail(CLF_ENODEV, "cpu has no instruction set \"%s\"; there are%s baseline", asked,
            FLOATS > 1 ? " avx512, avx2 and" : "");
  return -1;
}

static uint64_t memory_of_host(void) {
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  return pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
}

/* ---- The backend ----------------------------------------------------------------------------- */

static clf_status load_choices(clf_device *dev) {
  const clf__cpu_variant *v = ((const cpu *)dev->impl)->variant;
  char threads[32];
  snprintf(threads, sizeof threads, "%d", (int)clf_threads());
  const char *blas = v->bits == 32 ? clf__blas_name() : ""; /* which is not used for doubles */
  const char *const parts[] = {"cpu", v->name, blas, threads, clf_version()};
  return clf__tuned_load(dev, parts, sizeof parts / sizeof *parts);
}

static clf_status start(clf_device *dev, const clf__cpu_variant *variant) {
  CLF_TRY(clf__threads_check());
  cpu *c = dev->impl = aligned_alloc(_Alignof(cpu), sizeof *c);
  if (!c) return clf__fail(CLF_ENOMEM, "no memory for a device");
  memset(c, 0, sizeof *c);
  c->variant = variant;
  dev->many_callers = 1;
  dev->bits = variant->bits;
  dev->wide_cores = variant->bits == 32; /* the reference uses the direct algorithms */
  dev->memory = dev->max_alloc = memory_of_host();
  dev->lone_work = 2e5; /* measured on two cores */
  const clf_status s = load_choices(dev);
  if (s) free(c);
  return s;
}

static clf_status cpu_open(clf_device *dev, const char *which) {
  if (*which && *which != '/')
    return clf__fail(CLF_ENODEV, "cpu takes no device name, got \"%s\"", which);
  const int i = choose(*which ? which + 1 : "");
  if (i < 0) return CLF_ENODEV;
  snprintf(dev->name, sizeof dev->name, "cpu (%s)", floats[i].name);
  return start(dev, floats[i].variant);
}
#ifndef CLF_ONE_VARIANT
static clf_status cpu64_open(clf_device *dev, const char *which) {
  if (*which) return clf__fail(CLF_ENODEV, "cpu64 takes no device name, got \"%s\"", which);
  snprintf(dev->name, sizeof dev->name, "cpu64");
  return start(dev, &clf__cpu_f64);
}
#endif
static void cpu_close(clf_device *dev) {
  cpu *c = dev->impl;
  for (int i = 0; i < CLF_THREADS_MAX; i++) free(c->desk[i].scratch.at);
  free(c);
}

static size_t bytes(const clf_device *dev, size_t n) { return n * (size_t)dev->bits / 8; }

static clf_status cpu_alloc(clf_device *dev, clf_buffer *b) {
  b->handle = malloc(bytes(dev, b->size));
  if (b->handle) return CLF_OK;
  return clf__fail(CLF_ENOMEM, "%s: no memory for %zu MiB; a smaller batch needs less", dev->name,
                   bytes(dev, b->size) >> 20);
}
static void cpu_release(clf_device *dev, clf_buffer *b) {
  (void)dev;
  free(b->handle);
}
static clf_status cpu_write(clf_device *dev, clf_buffer *b, size_t at_, const void *src, size_t n) {
  memcpy((char *)b->handle + bytes(dev, at_), src, bytes(dev, n));
  return CLF_OK;
}
static clf_status cpu_read(clf_device *dev, clf_buffer *b, size_t at_, void *dst, size_t n) {
  memcpy(dst, (const char *)b->handle + bytes(dev, at_), bytes(dev, n));
  return CLF_OK;
}
/* A free desk: preferably the calling thread's previous one, whose memory is in that core's
 * cache. */
static desk *take_desk(cpu *c) {
  static atomic_uint threads;
  static _Thread_local unsigned usual; /* index plus 1 */
  if (!usual) usual = atomic_fetch_add(&threads, 1) % CLF_THREADS_MAX + 1;
  unsigned i = usual - 1;
  while (atomic_flag_test_and_set_explicit(&c->desk[i].taken, memory_order_acquire))
    i = (i + 1) % CLF_THREADS_MAX;
  return &c->desk[i];
}

static void note_memory(clf_device *dev, size_t more, size_t fewer) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  if (more == fewer) return;
  pthread_mutex_lock(&lock);
  clf__take(dev, more, fewer);
  pthread_mutex_unlock(&lock);
}

static clf_status cpu_run(clf_device *dev, clf_op op, const void *args) {
  desk *d = take_desk(dev->impl);
  const size_t before = d->scratch.size;
  const clf_status s = clf__algorithm(dev, op, args)->compute(args, &d->scratch);
  note_memory(dev, d->scratch.size, before);
  atomic_flag_clear_explicit(&d->taken, memory_order_release);
  return s;
}
static const clf_algorithm *cpu_algorithms(const clf_device *dev, clf_op op,
                                           const struct clf_traits **traits) {
  *traits = NULL;
  return ((const cpu *)dev->impl)->variant->algorithms[op];
}
static clf_status cpu_sync(clf_device *dev) {
  (void)dev;
  return CLF_OK;
}

#define SHARED                                                                                     \
  .close = cpu_close, .alloc = cpu_alloc, .release = cpu_release, .write = cpu_write,              \
  .read = cpu_read, .run = cpu_run, .sync = cpu_sync, .algorithms = cpu_algorithms
const clf_backend clf__cpu = {.name = "cpu", .open = cpu_open, SHARED};
#ifndef CLF_ONE_VARIANT
const clf_backend clf__cpu64 = {.name = "cpu64", .open = cpu64_open, SHARED};
#endif

void clf__cpu_info(clf_device_info *info) {
  const int i = choose("");
  *info = (clf_device_info){.passes = -1};
  snprintf(info->name, sizeof info->name, "cpu");
  snprintf(info->platform, sizeof info->platform, "C");
  snprintf(info->device, sizeof info->device, "the host's processor");
  snprintf(info->driver, sizeof info->driver, "clflow");
  snprintf(info->type, sizeof info->type, "cpu");
  snprintf(info->family, sizeof info->family, "%s", i < 0 ? "" : floats[i].name);
  info->units = clf_threads();
  info->memory = info->max_alloc = memory_of_host();
}
