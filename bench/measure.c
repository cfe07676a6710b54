/* SPDX-License-Identifier: MIT */
/* measure.c: measures one workload on all devices alternately; computes medians and quartiles. */
#include "bench.h"
#include <stdlib.h>
#include <string.h>

enum { LEAST = 3 }; /* minimum number of samples, however long they take */

typedef struct turn {
  bench_run run;
  double each[BENCH_SAMPLES];
  int n;
} turn;

static void note_failure(bench_row *row) {
  snprintf(row->error, sizeof row->error, "%s", clf_errmsg());
}

/* Starts recording the memory use on this device before the first use. */
static void prepare(turn *t, bench_row *row) {
  clf_memory_taken(t->run.dev, 1);
  bench_rss_reset();
  double warm; /* the use after the first one may still be slower than later ones */
  if (t->run.w->kind->prepare(&t->run) || t->run.w->kind->sample(&t->run, &warm)) note_failure(row);
}

static void take(turn *t, bench_row *row) {
  if (row->error[0]) return;
  if (t->run.w->kind->sample(&t->run, &t->each[t->n]))
    note_failure(row);
  else
    t->n++;
}

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double quantile(const double *sorted, int n, double q) {
  const double at = q * (n - 1);
  const int i = (int)at;
  return i + 1 < n ? sorted[i] + (at - i) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

/* held: bytes on the device that calibrations occupy. */
static void conclude(turn *t, bench_row *row, uint64_t held) {
  if (t->run.w->group != BENCH_START) { /* a start is a separate process */
    row->memory = clf_memory_taken(t->run.dev, 0).most - held;
    row->rss = bench_rss();
  }
  t->run.w->kind->finish(&t->run);
  if (row->error[0]) return;
  qsort(t->each, (size_t)t->n, sizeof *t->each, by_value);
  row->n = t->n;
  row->first = t->run.first;
  row->least = t->each[0];
  row->low = quantile(t->each, t->n, 0.25);
  row->seconds = quantile(t->each, t->n, 0.5);
  row->high = quantile(t->each, t->n, 0.75);
}

void bench_measure(bench_report *report, const bench_workload *w, bench_row *rows) {
  const int devices = report->devices;
  turn turns[BENCH_DEVICES];
  for (int d = 0; d < devices; d++) {
    const bench_device *device = &report->device[d];
    turns[d] = (turn){.run = {.w = w, .dev = device->dev, .device = device->asked}};
    rows[d] = (bench_row){.w = w, .device = d};
    prepare(&turns[d], &rows[d]);
  }
  double before[BENCH_DEVICES];
  for (int d = 0; d < devices; d++) before[d] = bench_calibrate(&report->device[d]);
  const bench_watch watch = bench_watch_begin();
  const double end = bench_clock() + report->seconds * devices;
  for (int n = 0; n < BENCH_SAMPLES && (n < LEAST || bench_clock() < end); n++)
    for (int d = 0; d < devices; d++) take(&turns[d], &rows[d]);
  const double others = bench_watch_others(&watch);
  for (int d = 0; d < devices; d++) {
    bench_device *device = &report->device[d];
    conclude(&turns[d], &rows[d], device->held);
    rows[d].others = others;
    rows[d].calibration = (before[d] + bench_calibrate(device)) / 2;
  }
}

double bench_gflops(const bench_row *row) {
  return row->seconds > 0 ? row->w->flops / row->seconds * 1e-9 : 0;
}
double bench_gbytes(const bench_row *row) {
  return row->seconds > 0 ? row->w->bytes / row->seconds * 1e-9 : 0;
}
double bench_peak_percent(const bench_row *row, const bench_device *d) {
  return d->gflops > 0 ? 100 * bench_gflops(row) / d->gflops : 0;
}
double bench_bandwidth_percent(const bench_row *row, const bench_device *d) {
  return d->gbytes > 0 ? 100 * bench_gbytes(row) / d->gbytes : 0;
}
