/* SPDX-License-Identifier: MIT */
/* info.c: `clflow info` prints the contents of a model file. */
#include "info.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

static int json, arch_only;
static int32_t batch;

/* The start of the training that the file contains, if any. */
static struct {
  int there;
  clf_train_options o;
} training;

static cli_option options[] = {
    CLI_OPERAND_MODEL,
    CLI_OPTION_JSON(&json, "print a JSON object"),
    {"--arch", NULL, "print only the architecture, as text or with --json as JSON", CLI_FLAG,
     &arch_only, NULL, 0, 0},
    {"--batch", "N", "print also the memory that training with batches of N takes", CLI_COUNT32,
     &batch, NULL, 0, 0},
    CLI_OPTIONS_MODEL,
    CLI_OPTIONS_END,
};

/* ---- For people ---------------------------------------------------------- */

static void print_image_spec(const clf_flow_spec *spec) {
  const clf_realnvp_variant *v = &spec->variant;
  printf("images    %d x %d x %d, %d levels\n", spec->height, spec->width, spec->channels,
         spec->levels);
  printf("scales    %d\nwidth     %d\nblocks    %d\n", spec->scales, spec->hidden, spec->blocks);
  printf("alpha     %.10g\n", spec->alpha);
  printf("affine    %s\n", v->scale_first ? "scale-first" : "shift-first");
  printf("logit     %s\n", v->paper_logit ? "paper" : "code");
  printf("mask      %s\n", v->odd_first ? "odd" : "even");
  if (v->no_norm)
    puts("norm      none");
  else
    printf("norm      batch, rho %.10g\n", v->bn_rho);
}

/* A spec has the numbers of its preset; the spec of an architecture has none of them. */
static void print_spec(const clf_flow_spec *spec, int scaled) {
  printf("kind      %s\ndim       %d\n", clf_kind_name(spec->kind), spec->dim);
  if (spec->scales) {
    print_image_spec(spec);
  } else if (spec->bins) {
    printf("bins      %d\ninterval  %.10g to %.10g%s\n", spec->bins, spec->xmin, spec->xmax,
           scaled ? " of the scaled data" : "");
    printf("tails     %s\n", spec->tails ? "linear" : "none");
  } else if (spec->depth) {
    printf("hidden    %d\ndepth     %d\n", spec->hidden, spec->depth);
  }
  if (spec->s_max > 0) printf("s-max     %.10g\n", spec->s_max);
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

/* Prints a mean log p, in bits/dim for images. what: text after the number, instead of "mean
 * log-likelihood". */
static void print_mean(const char *name, double logp, const clf_flow_spec *spec, const char *what) {
  if (!isfinite(logp)) return;
  if (spec->height)
    printf("%-9s %.6f bits/dim%s\n", name, -logp / (spec->dim * log(2)), what);
  else
    printf("%-9s %.6f nats, %s\n", name, logp, *what ? what + 2 : "mean log-likelihood");
}

static void print_history(const clf_flow *flow) {
  const clf_history h = clf_flow_history(flow);
  const clf_flow_spec *spec = clf_flow_get_spec(flow);
  if (h.steps == 0) {
    puts(clf_flow_record(flow) ? "trained   by `clflow fit`" : "trained   not by `clflow train`");
    return;
  }
  printf("trained   %" PRId64 " epochs, %" PRId64 " steps\n", h.epochs, h.steps);
  if (h.early)
    printf("ended     early, as %" PRId64 " validations in a row were no better\n", h.early);
  print_mean("train", h.train, spec, h.reverse ? ", mean lower bound of log Z (ELBO)" : "");
  print_mean("valid", h.valid, spec, spec->height ? ", held-out images" : ", held-out rows");
  if (h.averaged) puts("weights   averaged over steps (--ema)");
  if (!h.best_epoch) return;
  printf("best      epoch %" PRId64 ", whose weights these are\n", h.best_epoch);
  print_mean("", h.best_train, spec, ", its training loss; the last epoch's was much worse");
  if (h.best_step) printf("best step %" PRId64 "\n", h.best_step);
}

static void print_resumable(void) {
  clf_train_options o = training.o;
  char text[1024];
  if (!training.there) {
    puts("resume    no: the file holds weights only");
    return;
  }
  if (o.part >= o.batch) o.part = 0; /* whole batches */
  clf_train_options_text(&o, text, sizeof text);
  printf("resume    yes: %s\n", text);
}

static void format_shape(const clf_param *p, char *text, size_t size) {
  size_t used = 0;
  for (int i = 0; i < p->rank && used < size; i++)
    used += (size_t)snprintf(text + used, size - used, i ? " x %d" : "%d", p->at.dim[i]);
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
    char shape[64];
    format_shape(&p, shape, sizeof shape);
    printf("%-*s  %s%s\n", width, p.name, shape, p.trainable ? "" : ", fixed");
  }
}

