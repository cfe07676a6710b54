/* SPDX-License-Identifier: MIT */
/* invert.c: `clflow invert` maps latent variables to data. */
#include "cli.h"

static const char *out, *logdet;

static cli_option options[] = {
    CLI_OPERAND_MODEL,
    CLI_OPTION_DATA("map these latent variables z, one in each row"),
    {"--out", "FILE",
     "write x of each row: .csv, .npy (images as --order says), or - for standard output",
     CLI_OUTPUT, &out, NULL, 1, 0},
    {"--logdet", "FILE", "write log |det dx/dz| of each row", CLI_OUTPUT, &logdet, NULL, 0, 0},
    CLI_OPTION_GIVEN_ROWS,
    CLI_OPTION_FORCE,
    CLI_OPTIONS_TABLE,
    CLI_SECTION("Images"),
    CLI_OPTION_ORDER,
    CLI_OPTIONS_MODEL,
    CLI_OPTIONS_END,
};

static clf_status invert(clf_flow *flow, const double *z, const double *c, int64_t n, double *x,
                         double *log_det) {
  return c ? clf_invert_given(flow, z, c, n, x, log_det) : clf_invert(flow, z, n, x, log_det);
}

static int run(void) {
  if (clf_is_image_source(cli_common.data))
    return cli_usage("%s holds images; invert takes latent variables, a table or a .npy of floats",
                     cli_common.data);
  return cli_map(invert, CLI_LATENTS, out, logdet);
}

const cli_verb cli_invert = {
    .name = "invert",
    .usage = "MODEL --data DATA --out FILE [options]",
    .purpose = "Map latent variables z back to x.",
    .examples = "clflow invert moons.safetensors --data z.npy --out x.csv",
    .options = options,
    .run = run,
};
