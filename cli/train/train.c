/* SPDX-License-Identifier: MIT */
/* train.c: `clflow train` fits a model to data and writes its file. */
#define _POSIX_C_SOURCE 200809L
#include "train.h"
#include "ranks.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct cli_wanted cli_wanted = {.spec = {.xmin = NAN, .xmax = NAN},
                                .train = {.shuffle = 1, .seed = 1}};

/* The words of --crop are in the order of clf_crop. */
_Static_assert(CLF_CROP_CENTER == 1 && CLF_CROP_CELEBA == 2 && CLF_CROP_LSUN == 3, "clf_crop");

/* ---- The options of a training, from clflow/train_options.def ------------------------- */

#define CLF_TRAIN_OPTION(name, type, place, standard, tables, images, limit, files, resume, shown, \
                         option, arg, note, help)                                                  \
  ROW_##type(option, arg, help NOTE_##note(tables, images), &cli_wanted.train.place)
#define NOTE_NONE(tables, images) ""
#define NOTE_ONE(tables, images) " (default " #tables ")"
#define NOTE_TWO(tables, images)                                                                   \
  " (default " #tables "; " #images " for images"                                                  \
  ")"
#define ROW_COUNT(option, arg, help, to) CLI_OPTION(option, arg, help, CLI_COUNT, to, NULL),
#define ROW_COUNT32(option, arg, help, to) CLI_OPTION(option, arg, help, CLI_COUNT32, to, NULL),
#define ROW_INDEX(option, arg, help, to) CLI_OPTION(option, arg, help, CLI_INDEX, to, NULL),
#define ROW_INDEX32(option, arg, help, to) CLI_OPTION(option, arg, help, CLI_INDEX32, to, NULL),
#define ROW_SEED(option, arg, help, to) CLI_OPTION(option, arg, help, CLI_SEED, to, NULL),
#define ROW_BYTES(option, arg, help, to) CLI_OPTION(option, arg, help, CLI_MIB, to, NULL),
#define ROW_ABOVE_0(option, arg, help, to) CLI_OPTION(option, arg, help, CLI_ABOVE_0, to, NULL),
#define ROW_FROM_0(option, arg, help, to) CLI_OPTION(option, arg, help, CLI_FROM_0, to, NULL),
#define ROW_SHARE(option, arg, help, to) CLI_OPTION(option, arg, help, CLI_PART, to, NULL),
#define ROW_CHOICE(option, arg, help, to) CLI_OPTION(option, arg, help, CLI_CHOICE, to, NULL),
#define ROW_FLAG(option, arg, help, to) CLI_OPTION("--" option, arg, help, CLI_FLAG, to, NULL),
#define ROW_FLAG_ON(option, arg, help, to)                                                         \
  CLI_OPTION("--no-" option, arg, help, CLI_FLAG_OFF, to, NULL),
#define ROW_FLAG_BOTH(option, arg, help, to)                                                       \
  ROW_FLAG(option, arg, help, to)                                                                  \
  CLI_OPTION("--no-" option, arg, "turn --" option " off", CLI_FLAG_OFF, to, NULL),