/* Plans with the options of the file's training, or otherwise with the default options. */
static int make_plan(const clf_flow *flow, clf_train_plan *plan) {
  const int images = clf_flow_get_spec(flow)->height > 0;
  clf_train_options t = training.there ? training.o
                        : images       ? clf_train_options_images()
                                       : clf_train_options_default();
  t.batch = batch;
  t.part = 0;
  return clf_train_plan_of(flow, &t, 0, plan) == CLF_OK ? CLI_OK : cli_fail_library();
}

static void print_bytes(const char *name, uint64_t bytes) {
  char text[24];
  cli_format_bytes(bytes, text, sizeof text);
  printf("%s %s, ", name, text);
}

static void print_plan(const clf_train_plan *p) {
  char total[24];
  cli_format_bytes(p->total, total, sizeof total);
  printf("memory    %s to train by batches of %d", total, p->batch);
  if (p->part < p->batch) printf(" in parts of %d", p->part);
  fputs(": ", stdout);
  print_bytes("parameters", p->parameters);
  print_bytes("optimiser", p->optimiser);
  print_bytes("activations", p->activations);
  puts("and the data");
}

static int print_text(const clf_flow *flow, const clf_arch *arch, const clf_train_plan *plan) {
  const double *mean, *std;
  print_spec(clf_flow_get_spec(flow), clf_flow_scaling(flow, &mean, &std));
  print_scaling(flow);
  cli_info_print_grid(flow);
  cli_info_columns(flow);
  if (clf_arch_context(arch)) printf("context   %d\n", clf_arch_context(arch));
  printf("flow      %s\n", clf_arch_text(arch));
  print_history(flow);
  print_resumable();
  printf("weights   %" PRId64 "\n", clf_flow_weight_count(flow));
  if (batch) print_plan(plan);
  print_params(flow);
  return CLI_OK;
}

/* ---- For programs -------------------------------------------------------- */

static json_t *image_spec_json(const clf_flow_spec *s) {
  const clf_realnvp_variant *v = &s->variant;
  json_t *spec =
      json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:o, s:o}", "kind",
                clf_kind_name(s->kind), "dim", (int)s->dim, "height", (int)s->height, "width",
                (int)s->width, "channels", (int)s->channels, "scales", (int)s->scales, "hidden",
                (int)s->hidden, "blocks", (int)s->blocks, "levels", (int)s->levels, "alpha",
                cli_json_number(s->alpha), "seed", cli_json_unsigned(s->seed));
  json_t *variant = json_pack(
      "{s:s, s:s, s:s, s:s, s:o}", "affine", v->scale_first ? "scale-first" : "shift-first",
      "logit", v->paper_logit ? "paper" : "code", "mask", v->odd_first ? "odd" : "even", "norm",
      v->no_norm ? "none" : "batch", "bn_rho", cli_json_number(v->bn_rho));
  if (spec && json_object_update(spec, variant) != 0) {
    json_decref(spec);
    spec = NULL;
  }
  json_decref(variant);
  return spec;
}

