/* SPDX-License-Identifier: MIT */
/* export.c: `clflow export` writes a model as source text for other programs. */
#include "cli.h"
#include "clflow/export.h"
#include <string.h>

static struct {
  const char *c, *name, *pytorch;
  cli_texts only;
  int single;
} o;

static cli_option options[] = {
    CLI_OPERAND_MODEL,
    {"--c", "FILE",
     "write one file of C99 (and C++11) that calls libm alone, with the functions NAME_log_prob, "
     "NAME_transform, NAME_inverse and NAME_sample",
     CLI_OUTPUT, &o.c, NULL, 0, 0},
    {"--name", "NAME", "begin the names of functions with this", CLI_TEXT, &o.name, "density", 0,
     0},
    {"--only", "LIST", "write only these functions: log-prob, transform, inverse, sample",
     CLI_TEXTS, &o.only, NULL, 0, 0},
    {"--float", NULL, "compute in float instead of double", CLI_FLAG, &o.single, NULL, 0, 0},
    {"--pytorch", "NAME",
     "write NAME.pt, a state_dict, and NAME.py, a module of plain torch that loads it", CLI_TEXT,
     &o.pytorch, NULL, 0, 0},
    CLI_OPTION_FORCE,
    CLI_OPTIONS_MODEL,
    CLI_OPTIONS_END,
};

static int chosen(unsigned *what) {
  static const char *const names[] = {"log-prob", "transform", "inverse", "sample"};
  *what = 0;
  for (int i = 0; i < o.only.count; i++) {
    int k = 0;
    while (k < 4 && strcmp(o.only.at[i], names[k]) != 0) k++;
    if (k == 4)
      return cli_usage("--only: there is no function \"%s\"; there are log-prob, transform, "
                       "inverse and sample",
                       o.only.at[i]);
    *what |= 1U << k; /* the bits of clflow/export.h */
  }
  return CLI_OK;
}

static int write_c(clf_flow *flow) {
  unsigned what;
  int code = chosen(&what);
  if (!code && clf_export_c(flow, o.c, o.name, what, o.single) != CLF_OK) code = cli_fail_library();
  return code;
}

static int write_pytorch(clf_flow *flow) {
  return clf_export_pytorch(flow, o.pytorch) == CLF_OK ? CLI_OK : cli_fail_library();
}

/* `--pytorch NAME` names no file itself. */
static const char *also_writes(int i, const char **option) {
  static const char *const endings[] = {".pt", ".py"};
  static char name[4096];
  *option = "--pytorch";
  if (!o.pytorch || i > 1) return NULL;
  const int n = snprintf(name, sizeof name, "%s%s", o.pytorch, endings[i]);
  return n < (int)sizeof name ? name : NULL;
}

/* The formats: the option that names the file, and what the option takes. */
static const struct {
  const char *const *file;
  int (*write)(clf_flow *flow);
} targets[] = {
    {&o.c, write_c},
    {&o.pytorch, write_pytorch},
};
enum { TARGETS = sizeof targets / sizeof *targets };

static int run(void) {
  cli_session s;
  int wanted = 0, code;
  for (int i = 0; i < TARGETS; i++) wanted |= *targets[i].file != NULL;
  if (!wanted) return cli_usage("give --c FILE or --pytorch NAME to write");
  if (!cli_common.device) cli_common.device = "cpu64"; /* full precision of the numbers */
  code = cli_check_file("--c", o.c, NULL);
  if (!code) code = cli_check_file("--pytorch", o.pytorch, NULL);
  if (code) return code;
  code = cli_session_open(&s);
  for (int i = 0; i < TARGETS && !code; i++)
    if (*targets[i].file) code = targets[i].write(s.flow);
  cli_session_close(&s);
  return code;
}

const cli_verb cli_export = {
    .name = "export",
    .usage = "MODEL --c FILE [options]",
    .purpose = "Write a model as source code.",
    .details =
        "The file evaluates and samples the model without clflow: it allocates nothing, has no "
        "writable data and runs in any number of threads. Standardisation, bounds, grids and the "
        "names of columns are part of it. Sample i of a seed is that of `clflow sample`. Flows of "
        "images cannot be exported.",
    .examples = "clflow export wine.flow --c wine.c --name wine\n"
                "clflow export wine.flow --c wine.c --float --only log-prob",
    .options = options,
    .run = run,
    .also_writes = also_writes,
};
