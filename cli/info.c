/* SPDX-License-Identifier: MIT */
/* info.c: `clflow info`: what a model file holds. */
#include "cli.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

static int json;

static cli_option options[] = {
    CLI_OPERAND_MODEL,
    {"--json", NULL, "print a JSON object", CLI_FLAG, &json, NULL, 0, 0},
    CLI_OPTIONS_MODEL,
    CLI_OPTIONS_END,
};

/* ---- For people ---------------------------------------------------------- */

static void print_spec(const clf_flow_spec *spec, int scaled) {
  printf("kind      %s\ndim       %d\n", clf_kind_name(spec->kind), spec->dim);
  if (spec->kind == CLF_PIECEWISE) {
    printf("bins      %d\ninterval  %.10g to %.10g%s\n", spec->bins, spec->xmin, spec->xmax,
           scaled ? " of the scaled data" : "");
    printf("tails     %s\n", spec->tails ? "linear" : "none");
  } else {
    printf("hidden    %d\ndepth     %d\n", spec->hidden, spec->depth);
  }
  if (spec->kind == CLF_NVP && spec->s_max > 0) printf("s-max     %.10g\n", spec->s_max);
  printf("seed      %" PRIu64 "\n", spec->seed);
}

static void print_scaling(const clf_flow *flow) {
  const double *mean, *std;
  if (!clf_flow_scaling(flow, &mean, &std)) {
    puts("scaling   none");
    return;
  }
  const int32_t dim = clf_flow_get_spec(flow)->dim;
  for (int32_t i = 0; i < dim; i++)
    printf("%s(x%d - %.10g) / %.10g\n", i ? "          " : "scaling   ", i, mean[i], std[i]);
}

static void print_history(clf_history h) {
  if (h.steps == 0) {
    puts("trained   never");
    return;
  }
  printf("trained   %" PRId64 " epochs, %" PRId64 " steps\n", h.epochs, h.steps);
  if (isfinite(h.train)) printf("train     %.6f nats, mean log-likelihood\n", h.train);
  if (isfinite(h.valid)) printf("valid     %.6f nats, held-out rows\n", h.valid);
  if (h.best_epoch) printf("best      epoch %" PRId64 ", whose weights these are\n", h.best_epoch);
}

static void print_resumable(void) {
  clf_train_options t;
  if (clf_train_options_load(cli_common.model, &t) != CLF_OK) {
    puts("resume    no: the file holds weights only");
    return;
  }
  printf("resume    yes: --epochs %" PRId64 " --batch %" PRId32 " --lr %.10g --seed %" PRIu64,
         t.epochs, t.batch, t.lr, t.seed);
  if (!t.shuffle) fputs(" --no-shuffle", stdout);
  if (t.valid_split > 0) printf(" --valid-split %.10g", t.valid_split);
  if (t.standardize) fputs(" --standardize", stdout);
  putchar('\n');
}

static void format_shape(const clf_param *p, char *text, size_t size) {
  if (p->rank == 1)
    snprintf(text, size, "%d", p->at.dim[0]);
  else
    snprintf(text, size, "%d x %d", p->at.dim[0], p->at.dim[1]);
}

static void print_params(const clf_flow *flow) {
  int width = (int)strlen("tensor");
  const int count = clf_flow_param_count(flow);
  for (int i = 0; i < count; i++) {
    const clf_param p = clf_flow_param(flow, i);
    if ((int)strlen(p.name) > width) width = (int)strlen(p.name);
  }
  printf("\n%-*s  shape\n", width, "tensor");
  for (int i = 0; i < count; i++) {
    const clf_param p = clf_flow_param(flow, i);
    char shape[32];
    format_shape(&p, shape, sizeof shape);
    printf("%-*s  %s%s\n", width, p.name, shape, p.trainable ? "" : ", fixed");
  }
}