static cli_option options[] = {
    CLI_OPTION("--data", "DATA", "fit these rows or images (default for realnvp: glyphs)", CLI_DATA,
               &cli_common.data, NULL),
    CLI_OPTION("--out", "FILE", "write the model to this file, as safetensors", CLI_OUTPUT_MODEL,
               &cli_wanted.out, NULL),
    CLI_OPTION("--flow", "FLOW",
               "train this architecture, written as text like \"2: (coupling(rq, resnet), lu)*5 -> "
               "normal\" or in @FILE; or a preset (default nvp; piecewise for one column, realnvp "
               "for images); `clflow flows` lists them",
               CLI_FLOW, &cli_wanted.flow, NULL),
    CLI_OPTION("--preset", "PRESET",
               "train this named architecture with its training options; other options override "
               "them, and so do values in parentheses: \"nsf(tail=5)\"",
               CLI_TEXT, &cli_wanted.preset_name, NULL),
    CLI_OPTION_GIVEN(
        "learn p(x | these): columns of DATA, separated by commas; or FILE.csv or FILE.npy with a "
        "row for each row of DATA (./FILE.csv where a column has that name)"),
    CLI_OPTION(
        "--resume", NULL,
        "continue the training in --out with its options; a larger --epochs or --steps extends it",
        CLI_FLAG, &cli_wanted.resume, NULL),
    CLI_OPTION("--dry-run", NULL,
               "print the model and the memory that it takes; train and write nothing", CLI_FLAG,
               &cli_wanted.dry_run, NULL),
#define CLF_TRAIN_GROUP(text) CLI_SECTION(text),
#include "clflow/train_options.def"

    CLI_SECTION("Validation, test and weights of rows"),
    CLI_OPTION("--valid", "FILE",
               "validate on these rows or images instead of a part of --data; they have the same "
               "columns, those of --given and --weights included",
               CLI_DATA, &cli_wanted.valid, NULL),
    CLI_OPTION("--test", "FILE",
               "score these rows or images once, at the end; no choice depends on them", CLI_DATA,
               &cli_wanted.test, NULL),
    CLI_OPTION("--folds", "K",
               "train K times, each time without another K-th of the rows, which is scored; then "
               "train on all rows, for the median of the best numbers of steps (tables)",
               CLI_COUNT32, &cli_wanted.folds, NULL),
    CLI_OPTION("--weights", "COLUMN", "weight the rows by this column", CLI_TEXT,
               &cli_wanted.weights, NULL),
    CLI_OPTION("--discrete", "COLS|auto|none",
               "treat these columns (names, or numbers from 1) as counts or classes: noise within "
               "the step of their grid is added, and samples are rounded; auto finds the columns "
               "in which most values repeat (default auto for tables from files)",
               CLI_TEXT, &cli_wanted.discrete, NULL),

    CLI_SECTION("Files"),
    CLI_OPTION("--log", "FILE",
               "write JSON lines: an object for each epoch, and one for each batch of losses; "
               "--resume appends",
               CLI_OUTPUT_LOG, &cli_wanted.log, NULL),
    CLI_OPTION("--plot", "FILE.png",
               "draw the flow; with more than two columns the curve of --plot-curve; for image "
               "flows samples, during the training",
               CLI_OUTPUT, &cli_wanted.plot, NULL),
    CLI_OPTION("--plot-curve", "FILE.png",
               "draw the log-likelihood (images: bits/dim) against the epochs of this run; for "
               "image flows the default is --plot's name with -curve",
               CLI_OUTPUT, &cli_wanted.curve, NULL),
    CLI_OPTION("--init", "MODEL", "start from the weights of this model", CLI_INPUT,
               &cli_wanted.init, NULL),
    CLI_OPTION("--save-every", "SECONDS", "save this often while training; 0: only at the end",
               CLI_FROM_0, &cli_wanted.save_every, "60"),
    CLI_OPTION("--weights-only", NULL, "save without what --resume needs", CLI_FLAG,
               &cli_wanted.weights_only, NULL),
    CLI_OPTION_FORCE,

    CLI_SECTION("Sizes of nvp and nice"),
    CLI_OPTION("--hidden", "N", "set the units of each coupling's nets (default 64)", CLI_COUNT32,
               &cli_wanted.spec.hidden, NULL),
    CLI_OPTION("--depth", "N", "set the number of couplings (default 8)", CLI_COUNT32,
               &cli_wanted.spec.depth, NULL),
    CLI_OPTION("--s-max", "S", "bound each log-scale by S; 0: no bound (nvp; default 3)",
               CLI_FROM_0, &cli_wanted.spec.s_max, NULL),
    CLI_SECTION("Sizes of piecewise"),
    CLI_OPTION("--bins", "N", "set the number of linear pieces", CLI_COUNT32, &cli_wanted.spec.bins,
               "100"),
    CLI_OPTION("--xmin", "X",
               "set the lower end of the interval, in the units of the data (default: the minimum "
               "of the data, less a margin)",
               CLI_NUMBER, &cli_wanted.spec.xmin, NULL),
    CLI_OPTION("--xmax", "X", "set the upper end (default: the maximum of the data, plus a margin)",
               CLI_NUMBER, &cli_wanted.spec.xmax, NULL),
    CLI_OPTION("--tails", "none|linear",
               "outside the interval, refuse rows or continue the outer pieces", CLI_CHOICE,
               &cli_wanted.spec.tails, "none"),
    CLI_SECTION("Sizes and variants of realnvp"),
    CLI_OPTION("--scales", "N", "set the number of scales; each but the last one halves the images",
               CLI_COUNT32, &cli_wanted.spec.scales, NULL),
    CLI_OPTION("--width", "N",
               "set the features of the nets at the first scale; each next scale has twice as many",
               CLI_COUNT32, &cli_wanted.spec.hidden, NULL),
    CLI_OPTION("--blocks", "N", "set the residual blocks of each net", CLI_COUNT32,
               &cli_wanted.spec.blocks, NULL),
    CLI_OPTION("--norm", "batch|none", "use batch normalization, or none", CLI_CHOICE,
               &cli_wanted.spec.variant.no_norm, NULL),
    CLI_OPTION("--compat", "official|paper|lecture",
               "set --affine, --logit and --mask as in the reference implementation of the paper, "
               "in its text, or in the lecture (default: the preset's)",
               CLI_CHOICE, &cli_wanted.compat, NULL),
    CLI_OPTIONS_VARIANT(cli_wanted.spec),
    CLI_OPTION("--recalibrate", NULL, "recompute the batch-norm statistics with the final weights",
               CLI_FLAG, &cli_wanted.recalibrate, NULL),

    CLI_OPTIONS_TABLE,
    CLI_SECTION("Images"),
    CLI_OPTION("--size", "HxW",
               "set height and width of the images (default: the preset's, or as they are)",
               CLI_SIZE, &cli_wanted.spec.height, NULL),
    CLI_OPTION_CHANNELS(&cli_wanted.spec.channels),
    CLI_OPTION("--crop", "none|center|celeba|lsun",
               "bring images to that size: not at all; by cutting out the middle and resizing it; "
               "as Dinh et al. 2017 did for CelebA or LSUN (default: the preset's, or none)",
               CLI_CHOICE, &cli_common.images.crop, NULL),
    CLI_OPTION("--strict", NULL, "refuse a damaged image file instead of leaving it out", CLI_FLAG,
               &cli_common.images.strict, NULL),
    CLI_OPTION("--bits", "8 to 16",
               "set the bits in use of 16-bit PNG files: 12 reads 4095 as 255 (default 16)",
               CLI_COUNT32, &cli_common.images.bits, NULL),

    CLI_SECTION("Training against a log-density instead of data"),
    CLI_OPTION("--target", "TARGET",
               "train against this built-in log-density (reverse KL): NAME[:dim=D,...]", CLI_TEXT,
               &cli_wanted.target, NULL),
    CLI_OPTIONS_DEVICE,
    CLI_OPTION("--devices", "LIST",
               "train on these devices together, separated by commas; a device may be named twice. "
               "The result does not depend on how many there are (see --grains)",
               CLI_TEXTS, &cli_wanted.devices, NULL),
    CLI_OPTION("--share", "A:B:...",
               "divide each batch among --devices, or ranks, in these proportions (default: by "
               "their speed)",
               CLI_TEXT, &cli_wanted.share, NULL),
    CLI_OPTION_MPI,
    CLI_OPTIONS_END,
};

