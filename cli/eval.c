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
    CLI_OPTION_GIVEN_ROWS,
    CLI_OPTION_STRICT_ROWS,
    CLI_OPTIONS_IMAGE_ROWS,
    CLI_OPTIONS_MODEL,
    CLI_OPTIONS_TABLE,
    CLI_OPTIONS_END,
};

/* Standard errors are in nats; this is one in bits/dim. */
static double in_bits(const cli_session *s, double std_error) {
  return std_error / (clf_flow_get_spec(s->flow)->dim * log(2));
}

/* Numbers that are not finite become null. */
static int print_json(const cli_session *s, const clf_score *score) {
  json_t *rest = json_pack(
      "{s:I, s:o, s:o, s:o, s:o}", "n", (json_int_t)(score->count - score->zeros), "mean",
      cli_json_number(score->rest.mean), "std_error", cli_json_number(score->rest.std_error),
      "bits_per_dim", cli_json_number(score->rest.bits_per_dim), "bits_per_dim_std_error",
      cli_json_number(in_bits(s, score->rest.std_error)));
  return cli_json_print(json_pack(
      "{s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:I, s:o}", "model", cli_json_text(cli_common.model),
      "data", cli_json_text(cli_common.data), "n", (json_int_t)score->count, "mean",
      cli_json_number(score->mean), "std_error", cli_json_number(score->std_error), "bits_per_dim",
      cli_json_number(score->bits_per_dim), "bits_per_dim_std_error",
      cli_json_number(in_bits(s, score->std_error)), "zero_density", (json_int_t)score->zeros,
      "without_zero_density", rest));
}

static void print_mean(const cli_session *s, double mean, double std_error, double bits_per_dim) {
  printf("mean log-likelihood  %.6f nats\n", mean);
  if (isfinite(std_error)) printf("standard error       %.6f nats\n", std_error);
  printf("bits/dim             %.6f\n", bits_per_dim);
  if (cli_makes_images(s) && isfinite(std_error))
    printf("standard error       %.6f bits/dim\n", in_bits(s, std_error));
}

static int print_score(const cli_session *s, const clf_score *score) {
  if (json) return print_json(s, score);
  printf("%s              %" PRId64 "\n", cli_makes_images(s) ? "images " : "samples",
         score->count);
  print_mean(s, score->mean, score->std_error, score->bits_per_dim);
  if (!score->zeros) return CLI_OK;
  printf("zero density         %" PRId64 " of %" PRId64 " %s\n", score->zeros, score->count,
         cli_makes_images(s) ? "images" : "samples");
  if (score->zeros == score->count) return CLI_OK;
  puts("without them:");
  print_mean(s, score->rest.mean, score->rest.std_error, score->rest.bits_per_dim);
  return CLI_OK;
}

static int evaluate(cli_session *s) {
  const int64_t rows = cli_row_count(s);
  double *logp = malloc((size_t)rows * sizeof *logp);
  if (!logp) return cli_fail("out of memory for %" PRId64 " log-densities", rows);
  int code = cli_log_probs(s, logp);
  if (!code) {
    const clf_score score = clf_score_of(logp, rows, clf_flow_get_spec(s->flow)->dim);
    code = print_score(s, &score);
  }
  free(logp);
  return code;
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
    .details = "Samples outside of the model's support, or so far out that the model overflows, "
               "have zero\n"
               "density: they make the mean -inf (null in JSON), so the mean without them is "
               "printed too.\n"
               "For images, bits/dim compare with published numbers: log p is that of bytes made "
               "continuous\n"
               "by noise, which is drawn from --seed, so that results can be repeated.",
    .example = "clflow eval moons.safetensors --data moons:n=20000,seed=2",
    .options = options,
    .run = run,
};
