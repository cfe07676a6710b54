/* SPDX-License-Identifier: MIT */
/* importance.c: `clflow importance` draws importance samples of a given log-density from a
 * model. */
#include "cli.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct {
  const char *target, *values, *out;
  int64_t count, first;
  uint64_t seed;
  int json;
} o;

static cli_option options[] = {
    CLI_OPERAND_MODEL,
    {"--target", "TARGET", "weight the samples by this built-in log-density, NAME[:dim=D,...]",
     CLI_TEXT, &o.target, NULL, 0, 0},
    {"--values", "FILE",
     "weight them by the log-densities in this file instead: one column, a row for each sample "
     "that `clflow sample --beyond-limits` draws with the same --seed and --first; -inf is a "
     "density of 0",
     CLI_INPUT, &o.values, NULL, 0, 0},
    {"-n", "N", "draw this many samples (default 10000, or as many as --values has)", CLI_COUNT,
     &o.count, NULL, 0, 0},
    CLI_OPTION_SEED(&o.seed, "the stream of samples"),
    {"--first", "I", "skip this many samples of the stream", CLI_INDEX, &o.first, "0", 0, 0},
    {"--out", "FILE",
     "write the samples, with their log-weights as the last column: .csv, .npy, or - for standard "
     "output",
     CLI_OUTPUT, &o.out, NULL, 0, 0},
    CLI_OPTION_JSON(&o.json, "print a JSON object"),
    CLI_OPTION_FORCE,
    CLI_OPTIONS_MODEL,
    CLI_OPTIONS_END,
};

/* ---- The density ---------------------------------------------------------------------------- */

/* Numbers of a file, in the order in which the samples are requested. */
typedef struct values {
  clf_table table;
  int64_t at;
} values;

static clf_status next_values(const double *x, int64_t n, double *logp, double *gradient,
                              void *context) {
  values *v = context;
  (void)x, (void)gradient;
  memcpy(logp, v->table.at + v->at, (size_t)n * sizeof *logp);
  v->at += n;
  return CLF_OK;
}

static int open_values(values *v, clf_density *d) {
  clf_table_options read = {0};
  if (clf_table_options_set(&read, "log_densities", "1") != CLF_OK ||
      clf_table_read_with(o.values, &read, &v->table) != CLF_OK)
    return cli_fail_library();
  if (v->table.cols != 1)
    return cli_fail("%s has %d columns; log-densities of samples are a single column", o.values,
                    v->table.cols);
  if (!o.count) o.count = v->table.rows;
  if (o.count > v->table.rows)
    return cli_fail("-n is %" PRId64 ", but %s has %" PRId64 " rows", o.count, o.values,
                    v->table.rows);
  *d = (clf_density){.dim = d->dim, .log_density = next_values, .context = v};
  return CLI_OK;
}

static int open_density(values *v, clf_density *d) {
  if (o.values) return open_values(v, d);
  if (!o.count) o.count = 10000;
  if (clf_density_open(o.target, d) == CLF_OK) return CLI_OK;
  return cli_usage("--target: %s", clf_errmsg());
}

/* ---- Results -------------------------------------------------------------------------------- */

static int print_json(const clf_importance_score *s, double log_z) {
  return cli_json_print(
      json_pack("{s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "model",
                cli_json_text(cli_common.model), "n", (json_int_t)s->count, "zero_weight",
                (json_int_t)s->zeros, "log_z", cli_json_number(s->log_z), "log_z_std_error",
                cli_json_number(s->log_z_error), "log_z_exact", cli_json_number(log_z), "ess",
                cli_json_number(s->ess), "top_weight_share", cli_json_number(s->top), "bound",
                cli_json_number(s->bound), "bound_std_error", cli_json_number(s->bound_error)));
}