const cli_option *cli_train_option(const char *name) {
  const cli_option *option = options;
  while (strcmp(option->name, name) != 0) option++;
  return option;
}

int cli_train_given(const char *name) { return cli_train_option(name)->given; }

const char *cli_train_begin(void) { return cli_wanted.resume ? cli_wanted.out : cli_wanted.init; }

static int check_outputs(void) {
  if (!cli_wanted.out && (!cli_wanted.dry_run || cli_wanted.resume))
    return cli_usage("--out is missing; usage: clflow train %s", cli_train.usage);
  if (cli_wanted.resume && cli_wanted.init)
    return cli_usage("--init and --resume exclude each other: both say where to begin");
  if (cli_wanted.resume && access(cli_wanted.out, F_OK) != 0)
    return cli_fail("there is no %s to resume; without --resume a new training begins",
                    cli_wanted.out);
  int code = cli_devices_check();
  if (!code) code = cli_check_file("--out", cli_wanted.out, NULL);
  if (!code && !cli_is_stdout(cli_wanted.log)) code = cli_check_file("--log", cli_wanted.log, NULL);
  if (!code) code = cli_check_file("--plot", cli_wanted.plot, ".png");
  if (!code) code = cli_check_file("--plot-curve", cli_wanted.curve, ".png");
  return code;
}

