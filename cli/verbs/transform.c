/* SPDX-License-Identifier: MIT */
/* transform.c: `clflow transform` maps data to latent variables. */
#include "cli.h"

static const char *out, *logdet;

static cli_option options[] = {
    CLI_OPERAND_MODEL,
    CLI_OPTION_DATA("map these rows"),
    {"--out", "FILE",
     "write z of each row, columns z0, z1, ...: .csv, .npy (images as --order says), or - for "
     "standard output",
     CLI_OUTPUT, &out, NULL, 1, 0},
    {"--logdet", "FILE", "write log |det dz/dx| of each row", CLI_OUTPUT, &logdet, NULL, 0, 0},
    CLI_OPTION_GIVEN_ROWS,
    CLI_OPTION_FORCE,
    CLI_OPTIONS_TABLE,
    CLI_OPTIONS_IMAGE_DATA,
    CLI_OPTIONS_MODEL,
    CLI_OPTIONS_END,
};

static clf_status transform(clf_flow *flow, const double *x, const double *c, int64_t n, double *z,
                            double *log_det) {
  return c ? clf_transform_given(flow, x, c, n, z, log_det) : clf_transform(flow, x, n, z, log_det);
}

static int run(void) { return cli_map(transform, CLI_SAMPLES, out, logdet); }

const cli_verb cli_transform = {
    .name = "transform",
    .usage = "MODEL --data DATA --out FILE [options]",
    .purpose = "Map rows x to latent variables z = f(x).",
    .examples =
        "clflow transform moons.safetensors --data moons:n=1000 --out z.npy --logdet ld.npy",
    .options = options,
    .run = run,
    .missing = CLF_MISSING_KEEP,
};
