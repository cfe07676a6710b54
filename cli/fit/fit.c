/* SPDX-License-Identifier: MIT */
/* fit.c: `clflow fit` finds the best density of a table within a time limit and writes a report. */
#define _POSIX_C_SOURCE 200809L
#include "fit.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Names of what is written -------------------------------------------------------------- */

/* "data/wine.csv.gz" becomes "wine", or "data/wine" with its folder. Returns the length, or -1
 * if it is too long. */
static int stem_of(const char *path, int with_folder, char *stem, size_t size) {
  static const char *const endings[] = {".gz",  ".csv", ".tsv",  ".txt",
                                        ".npy", ".npz", ".flow", ".safetensors"};
  const char *const slash = strrchr(path, '/'), *const base = slash ? slash + 1 : path;
  const int folder = with_folder ? (int)(base - path) : 0;
  const int n = snprintf(stem, size, "%.*s%.*s", folder, path, (int)strcspn(base, ":"), base);
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
    if (cli_has_suffix(stem, endings[i]) && strlen(stem) > (size_t)folder + strlen(endings[i]))
      stem[strlen(stem) - strlen(endings[i])] = '\0';
  return n < (int)size ? (int)strlen(stem) : -1;
}

/* The model is named after the data and written to the current folder; the report goes to the
 * model's folder. */
static const char *out_name(void) {
  static char name[4096];
  char stem[4000];
  if (cli_fit_wanted.out) return cli_fit_wanted.out;
  if (stem_of(cli_common.data, 0, stem, sizeof stem) < 1) return NULL;
  snprintf(name, sizeof name, "%s.flow", stem);
  return name;
}

static const char *report_name(void) {
  static char name[4096];
  char stem[4000];
  if (cli_fit_wanted.report) return cli_fit_wanted.report;
  const char *const out = out_name();
  if (!out || stem_of(out, 1, stem, sizeof stem) < 1) return NULL;
  snprintf(name, sizeof name, "%s.report.html", stem);
  return name;
}

static const char *also_writes(int i, const char **option) {
  const char *const names[] = {cli_fit_wanted.out ? NULL : out_name(),
                               cli_fit_wanted.report ? NULL : report_name()};
  *option = "DATA";
  for (int k = 0; k < 2; k++)
    if (names[k] && i-- == 0) return names[k];
  return NULL;
}

/* ---- Checks before anything is read -------------------------------------------------------- */

/* A name that the user did not choose may only replace a file that this verb wrote. */
static int check_own_model(const char *path) {
  char *record = NULL;
  if (cli_fit_wanted.out || cli_common.force || !clf_is_model_file(path)) return CLI_OK;
  if (clf_model_record(path, &record) != CLF_OK) return cli_fail_library();
  const int own = record != NULL;
  free(record);
  return own ? CLI_OK
             : cli_usage("%s is a model that `clflow fit` did not write; give another name by "
                         "--out, or --force to replace it",
                         path);
}

static int check_own_report(const char *path) {
  char head[2048] = "";
  FILE *f = cli_fit_wanted.report || cli_common.force ? NULL : fopen(path, "rb");
  if (!f) return CLI_OK;
  const size_t n = fread(head, 1, sizeof head - 1, f);
  fclose(f);
  head[n] = '\0';
  return n == 0 || strstr(head, "<meta name=\"generator\" content=\"clflow ")
             ? CLI_OK
             : cli_usage(
                   "%s is not a report of clflow; give another name by --report, or --force to "
                   "replace it",
                   path);
}

static int check_names(void) {
  const char *const out = out_name(), *const report = report_name();
  if (!cli_fit_wanted.out && clf_source_is_stream(cli_common.data))
    return cli_usage("--out is missing: %s gives no name for the model", cli_common.data);
  if (!out || !report) return cli_usage("the name of the data is too long; give --out");
  int code = check_own_model(out);
  if (!code) code = check_own_report(report);
  if (!code) code = cli_check_file("--out", out, "");
  /* Standard output has the table of candidates. */
  return code ? code : cli_check_file("--report", report, cli_is_stdout(report) ? NULL : ".html");
}

