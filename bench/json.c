/* SPDX-License-Identifier: MIT */
/* json.c: a report as JSON and as CSV. docs/bench.md explains each name. */
#define _POSIX_C_SOURCE 200809L
#include "../runtime/core/text.h"
#include "bench.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* null where there is no number. */
static json_t *number(double x) { return x > 0 ? json_real(x) : json_null(); }
static json_t *integer(uint64_t n) { return n ? json_integer((json_int_t)n) : json_null(); }

static json_t *part(double x) { return x >= 0 ? json_real(x) : json_null(); }

/* Texts of drivers may be invalid UTF-8. */
static json_t *text(const char *any) {
  char utf8[1024];
  clf__to_utf8(utf8, sizeof utf8, any);
  return json_string(utf8);
}

static json_t *device_json(const bench_device *d) {
  const clf_device_info *i = &d->info;
  return json_pack("{s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:i, s:i, s:o, s:o, s:o, s:[oo], s:[oo], "
                   "s:o}",
                   "asked", text(d->asked), "name", text(clf_device_name(d->dev)), "platform",
                   text(i->platform), "device", text(i->device), "driver", text(i->driver), "type",
                   i->type, "family", i->family, "units", (int)i->units, "clock_mhz",
                   (int)i->clock_mhz, "memory_bytes", integer(i->memory), "peak_gflops",
                   number(d->gflops), "peak_gbs", number(d->gbytes), "peak_gflops_around",
                   number(d->before[0]), number(d->after[0]), "peak_gbs_around",
                   number(d->before[1]), number(d->after[1]), "lowest_gflops", number(d->lowest));
}

/* Adds how reliable the row is. */
static void add_quiet(const bench_row *row, const bench_device *d, json_t *j) {
  json_object_set_new(j, "others", part(row->others));
  json_object_set_new(j, "calibration_gflops", number(row->calibration));
  json_object_set_new(j, "busy", json_boolean(bench_is_busy(row, d)));
  json_object_set_new(j, "above_peak", json_boolean(bench_is_above_peak(row, d)));
  json_object_set_new(j, "dense_equivalent", json_boolean(row->w->dense));
}

static json_t *row_json(const bench_report *r, const bench_row *row) {
  const bench_device *d = &r->device[row->device];
  const bench_workload *w = row->w;
  json_t *j =
      json_pack("{s:s, s:s, s:o, s:o}", "name", w->name, "group", bench_group_name(w->group),
                "device", text(clf_device_name(d->dev)), "asked", text(d->asked));
  if (!j) return NULL;
  if (row->error[0]) {
    json_object_set_new(j, "error", text(row->error));
    return j;
  }
  json_t *numbers =
      json_pack("{s:f, s:f, s:f, s:f, s:f, s:i, s:f, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                "ms", row->seconds * 1e3, "ms_min", row->least * 1e3, "ms_q1", row->low * 1e3,
                "ms_q3", row->high * 1e3, "spread", (row->high - row->low) / row->seconds, "n",
                row->n, "first_ms", row->first * 1e3, "flops", number(w->flops), "bytes",
                number(w->bytes), "gflops", number(bench_gflops(row)), "gbs",
                number(bench_gbytes(row)), "peak_percent", number(bench_peak_percent(row, d)),
                "bandwidth_percent", number(bench_bandwidth_percent(row, d)), "items_per_second",
                number((double)w->items / row->seconds), "device_bytes", integer(row->memory),
                "rss_bytes", integer(row->rss));
  if (numbers) json_object_update(j, numbers);
  json_decref(numbers);
  add_quiet(row, d, j);
  return j;
}

void bench_json(const bench_report *r, FILE *to) {
  json_t *devices = json_array(), *rows = json_array();
  for (int i = 0; i < r->devices; i++) json_array_append_new(devices, device_json(&r->device[i]));
  for (int i = 0; i < r->rows; i++) json_array_append_new(rows, row_json(r, &r->row[i]));
  json_t *all = json_pack(
      "{s:i, s:s, s:s, s:{s:o, s:i, s:o}, s:f, s:[oo], s:o, s:o, s:o}", "clflow_bench", 1,
      "version", clf_version(), "date", r->date, "machine", "processor", text(r->machine), "cores",
      r->cores, "system", text(r->kernel), "seconds", r->seconds, "load_average", part(r->load[0]),
      part(r->load[1]), "others", part(r->others), "devices", devices, "rows", rows);
  if (!all || json_dumpf(all, to, JSON_INDENT(1) | JSON_REAL_PRECISION(10)) || fputc('\n', to) < 0)
    fputs("{}\n", to);
  json_decref(all);
}

/* ---- CSV ---------------------------------------------------------------------------------- */

static void csv_number(double x, FILE *to) {
  if (x > 0)
    fprintf(to, ",%.7g", x);
  else
    fputc(',', to);
}

void bench_csv(const bench_report *r, FILE *to) {
  fputs(
      "name,group,device,ms,ms_min,ms_q1,ms_q3,n,first_ms,gflops,gbs,peak_percent,"
      "bandwidth_percent,items_per_second,device_bytes,rss_bytes,others,calibration_gflops,notes\n",
      to);
  for (const bench_row *row = r->row; row < r->row + r->rows; row++) {
    const bench_device *d = &r->device[row->device];
    if (row->error[0]) continue;
    fprintf(to, "%s,%s,\"%s\"", row->w->name, bench_group_name(row->w->group),
            clf_device_name(d->dev));
    const double numbers[] = {row->seconds * 1e3,
                              row->least * 1e3,
                              row->low * 1e3,
                              row->high * 1e3,
                              row->n,
                              row->first * 1e3,
                              bench_gflops(row),
                              bench_gbytes(row),
                              bench_peak_percent(row, d),
                              bench_bandwidth_percent(row, d),
                              (double)row->w->items / row->seconds,
                              (double)row->memory,
                              (double)row->rss};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) csv_number(numbers[i], to);
    char notes[64];
    bench_notes(row, d, notes, sizeof notes);
    csv_number(row->others >= 0 ? fmax(row->others, 1e-6) : 0, to);
    csv_number(row->calibration, to);
    fprintf(to, ",%s\n", notes[0] ? notes + 1 : "");
  }
}

/* ---- Files -------------------------------------------------------------------------------- */

clf_status bench_save(const char *path, bench_writer writer, const bench_report *report) {
  FILE *f = tmpfile();
  if (!f) return bench_fail(CLF_EIO, "%s: no temporary file: %s", path, strerror(errno));
  writer(report, f);
  const long n = fflush(f) == 0 ? ftell(f) : -1;
  char *text = n > 0 ? malloc((size_t)n) : NULL;
  rewind(f);
  const int whole = text && fread(text, 1, (size_t)n, f) == (size_t)n;
  fclose(f);
  const clf_status s = whole ? clf_file_write(path, text, (size_t)n)
                             : bench_fail(CLF_EIO, "%s: its text could not be kept", path);
  free(text);
  return s;
}