/* The rows of --valid and --test. */
static cli_session valid, test;

static int open_apart(const cli_session *s) {
  const int code = cli_apart_open(s, "--valid", cli_wanted.valid, &valid);
  return code ? code : cli_apart_open(s, "--test", cli_wanted.test, &test);
}

/* What all trainers of this run are created from. */
static struct {
  const cli_session *session;
  clf_train_options options;
} made_of;

clf_status cli_train_create(clf_flow *flow, clf_trainer **trainer) {
  const cli_session *s = made_of.session;
  const clf_train_options *o = &made_of.options;
  if (cli_wanted.target) return clf_trainer_create_density(flow, &cli_wanted.density, o, trainer);
  if (s->images) return clf_trainer_create_images(flow, s->images, valid.images, o, trainer);
  const clf_train_data data = {.x = &s->data,
                               .given = s->given.at ? &s->given : NULL,
                               .weights = s->weights.at,
                               .valid = valid.data.at ? &valid.data : NULL,
                               .valid_given = valid.given.at ? &valid.given : NULL,
                               .valid_weights = valid.weights.at};
  return clf_trainer_create_with(flow, &data, o, trainer);
}

static clf_status create_trainer(const cli_session *s, const clf_train_options *o,
                                 clf_trainer **trainer) {
  made_of.session = s;
  made_of.options = *o;
  return cli_train_create(s->flow, trainer);
}

/* The model before any training; each fold of --folds begins with it. */
static struct {
  void *bytes;
  size_t size;
} begins;

static int keep_beginning(const cli_session *s) {
  if (!cli_wanted.folds) return CLI_OK;
  return clf_flow_save_memory(s->flow, &begins.bytes, &begins.size) == CLF_OK ? CLI_OK
                                                                              : cli_fail_library();
}

/* Sets the number of steps. Patience needs validation rows, and the last training has none. */
static int set_length(int64_t steps) {
  char text[24];
  snprintf(text, sizeof text, "%" PRId64, steps);
  return clf_train_options_set(&cli_wanted.train, "steps", text) == CLF_OK &&
                 clf_train_options_set(&cli_wanted.train, "patience", "0") == CLF_OK
             ? CLI_OK
             : cli_fail_library();
}

/* Trains the folds and then creates a trainer for all rows, whose model begins like theirs. */
static int train_folds(cli_session *s, cli_training *t) {
  int64_t steps;
  if (!cli_wanted.folds) return CLI_OK;
  int code = cli_folds_run(s, t, begins.bytes, begins.size, &steps);
  if (!code) code = set_length(steps);
  if (code) return code;
  clf_trainer_free(t->trainer);
  t->trainer = NULL;
  clf_flow_free(s->flow);
  s->flow = t->flow = test.flow = NULL;
  if (clf_flow_load_memory(s->dev, begins.bytes, begins.size, NULL, &s->flow) != CLF_OK ||
      create_trainer(s, &cli_wanted.train, &t->trainer) != CLF_OK)
    return cli_fail_library();
  t->flow = s->flow;
  if (test.data.at) test.flow = s->flow;
  t->by_steps = 1;
  return CLI_OK;
}

