/* SPDX-License-Identifier: MIT */
/* quiet.c: how much other work the machine does, and how that can affect a row. */
#ifdef __linux__
#define _DEFAULT_SOURCE
#endif
#include "bench.h"
#include <math.h>
#ifdef __linux__
#include <sys/resource.h>
#include <unistd.h>
#endif

/* ---- Other programs ------------------------------------------------------------------ */

#ifdef __linux__
static double seconds_of(struct timeval t) { return (double)t.tv_sec + 1e-6 * (double)t.tv_usec; }

/* Processor time of this process and of its children that have ended. */
static double own_time(void) {
  static const int whose[] = {RUSAGE_SELF, RUSAGE_CHILDREN};
  double all = 0;
  for (int i = 0; i < 2; i++) {
    struct rusage used;
    if (getrusage(whose[i], &used) == 0)
      all += seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
  }
  return all;
}

/* Processor time of the machine, and how much of it was used, also by other virtual machines. */
static int machine_time(double *all, double *used) {
  double user, nice, system, idle, wait, irq, soft, steal;
  FILE *f = fopen("/proc/stat", "r");
  if (!f) return 0;
  const int n = fscanf(f, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &user, &nice, &system, &idle,
                       &wait, &irq, &soft, &steal);
  fclose(f);
  if (n != 8) return 0;
  const double tick = 1.0 / (double)sysconf(_SC_CLK_TCK);
  *used = tick * (user + nice + system + irq + soft + steal);
  *all = *used + tick * (idle + wait);
  return 1;
}

double bench_load_average(void) {
  double load = -1;
  FILE *f = fopen("/proc/loadavg", "r");
  if (f && fscanf(f, "%lf", &load) != 1) load = -1;
  if (f) fclose(f);
  return load;
}
#else
static double own_time(void) { return 0; }
static int machine_time(double *all, double *used) { return (void)all, (void)used, 0; }
double bench_load_average(void) { return -1; }
#endif

bench_watch bench_watch_begin(void) {
  bench_watch w = {0};
  w.known = machine_time(&w.all, &w.used);
  w.own = own_time();
  return w;
}

double bench_watch_others(const bench_watch *w) {
  double all, used;
  if (!w->known || !machine_time(&all, &used) || all <= w->all) return -1;
  return fmin(fmax((used - w->used - (own_time() - w->own)) / (all - w->all), 0), 1);
}

/* ---- What it can do to a row ---------------------------------------------------------- */

/* Below these values a disturbance cannot be distinguished from chance. */
static const double quiet = 0.05, even = 1.5;
enum { MOST = 20 };

double bench_disturbance(const bench_row *row, double peak) {
  double by = 1;
  if (row->others > quiet) by = fmax(by, 1 / (1 - fmin(row->others, 1 - 1.0 / MOST)));
  if (row->calibration > 0 && row->calibration < (1 - quiet) * peak)
    by = fmax(by, peak / row->calibration);
  if (row->low > 0 && row->high > even * row->low) by = fmax(by, row->high / row->low);
  return fmin(by, MOST);
}

int bench_is_busy(const bench_row *row, const bench_device *d) {
  return !row->error[0] && bench_disturbance(row, d->gflops) > 1.25;
}

int bench_is_above_peak(const bench_row *row, const bench_device *d) {
  return !row->w->dense && bench_peak_percent(row, d) > 102;
}

/* ---- Telling ---------------------------------------------------------------------------- */

void bench_notes(const bench_row *row, const bench_device *d, char *text, size_t size) {
  snprintf(text, size, "%s%s%s%s", row->w->dense ? " dense" : "",
           bench_is_busy(row, d) ? " busy" : "", bench_is_above_peak(row, d) ? " above-peak" : "",
           bench_bandwidth_percent(row, d) > 102 ? " cache" : "");
}

void bench_quiet_text(const bench_report *r, char *text, size_t size) {
  char load[64] = "", others[64] = "";
  int busy = 0;
  for (const bench_row *row = r->row; row < r->row + r->rows; row++)
    busy += bench_is_busy(row, &r->device[row->device]);
  if (r->load[0] >= 0)
    snprintf(load, sizeof load, "load average %.2f before, %.2f after; ", r->load[0], r->load[1]);
  if (r->others >= 0)
    snprintf(others, sizeof others, "other programs took %.0f%% of the processors; ",
             100 * r->others);
  const int n =
      snprintf(text, size, "%s%s%d of %d rows were disturbed", load, others, busy, r->rows);
  size_t used = n < 0 || (size_t)n >= size ? size : (size_t)n;
  for (int i = 0; i < r->devices && used < size; i++) {
    const bench_device *d = &r->device[i];
    const int m = snprintf(text + used, size - used,
                           "; peak of %s: %.1f GFLOP/s before, %.1f after, %.1f at least between",
                           d->asked, d->before[0], d->after[0], d->lowest);
    used += m < 0 ? 0 : (size_t)m;
  }
}
