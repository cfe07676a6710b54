/* SPDX-License-Identifier: MIT */
/* tune_options.c: the options of `clflow tune`, and the object that contains their values. */
#include "tune.h"

struct cli_tuning cli_tuning = {.spec = {.kind = CLF_NVP}};

cli_option cli_tune_options[] = {
    {"MODEL", NULL, "tune for this model (default: for a new one, see --flow)", CLI_OPERAND,
     &cli_common.model, NULL, 0, 0},
    CLI_OPTION("--batch", "N",
               "tune for steps and samples of this size (default: the model's, else that of "
               "`clflow train`)",
               CLI_COUNT32, &cli_tuning.batch, NULL),
    CLI_OPTION("--shapes", "FILE",
               "tune for the calls in this file instead, one in a line: gemm M N K [ta] [tb], or "
               "conv N H W CIN COUT K",
               CLI_INPUT, &cli_tuning.shapes, NULL),
    CLI_SECTION("A new flow"),
    CLI_OPTION("--flow", "FLOW",
               "tune for this flow: nvp, nice, piecewise or realnvp; an architecture as text, or "
               "@FILE; or another preset of `clflow train` (default nvp)",
               CLI_FLOW, &cli_tuning.flow, NULL),
    CLI_OPTION("--dim", "D", "set the columns of the data, unless the text does", CLI_COUNT32,
               &cli_tuning.spec.dim, "2"),
    CLI_OPTION("--hidden", "N", "set the units of each coupling's nets (nvp, nice; default 2)",
               CLI_COUNT32, &cli_tuning.spec.hidden, NULL),
    CLI_OPTION("--depth", "N", "set the number of couplings (nvp, nice; default 4)", CLI_COUNT32,
               &cli_tuning.spec.depth, NULL),
    CLI_OPTION("--preset", "PRESET", "take this preset of images (realnvp; default lecture)",
               CLI_TEXT, &cli_tuning.preset, NULL),
    CLI_OPTION("--size", "HxW",
               "set height and width of the images (realnvp; default: the preset's, or 28x28)",
               CLI_SIZE, &cli_tuning.spec.height, NULL),
    CLI_OPTION("--channels", "1|3",
               "set the channels of the images (realnvp; default: the preset's, or 1)",
               CLI_CHANNELS, &cli_tuning.spec.channels, NULL),
    CLI_OPTION("--scales", "N", "set the number of scales (realnvp; default: the preset's)",
               CLI_COUNT32, &cli_tuning.spec.scales, NULL),
    CLI_OPTION("--width", "N",
               "set the features of the nets at the first scale (realnvp; default: the preset's)",
               CLI_COUNT32, &cli_tuning.spec.hidden, NULL),
    CLI_OPTION("--blocks", "N",
               "set the residual blocks of each net (realnvp; default: the preset's)", CLI_COUNT32,
               &cli_tuning.spec.blocks, NULL),
    CLI_OPTIONS_DEVICE,
    CLI_OPTIONS_END,
};