static int prepare(cli_session *s, cli_training *t) {
  int code = cli_train_prepare(s);
  if (!code) code = cli_folds_check(s);
  if (!code) code = cli_train_advise(s);
  if (!code) code = cli_devices_set_grains(&cli_wanted.train);
  if (code || cli_wanted.dry_run) return code;
  code = open_apart(s);
  if (!code) code = keep_beginning(s);
  if (!code) code = cli_devices_keep(s);
  if (code) return code;
  clf_train_options all = cli_wanted.train;
  if (cli_wanted.folds) clf_train_options_set(&all, "patience", "0");
  const clf_train_options *o = &all;
  if (create_trainer(s, o, &t->trainer) != CLF_OK) return cli_fail_library();
  if (cli_wanted.resume && clf_trainer_resume(t->trainer, cli_wanted.out) != CLF_OK)
    return cli_fail_library();
  const clf_flow_spec *spec = clf_flow_get_spec(s->flow);
  t->flow = s->flow;
  t->bits = spec->height ? spec->dim * log(2) : 0;
  t->bound = cli_wanted.target != NULL;
  t->seed = o->seed;
  t->out = cli_wanted.out;
  t->weights_only = cli_wanted.weights_only;
  t->save_every = cli_wanted.save_every;
  t->by_steps = cli_train_steps() > 0;
  return CLI_OK;
}

/* The curve of an image flow with samples FILE.png is FILE-curve.png. NULL: the name is too
 * long. */
static const char *curve_of(const char *samples) {
  static char name[4096];
  const int stem = (int)strlen(samples) - 4;
  const int n = snprintf(name, sizeof name, "%.*s-curve.png", stem > 0 ? stem : 0, samples);
  return n < (int)sizeof name ? name : NULL;
}

static int name_curve(const char *samples) {
  cli_wanted.curve = curve_of(samples);
  return cli_wanted.curve ? CLI_OK : cli_usage("the name after --plot is too long");
}

static const char *previous_of(const char *model) {
  static char name[4096];
  const int n = snprintf(name, sizeof name, "%s.previous", model);
  return n < (int)sizeof name ? name : NULL;
}

/* It is not known yet whether there will be a curve or a file to keep. */
static const char *also_writes(int i, const char **option) {
  const char *names[2], *by[2];
  int count = 0;
  if (cli_wanted.out) {
    by[count] = "--out";
    names[count++] = previous_of(cli_wanted.out);
  }
  if (cli_wanted.plot && !cli_wanted.curve) {
    by[count] = "--plot";
    names[count++] = curve_of(cli_wanted.plot);
  }
  if (i >= count) return NULL;
  *option = by[i];
  return names[i];
}

/* Selects the pictures; samples are drawn differently for each kind of data. */
static int choose_pictures(cli_training *t) {
  const clf_flow_spec *spec = clf_flow_get_spec(t->flow);
  if (!cli_wanted.plot) return CLI_OK;
  if (spec->height) {
    t->samples = cli_wanted.plot;
    cli_wanted.plot = NULL;
    const int code = cli_check_grid(spec, cli_training_grid);
    return code || cli_wanted.curve ? code : name_curve(t->samples);
  }
  if (spec->dim <= 2 && !clf_flow_context(t->flow)) return CLI_OK;
  if (cli_wanted.curve)
    return cli_usage("--plot draws flows of one or two columns, this one has %d; leave it out",
                     spec->dim);
  cli_wanted.curve = cli_wanted.plot;
  cli_wanted.plot = NULL;
  return CLI_OK;
}

/* Files of this run are opened last, when there is no other reason for refusal. */
static int open_outputs(cli_training *t) {
  const int code = choose_pictures(t);
  if (code) return code;
  t->curve = cli_wanted.curve;
  if (!cli_wanted.log) return CLI_OK;
  if (cli_is_stdout(cli_wanted.log)) {
    const int real = dup(STDOUT_FILENO);
    const int aside = cli_stdout_aside(1);
    if (aside) return aside;
    t->log = fdopen(real, "w");
  } else {
    t->log = fopen(cli_wanted.log, cli_wanted.resume ? "a" : "w");
  }
  return t->log ? CLI_OK : cli_fail("--log %s: %s", cli_wanted.log, strerror(errno));
}

/* ---- How it ends ------------------------------------------------------------- */

