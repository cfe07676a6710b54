/* SPDX-License-Identifier: MIT */
/* baseline.c: compares a report with an earlier one: the same workload on a device with the same
 * name. */
#include "bench.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *row, const char *key) {
  const char *text = json_string_value(json_object_get(row, key));
  return text ? text : "";
}

/* The median of a row; 0 for a row that failed. */
static double ms_of(const json_t *row) { return json_number_value(json_object_get(row, "ms")); }

/* ---- Reading ------------------------------------------------------------------------------ */

/* Far larger than a report of many devices, and far too small to do harm. */
enum { LONGEST = 16 << 20, LARGEST = 64 << 20 };

/* The maximum number of bytes of jansson's tree for a text, counted by the marks that begin a
 * value: an empty object takes 240 bytes for its 3 letters. */
static size_t tree_size(const char *text, size_t n) {
  size_t size = 5 * n;
  for (size_t i = 0; i < n; i++)
    size += text[i] == '{'   ? 256
            : text[i] == '[' ? 192
            : text[i] == ',' ? 96
            : text[i] == ':' ? 128
                             : 0;
  return size;
}

/* Reads a whole file, or enough of it to know that it is too large. */
static clf_status read_text(const char *path, char **text, size_t *n) {
  FILE *f = fopen(path, "rb");
  if (!f) return bench_fail(CLF_EIO, "--baseline %s cannot be opened", path);
  size_t room = 1 << 16, got = 0;
  char *at = malloc(room), *more = at;
  while (more && (got += fread(at + got, 1, room - got, f)) == room && room <= LONGEST) {
    more = realloc(at, 2 * room);
    if (more) at = more;
    room *= 2;
  }
  const int bad = ferror(f);
  fclose(f);
  *text = at;
  *n = got;
  if (!more) return bench_fail(CLF_ENOMEM, "no memory for --baseline %s", path);
  return bad ? bench_fail(CLF_EIO, "--baseline %s cannot be read", path) : CLF_OK;
}

static clf_status parse(const char *path, const char *text, size_t n, json_t **json) {
  json_error_t e;
  if (n > LONGEST || tree_size(text, n) > LARGEST)
    return bench_fail(CLF_EFORMAT,
                      "--baseline %s would take more than 64 MiB to read; `clflow bench --json` "
                      "writes less",
                      path);
  *json = json_loadb(text, n, 0, &e);
  return *json ? CLF_OK
               : bench_fail(CLF_EFORMAT, "--baseline %s: line %d: %s", path, e.line, e.text);
}

clf_status bench_baseline_read(const char *path, json_t **baseline) {
  char *text = NULL;
  size_t n = 0;
  json_t *j = NULL;
  clf_status s = read_text(path, &text, &n);
  if (!s) s = parse(path, text, n, &j);
  free(text);
  if (s) return s;
  const json_t *rows = json_object_get(j, "rows");
  if (json_integer_value(json_object_get(j, "clflow_bench")) == 1 && json_array_size(rows)) {
    *baseline = j;
    return CLF_OK;
  }
  json_decref(j);
  return bench_fail(CLF_EFORMAT, "--baseline %s is not a file that `clflow bench --json` wrote",
                    path);
}

/* ---- Comparing ---------------------------------------------------------------------------- */

static const json_t *find(const json_t *rows, const char *name, const char *device) {
  size_t i;
  json_t *row;
  json_array_foreach((json_t *)(size_t)rows, i, row) {
    if (strcmp(text_of(row, "name"), name) == 0 && strcmp(text_of(row, "device"), device) == 0)
      return row;
  }
  return NULL;
}

static int is_measured(const bench_report *r, const json_t *old) {
  for (const bench_row *row = r->row; row < r->row + r->rows; row++)
    if (strcmp(row->w->name, text_of(old, "name")) == 0 && !row->error[0] &&
        strcmp(clf_device_name(r->device[row->device].dev), text_of(old, "device")) == 0)
      return 1;
  return 0;
}

