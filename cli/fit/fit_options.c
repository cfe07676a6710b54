/* SPDX-License-Identifier: MIT */
/* fit_options.c: the options of `clflow fit`, and the object that contains their values. */
#include "fit.h"

struct cli_fit_wanted cli_fit_wanted;

cli_option cli_fit_options[] = {
    {"DATA", NULL, "fit this table, or a built-in set", CLI_DATA, &cli_common.data, NULL, 1, 0},
    {"--time", "SECONDS", "spend this much time at most", CLI_ABOVE_0, &cli_fit_wanted.o.seconds,
     "60", 0, 0},
    {"--out", "FILE",
     "write the model to this file (default: the table's name with .flow, in the current folder)",
     CLI_OUTPUT_MODEL, &cli_fit_wanted.out, NULL, 0, 0},
    {"--report", "FILE.html",
     "write the report to this file (default: the model's path with .report.html)", CLI_OUTPUT,
     &cli_fit_wanted.report, NULL, 0, 0},
    CLI_OPTION_GIVEN(
        "model the other columns given these columns of DATA, separated by commas; or given the "
        "columns of FILE.csv or FILE.npy, which has a row for each row of DATA"),
    CLI_OPTION("--weights", "COLUMN", "weight the rows by this column; only ratios matter",
               CLI_TEXT, &cli_fit_wanted.weights, NULL),
    CLI_OPTION("--seed", "S", "seed the random numbers: division of rows, starts, order, noise",
               CLI_SEED, &cli_fit_wanted.o.seed, "1"),
    CLI_OPTION("--quick", NULL, "try only the baselines and one flow", CLI_FLAG,
               &cli_fit_wanted.o.quick, NULL),
    CLI_OPTION("--refit", NULL, "train the chosen model once more, on all rows", CLI_FLAG,
               &cli_fit_wanted.o.refit, NULL),
    CLI_OPTION("--repeat", "MODEL",
               "repeat an earlier fit of the same rows: the same candidates and numbers of steps, "
               "the same bits",
               CLI_INPUT, &cli_fit_wanted.repeat, NULL),
    CLI_OPTION("--valid", "FILE", "choose by these rows instead of a tenth of DATA", CLI_DATA,
               &cli_fit_wanted.valid, NULL),
    CLI_OPTION("--test", "FILE", "score the chosen model on these rows instead of a tenth of DATA",
               CLI_DATA, &cli_fit_wanted.test, NULL),
    CLI_OPTION("--json", NULL, "print the record of the fit as a JSON object", CLI_FLAG,
               &cli_fit_wanted.json, NULL),
    CLI_OPTION_FORCE,
    CLI_OPTIONS_TABLE,
    CLI_OPTIONS_DEVICE,
    CLI_OPTIONS_END,
};