/* The options for reading images must be given again, because the file does not contain them. */
static void print_reading(char *text, size_t size) {
  static const char *const crops[] = {"", " --crop center", " --crop celeba", " --crop lsun"};
  const clf_preset *preset = cli_wanted.preset;
  const int chosen = cli_train_given("--channels") || (preset && preset->channels);
  char channels[24] = "", bits[24] = "";
  if (chosen) snprintf(channels, sizeof channels, " --channels %d", cli_wanted.spec.channels);
  if (cli_common.images.bits) snprintf(bits, sizeof bits, " --bits %d", cli_common.images.bits);
  snprintf(text, size, "%s%s%s%s", crops[cli_common.images.crop], channels, bits,
           cli_common.images.strict ? " --strict" : "");
}

/* Appends " OPTION WORD" with the word quoted for a shell, or OPTION=WORD if the word might look
 * like an option. */
static void append_option(const char *option, const char *word, char *line, size_t size) {
  const size_t used = strlen(line);
  snprintf(line + used, size - used, " %s", option);
  cli_append_word(*word == '-' ? '=' : ' ', word, line, size);
}

/* Appends the option as it was given, if it was given. */
static void append_given(const char *name, char *line, size_t size) {
  const cli_option *o = options;
  while (strcmp(o->name, name) != 0) o++;
  if (!o->given) return;
  char value[512];
  const char *word = value;
  if (cli_is_word(o->type))
    memcpy(&word, o->to, sizeof word); /* a text of any length */
  else
    cli_format(o, o->to, value, sizeof value);
  const size_t used = strlen(line);
  if (o->type == CLI_FLAG || o->type == CLI_FLAG_OFF)
    snprintf(line + used, size - used, " %s", name);
  else
    append_option(name, word, line, size);
}

/* Prints the command that continues the training, with the options that are neither in the file
 * nor printed by print_reading(). */
static void say_how_to_go_on(void) {
  static const char *const again[] = {
      "--given",  "--weights",   "--valid",   "--test",    "--columns", "--drop",  "--by-position",
      "--header", "--delimiter", "--decimal", "--comment", "--skip",    "--device"};
  char reading[64];
  static char line[60000] = "clflow train";
  append_option(cli_wanted.target ? "--target" : "--data", cli_common.data, line, sizeof line);
  for (size_t i = 0; i < sizeof again / sizeof *again; i++)
    append_given(again[i], line, sizeof line);
  print_reading(reading, sizeof reading);
  const size_t used = strlen(line);
  snprintf(line + used, sizeof line - used, "%s", reading);
  append_option("--out", cli_wanted.out, line, sizeof line);
  cli_say("to continue: %s --resume", line);
}

const char *cli_train_command(void) {
  static const char *const left_out[] = {"--devices", "--share", "--device", "--grains", "--mpi"};
  static char line[60000];
  snprintf(line, sizeof line, "clflow train");
  for (const cli_option *o = options; o->name; o++) {
    int leave = !o->given || o->type == CLI_TEXTS;
    for (size_t i = 0; i < sizeof left_out / sizeof *left_out && !leave; i++)
      leave = strcmp(o->name, left_out[i]) == 0;
    if (!leave) append_given(o->name, line, sizeof line);
  }
  return line;
}

static int end_stopped(cli_training *t) {
  if (cli_training_save(t) != CLF_OK) return cli_fail_library();
  if (t->by_steps)
    cli_fail("stopped after step %" PRId64 " of %" PRId64 "; %s is saved", t->step, t->steps,
             cli_wanted.out);
  else
    cli_fail("stopped in epoch %" PRId64 " of %" PRId64 ", after %" PRId64 " steps; %s is saved",
             t->epoch, t->epochs, t->step, cli_wanted.out);
  cli_train_tell_best(t);
  if (!cli_wanted.weights_only) say_how_to_go_on();
  return CLI_FAILED;
}

/* The trainer's moments are useless after this failure; the weights named by the message are
 * not. */
