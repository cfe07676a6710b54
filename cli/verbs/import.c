/* SPDX-License-Identifier: MIT */
/* import.c: `clflow import` converts flows that were trained in Python. */
#include "cli.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
#define CLF_HINT(id, value, help) HINT_##id,
#include "clflow/import.def"
  HINTS
};

static struct {
  const char *file, *out, *check;
  double tolerance;
  const char *hint[HINTS];
  int strict, json;
} o;

static cli_option options[] = {
    {"FILE", NULL,
     "read this checkpoint: a state_dict, a module or a posterior of sbi that torch.save() wrote, "
     "or safetensors",
     CLI_OPERAND, &o.file, NULL, 1, 0},
    {"--out", "FILE", "write the model to this file", CLI_OUTPUT_MODEL, &o.out, NULL, 0, 0},
    {"--check", "ROWS",
     "compare with log-densities from Python: .npz with the arrays x (images: NCHW or "
     "NHWC), logp and perhaps context, or a table whose columns are those of x, of the context, "
     "and log p",
     CLI_INPUT, &o.check, NULL, 0, 0},
    {"--tolerance", "T", "fail if a log-density differs by more, relative to it beyond 1",
     CLI_ABOVE_0, &o.tolerance, "1e-4", 0, 0},
    CLI_SECTION("What the file may leave open"),
#define HINT_TEXT(id, value, help)                                                                 \
  {"--" #id, value, help, CLI_TEXT, &o.hint[HINT_##id], NULL, 0, 0},
#define CLF_HINT(id, value, help) HINT_TEXT(id, value, help)
#define CLF_HINT_FLAG(id, help) {"--" #id, NULL, help, CLI_FLAG, &o.strict, NULL, 0, 0},
#include "clflow/import.def"
    CLI_OPTIONS_DEVICE,
    CLI_OPTION_FORCE,
    CLI_OPTIONS_END,
};

/* ---- Hints --------------------------------------------------------------------------------- */

/* Makes "like=nflows, tail=3". The architecture comes last, since it takes the rest of the text. */
static char *hint_text(void) {
  static const char *const names[] = {
#define CLF_HINT(id, value, help) #id,
#define CLF_HINT_FLAG(id, help) #id,
#include "clflow/import.def"
  };
  size_t size = 1, used = 0;
  for (int i = 0; i < HINTS; i++) size += o.hint[i] ? strlen(names[i]) + strlen(o.hint[i]) + 3 : 16;
  char *text = calloc(size, 1);
  if (text && o.strict) used += (size_t)snprintf(text, size, "strict, ");
  for (int i = 0; i < HINTS && text; i++)
    if (o.hint[i] && i != HINT_arch)
      used += (size_t)snprintf(text + used, size - used, "%s=%s, ", names[i], o.hint[i]);
  if (text && o.hint[HINT_arch]) snprintf(text + used, size - used, "arch=%s", o.hint[HINT_arch]);
  return text;
}

/* ---- --check ------------------------------------------------------------------------------- */

typedef struct rows {
  clf_table x, c, logp;
} rows;

static void release(rows *r) {
  clf_table_free(&r->x);
  clf_table_free(&r->c);
  clf_table_free(&r->logp);
}

static int read_table(const char *path, const clf_table_options *with, clf_table *t) {
  static const clf_table_options usual;
  return clf_table_read_with(path, with ? with : &usual, t) == CLF_OK ? CLI_OK : cli_fail_library();
}
static int read_array(const char *name, const clf_table_options *with, clf_table *t) {
  char *path = malloc(strlen(o.check) + strlen(name) + 2);
  if (!path) return cli_fail("out of memory for a name");
  sprintf(path, "%s:%s", o.check, name);
  const int code = read_table(path, with, t);
  free(path);
  return code;
}

static int take_columns(const clf_table *all, int32_t from, int32_t count, clf_table *t) {
  if (clf_table_new(all->rows, count, t) != CLF_OK) return cli_fail_library();
  for (int64_t i = 0; i < all->rows; i++)
    memcpy(t->at + i * count, all->at + i * all->cols + from, (size_t)count * sizeof *t->at);
  return CLI_OK;
}
static int read_rows(const clf_flow *flow, rows *r) {
  const clf_flow_spec *const spec = clf_flow_get_spec(flow);
  const int32_t D = spec->dim, C = clf_flow_context(flow);
  if (cli_has_suffix(o.check, ".npz")) {
    const clf_table_options images = {.height = spec->height,
                                      .width = spec->width,
                                      .channels = spec->channels,
                                      .order = clf_flow_image_order(flow)};
    int code = read_array("x", &images, &r->x);
    if (!code && C) code = read_array("context", NULL, &r->c);
    return code ? code : read_array("logp", NULL, &r->logp);
  }
  clf_table all = {0};
  int code = read_table(o.check, NULL, &all);
  if (!code && all.cols != D + C + 1)
    code = cli_fail("%s has %d columns; %d of x, %d of the context and log p are %d", o.check,
                    (int)all.cols, (int)D, (int)C, (int)(D + C + 1));
  if (!code) code = take_columns(&all, 0, D, &r->x);
  if (!code && C) code = take_columns(&all, D, C, &r->c);
  if (!code) code = take_columns(&all, D + C, 1, &r->logp);
  clf_table_free(&all);
  return code;
}
static int check_shapes(int32_t D, int32_t C, const rows *r) {
  const int64_t n = r->x.rows, count = r->logp.rows * r->logp.cols;
  if (r->x.cols != D)
    return cli_fail("%s: x has %d columns, the model %d", o.check, (int)r->x.cols, (int)D);
  if (count != n)
    return cli_fail("%s: %" PRId64 " rows of x and %" PRId64 " log-densities", o.check, n, count);
  if (C && (r->c.cols != C || (r->c.rows != n && r->c.rows != 1)))
    return cli_fail("%s: the context is %" PRId64 " x %d; the model takes %d numbers for each row",
                    o.check, r->c.rows, (int)r->c.cols, (int)C);
  return CLI_OK;
}

/* Repeats the context for every row, where the file has one row for all. */
static int repeat_context(rows *r) {
  if (!r->c.at || r->c.rows == r->x.rows) return CLI_OK;
  clf_table all = {0};
  if (clf_table_new(r->x.rows, r->c.cols, &all) != CLF_OK) return cli_fail_library();
  for (int64_t i = 0; i < all.rows; i++)
    memcpy(all.at + i * all.cols, r->c.at, (size_t)all.cols * sizeof *all.at);
  clf_table_free(&r->c);
  r->c = all;
  return CLI_OK;
}

static double difference(double a, double b) {
  if (a == b) return 0; /* also if both are -inf */
  const double size = fabs(b) > 1 ? fabs(b) : 1, d = fabs(a - b) / size;
  return isnan(d) ? INFINITY : d;
}

static int compare(clf_flow *flow, const rows *r) {
  double *logp = malloc((size_t)r->x.rows * sizeof *logp), largest = 0;
  int64_t worst = 0;
  if (!logp) return cli_fail("out of memory for %" PRId64 " log-densities", r->x.rows);
  const clf_status s = r->c.at ? clf_log_prob_given(flow, r->x.at, r->c.at, r->x.rows, logp)
                               : clf_log_prob(flow, r->x.at, r->x.rows, logp);
  for (int64_t i = 0; i < r->x.rows && s == CLF_OK; i++) {
    const double d = difference(logp[i], r->logp.at[i]);
    if (d > largest) largest = d, worst = i;
  }
  int code = s == CLF_OK ? CLI_OK : cli_fail_library();
  if (!code)
    printf("check     %" PRId64 " rows, largest difference %.3g: row %" PRId64
           ", log p %.9g here, %.9g there\n",
           r->x.rows, largest, worst + 1, logp[worst], r->logp.at[worst]);
  if (!code && largest > o.tolerance)
    code = cli_fail(
        "log p differs by %.3g, more than %g (--tolerance); docs/import.md says what to look for",
        largest, o.tolerance);
  free(logp);
  return code;
}

static int check(clf_flow *flow) {
  const clf_flow_spec *spec = clf_flow_get_spec(flow);
  const int32_t D = spec->dim, C = clf_flow_context(flow);
  rows r = {0};
  int code = read_rows(flow, &r);
  if (!code) code = check_shapes(D, C, &r);
  if (!code) code = repeat_context(&r);
  if (!code) code = compare(flow, &r);
  release(&r);
  return code;
}

/* ---- The verb ------------------------------------------------------------------------------ */

static int finish(clf_flow *flow, const char *report) {
  clf_arch *arch = NULL;
  for (const char *line = report, *end; *line && (end = strchr(line, '\n')); line = end + 1)
    cli_say("%.*s", (int)(end - line), line);
  int code = cli_arch_of(flow, 0, &arch);
  if (!code)
    printf("flow      %s\nweights   %" PRId64 "\n", clf_arch_text(arch),
           clf_flow_weight_count(flow));
  clf_arch_free(arch);
  if (!code && o.check) code = check(flow);
  if (!code && o.out && clf_flow_save(flow, o.out) != CLF_OK) code = cli_fail_library();
  return code;
}

static int run(void) {
  clf_device *dev = NULL;
  clf_flow *flow = NULL;
  char *report = NULL, *hints = hint_text();
  if (!o.out && !o.check) {
    free(hints);
    return cli_usage("give --out MODEL to write, or --check ROWS to compare with");
  }
  int code = hints ? cli_check_file("--out", o.out, NULL) : cli_fail("out of memory for hints");
  if (!code) code = cli_open_device(&dev);
  if (!code && clf_import(dev, o.file, hints, &flow, &report) != CLF_OK) code = cli_fail_library();
  if (!code) code = finish(flow, report);
  clf_flow_free(flow);
  cli_close_device(dev);
  free(report);
  free(hints);
  return code;
}

const cli_verb cli_import = {
    .name = "import",
    .usage = "FILE --out MODEL [options]",
    .purpose = "Open a flow that nflows, glasflow, sbi, zuko, normflows or FrEIA trained.",
    .details =
        "Nothing in the file is executed. A module holds all of its hyperparameters. A state_dict "
        "does not: what it leaves open takes the default of the library, which is printed, or an "
        "option.",
    .examples = "clflow import posterior.pt --out posterior.safetensors --check rows.npz",
    .options = options,
    .run = run,
};