static int print_text(const clf_flow *flow) {
  const double *mean, *std;
  print_spec(clf_flow_get_spec(flow), clf_flow_scaling(flow, &mean, &std));
  print_scaling(flow);
  print_history(clf_flow_history(flow));
  print_resumable();
  printf("weights   %" PRId64 "\n", clf_flow_weight_count(flow));
  print_params(flow);
  return CLI_OK;
}

/* ---- For programs -------------------------------------------------------- */

static json_t *spec_json(const clf_flow_spec *spec) {
  const char *kind = clf_kind_name(spec->kind);
  if (spec->kind == CLF_PIECEWISE)
    return json_pack("{s:s, s:i, s:i, s:o, s:o, s:s, s:o}", "kind", kind, "dim", (int)spec->dim,
                     "bins", (int)spec->bins, "xmin", cli_json_number(spec->xmin), "xmax",
                     cli_json_number(spec->xmax), "tails", spec->tails ? "linear" : "none", "seed",
                     cli_json_unsigned(spec->seed));
  return json_pack("{s:s, s:i, s:i, s:i, s:o, s:o}", "kind", kind, "dim", (int)spec->dim, "hidden",
                   (int)spec->hidden, "depth", (int)spec->depth, "s_max",
                   cli_json_number(spec->s_max), "seed", cli_json_unsigned(spec->seed));
}

static json_t *scaling_json(const clf_flow *flow) {
  const double *mean, *std;
  if (!clf_flow_scaling(flow, &mean, &std)) return json_null();
  const int32_t dim = clf_flow_get_spec(flow)->dim;
  return json_pack("{s:o, s:o}", "mean", cli_json_numbers(mean, dim), "std",
                   cli_json_numbers(std, dim));
}

static json_t *history_json(clf_history h) {
  return json_pack("{s:I, s:I, s:o, s:o, s:I}", "epochs", (json_int_t)h.epochs, "steps",
                   (json_int_t)h.steps, "train", cli_json_number(h.train), "valid",
                   cli_json_number(h.valid), "best_epoch", (json_int_t)h.best_epoch);
}

static json_t *params_json(const clf_flow *flow) {
  json_t *array = json_array();
  for (int i = 0; array && i < clf_flow_param_count(flow); i++) {
    const clf_param p = clf_flow_param(flow, i);
    json_t *shape = p.rank == 1 ? json_pack("[i]", (int)p.at.dim[0])
                                : json_pack("[i, i]", (int)p.at.dim[0], (int)p.at.dim[1]);
    json_t *row =
        json_pack("{s:s, s:o, s:b}", "name", p.name, "shape", shape, "trainable", p.trainable);
    if (json_array_append_new(array, row) == 0) continue;
    json_decref(array);
    return NULL;
  }
  return array;
}

static int print_json(const clf_flow *flow) {
  clf_train_options t;
  const int resumable = clf_train_options_load(cli_common.model, &t) == CLF_OK;
  return cli_json_print(json_pack(
      "{s:o, s:o, s:o, s:b, s:I, s:o}", "spec", spec_json(clf_flow_get_spec(flow)), "scaling",
      scaling_json(flow), "history", history_json(clf_flow_history(flow)), "resumable", resumable,
      "weights", (json_int_t)clf_flow_weight_count(flow), "tensors", params_json(flow)));
}

static int run(void) {
  /* Reading a file needs no accelerator, nor the wait for one. */
  if (!cli_common.device) cli_common.device = "cpu";
  cli_session s;
  int code = cli_session_open(&s);
  if (!code) code = json ? print_json(s.flow) : print_text(s.flow);
  cli_session_close(&s);
  return code;
}

const cli_verb cli_info = {
    .name = "info",
    .usage = "MODEL [options]",
    .purpose = "Tells what a model file holds.",
    .details = "It takes the device cpu unless --device says otherwise.",
    .example = "clflow info moons.safetensors",
    .options = options,
    .run = run,
};