static int end_not_finite(cli_training *t) {
  const clf_history history = clf_flow_history(t->flow);
  cli_fail_library();
  if (history.steps == 0)
    return cli_fail("%s is not written: no step of this training was good", cli_wanted.out);
  if (clf_flow_save(t->flow, cli_wanted.out) != CLF_OK) return cli_fail_library();
  if (history.best_epoch)
    return cli_fail("%s holds the weights of epoch %" PRId64, cli_wanted.out, history.best_epoch);
  return cli_fail("%s holds the last weights whose loss was finite", cli_wanted.out);
}

/* Since the last step failed, the device or memory may be available again. */
static int end_device_failed(cli_training *t) {
  cli_fail_library();
  if (cli_training_save(t) != CLF_OK) return CLI_FAILED;
  return cli_fail("%s is saved, as of step %" PRId64, cli_wanted.out, t->step);
}

static int train(cli_session *s, cli_training *t) {
  if (cli_wanted.resume) cli_train_tell_done(s);
  cli_train_heading(s);
  const clf_train_plan plan = clf_trainer_plan(t->trainer);
  if (t->bits > 0) cli_train_memory(&plan);
  const clf_status status = cli_training_run(t);
  if (cli_ranks_own()) return cli_train_ranks_ended(status);
  if (status == CLF_ESTOPPED) return end_stopped(t);
  if (status == CLF_ENUM) return end_not_finite(t);
  if (status == CLF_EDEVICE || status == CLF_ENOMEM) return end_device_failed(t);
  if (status != CLF_OK || cli_training_save(t) != CLF_OK) return cli_fail_library();
  int code = cli_wanted.recalibrate ? cli_train_recalibrate(s, t) : CLI_OK;
  if (!code) code = cli_train_results(s, t);
  if (!code) code = cli_apart_test(&test, t);
  if (!code) code = cli_train_draw(s, t);
  return code;
}

static int close_log(cli_training *t) {
  if (!t->log) return CLI_OK;
  const int bad = ferror(t->log);
  if (fclose(t->log) == 0 && !bad) return CLI_OK;
  return cli_fail("--log %s could not be written completely; the disk may be full", cli_wanted.log);
}

static int run(void) {
  const int first = cli_ranks_own() == 0;
  int code = cli_train_ranks_check();
  if (!code) code = first ? check_outputs() : cli_devices_check();
  code = cli_ranks_agree(code);
  if (!code) code = cli_train_ranks_begin();
  if (code) return code;
  cli_session s = {0};
  cli_training t = {0};
  code = prepare(&s, &t);
  if (!code && cli_wanted.dry_run) {
    code = cli_train_plan(&s);
  } else if (!code) {
    code = first ? open_outputs(&t) : CLI_OK;
    code = cli_ranks_agree(code);
    cli_ranks_run();
    if (!code) code = train_folds(&s, &t);
    if (!code) code = cli_devices_start(&t);
    if (!code) code = train(&s, &t);
  }
  const int log_code = close_log(&t);
  clf_trainer_free(t.trainer);
  cli_devices_end();
  cli_train_ranks_end();
  free(t.train);
  free(t.valid);
  free(begins.bytes);
  cli_apart_close(&valid);
  cli_apart_close(&test);
  clf_density_free(&cli_wanted.density);
  cli_session_close(&s);
  clf_arch_free(cli_wanted.arch);
  return code ? code : log_code;
}

const cli_verb cli_train = {
    .name = "train",
    .usage = "--data DATA --out FILE [options]",
    .purpose = "Fit a flow to data by maximum likelihood, or to a log-density.",
    .details = "Ctrl-C saves and stops with exit code 1, and --resume continues; a second Ctrl-C "
               "ends the program at once. The same seed on the same device gives the same bits, "
               "interrupted or not. --preset lecture trains the lecture's flow with plain Adam.",
    .examples = "clflow train --data moons --epochs 50 --out moons.safetensors\nclflow train "
                "--data wine.csv --preset nsf --steps 8000 -o wine.safetensors\nclflow train "
                "--data faces/ --preset tiny --size 32 -o faces.safetensors --plot faces.png",
    .options = options,
    .run = run,
    .missing = CLF_MISSING_DROP,
    .also_writes = also_writes,
    .ranks = 1,
};
