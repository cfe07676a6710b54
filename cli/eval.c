/* SPDX-License-Identifier: MIT */
/* eval.c: `clflow eval`: how well a model fits data. */
#include "cli.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static int json;

static cli_option options[] = {
    CLI_OPERAND_MODEL,
    CLI_OPTION_DATA("samples to score"),
    {"--json", NULL, "print a JSON object", CLI_FLAG, &json, NULL, 0, 0},
    CLI_OPTIONS_IMAGE_DATA,
    CLI_OPTIONS_MODEL,
    CLI_OPTIONS_END,
};

/* Of bits/dim, from that of nats. */
static double bits_error(const clf_flow *flow, const clf_score *score) {
  return score->std_error / (clf_flow_get_spec(flow)->dim * log(2));
}

static int print_score(const cli_session *s, const clf_score *score) {
  const double error = bits_error(s->flow, score);
  if (json)
    return cli_json_print(json_pack(
        "{s:s, s:s, s:I, s:o, s:o, s:o, s:o}", "model", cli_common.model, "data", cli_common.data,
        "n", (json_int_t)score->count, "mean", cli_json_number(score->mean), "std_error",
        cli_json_number(score->std_error), "bits_per_dim", cli_json_number(score->bits_per_dim),
        "bits_per_dim_std_error", cli_json_number(error)));
  const int images = clf_flow_get_spec(s->flow)->kind == CLF_REALNVP;
  printf("%s              %" PRId64 "\n", images ? "images " : "samples", score->count);
  printf("mean log-likelihood  %.6f nats\n", score->mean);
  printf("standard error       %.6f nats\n", score->std_error);
  printf("bits/dim             %.6f\n", score->bits_per_dim);
  if (images) printf("standard error       %.6f bits/dim\n", error);
  return CLI_OK;
}

static clf_score score_of(const double *logp, int64_t n, int32_t dim) {
  double sum = 0, square = 0;
  for (int64_t i = 0; i < n; i++) sum += logp[i];
  const double mean = sum / (double)n;
  for (int64_t i = 0; i < n; i++) square += (logp[i] - mean) * (logp[i] - mean);
  return (clf_score){.count = n,
                     .mean = mean,
                     .std_error = n > 1 ? sqrt(square / (double)(n - 1) / (double)n) : 0,
                     .bits_per_dim = -mean / (dim * log(2))};
}

static int evaluate(cli_session *s) {
  const int64_t rows = cli_row_count(s);
  double *logp = malloc((size_t)rows * sizeof *logp);
  if (!logp) return cli_fail("out of memory for %" PRId64 " log-densities", rows);
  int code = cli_log_probs(s, logp);
  const clf_score score =
      code ? (clf_score){0} : score_of(logp, rows, clf_flow_get_spec(s->flow)->dim);
  free(logp);
  return code ? code : print_score(s, &score);
}

static int run(void) {
  cli_session s;
  int code = cli_session_open(&s);
  if (!code) code = evaluate(&s);
  cli_session_close(&s);
  return code;
}

const cli_verb cli_eval = {
    .name = "eval",
    .usage = "MODEL --data DATA [options]",
    .purpose = "Prints the mean log-likelihood of data under a model.",
    .details = "Of images bits/dim are those of published numbers: log p is taken of bytes made "
               "continuous\n"
               "by noise, which --seed draws, so that a number can be had again.",
    .example = "clflow eval moons.safetensors --data moons:n=20000,seed=2",
    .options = options,
    .run = run,
};