static double number_of(const json_t *object, const char *key) {
  return json_number_value(json_object_get(object, key));
}

typedef enum verdict { NEW, SAME, FASTER, SLOWER, EXCUSED } verdict;

/* `ratio` is new / old; `steady` is the same ratio corrected by the device's speed around each
 * of the two rows. A row is slower only if both exceed the limit: 1 + margin, times the square
 * of the factor by which other work may have slowed this row (squared because threads that wait
 * for each other are slowed by the slowest one). */
static verdict judge(const bench_row *row, const json_t *old, double peak, double margin,
                     double *ratio, double *steady) {
  const double before = number_of(old, "calibration_gflops"), by = bench_disturbance(row, peak);
  *ratio = row->seconds * 1e3 / ms_of(old);
  *steady = *ratio * (before > 0 && row->calibration > 0 ? row->calibration / before : 1);
  const double minimum = fmin(*ratio, *steady);
  if (minimum > (1 + margin) * by * by) return SLOWER;
  if (minimum > 1 + margin) return EXCUSED;
  return fmax(*ratio, *steady) < 1 - margin ? FASTER : SAME;
}

/* The best peak that was measured on the device, now and for the baseline. */
static double peak_of(const json_t *baseline, const bench_device *d) {
  size_t i;
  json_t *device;
  double peak = d->gflops;
  json_array_foreach(json_object_get(baseline, "devices"), i, device) {
    if (strcmp(text_of(device, "name"), clf_device_name(d->dev)) == 0)
      peak = fmax(peak, number_of(device, "peak_gflops"));
  }
  return peak;
}

static verdict compare(const bench_report *r, const bench_row *row, const json_t *baseline,
                       double margin) {
  static const char *const words[] = {"", "", "  faster", "  slower",
                                      "  busy: slower by no more than other work explains"};
  const json_t *rows = json_object_get(baseline, "rows");
  const char *device = clf_device_name(r->device[row->device].dev);
  const json_t *old = find(rows, row->w->name, device);
  char before[32], now[32];
  bench_format_seconds(row->seconds, now, sizeof now);
  if (!old || ms_of(old) <= 0) {
    printf("%-38s %-28.28s %9s %9s   not in the baseline\n", row->w->name, device, "", now);
    return NEW;
  }
  double ratio, steady;
  const verdict v =
      judge(row, old, peak_of(baseline, &r->device[row->device]), margin, &ratio, &steady);
  bench_format_seconds(ms_of(old) * 1e-3, before, sizeof before);
  printf("%-38s %-28.28s %9s %9s %7.3f %7.3f%s\n", row->w->name, device, before, now, ratio, steady,
         words[v]);
  return v;
}

int bench_baseline_compare(const json_t *baseline, const bench_report *r, double margin,
                           char *names, size_t size, int *excused) {
  const json_t *rows = json_object_get(baseline, "rows");
  int slower = 0;
  size_t used = 0;
  *names = '\0';
  *excused = 0;
  printf("\nagainst the baseline of %s, clflow %s:\n%-38s %-28s %9s %9s %7s %7s\n",
         text_of(baseline, "date"), text_of(baseline, "version"), "workload", "device", "before",
         "now", "ratio", "steady");
  for (const bench_row *row = r->row; row < r->row + r->rows; row++) {
    const verdict v = row->error[0] ? NEW : compare(r, row, baseline, margin);
    *excused += v == EXCUSED;
    if (v == SLOWER) {
      used += (size_t)snprintf(names + used, used < size ? size - used : 0, "%s%s (%s)",
                               slower++ ? ", " : "", row->w->name, r->device[row->device].asked);
      if (used > size) used = size;
    }
  }
  size_t i;
  json_t *old;
  json_array_foreach((json_t *)(size_t)rows, i, old) {
    if (!is_measured(r, old))
      printf("%-38s %-28.28s only in the baseline\n", text_of(old, "name"), text_of(old, "device"));
  }
  return slower;
}
