/* SPDX-License-Identifier: MIT */
/* train.c: `clflow train`: from data to a model file. */
#define _POSIX_C_SOURCE 200809L
#include "cli.h"
#include "clflow/plot.h"
#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
  const char *out, *init, *log, *plot, *curve;
  clf_flow_spec spec;
  clf_train_options train;
  int resume, weights_only;
  double save_every;
} o = {.spec = {.xmin = NAN, .xmax = NAN}, .train = {.shuffle = 1}};

/* The words of --flow stand in the order of clf_kind. */
_Static_assert(sizeof(clf_kind) == sizeof(int) && CLF_NVP == 0 && CLF_NICE == 1, "clf_kind");
_Static_assert(CLF_PIECEWISE == 2, "clf_kind");

#define HEADING(text)                                                                              \
  { "", NULL, text, CLI_HEADING, NULL, NULL, 0, 0 }
#define OPTION(name, arg, help, type, to, initial)                                                 \
  { name, arg, help, type, to, initial, 0, 0 }

static cli_option options[] = {
    HEADING("Files"),
    CLI_OPTION_DATA("samples to fit"),
    {"--out", "FILE",
     "the model, as safetensors; a file of this name is replaced whole, at the "
     "first save",
     CLI_TEXT, &o.out, NULL, 1, 0},
    OPTION("--init", "MODEL", "start from the weights of this model", CLI_TEXT, &o.init, NULL),
    OPTION("--resume", NULL,
           "go on with the training in --out, whose options hold; a larger "
           "--epochs extends it",
           CLI_FLAG, &o.resume, NULL),
    OPTION("--save-every", "SECONDS", "save so often while training; 0: at the end only",
           CLI_FROM_0, &o.save_every, "60"),
    OPTION("--weights-only", NULL, "save without what --resume needs", CLI_FLAG, &o.weights_only,
           NULL),
    OPTION("--log", "FILE",
           "JSON lines: an object for each epoch, and one for each batch of "
           "losses; --resume adds to it",
           CLI_TEXT, &o.log, NULL),
    OPTION("--plot", "FILE.png", "draw the flow; with more than two columns, as --plot-curve",
           CLI_TEXT, &o.plot, NULL),
    OPTION("--plot-curve", "FILE.png", "draw the log-likelihood over the epochs of this run",
           CLI_TEXT, &o.curve, NULL),

    HEADING("Model"),
    OPTION("--flow", "nvp|nice|piecewise",
           "affine couplings, additive couplings, or a piecewise "
           "linear map of one column (default nvp; piecewise for data of one column)",
           CLI_CHOICE, &o.spec.kind, NULL),
    OPTION("--hidden", "N", "nvp, nice: units of each coupling's networks", CLI_COUNT32,
           &o.spec.hidden, "2"),
    OPTION("--depth", "N", "nvp, nice: couplings", CLI_COUNT32, &o.spec.depth, "4"),
    OPTION("--s-max", "S", "nvp: bound on each log-scale, 0: none", CLI_FROM_0, &o.spec.s_max, "0"),
    OPTION("--bins", "N", "piecewise: linear pieces", CLI_COUNT32, &o.spec.bins, "100"),
    OPTION("--xmin", "X",
           "piecewise: lower end of its interval, in the data's units (default the data's least, "
           "less a margin)",
           CLI_NUMBER, &o.spec.xmin, NULL),
    OPTION("--xmax", "X", "piecewise: upper end (default the data's greatest, plus a margin)",
           CLI_NUMBER, &o.spec.xmax, NULL),
    OPTION("--tails", "none|linear",
           "piecewise: beyond the interval, refuse samples or continue "
           "the outer pieces",
           CLI_CHOICE, &o.spec.tails, "none"),

    HEADING("Training"),
    OPTION("--epochs", "N", "passes over the data, in all", CLI_COUNT, &o.train.epochs, "100"),
    OPTION("--batch", "N", "samples a step", CLI_COUNT32, &o.train.batch, "100"),
    OPTION("--lr", "X", "Adam's step size", CLI_ABOVE_0, &o.train.lr, "0.01"),
    OPTION("--no-shuffle", NULL, "take the rows in their own order", CLI_FLAG_OFF, &o.train.shuffle,
           NULL),
    OPTION("--valid-split", "P",
           "part of the rows held out; the weights of the epoch that is best "
           "on them are kept",
           CLI_PART, &o.train.valid_split, "0"),
    OPTION("--standardize", NULL, "scale each column to mean 0 and deviation 1 first", CLI_FLAG,
           &o.train.standardize, NULL),
    OPTION("--seed", "S", "of initial weights, order and held-out rows", CLI_SEED, &o.train.seed,
           "1"),
    CLI_OPTIONS_DEVICE,
    CLI_OPTIONS_END,
};

