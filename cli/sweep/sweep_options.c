/* SPDX-License-Identifier: MIT */
/* sweep_options.c: the options of `clflow sweep`, and the object that contains their values. */
#include "sweep.h"

struct cli_sweep_wanted cli_sweep_wanted;

cli_option cli_sweep_options[] = {
    CLI_OPTION("--seeds", "LIST", "train with each of these seeds: 1..8, or 1,5,9..12", CLI_TEXT,
               &cli_sweep_wanted.seeds, "1"),
    CLI_OPTION("--vary", "NAME=V,V,...",
               "train with each of these values of an option of `clflow train`: lr=1e-3,3e-4; may "
               "be given several times",
               CLI_LIST, &cli_sweep_wanted.vary, NULL),
    CLI_OPTION("--flow", "FLOW",
               "train this architecture (see `clflow train`); may be given several times", CLI_LIST,
               &cli_sweep_wanted.flows, NULL),
    CLI_OPTION("--devices", "LIST",
               "train on these devices at the same time, one training on each; separated by commas",
               CLI_TEXTS, &cli_sweep_wanted.devices, NULL),
    CLI_OPTION("--out", "FILE", "write the best model, or the blend, to this file",
               CLI_OUTPUT_MODEL, &cli_sweep_wanted.out, NULL),
    CLI_OPTION("--folder", "FOLDER",
               "keep the models, logs and messages of all trainings here (default: --out's name "
               "with .sweep)",
               CLI_TEXT, &cli_sweep_wanted.folder, NULL),
    CLI_OPTION("--resume", NULL,
               "continue the sweep in --folder; finished trainings are not repeated", CLI_FLAG,
               &cli_sweep_wanted.resume, NULL),
    CLI_OPTION("--force", NULL, "replace a sweep in --folder", CLI_FLAG, &cli_common.force, NULL),
    CLI_SECTION("Result"),
    CLI_OPTION("--blend", "K",
               "write a blend of the K best models, with equal weights, instead of the best",
               CLI_COUNT32, &cli_sweep_wanted.blend, NULL),
    CLI_OPTION("--test", "FILE", "score the result once on these rows, which no choice depends on",
               CLI_DATA, &cli_sweep_wanted.test, NULL),
    CLI_OPTION("--json", NULL, "print a JSON object in place of tables", CLI_FLAG,
               &cli_sweep_wanted.json, NULL),
    CLI_OPTIONS_DEVICE,
    CLI_OPTION_MPI,
    CLI_OPTIONS_END,
};
