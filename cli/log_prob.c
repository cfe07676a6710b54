/* SPDX-License-Identifier: MIT */
/* log_prob.c: `clflow log-prob`: the log-density at each sample. */
#include "cli.h"

static const char *out;

static cli_option options[] = {
    CLI_OPERAND_MODEL,
    CLI_OPTION_DATA("samples to take it at"),
    {"--out", "FILE", "a row `logp` for each sample, in nats: .csv, .npy, or - to print CSV",
     CLI_OUTPUT, &out, NULL, 1, 0},
    CLI_OPTIONS_IMAGE_DATA,
    CLI_OPTION_FORCE,
    CLI_OPTIONS_MODEL,
    CLI_OPTIONS_END,
};

static int compute(cli_session *s) {
  clf_table logp;
  if (clf_table_new(cli_row_count(s), 1, &logp) != CLF_OK) return cli_fail_library();
  int code = cli_log_probs(s, logp.at);
  if (!code) code = cli_put_table(out, &logp, "logp", 0);
  clf_table_free(&logp);
  return code;
}

static int run(void) {
  int code = cli_check_table(out);
  if (code) return code;
  cli_session s;
  code = cli_session_open(&s);
  if (!code) code = compute(&s);
  cli_session_close(&s);
  return code;
}

const cli_verb cli_log_prob = {
    .name = "log-prob",
    .usage = "MODEL --data DATA --out FILE [options]",
    .purpose = "Writes log p(x) of each sample.",
    .example = "clflow log-prob moons.safetensors --data points.csv --out logp.csv",
    .options = options,
    .run = run,
};