static int is_given(const char *name) {
  const cli_option *option = options;
  while (strcmp(option->name, name) != 0) option++;
  return option->given;
}

/* ---- Options that do not go together --------------------------------------- */

/* Refuses an option that differs from what `file` holds in its place.  `mine` is the part
 * of `o` of the same type, so that one offset finds both. */
static int check_agreement(const void *mine, const void *file, size_t size) {
  for (const cli_option *option = options; option->name; option++) {
    const uintptr_t begin = (uintptr_t)mine, at = (uintptr_t)option->to;
    if (!option->given || at < begin || at >= begin + size) continue;
    const void *theirs = (const char *)file + (at - begin);
    if (memcmp(option->to, theirs, cli_size(option->type)) == 0) continue;
    char got[48], has[48];
    cli_format(option, option->to, got, sizeof got);
    cli_format(option, theirs, has, sizeof has);
    if (option->type == CLI_FLAG || option->type == CLI_FLAG_OFF)
      return cli_usage("%s does not agree with %s, which was trained otherwise; leave it out",
                       option->name, o.init ? o.init : o.out);
    return cli_usage("%s %s does not agree with %s, which has %s; leave it out", option->name, got,
                     o.init ? o.init : o.out, has);
  }
  return CLI_OK;
}

/* Refuses an option of another kind of flow than the one that is to be trained. */
static int check_kind(clf_kind kind) {
  static const struct {
    const char *option;
    unsigned kinds;
  } rules[] = {
      {"--hidden", 1U << CLF_NVP | 1U << CLF_NICE},
      {"--depth", 1U << CLF_NVP | 1U << CLF_NICE},
      {"--s-max", 1U << CLF_NVP},
      {"--bins", 1U << CLF_PIECEWISE},
      {"--xmin", 1U << CLF_PIECEWISE},
      {"--xmax", 1U << CLF_PIECEWISE},
      {"--tails", 1U << CLF_PIECEWISE},
  };
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
    if (is_given(rules[i].option) && !(rules[i].kinds >> kind & 1))
      return cli_usage("%s has no meaning for a flow of kind %s", rules[i].option,
                       clf_kind_name(kind));
  return CLI_OK;
}

static int check_outputs(void) {
  if (o.resume && o.init)
    return cli_usage("--init and --resume exclude each other: both say where to begin");
  if (o.resume && access(o.out, F_OK) != 0)
    return cli_fail("there is no %s to resume; without --resume a training begins anew", o.out);
  int code = cli_check_file("--out", o.out, NULL);
  if (!code) code = cli_check_file("--log", o.log, NULL);
  if (!code) code = cli_check_file("--plot", o.plot, ".png");
  if (!code) code = cli_check_file("--plot-curve", o.curve, ".png");
  return code;
}

/* ---- The flow -------------------------------------------------------------- */

/* The data's own interval, and a little more: a device that computes in float must not
 * round the outermost samples out of it.  A flow of standardised data has it in their
 * units; the mean and deviation of the training rows, found later, differ a little
 * from those of all rows, hence the wider margin. */
static void default_interval(const clf_table *data, clf_flow_spec *spec) {
  double least = data->at[0], most = least, mean = 0, std = 1;
  for (int64_t i = 0; i < data->rows; i++) {
    least = fmin(least, data->at[i]);
    most = fmax(most, data->at[i]);
  }
  if (o.train.standardize) clf_table_moments(data, NULL, 0, &mean, &std);
  double margin = least < most ? 4 * FLT_EPSILON * fmax(fabs(least), fabs(most)) : 0;
  if (o.train.standardize) margin += 0.1 * (most - least);
  if (isnan(spec->xmin)) spec->xmin = least - margin;
  if (isnan(spec->xmax)) spec->xmax = most + margin;
  if (std == 0) return; /* the trainer refuses a constant column, by its number */
  spec->xmin = (spec->xmin - mean) / std;
  spec->xmax = (spec->xmax - mean) / std;
}

