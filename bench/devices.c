/* SPDX-License-Identifier: MIT */
/* devices.c: devices, and the peaks that each reaches in loops written for this purpose. */
#include "bench.h"
#include <string.h>

/* Entries are such as "cpu" or "opencl:0". A device's name begins with an entry, possibly
 * preceded by check: or trace:, and continues with a blank. */
static const clf_device_info *find(const char *name, const clf_device_info *list, int count) {
  while (strncmp(name, "check:", 6) == 0 || strncmp(name, "trace:", 6) == 0) name += 6;
  for (int i = 0; i < count; i++) {
    const size_t n = strlen(list[i].name);
    if (strncmp(name, list[i].name, n) == 0 && (name[n] == ' ' || !name[n])) return &list[i];
  }
  return NULL;
}

clf_status bench_device_open(const char *name, const clf_device_info *list, int count,
                             bench_device *d) {
  *d = (bench_device){.asked = name};
  CLF_TRY(clf_open(name, &d->dev));
  const clf_device_info *info = find(clf_device_name(d->dev), list, count);
  if (info) d->info = *info;
  return CLF_OK;
}

/* ---- Peaks ------------------------------------------------------------------------------ */

enum { TRIES = 4 };

typedef clf_status (*work_fn)(clf_device *dev, const clf_tensor *t, int count);

/* Returns the shortest of some tries, because a peak is what can be reached and not what is
 * usual. */
static clf_status best_of(int tries, clf_device *dev, work_fn work, const clf_tensor *t, int count,
                          double *seconds) {
  *seconds = 0;
  for (int i = 0; i < tries; i++) {
    const double begin = bench_clock();
    CLF_TRY(work(dev, t, count));
    CLF_TRY(clf_sync(dev));
    const double took = bench_clock() - begin;
    if (i == 0 || took < *seconds) *seconds = took;
  }
  return CLF_OK;
}

static clf_status best(clf_device *dev, work_fn work, const clf_tensor *t, int count,
                       double *seconds) {
  return best_of(TRIES, dev, work, t, count, seconds);
}

static clf_status chains(clf_device *dev, const clf_tensor *t, int rounds) {
  return clf_do(dev, fma_chain, .y = t[0], .rounds = rounds, .a = 0.97f, .b = 0.02f);
}
static clf_status copies(clf_device *dev, const clf_tensor *t, int count) {
  for (int i = 0; i < count; i++) CLF_TRY(clf_do(dev, copy, .x = t[0], .y = t[1]));
  return CLF_OK;
}
static clf_status sums(clf_device *dev, const clf_tensor *t, int count) {
  for (int i = 0; i < count; i++)
    CLF_TRY(clf_do(dev, axpby, .x = t[0], .y = t[1], .a = 0.5f, .b = 0.5f));
  return CLF_OK;
}

static void take_flops(bench_device *d, double gflops) {
  if (gflops > d->gflops) d->gflops = gflops;
  if (d->lowest == 0 || gflops < d->lowest) d->lowest = gflops;
}

/* Enough elements that all lanes of a GPU, or all threads of a CPU, have many chains. */
static int elements_of(const bench_device *d) {
  const int units = d->info.units > 0 ? d->info.units : 1;
  return units * (strcmp(d->info.type, "gpu") == 0 ? 2048 * 12 : 16 * 192);
}

static clf_status measure_flops(bench_device *d, clf_arena *a) {
  clf_tensor y;
  double seconds = 0;
  int rounds = 128;
  CLF_TRY(clf_new(a, (int32_t[4]){elements_of(d)}, &y));
  if (!a->buf) return CLF_OK;
  CLF_TRY(clf_do(d->dev, fill, .y = y, .value = 0.5f));
  while (seconds < 10e-3 && rounds < 1 << 24) {
    rounds *= 2;
    CLF_TRY(best(d->dev, chains, &y, rounds, &seconds));
  }
  take_flops(d, 2.0 * y.dim[0] * rounds / seconds * 1e-9);
  d->rounds = rounds;
  return CLF_OK;
}

/* Uses vectors that are larger than any cache; a copy transfers two of them, a sum three. */
static clf_status measure_bytes(bench_device *d, int mebibytes, clf_arena *a) {
  clf_tensor t[2];
  double copied, summed;
  enum { WIDTH = 16384 };
  for (int i = 0; i < 2; i++) CLF_TRY(clf_new(a, (int32_t[4]){mebibytes * 16, WIDTH}, &t[i]));
  if (!a->buf) return CLF_OK;
  for (int i = 0; i < 2; i++) CLF_TRY(clf_do(d->dev, fill, .y = t[i], .value = 1));
  CLF_TRY(best(d->dev, copies, t, 2, &copied));
  CLF_TRY(best(d->dev, sums, t, 2, &summed));
  const double bytes = 2.0 * mebibytes * 1048576, from_copy = 2 * bytes / copied,
               from_sum = 3 * bytes / summed;
  const double gbytes = (from_copy > from_sum ? from_copy : from_sum) * 1e-9;
  if (gbytes > d->gbytes) d->gbytes = gbytes;
  return CLF_OK;
}

static clf_status measure(bench_device *d, int mebibytes, clf_arena *a) {
  CLF_TRY(measure_flops(d, a));
  return measure_bytes(d, mebibytes, a);
}

/* The buffers of calibrations stay on the device. */
static clf_status keep_chains(bench_device *d, int elements) {
  if (d->arena.buf) return CLF_OK;
  const uint64_t before = clf_memory_taken(d->dev, 0).now;
  CLF_TRY(clf_arena_init(&d->arena, d->dev, (size_t)elements + 64));
  d->held = clf_memory_taken(d->dev, 0).now - before;
  CLF_TRY(clf_new(&d->arena, (int32_t[4]){elements}, &d->y));
  return clf_do(d->dev, fill, .y = d->y, .value = 0.5f);
}

clf_status bench_peaks(bench_device *d, int mebibytes) {
  const bench_device known = *d;
  clf_arena a = {.dev = d->dev};
  d->gflops = d->gbytes = 0;
  CLF_TRY(measure(d, mebibytes, &a));
  CLF_TRY(clf_arena_init(&a, d->dev, a.used));
  const clf_status s = measure(d, mebibytes, &a);
  clf_arena_free(&a);
  double *now = known.rounds ? d->after : d->before;
  now[0] = d->gflops;
  now[1] = d->gbytes;
  if (known.gflops > d->gflops) d->gflops = known.gflops;
  if (known.gbytes > d->gbytes) d->gbytes = known.gbytes;
  return s ? s : keep_chains(d, elements_of(d));
}

/* Makes only one try, because a calibration is to show disturbances. */
double bench_calibrate(bench_device *d) {
  double seconds;
  if (!d->arena.buf || best_of(1, d->dev, chains, &d->y, d->rounds, &seconds) || seconds <= 0)
    return 0;
  const double gflops = 2.0 * d->y.dim[0] * d->rounds / seconds * 1e-9;
  take_flops(d, gflops);
  return gflops;
}

void bench_device_release(bench_device *d) { clf_arena_free(&d->arena); }
