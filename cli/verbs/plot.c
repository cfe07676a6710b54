/* SPDX-License-Identifier: MIT */
/* plot.c: `clflow plot` draws a picture of a model, or one picture of its report. */
#include "cli.h"
#include "clflow/plot.h"
#include <stdlib.h>
#include <string.h>

/* The first two operands: PICTURE MODEL, or only MODEL. */
static struct {
  const char *first, *second, *out, *pairs;
  uint64_t seed;
} o;

static const char *const pictures[CLF_PICTURES] = {
    [CLF_PICTURE_MARGINALS] = "marginals",
    [CLF_PICTURE_PAIRS] = "pairs",
    [CLF_PICTURE_PIT] = "pit",
    [CLF_PICTURE_RANK] = "rank",
    [CLF_PICTURE_CURVES] = "curves",
    [CLF_PICTURE_CANDIDATES] = "candidates",
};

static cli_option options[] = {
    {"PICTURE", NULL,
     "draw this picture of `clflow report`: marginals, pairs, pit, rank, curves or candidates; "
     "without PICTURE, draw the density of a model of one or two columns",
     CLI_OPERAND, &o.first, NULL, 0, 0},
    CLI_OPERAND_MODEL_TO(&o.second, 0),
    {"--out", "FILE.png", "write the picture to this file", CLI_OUTPUT, &o.out, NULL, 1, 0},
    {"--data", "DATA", "compare the model with these rows; a PICTURE needs them", CLI_DATA,
     &cli_common.data, NULL, 0, 0},
    CLI_OPTION_PAIRS(&o.pairs),
    CLI_OPTION_SEED(&o.seed, "samples of the model"),
    CLI_OPTION_GIVEN_ROWS,
    CLI_OPTION_FORCE,
    CLI_OPTIONS_TABLE,
    CLI_OPTIONS_MODEL,
    CLI_OPTIONS_END,
};

static int find_picture(const char *name, clf_report_picture *picture) {
  for (int i = 0; i < CLF_PICTURES; i++) {
    if (strcmp(name, pictures[i]) != 0) continue;
    *picture = (clf_report_picture)i;
    return CLI_OK;
  }
  return cli_usage("there is no picture %s; there are marginals, pairs, pit, rank, curves and "
                   "candidates",
                   cli_clean(name));
}

static int draw_picture(cli_session *s, clf_report_picture picture) {
  cli_report_rows r;
  int code = cli_report_open(s, o.pairs, NULL, o.seed, &r);
  if (!code && clf_report_plot(&r.source, picture, o.out) != CLF_OK) code = cli_fail_library();
  cli_report_close(&r);
  return code;
}

static int draw_flow(cli_session *s) {
  const clf_table *data = cli_common.data ? &s->data : NULL;
  return clf_plot_flow(s->flow, data, o.seed, o.out) == CLF_OK ? CLI_OK : cli_fail_library();
}

/* Checks that need no model. */
static int check(clf_report_picture *picture) {
  if (!o.first) return cli_usage("MODEL is missing; usage: clflow plot %s", cli_plot.usage);
  int code = o.second ? find_picture(o.first, picture) : CLI_OK;
  if (!code && o.second && !cli_common.data)
    code = cli_usage("--data is missing: the rows to compare the model with");
  if (!code && o.pairs && (!o.second || *picture != CLF_PICTURE_PAIRS))
    code = cli_usage("--pairs is for the picture pairs; leave it out");
  return code ? code : cli_check_file("--out", o.out, ".png");
}

static int run(void) {
  clf_report_picture picture = CLF_PICTURE_MARGINALS;
  int code = check(&picture);
  if (code) return code;
  cli_session s;
  cli_common.model = o.second ? o.second : o.first;
  code = cli_session_open(&s);
  if (!code) code = o.second ? draw_picture(&s, picture) : draw_flow(&s);
  cli_session_close(&s);
  return code;
}

const cli_verb cli_plot = {
    .name = "plot",
    .usage = "[PICTURE] MODEL --out FILE.png [options]",
    .purpose = "Draw a model: its density, or how well it fits a table.",
    .examples = "clflow plot moons.safetensors --data moons --out moons.png\nclflow plot pit "
                "wine.flow --data wine.csv --out pit.png",
    .options = options,
    .run = run,
    .missing = CLF_MISSING_DROP,
};