static int new_flow(cli_session *s) {
  clf_flow_spec *spec = &o.spec;
  if (!is_given("--flow")) spec->kind = s->data.cols == 1 ? CLF_PIECEWISE : CLF_NVP;
  const int code = check_kind(spec->kind);
  if (code) return code;
  if (spec->kind == CLF_PIECEWISE && s->data.cols != 1)
    return cli_fail("--flow piecewise takes data of one column, %s has %d", cli_common.data,
                    s->data.cols);
  spec->dim = s->data.cols;
  spec->seed = o.train.seed;
  if (spec->kind == CLF_PIECEWISE) default_interval(&s->data, spec);
  if (clf_flow_create(s->dev, spec, &s->flow) != CLF_OK) return cli_fail_library();
  return CLI_OK;
}

static int load_flow(cli_session *s, const char *path) {
  int code = cli_load(s->dev, path, o.spec.xmin, o.spec.xmax, &s->flow);
  if (code) return code;
  const clf_flow_spec *spec = clf_flow_get_spec(s->flow);
  code = check_kind(spec->kind);
  if (!code) code = check_agreement(&o.spec, spec, sizeof *spec);
  if (!code) code = cli_check_columns(cli_common.data, &s->data, path, s->flow);
  return code;
}

/* The options are those of the file, but that it may be to go on for longer. */
static int resume_options(void) {
  clf_train_options file;
  if (clf_train_options_load(o.out, &file) != CLF_OK) return cli_fail_library();
  const int64_t epochs = is_given("--epochs") ? o.train.epochs : file.epochs;
  if (epochs < file.epochs)
    return cli_usage("--epochs %" PRId64 " is less than the %" PRId64
                     " of the training in %s; give as many or more",
                     epochs, file.epochs, o.out);
  o.train.epochs = file.epochs = epochs;
  const int code = check_agreement(&o.train, &file, sizeof file);
  o.train = file;
  return code;
}

static int prepare(cli_session *s, cli_training *t) {
  if (clf_table_read(cli_common.data, &s->data) != CLF_OK) return cli_fail_library();
  const clf_train_options usual = clf_train_options_default();
  o.train.beta1 = usual.beta1;
  o.train.beta2 = usual.beta2;
  o.train.eps = usual.eps;
  int code = o.resume ? resume_options() : CLI_OK;
  if (!code) code = cli_open_device(&s->dev);
  if (code) return code;
  code = o.resume ? load_flow(s, o.out) : o.init ? load_flow(s, o.init) : new_flow(s);
  if (code) return code;
  if (clf_trainer_create(s->flow, &s->data, &o.train, &t->trainer) != CLF_OK)
    return cli_fail_library();
  if (o.resume && clf_trainer_resume(t->trainer, o.out) != CLF_OK) return cli_fail_library();
  t->flow = s->flow;
  t->out = o.out;
  t->weights_only = o.weights_only;
  t->save_every = o.save_every;
  return CLI_OK;
}

/* Files of this run are opened last, when nothing else can refuse it. */
static int open_outputs(cli_training *t) {
  const int32_t dim = clf_flow_get_spec(t->flow)->dim;
  if (o.plot && o.curve && dim > 2)
    return cli_usage("--plot draws flows of one or two columns, this one has %d; leave it out",
                     dim);
  if (o.plot && dim > 2) {
    o.curve = o.plot;
    o.plot = NULL;
  }
  if (o.curve) {
    t->train = calloc((size_t)o.train.epochs, sizeof *t->train);
    t->valid = calloc((size_t)o.train.epochs, sizeof *t->valid);
    if (!t->train || !t->valid)
      return cli_fail("out of memory for the curve of %" PRId64 " epochs", o.train.epochs);
  }
  if (!o.log) return CLI_OK;
  t->log = fopen(o.log, o.resume ? "a" : "w");
  return t->log ? CLI_OK : cli_fail("--log %s: %s", o.log, strerror(errno));
}

/* ---- Results --------------------------------------------------------------- */

static void print_heading(const cli_session *s) {
  const clf_flow_spec *spec = clf_flow_get_spec(s->flow);
  printf("device               %s\n", clf_device_name(s->dev));
  printf("flow                 %s", clf_kind_name(spec->kind));
  if (spec->kind == CLF_PIECEWISE)
    printf(", %d bins from %.6g to %.6g", spec->bins, spec->xmin, spec->xmax);
  else
    printf(", %d column%s, hidden %d, depth %d", spec->dim, spec->dim == 1 ? "" : "s", spec->hidden,
           spec->depth);
  printf("; %" PRId64 " weights\n", clf_flow_weight_count(s->flow));
  fflush(stdout);
}

