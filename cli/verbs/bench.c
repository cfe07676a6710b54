/* SPDX-License-Identifier: MIT */
/* bench.c: `clflow bench` compares backends. */
#define _POSIX_C_SOURCE 200809L
#include "cli.h"
#include "bench.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
  cli_texts devices, ops, steps;
  int list, quick, full;
  double seconds, margin;
  const char *csv, *json, *html, *baseline;
} o;

static cli_option options[] = {
    {"--device", "NAME",
     "time these devices: repeat the option, or separate names by commas (default: cpu and all "
     "OpenCL devices)",
     CLI_TEXTS, &o.devices, NULL, 0, 0},
    {"--ops", "GLOB", "time the operations with these names: 'gemm/*,conv/fwd/*'", CLI_TEXTS,
     &o.ops, NULL, 0, 0},
    CLI_OPTION("--flows", "GLOB",
               "time the training steps, sampling and starts with these names: 'step/*'", CLI_TEXTS,
               &o.steps, NULL),
    CLI_OPTION_OLD("--steps", "GLOB", CLI_TEXTS, &o.steps),
    CLI_OPTION("--list", NULL, "print the names of the workloads, and what each one is", CLI_FLAG,
               &o.list, NULL),
    CLI_OPTION("--quick", NULL, "time a few small workloads, a twentieth of a second each",
               CLI_FLAG, &o.quick, NULL),
    CLI_OPTION("--full", NULL, "time also the workloads that take minutes", CLI_FLAG, &o.full,
               NULL),
    CLI_OPTION("--time", "SECONDS",
               "spend this much time on each workload and device after a warm-up (default 0.5)",
               CLI_ABOVE_0, &o.seconds, NULL),
    CLI_SECTION("Output"),
    CLI_OPTION("--csv", "F.csv", "write a row for each workload and device; - for standard output",
               CLI_OUTPUT, &o.csv, NULL),
    CLI_OPTION("--json", "[F.json]",
               "print the same as JSON, with the machine and the devices, or write it to this file",
               CLI_OUTPUT, &o.json, NULL),
    CLI_OPTION("--html", "F.html",
               "write a page with charts, one file that needs no network; - for standard output",
               CLI_OUTPUT, &o.html, NULL),
    CLI_OPTION_FORCE,
    CLI_SECTION("Comparison"),
    CLI_OPTION("--baseline", "F.json",
               "compare with an earlier --json: print new / old, and fail if a row is slower",
               CLI_INPUT, &o.baseline, NULL),
    CLI_OPTION("--margin", "P", "allow a row to be slower by this much, in percent", CLI_PERCENT,
               &o.margin, "10%"),
    CLI_OPTIONS_END,
};

/* ---- What the command line asks for ------------------------------------------------ */

static int choose(const bench_workload ***list, int *count) {
  static char ops[CLI_TEXTS_SIZE], steps[CLI_TEXTS_SIZE];
  cli_join_texts(&o.ops, ops, sizeof ops);
  cli_join_texts(&o.steps, steps, sizeof steps);
  const bench_choice choice = {.ops = o.ops.count ? ops : NULL,
                               .steps = o.steps.count ? steps : NULL,
                               .level = o.quick  ? BENCH_QUICK
                                        : o.full ? BENCH_FULL
                                                 : BENCH_USUAL};
  if (o.quick && o.full) return cli_usage("--quick and --full exclude each other");
  const clf_status s = bench_choose(&choice, list, count);
  if (s == CLF_ENOMEM) return cli_fail_library();
  return s == CLF_OK ? CLI_OK : cli_usage("%s", clf_errmsg());
}

static int print_list(const bench_workload *const *list, int count) {
  static const char *const levels[] = {"quick", "", "full"};
  for (int i = 0; i < count; i++)
    printf("%-38s %-8s %-6s%s\n", list[i]->name, bench_group_name(list[i]->group),
           levels[list[i]->level], list[i]->flow ? list[i]->flow : "");
  return CLI_OK;
}

static int check_files(json_t **baseline) {
  int code = cli_check_file("--csv", o.csv, ".csv");
  if (!code) code = cli_check_file("--json", o.json, ".json");
  if (!code) code = cli_check_file("--html", o.html, ".html");
  if (code || !o.baseline) return code;
  return bench_baseline_read(o.baseline, baseline) == CLF_OK ? CLI_OK : cli_fail_library();
}

/* ---- Devices ------------------------------------------------------------------------ */

/* Takes all devices; cpu comes last. */
static void take_all(const clf_device_info *list, int count) {
  for (int i = 0; i < count && i < BENCH_DEVICES; i++)
    snprintf(o.devices.at[o.devices.count++], sizeof *o.devices.at, "%s", list[i].name);
}

static int open_devices(bench_report *r) {
  clf_device_info *list = NULL;
  int count = 0;
  if (clf_devices(0, &list, &count) != CLF_OK) return cli_fail_library();
  if (!o.devices.count) take_all(list, count);
  int code = CLI_OK;
  if (o.devices.count > BENCH_DEVICES)
    code = cli_usage("%d devices are too many, at most %d are compared", o.devices.count,
                     BENCH_DEVICES);
  for (int i = 0; i < o.devices.count && !code; i++) {
    if (bench_device_open(o.devices.at[i], list, count, &r->device[i]) != CLF_OK)
      code = cli_fail_library();
    else
      r->devices++;
    for (int k = 0; k < i && !code; k++)
      if (strcmp(clf_device_name(r->device[k].dev), clf_device_name(r->device[i].dev)) == 0)
        code = cli_usage("--device: %s and %s are the same", o.devices.at[k], o.devices.at[i]);
  }
  free(list);
  return code;
}

