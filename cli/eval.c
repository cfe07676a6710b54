/* SPDX-License-Identifier: MIT */
/* eval.c: `clflow eval`: how well a model fits data. */
#include "cli.h"
#include <inttypes.h>

static int json;

static cli_option options[] = {
    CLI_OPERAND_MODEL,
    CLI_OPTION_DATA("samples to score"),
    {"--json", NULL, "print a JSON object", CLI_FLAG, &json, NULL, 0, 0},
    CLI_OPTIONS_MODEL,
    CLI_OPTIONS_END,
};

static int print_score(const clf_score *score) {
  if (json)
    return cli_json_print(json_pack(
        "{s:s, s:s, s:I, s:o, s:o, s:o}", "model", cli_common.model, "data", cli_common.data, "n",
        (json_int_t)score->count, "mean", cli_json_number(score->mean), "std_error",
        cli_json_number(score->std_error), "bits_per_dim", cli_json_number(score->bits_per_dim)));
  printf("samples              %" PRId64 "\n", score->count);
  printf("mean log-likelihood  %.6f nats\n", score->mean);
  printf("standard error       %.6f nats\n", score->std_error);
  printf("bits/dim             %.6f\n", score->bits_per_dim);
  return CLI_OK;
}

static int run(void) {
  cli_session s;
  int code = cli_session_open(&s);
  clf_score score;
  if (!code && clf_evaluate(s.flow, s.data.at, s.data.rows, &score) != CLF_OK)
    code = cli_fail_library();
  if (!code) code = print_score(&score);
  cli_session_close(&s);
  return code;
}

const cli_verb cli_eval = {
    .name = "eval",
    .usage = "MODEL --data DATA [options]",
    .purpose = "Prints the mean log-likelihood of data under a model.",
    .example = "clflow eval moons.safetensors --data moons:n=20000,seed=2",
    .options = options,
    .run = run,
};
