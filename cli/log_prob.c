/* SPDX-License-Identifier: MIT */
/* log_prob.c: `clflow log-prob`: the log-density at each sample. */
#include "cli.h"
#include <inttypes.h>

static const char *out;

static cli_option options[] = {
    CLI_OPERAND_MODEL,
    CLI_OPTION_DATA("samples to evaluate"),
    {"--out", "FILE", "a row `logp` for each sample, in nats: .csv, .npy, or - to print CSV",
     CLI_OUTPUT, &out, NULL, 1, 0},
    CLI_OPTION_GIVEN_ROWS,
    CLI_OPTION_STRICT_ROWS,
    CLI_OPTIONS_IMAGE_ROWS,
    CLI_OPTION_FORCE,
    CLI_OPTIONS_MODEL,
    CLI_OPTIONS_TABLE,
    CLI_OPTIONS_END,
};

static void say_zeros(const cli_session *s, const clf_table *logp) {
  const clf_score score = clf_score_of(logp->at, logp->rows, clf_flow_get_spec(s->flow)->dim);
  if (score.zeros)
    cli_say("log p is -inf at %" PRId64 " of %" PRId64 " %s, where the density is zero",
            score.zeros, score.count, s->images ? "images" : "rows");
}

static int compute(cli_session *s) {
  clf_table logp;
  if (clf_table_new(cli_row_count(s), 1, &logp) != CLF_OK) return cli_fail_library();
  int code = cli_log_probs(s, logp.at);
  if (!code) code = cli_put_table(out, &logp, "logp", 0);
  if (!code) say_zeros(s, &logp);
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
    .details = "Samples outside of the model's support, or so far out that the model overflows, "
               "have zero\n"
               "density: log p is -inf.",
    .example = "clflow log-prob moons.safetensors --data points.csv --out logp.csv",
    .options = options,
    .run = run,
};
