/* SPDX-License-Identifier: MIT */
/* plot.c: `clflow plot`: a picture of a model. */
#include "cli.h"
#include "clflow/plot.h"

static struct {
  const char *out;
  uint64_t seed;
} o;

static cli_option options[] = {
    CLI_OPERAND_MODEL,
    {"--out", "FILE.png", "the picture", CLI_OUTPUT, &o.out, NULL, 1, 0},
    {"--data", "DATA", "samples to draw beside it", CLI_DATA, &cli_common.data, NULL, 0, 0},
    {"--seed", "S", "of the samples drawn from the model", CLI_SEED, &o.seed, "1", 0, 0},
    CLI_OPTION_FORCE,
    CLI_OPTIONS_MODEL,
    CLI_OPTIONS_TABLE,
    CLI_OPTIONS_END,
};

static int run(void) {
  int code = cli_check_file("--out", o.out, ".png");
  if (code) return code;
  cli_session s;
  code = cli_session_open(&s);
  const clf_table *data = cli_common.data ? &s.data : NULL;
  if (!code && clf_plot_flow(s.flow, data, o.seed, o.out) != CLF_OK) code = cli_fail_library();
  cli_session_close(&s);
  return code;
}

const cli_verb cli_plot = {
    .name = "plot",
    .usage = "MODEL --out FILE.png [options]",
    .purpose = "Draws a model of one or two dimensions.",
    .example = "clflow plot moons.safetensors --data moons --out moons.png",
    .options = options,
    .run = run,
};