static int print_results(const cli_session *s, const cli_training *t) {
  clf_score score;
  if (clf_evaluate(s->flow, s->data.at, s->data.rows, &score) != CLF_OK) return cli_fail_library();
  const clf_history history = clf_flow_history(s->flow);
  printf("mean log-likelihood  %.6f nats, over all %" PRId64 " samples\n", score.mean, score.count);
  if (isfinite(history.valid))
    printf("held-out rows        %.6f nats, best in epoch %" PRId64 "\n", history.valid,
           history.best_epoch);
  printf("bits/dim             %.6f\n", score.bits_per_dim);
  char all[24], one[24];
  const int64_t steps = t->first_step < 0 ? 0 : t->step - t->first_step;
  cli_format_seconds(t->seconds, all, sizeof all);
  cli_format_seconds(t->seconds / (double)(steps > 0 ? steps : 1), one, sizeof one);
  printf("time                 %s, %" PRId64 " steps", all, steps);
  if (steps > 0) printf(" of %s", one);
  printf("\nmodel                %s\n", o.out);
  return CLI_OK;
}

static int draw(const cli_session *s, const cli_training *t) {
  if (o.plot && clf_plot_flow(s->flow, &s->data, o.train.seed, o.plot) != CLF_OK)
    return cli_fail_library();
  if (!o.curve) return CLI_OK;
  if (t->kept == 0) {
    cli_say("%s is not drawn: this run ended no epoch", o.curve);
    return CLI_OK;
  }
  const double *valid = o.train.valid_split > 0 ? t->valid : NULL;
  return clf_plot_training(t->train, valid, t->kept, o.curve) == CLF_OK ? CLI_OK
                                                                        : cli_fail_library();
}

/* ---- How it ends ------------------------------------------------------------- */

static int end_stopped(cli_training *t) {
  if (cli_training_save(t) != CLF_OK) return cli_fail_library();
  cli_fail("stopped in epoch %" PRId64 " of %" PRId64 ", after %" PRId64 " steps; %s is saved",
           t->epoch, t->epochs, t->step, o.out);
  if (!o.weights_only)
    cli_say("to go on: clflow train --data %s --out %s --resume", cli_common.data, o.out);
  return CLI_FAILED;
}

/* The trainer's moments are of no use any more, the weights are. */
static int end_not_finite(cli_training *t) {
  cli_fail_library();
  if (clf_flow_save(t->flow, o.out) != CLF_OK) return cli_fail_library();
  return cli_fail("%s holds the last weights whose loss was finite", o.out);
}

static int train(cli_session *s, cli_training *t) {
  if (o.resume && clf_flow_history(s->flow).epochs >= o.train.epochs)
    cli_say("%s has had its %" PRId64 " epochs; a larger --epochs would go on", o.out,
            o.train.epochs);
  print_heading(s);
  const clf_status status = cli_training_run(t);
  if (status == CLF_ESTOPPED) return end_stopped(t);
  if (status == CLF_ENUM) return end_not_finite(t);
  if (status != CLF_OK || cli_training_save(t) != CLF_OK) return cli_fail_library();
  int code = print_results(s, t);
  if (!code) code = draw(s, t);
  return code;
}

static int close_log(cli_training *t) {
  if (!t->log) return CLI_OK;
  const int bad = ferror(t->log);
  if (fclose(t->log) == 0 && !bad) return CLI_OK;
  return cli_fail("--log %s could not be written whole; the disk may be full", o.log);
}

static int run(void) {
  int code = check_outputs();
  if (code) return code;
  cli_session s = {0};
  cli_training t = {0};
  code = prepare(&s, &t);
  if (!code) code = open_outputs(&t);
  if (!code) code = train(&s, &t);
  const int log_code = close_log(&t);
  clf_trainer_free(t.trainer);
  free(t.train);
  free(t.valid);
  cli_session_close(&s);
  return code ? code : log_code;
}

const cli_verb cli_train = {
    .name = "train",
    .usage = "--data DATA --out FILE [options]",
    .purpose = "Fits a flow to data by maximum likelihood.",
    .details =
        "Ctrl-C saves and stops with exit code 1, --resume goes on; a second Ctrl-C kills. The\n"
        "same seed on the same device gives the same bits, interrupted or not.",
    .example = "clflow train --data moons --hidden 32 --depth 8 --epochs 50 --out m.safetensors",
    .options = options,
    .run = run,
};