/* ---- The run ------------------------------------------------------------------------ */

static void draw(const char *what, int done, int count, double begin) {
  char line[160], left[32];
  if (!isatty(STDERR_FILENO)) return;
  const double spent = cli_clock() - begin;
  cli_format_seconds(done ? spent / done * (count - done) : 0, left, sizeof left);
  snprintf(line, sizeof line, "%3d of %d  %s%s%s", done + 1, count, what, done ? ", about " : "",
           done ? left : "");
  cli_progress_draw(line);
}

static int measure(bench_report *r, const bench_workload *const *list, int count) {
  int failed = 0;
  const int mebibytes = o.quick ? 16 : 128;
  const double begin = cli_clock();
  for (int i = 0; i < r->devices; i++) {
    draw("what the devices do at best", 0, count, begin);
    if (bench_peaks(&r->device[i], mebibytes) != CLF_OK) return cli_fail_library();
  }
  cli_progress_clear();
  bench_print_head(r);
  const bench_watch watch = bench_watch_begin();
  r->load[0] = bench_load_average();
  for (int i = 0; i < count; i++) {
    bench_row *rows = r->row + r->rows;
    draw(list[i]->name, i, count, begin);
    bench_measure(r, list[i], rows);
    r->rows += r->devices;
    cli_progress_clear();
    bench_print(r, rows);
    for (int d = 0; d < r->devices; d++) failed += rows[d].error[0] != '\0';
  }
  r->others = bench_watch_others(&watch);
  r->load[1] = bench_load_average();
  for (int i = 0; i < r->devices; i++)
    if (bench_peaks(&r->device[i], mebibytes) != CLF_OK) return cli_fail_library();
  bench_print_foot(r);
  return failed ? cli_fail("%d of %d rows failed", failed, r->rows) : CLI_OK;
}

/* Whether results are printed as a file; then the table goes to standard error. */
static int prints_a_file(void) {
  return cli_is_stdout(o.csv) || cli_is_stdout(o.json) || cli_is_stdout(o.html);
}

typedef struct what {
  const bench_report *report;
  bench_writer writer;
} what;

static clf_status write_one(const char *path, void *context) {
  const what *w = context;
  return bench_save(path, w->writer, w->report);
}

static int save(const bench_report *r) {
  const struct {
    const char *path, *suffix;
    bench_writer writer;
  } files[] = {
      {o.csv, ".csv", bench_csv}, {o.json, ".json", bench_json}, {o.html, ".html", bench_html}};
  int code = prints_a_file() ? cli_stdout_aside(0) : CLI_OK;
  for (size_t i = 0; i < sizeof files / sizeof *files && !code; i++) {
    what w = {r, files[i].writer};
    if (files[i].path && cli_write_text(files[i].path, files[i].suffix, write_one, &w))
      code = CLI_FAILED;
  }
  return code;
}

/* Puts the names of the slower rows into the message too, since a log may contain nothing else. */
static int compare(const json_t *baseline, const bench_report *r) {
  char names[1024];
  int excused;
  const int slower = bench_baseline_compare(baseline, r, o.margin, names, sizeof names, &excused);
  if (excused)
    cli_say("%d of %d rows are slower than in %s, but by no more than the machine's other work "
            "explains; run it again on a quiet machine to know",
            excused, r->rows, o.baseline);
  if (!slower) return CLI_OK;
  return cli_fail("%d of %d rows are slower than in %s by more than %g%%: %s", slower, r->rows,
                  o.baseline, 100 * o.margin, names);
}

static int run_all(bench_report *r, const bench_workload *const *list, int count) {
  json_t *baseline = NULL;
  int code = check_files(&baseline);
  if (!code && prints_a_file()) code = cli_stdout_aside(1);
  if (!code) code = open_devices(r);
  r->row = calloc((size_t)count * BENCH_DEVICES, sizeof *r->row);
  if (!code && !r->row) code = cli_fail("out of memory for %d workloads", count);
  if (!code) {
    bench_describe(r);
    code = measure(r, list, count);
    const int unsaved = r->rows ? save(r) : CLI_OK;
    if (!code) code = unsaved;
    if (!code && baseline) code = compare(baseline, r);
  }
  json_decref(baseline);
  return code;
}

static int run(void) {
  static bench_report r;
  const bench_workload **list = NULL;
  int count = 0;
  int code = choose(&list, &count);
  r.seconds = o.seconds > 0 ? o.seconds : o.quick ? 0.05 : 0.5;
  if (!code) code = o.list ? print_list(list, count) : run_all(&r, list, count);
  for (int i = 0; i < r.devices; i++) {
    bench_device_release(&r.device[i]);
    cli_close_device(r.device[i].dev);
  }
  free(r.row);
  free(list);
  return code;
}

const cli_verb cli_bench = {
    .name = "bench",
    .usage = "[--device NAME]... [--ops GLOB] [--flows GLOB] [--quick | --full] [options]",
    .purpose = "Time operations, training steps, sampling and starts on several devices.",
    .details = "The devices take turns within each workload, so that what slows the machine slows "
               "all of them.",
    .examples =
        "clflow bench --device cpu,opencl --flows 'step/*' --html bench.html\nclflow bench --quick",
    .options = options,
    .run = run,
};