static int print_score(const clf_importance_score *s, double log_z) {
  if (o.json) return print_json(s, log_z);
  printf("samples                %" PRId64 "\n", s->count);
  if (s->zeros) printf("weight 0               %" PRId64 "\n", s->zeros);
  printf("log Z                  %.6f\n", s->log_z);
  if (isfinite(s->log_z_error)) printf("standard error         %.6f\n", s->log_z_error);
  if (isfinite(log_z)) printf("exact log Z            %.6f\n", log_z);
  printf("effective sample size  %.2f%% (%.0f)\n", 100 * s->ess, s->ess * (double)s->count);
  printf("share of top weight    %.2f%%\n", 100 * s->top);
  if (isfinite(s->bound)) printf("mean log-weight        %.6f\n", s->bound);
  return CLI_OK;
}

/* Writes the samples and a column of log-weights. */
static int put_samples(const clf_flow *flow, const double *x, const double *log_weights) {
  const int32_t D = clf_flow_get_spec(flow)->dim;
  clf_table t;
  if (clf_table_new(o.count, D + 1, &t) != CLF_OK) return cli_fail_library();
  for (int64_t i = 0; i < o.count; i++) {
    memcpy(t.at + i * (D + 1), x + i * D, (size_t)D * sizeof *x);
    t.at[i * (D + 1) + D] = log_weights[i];
  }
  char *text = calloc((size_t)D + 1, 32);
  char **names = calloc((size_t)D + 1, sizeof *names);
  char *const *columns = clf_flow_columns(flow);
  for (int32_t d = 0; text && names && d <= D; d++) {
    snprintf(text + 32 * d, 32, d < D ? "x%d" : "log_weight", (int)d);
    names[d] = columns && d < D ? columns[d] : text + 32 * d;
  }
  t.names = names;
  int code = CLI_FAILED;
  if (!text || !names)
    cli_fail("out of memory for the names of %d columns", (int)D + 1);
  else
    code = cli_put_named(o.out, &t);
  t.names = NULL; /* they are freed here */
  free(text);
  free(names);
  clf_table_free(&t);
  return code;
}

static int weigh(cli_session *s, const clf_density *d) {
  const size_t n = (size_t)o.count, D = (size_t)clf_flow_get_spec(s->flow)->dim;
  clf_importance_score score;
  double *x = o.out ? malloc(n * (D + 1) * sizeof *x) : NULL;
  if (o.out && !x) return cli_fail("out of memory for %" PRId64 " samples", o.count);
  double *log_weights = x ? x + n * D : NULL;
  int code = clf_importance(s->flow, d, o.seed, o.first, o.count, &score, x, log_weights) == CLF_OK
                 ? CLI_OK
                 : cli_fail_library();
  if (!code && o.out) code = put_samples(s->flow, x, log_weights);
  if (!code && !cli_is_stdout(o.out)) code = print_score(&score, clf_density_log_z(d));
  free(x);
  return code;
}

static int run(void) {
  if (!o.target == !o.values)
    return cli_usage(o.target ? "--target and --values exclude each other"
                              : "--target is missing; usage: clflow importance %s",
                     cli_importance.usage);
  int code = cli_check_table(o.out);
  if (code) return code;
  cli_session s;
  values v = {0};
  clf_density d = {0};
  code = cli_session_open(&s);
  if (!code) d.dim = clf_flow_get_spec(s.flow)->dim;
  if (!code) code = open_density(&v, &d);
  if (!code) code = weigh(&s, &d);
  clf_density_free(&d);
  clf_table_free(&v.table);
  cli_session_close(&s);
  return code;
}

const cli_verb cli_importance = {
    .name = "importance",
    .usage = "MODEL --target TARGET [options]",
    .purpose = "Weight samples of a model by a log-density: log Z, effective sample size.",
    .details =
        "A sample x has the weight p~(x) / q(x), where q is the density of the model. Z is the "
        "integral of p~. A small effective sample size, or a large share of the largest weight, "
        "means that the model misses a region of p~, and that the estimate should not be trusted.",
    .examples = "clflow importance funnel.safetensors --target funnel:dim=10 -n 100000",
    .options = options,
    .run = run,
};