static int read_repeat(void) {
  if (!cli_fit_wanted.repeat) return CLI_OK;
  if (clf_model_record(cli_fit_wanted.repeat, &cli_fit_wanted.record) != CLF_OK)
    return cli_fail_library();
  cli_fit_wanted.o.repeat = cli_fit_wanted.record;
  return cli_fit_wanted.record ? CLI_OK
                               : cli_fail("%s has no record of a fit, as `clflow fit` writes it",
                                          cli_fit_wanted.repeat);
}

/* ---- The fit ------------------------------------------------------------------------------- */

/* On the same processor, flows of layers train faster in C than through OpenCL
 * (docs/performance.md), so `auto` tries OpenCL only where there is another device. */
static int open_device(cli_session *s) {
  clf_device_info *list = NULL;
  int count = 0, others = 0;
  if (cli_common.device || getenv("CLFLOW_DEVICE")) return cli_open_device(&s->dev);
  if (clf_devices(0, &list, &count) != CLF_OK) return cli_fail_library();
  for (int i = 0; i < count; i++) others |= strcmp(list[i].type, "cpu") != 0;
  free(list);
  cli_common.device = others ? "auto" : "cpu";
  return cli_open_device(&s->dev);
}

/* Keeps in `stopped` why the search ended before its time; empty: it did not. */
static int fit(cli_session *s, cli_fit_rows *rows, char *stopped, size_t size) {
  const clf_fit_data data = {.x = &rows->x,
                             .given = rows->given.at ? &rows->given : NULL,
                             .weights = rows->weights.at,
                             .part = rows->role,
                             .name = cli_common.data};
  cli_signals_ask();
  const clf_status status =
      clf_fit(s->dev, &data, &cli_fit_wanted.o, cli_fit_progress, NULL, &s->flow);
  cli_signals_begin();
  cli_progress_clear();
  if (!s->flow) return cli_fail_library();
  if (status != CLF_OK && status != CLF_ESTOPPED) return cli_fail_library();
  if (status) snprintf(stopped, size, "%s", clf_errmsg());
  if (rows->context.count && clf_flow_set_context_table(s->flow, &rows->context) != CLF_OK)
    return cli_fail_library();
  return CLI_OK;
}

static int write_all(cli_session *s, cli_fit_rows *rows) {
  const char *const out = out_name(), *const report = report_name();
  char verdict[512] = "";
  if (clf_flow_save(s->flow, out) != CLF_OK) return cli_fail_library();
  int code = cli_fit_report(s, rows, out, report, verdict, sizeof verdict);
  if (code) return code;
  return cli_fit_print(s->flow, out, report, verdict);
}

static int run(void) {
  cli_session s = {0};
  cli_fit_rows rows = {0};
  char stopped[128] = "";
  const clf_fit_options usual = clf_fit_options_default();
  cli_fit_wanted.o.valid = usual.valid;
  cli_fit_wanted.o.test = usual.test;
  int code = check_names();
  if (!code) code = read_repeat();
  if (!code) code = cli_fit_read(&s, &rows);
  if (!code) code = open_device(&s);
  if (!code) code = fit(&s, &rows, stopped, sizeof stopped);
  if (!code) code = write_all(&s, &rows);
  if (!code && *stopped) code = cli_fail("%s; the best so far is written", stopped);
  cli_fit_rows_free(&rows);
  free(cli_fit_wanted.record);
  cli_session_close(&s);
  return code;
}

const cli_verb cli_fit = {
    .name = "fit",
    .usage = "DATA [options]",
    .purpose = "Fit the best density of a table and write a report.",
    .details =
        "The command tries a Gaussian, Gaussian mixtures and several flows within the time, and "
        "chooses by validation rows. A tenth of the rows takes no part in any choice; the report "
        "gives their log-likelihood. Ctrl-C ends the search and writes the best model so far, with "
        "exit code "
        "1.",
    .examples = "clflow fit wine.csv --drop class\nclflow fit trips.csv --given hour,weekday "
                "--time 300 -o trips.flow",
    .options = cli_fit_options,
    .run = run,
    .missing = CLF_MISSING_DROP,
    .also_writes = also_writes,
};
