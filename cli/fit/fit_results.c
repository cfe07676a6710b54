/* SPDX-License-Identifier: MIT */
/* fit_results.c: what `clflow fit` shows during and after its work. */
#define _POSIX_C_SOURCE 200809L
#include "fit.h"
#include "clflow/report.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Progress ------------------------------------------------------------------------------ */

/* "autoregressive splines 340/1200; best so far: mixture -14.21; 12 s of 60" */
static void draw(const clf_fit_progress *p) {
  static double shown;
  char line[256], steps[48] = "", best[128] = "";
  const double now = cli_clock();
  if (!isatty(STDERR_FILENO) || now - shown < 0.1) return;
  shown = now;
  if (p->steps) snprintf(steps, sizeof steps, " %" PRId64 "/%" PRId64, p->step, p->steps);
  if (p->best) snprintf(best, sizeof best, "; best so far: %s %.4g", p->best, p->best_valid);
  snprintf(line, sizeof line, "%s%s%s; %.0f s of %.0f", p->name, steps, best, p->seconds,
           p->budget);
  cli_progress_draw(line);
}

int cli_fit_progress(const clf_fit_progress *p, void *context) {
  (void)context;
  if (p->note) cli_say("%s", p->note);
  if (p->ended)
    cli_say("%-44s %10.4f +- %.4f nats on validation rows (%.0f s)", p->ended, p->valid,
            p->valid_error, p->seconds);
  if (!p->note && !p->ended) draw(p);
  return cli_stop_wanted;
}

/* ---- The report ---------------------------------------------------------------------------- */

/* Reports on the rows that the record calls test rows, or on those of --test. */
int cli_fit_report(cli_session *s, const cli_fit_rows *rows, const char *model, const char *path,
                   char *verdict, size_t size) {
  cli_report_rows r;
  cli_common.model = model;
  s->data = rows->x; /* borrowed, like the context */
  s->given = rows->given;
  int code = cli_report_open(s, NULL, rows->role, cli_fit_wanted.o.seed, &r);
  if (!code && clf_report_write(&r.source, path, verdict, size) != CLF_OK)
    code = cli_fail_library();
  cli_report_close(&r);
  s->data = s->given = (clf_table){0};
  return code;
}

/* ---- Tables -------------------------------------------------------------------------------- */

static double number(const json_t *at, const char *name) {
  const json_t *const v = json_object_get(at, name);
  return json_is_number(v) ? json_number_value(v) : NAN;
}

static const char *with_error(double v, double error, char text[48]) {
  if (isnan(v))
    snprintf(text, 48, "-");
  else if (isnan(error))
    snprintf(text, 48, "%.4f", v);
  else
    snprintf(text, 48, "%.4f +- %.4f", v, error);
  return text;
}

static void print_row(const char *name, const char *steps, const json_t *at) {
  char valid[48], test[48];
  printf("%-44s %8s  %-20s  %s\n", name, steps,
         with_error(number(at, "valid"), number(at, "valid_se"), valid),
         with_error(number(at, "test"), number(at, "test_se"), test));
}

static void print_candidates(const json_t *record) {
  size_t i;
  json_t *c;
  printf("%-44s %8s  %-20s  %s\n", "log-likelihood, nats a row", "steps", "validation", "test");
  json_array_foreach(json_object_get(record, "candidates"), i, c) {
    char steps[24] = "-", name[80];
    const double n = number(c, "steps"), weight = number(c, "weight");
    if (n > 0) snprintf(steps, sizeof steps, "%.0f", n);
    snprintf(name, sizeof name, "%s%s", json_string_value(json_object_get(c, "name")),
             weight > 0 ? " *" : "");
    print_row(name, steps, c);
  }
  print_row("the model (of those with *)", "-", json_object_get(record, "result"));
}

static void print_choice(const json_t *record) {
  const char *const chosen = json_string_value(json_object_get(record, "chosen"));
  const char *const next = json_string_value(json_object_get(record, "next"));
  const double by = number(record, "by"), error = number(record, "by_se");
  printf("\nchosen: %s", chosen);
  if (next && by >= 0)
    printf(", by %.4f +- %.4f nats over %s on validation rows", by, error, next);
  else if (next)
    printf(" (on validation rows %s alone is better by %.4f +- %.4f nats: no more than chance)",
           next, -by, error);
  printf("\n");
}

/* Writes "class=VALUE,year=VALUE" for the columns named by --given; if --given is a file, its
 * name. */
static void name_values(char *text, size_t size) {
  size_t used = 0;
  if (cli_given_is_file(cli_common.given)) {
    snprintf(text, size, "%s", cli_common.given);
    return;
  }
  for (const char *at = cli_common.given; *at && used < size;) {
    const int n = (int)strcspn(at, ",");
    used += (size_t)snprintf(text + used, size - used, "%s%.*s=VALUE", used ? "," : "", n, at);
    at += n + (at[n] == ',');
  }
}

static void print_next(const char *model) {
  char line[2048] = "next:   clflow sample", values[1024];
  cli_append_word(' ', model, line, sizeof line);
  if (cli_common.given) {
    name_values(values, sizeof values);
    cli_append_word(' ', "--given", line, sizeof line);
    cli_append_word(' ', values, line, sizeof line);
  }
  printf("%s -n 1000 --out samples.csv\n", line);
}

int cli_fit_print(const clf_flow *flow, const char *model, const char *report,
                  const char *verdict) {
  json_t *record = json_loads(clf_flow_record(flow), 0, NULL);
  if (!record) return cli_fail("out of memory for the record of the fit");
  if (cli_fit_wanted.json) return cli_json_print(record);
  print_candidates(record);
  print_choice(record);
  json_decref(record);
  printf("%s\n\nmodel:  %s\nreport: %s\n", verdict, cli_clean(model), cli_clean(report));
  print_next(model);
  return CLI_OK;
}