static json_t *spec_json(const clf_flow_spec *spec) {
  const char *kind = clf_kind_name(spec->kind);
  if (spec->scales) return image_spec_json(spec);
  if (spec->bins)
    return json_pack("{s:s, s:i, s:i, s:o, s:o, s:s, s:o}", "kind", kind, "dim", (int)spec->dim,
                     "bins", (int)spec->bins, "xmin", cli_json_number(spec->xmin), "xmax",
                     cli_json_number(spec->xmax), "tails", spec->tails ? "linear" : "none", "seed",
                     cli_json_unsigned(spec->seed));
  if (!spec->depth)
    return json_pack("{s:s, s:i, s:o}", "kind", kind, "dim", (int)spec->dim, "seed",
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
  return json_pack("{s:I, s:I, s:o, s:o, s:I, s:I, s:o, s:b, s:b, s:I}", "epochs",
                   (json_int_t)h.epochs, "steps", (json_int_t)h.steps, "train",
                   cli_json_number(h.train), "valid", cli_json_number(h.valid), "best_epoch",
                   (json_int_t)h.best_epoch, "best_step", (json_int_t)h.best_step, "best_train",
                   cli_json_number(h.best_train), "lower_bound", h.reverse, "averaged", h.averaged,
                   "early", (json_int_t)h.early);
}

static json_t *params_json(const clf_flow *flow) {
  json_t *array = json_array();
  for (int i = 0; array && i < clf_flow_param_count(flow); i++) {
    const clf_param p = clf_flow_param(flow, i);
    json_t *shape = json_array();
    for (int k = 0; k < p.rank; k++) json_array_append_new(shape, json_integer(p.at.dim[k]));
    json_t *row =
        json_pack("{s:s, s:o, s:b}", "name", p.name, "shape", shape, "trainable", p.trainable);
    if (json_array_append_new(array, row) == 0) continue;
    json_decref(array);
    return NULL;
  }
  return array;
}

static json_t *plan_json(const clf_train_plan *p) {
  return json_pack("{s:i, s:i, s:I, s:I, s:I, s:I}", "batch", (int)p->batch, "part", (int)p->part,
                   "parameters", (json_int_t)p->parameters, "optimiser", (json_int_t)p->optimiser,
                   "activations", (json_int_t)p->activations, "total", (json_int_t)p->total);
}

static int print_json(const clf_flow *flow, const clf_arch *arch, const clf_train_plan *plan) {
  json_t *all =
      json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:I, s:o}", "spec",
                spec_json(clf_flow_get_spec(flow)), "flow", clf_arch_text(arch), "columns",
                cli_info_names(flow), "kinds", cli_info_kinds(flow), "given",
                cli_info_context(flow), "scaling", scaling_json(flow), "discrete",
                cli_info_grid(flow), "limits", cli_info_limits(flow), "history",
                history_json(clf_flow_history(flow)), "resumable", training.there, "weights",
                (json_int_t)clf_flow_weight_count(flow), "tensors", params_json(flow));
  if (all && batch) json_object_set_new(all, "memory", plan_json(plan));
  return cli_json_print(all);
}

/* A file with weights only is not an error; a file that cannot be read a second time is. */
static int load_training(void) {
  const clf_status s = clf_train_options_load(cli_common.model, &training.o);
  training.there = s == CLF_OK;
  return s == CLF_OK || s == CLF_EFORMAT ? CLI_OK : cli_fail_library();
}

static int run(void) {
  /* Reading a file needs no accelerator; starting one would take time. */
  if (!cli_common.device) cli_common.device = "cpu";
  cli_session s;
  clf_train_plan plan = {0};
  int code = cli_session_open(&s);
  if (!code) code = load_training();
  if (!code && batch) code = make_plan(s.flow, &plan);
  clf_arch *arch = NULL;
  if (!code) code = cli_arch_of(s.flow, 0, &arch);
  if (!code && arch_only)
    puts(json ? clf_arch_json(arch) : clf_arch_text(arch));
  else if (!code)
    code = json ? print_json(s.flow, arch, &plan) : print_text(s.flow, arch, &plan);
  clf_arch_free(arch);
  cli_session_close(&s);
  return code;
}

const cli_verb cli_info = {
    .name = "info",
    .usage = "MODEL [options]",
    .purpose = "Describe a model file.",
    .details = "The device is cpu unless --device names another; --batch is about that device.",
    .examples = "clflow info wine.flow\nclflow info moons.safetensors --arch",
    .options = options,
    .run = run,
};
