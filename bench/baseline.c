/* SPDX-License-Identifier: MIT */
/* baseline.c: a report beside an earlier one: the same workload on a device of the same
 * name. */
#include "bench.h"
#include <string.h>

static const char *text_of(const json_t *row, const char *key) {
  const char *text = json_string_value(json_object_get(row, key));
  return text ? text : "";
}

/* The median that a row has; 0 for one that failed. */
static double ms_of(const json_t *row) { return json_number_value(json_object_get(row, "ms")); }

clf_status bench_baseline_read(const char *path, json_t **baseline) {
  json_error_t e;
  FILE *f = fopen(path, "r");
  if (!f) return bench_fail(CLF_EIO, "--baseline %s cannot be opened", path);
  json_t *j = json_loadf(f, 0, &e);
  fclose(f);
  if (!j) return bench_fail(CLF_EFORMAT, "--baseline %s: line %d: %s", path, e.line, e.text);
  const json_t *rows = json_object_get(j, "rows");
  if (json_integer_value(json_object_get(j, "clflow_bench")) == 1 && json_array_size(rows)) {
    *baseline = j;
    return CLF_OK;
  }
  json_decref(j);
  return bench_fail(CLF_EFORMAT, "--baseline %s is no file that `clflow bench --json` wrote", path);
}

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

/* Whether the row is slower than it may be. */
static int compare(const bench_report *r, const bench_row *row, const json_t *rows, double margin) {
  const char *device = clf_device_name(r->device[row->device].dev);
  const json_t *old = find(rows, row->w->name, device);
  char before[32], now[32];
  bench_format_seconds(row->seconds, now, sizeof now);
  if (!old || ms_of(old) <= 0) {
    printf("%-38s %-28.28s %9s %9s   not in the baseline\n", row->w->name, device, "", now);
    return 0;
  }
  const double ratio = row->seconds * 1e3 / ms_of(old);
  const int slower = ratio > 1 + margin;
  bench_format_seconds(ms_of(old) * 1e-3, before, sizeof before);
  printf("%-38s %-28.28s %9s %9s %7.3f%s\n", row->w->name, device, before, now, ratio,
         slower               ? "  slower"
         : ratio < 1 - margin ? "  faster"
                              : "");
  return slower;
}

int bench_baseline_compare(const json_t *baseline, const bench_report *r, double margin,
                           char *names, size_t size) {
  const json_t *rows = json_object_get(baseline, "rows");
  int slower = 0;
  size_t used = 0;
  *names = '\0';
  printf("\nagainst the baseline of %s, clflow %s:\n%-38s %-28s %9s %9s %7s\n",
         text_of(baseline, "date"), text_of(baseline, "version"), "workload", "device", "before",
         "now", "ratio");
  for (const bench_row *row = r->row; row < r->row + r->rows; row++)
    if (!row->error[0] && compare(r, row, rows, margin)) {
      used += (size_t)snprintf(names + used, used < size ? size - used : 0, "%s%s (%s)",
                               slower++ ? ", " : "", row->w->name, r->device[row->device].asked);
      if (used > size) used = size;
    }
  size_t i;
  json_t *old;
  json_array_foreach((json_t *)(size_t)rows, i, old) {
    if (!is_measured(r, old))
      printf("%-38s %-28.28s only in the baseline\n", text_of(old, "name"), text_of(old, "device"));
  }
  return slower;
}
