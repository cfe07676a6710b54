/* SPDX-License-Identifier: MIT */
/* train_flow.c: the data of a training, and the flow that is made for them or loaded. */
#include "train.h"
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* With this, and a clip, the built-in sets do not diverge (docs/results.md); the lecture has
 * neither.  The help of --s-max names it. */
#define USUAL_S_MAX 3.0
#define USUAL_CLIP 10.0 /* where clf_train_options_tables() is not taken, but for realnvp */

/* ---- Options and what they are part of -------------------------------------------- */

/* Where in an object of `size` bytes the option's value lies that is part of `mine`, one of
 * the same type; -1 for options of other things, and those not given. */
static ptrdiff_t place_of(const cli_option *option, const void *mine, size_t size) {
  const uintptr_t begin = (uintptr_t)mine, at = (uintptr_t)option->to;
  return option->given && at >= begin && at < begin + size ? (ptrdiff_t)(at - begin) : -1;
}

/* Puts what was given on top of `usual`, and the result into `mine`. */
static void complete(void *mine, void *usual, size_t size) {
  for (const cli_option *option = cli_train.options; option->name; option++) {
    const ptrdiff_t place = place_of(option, mine, size);
    if (place >= 0) memcpy((char *)usual + place, option->to, cli_size(option->type));
  }
  memcpy(mine, usual, size);
}

/* Refuses an option that differs from what `file` holds in its place. */
static int check_agreement(const void *mine, const void *file, size_t size) {
  for (const cli_option *option = cli_train.options; option->name; option++) {
    const ptrdiff_t place = place_of(option, mine, size);
    if (place < 0) continue;
    const void *theirs = (const char *)file + place;
    if (memcmp(option->to, theirs, cli_size(option->type)) == 0) continue;
    char got[48], has[48];
    cli_format(option, option->to, got, sizeof got);
    cli_format(option, theirs, has, sizeof has);
    if (option->type == CLI_FLAG || option->type == CLI_FLAG_OFF)
      return cli_usage("%s does not agree with %s, which was trained otherwise; leave it out",
                       option->name, cli_train_begin());
    return cli_usage("%s %s does not agree with %s, which has %s; leave it out", option->name, got,
                     cli_train_begin(), has);
  }
  return CLI_OK;
}

/* Refuses an option of another kind of flow than the one that is to be trained. */
static int check_kind(clf_kind kind, int images) {
  enum {
    COUPLINGS = 1U << CLF_NVP | 1U << CLF_NICE,
    PIECEWISE = 1U << CLF_PIECEWISE,
    REALNVP = 1U << CLF_REALNVP,
    ROWS = 1U << CLF_COMPOSED,
    PICTURES = ROWS << 1,       /* a composed flow of images */
    COMPOSED = ROWS | PICTURES, /* values of presets: train_arch.c */
    IMAGES = REALNVP | PICTURES
  };
  const unsigned bit = kind == CLF_COMPOSED && images ? PICTURES : 1U << kind;
  static const struct {
    const char *option;
    unsigned kinds;
  } rules[] = {
      {"--hidden", COUPLINGS | COMPOSED},
      {"--depth", COUPLINGS | COMPOSED},
      {"--s-max", 1U << CLF_NVP | COMPOSED},
      {"--bins", PIECEWISE | COMPOSED},
      {"--xmin", PIECEWISE | COMPOSED},
      {"--xmax", PIECEWISE | COMPOSED},
      {"--tails", PIECEWISE | COMPOSED},
      {"--scales", REALNVP | COMPOSED},
      {"--width", REALNVP | COMPOSED},
      {"--blocks", REALNVP | COMPOSED},
      {"--norm", REALNVP},
      {"--compat", REALNVP},
      {"--levels", REALNVP},
      {"--alpha", REALNVP},
      {"--affine", REALNVP},
      {"--logit", REALNVP},
      {"--mask", REALNVP},
      {"--bn-rho", REALNVP},
      {"--size", IMAGES},
      {"--channels", IMAGES},
      {"--crop", IMAGES},
      {"--strict", IMAGES},
      {"--bits", IMAGES},
      {"--flip", IMAGES},
      {"--no-flip", IMAGES},
      {"--l2", REALNVP},
      {"--recalibrate", REALNVP},
      {"--standardize", COUPLINGS | PIECEWISE | ROWS},
      {"--discrete", COUPLINGS | PIECEWISE | ROWS},
  };
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
    if (cli_train_given(rules[i].option) && !(rules[i].kinds & bit))
      return cli_usage("%s has no meaning for a flow of kind %s", rules[i].option,
                       clf_kind_name(kind));
  return CLI_OK;
}

/* ---- A flow of images --------------------------------------------------------- */

/* Whether it is to be one, as far as the command line tells. */
static int wants_images(void) {
  if (cli_wanted.has_kind) return cli_wanted.spec.kind == CLF_REALNVP;
  return clf_is_image_source(cli_common.data);
}

/* The set that is drawn, in the size that is wanted. */
static int default_data(void) {
  static char name[64];
  if (cli_wanted.target) return CLI_OK;
  const clf_flow_spec *spec = &cli_wanted.spec;
  const clf_preset *preset = cli_wanted.preset;
  if (cli_common.data) return CLI_OK;
  if (!cli_wanted.has_kind || spec->kind != CLF_REALNVP)
    return cli_usage("--data is missing; usage: clflow train %s", cli_train.usage);
  const int32_t side = spec->height ? spec->height : preset ? preset->height : 0;
  const int32_t channels = spec->channels ? spec->channels : preset ? preset->channels : 0;
  snprintf(name, sizeof name, "glyphs:size=%d,channels=%d", side ? side : 16,
           channels ? channels : 1);
  cli_common.data = side || channels ? name : "glyphs";
  return CLI_OK;
}

/* Images that are not cut are opened as they are, and held against what is wanted then. */
static int check_size(const cli_session *s, int32_t height, int32_t width) {
  int32_t h, w, c;
  if (!s->images || !height) return CLI_OK;
  clf_images_shape(s->images, &h, &w, &c);
  if (h == height && w == width) return CLI_OK;
  if (cli_train_given("--size"))
    return cli_fail("the images of %s are %d x %d, --size wants %d x %d; --crop center brings them "
                    "to it",
                    cli_common.data, h, w, height, width);
  return cli_fail("the images of %s are %d x %d, the preset %s is for %d x %d; --crop center "
                  "brings them to it, --size %dx%d keeps them",
                  cli_common.data, h, w, cli_wanted.preset->name, height, width, h, w);
}

static int open_images(cli_session *s) {
  const clf_preset none = {0}, *p = cli_wanted.preset ? cli_wanted.preset : &none;
  const clf_flow_spec *spec = s->flow ? clf_flow_get_spec(s->flow) : &cli_wanted.spec;
  const int32_t height = spec->height ? spec->height : p->height;
  const int32_t width = spec->height ? spec->width : p->width;
  if (!cli_train_given("--crop")) cli_common.images.crop = (int)p->crop;
  clf_image_options want = cli_image_options();
  want.channels = spec->channels ? spec->channels : p->channels;
  if (want.crop == CLF_CROP_CENTER && !height && clf_is_image_source(cli_common.data))
    return cli_usage("--crop center needs a size to bring images to: --size HxW");
  want.height = want.crop ? height : 0;
  want.width = want.crop ? width : 0;
  const int code = cli_data_open(s, cli_common.data, &want);
  return code || cli_train_begin() ? code : check_size(s, height, width);
}

/* The shape of images, or of what a table's rows are said to be. */
static int image_shape(const cli_session *s, int32_t *height, int32_t *width, int32_t *channels) {
  if (s->images) {
    clf_images_shape(s->images, height, width, channels);
    return CLI_OK;
  }
  *height = cli_wanted.spec.height;
  *width = cli_wanted.spec.width;
  if (!*height)
    return cli_usage("%s is a table of %d column%s; pass --size HxW to read the columns as images",
                     cli_common.data, s->data.cols, s->data.cols == 1 ? "" : "s");
  const int64_t pixels = (int64_t)*height * *width;
  *channels =
      cli_wanted.spec.channels ? cli_wanted.spec.channels : (int32_t)(s->data.cols / pixels);
  if (*channels > 0 && pixels * *channels == s->data.cols) return CLI_OK;
  return cli_usage("%s has %d column%s, which are no images of %d x %d", cli_common.data,
                   s->data.cols, s->data.cols == 1 ? "" : "s", *height, *width);
}

static const clf_preset *default_preset(int32_t height, int32_t width) {
  const clf_preset *preset = NULL;
  const int four = height % 4 == 0 && width % 4 == 0 && height + width > 8;
  clf_preset_find(four ? "lecture" : "tiny", &preset);
  return preset;
}

static void set_compat(clf_realnvp_variant *v) {
  enum { OFFICIAL, PAPER, LECTURE };
  v->scale_first = cli_wanted.compat != OFFICIAL;
  v->odd_first = v->paper_logit = cli_wanted.compat == PAPER;
}

static int image_spec(const cli_session *s) {
  int32_t h, w, c;
  const int code = image_shape(s, &h, &w, &c);
  if (code) return code;
  if (!cli_wanted.preset) cli_wanted.preset = default_preset(h, w);
  clf_flow_spec usual = clf_preset_spec(cli_wanted.preset, h, w, c);
  if (cli_train_given("--compat")) set_compat(&usual.variant);
  complete(&cli_wanted.spec, &usual, sizeof usual);
  return CLI_OK;
}

/* ---- A flow of rows ------------------------------------------------------------ */

/* The data's own interval, with the noise of --discrete, and a little more: a device that computes
 * in float must not round the outermost samples out of it.  A flow of standardised data has it in
 * their units; the mean and deviation of the training rows, found later, differ a little from those
 * of all rows, hence the wider margin. */
static int default_interval(const clf_table *data, const clf_column_grid *grid,
                            clf_flow_spec *spec) {
  double least = data->at[0], most = least, mean = 0, std = 1;
  for (int64_t i = 0; i < data->rows; i++) {
    least = fmin(least, data->at[i]);
    most = fmax(most, data->at[i]);
  }
  if (least == most && (isnan(spec->xmin) || isnan(spec->xmax)))
    return cli_fail(
        "the column of %s is %g in every row, so it has no density; there is nothing to "
        "fit",
        cli_common.data, least);
  if (grid) least -= grid->step / 2, most += grid->step / 2;
  if (cli_wanted.train.standardize) clf_table_moments(data, NULL, 0, &mean, &std);
  double margin = 4 * FLT_EPSILON * fmax(fabs(least), fabs(most));
  if (cli_wanted.train.standardize) margin += 0.1 * (most - least);
  if (isnan(spec->xmin)) spec->xmin = least - margin;
  if (isnan(spec->xmax)) spec->xmax = most + margin;
  if (std == 0) return CLI_OK; /* the trainer refuses a constant column, by its number */
  spec->xmin = (spec->xmin - mean) / std;
  spec->xmax = (spec->xmax - mean) / std;
  return CLI_OK;
}

/* A value of the preset that is called as the kind, as "hidden="; or the lecture's. */
static int32_t usual_value(clf_kind kind, const char *name, int32_t lecture) {
  const clf_preset *preset;
  if (cli_wanted.lecture || clf_preset_find(clf_kind_name(kind), &preset) != CLF_OK) return lecture;
  const char *const at = strstr(preset->values, name);
  return at ? (int32_t)strtol(at + strlen(name), NULL, 10) : lecture;
}

static int row_spec(const cli_session *s, const clf_column_grid *grid) {
  clf_flow_spec *spec = &cli_wanted.spec;
  if (s->images)
    return cli_usage("--flow %s takes rows of numbers, %s holds images; realnvp takes these",
                     clf_kind_name(spec->kind), cli_common.data);
  if (spec->kind == CLF_PIECEWISE && s->data.cols != 1)
    return cli_fail("--flow piecewise takes data of one column, %s has %d", cli_common.data,
                    s->data.cols);
  if (s->data.at) cli_table_say_counters(&s->data, cli_common.data);
  if (spec->kind == CLF_PIECEWISE && !s->data.at && (isnan(spec->xmin) || isnan(spec->xmax)))
    return cli_usage("--flow piecewise needs --xmin and --xmax where there are no data");
  const clf_flow_spec lecture = clf_flow_spec_default(spec->kind, s->data.cols);
  spec->dim = s->data.cols;
  if (!spec->hidden) spec->hidden = usual_value(spec->kind, "hidden=", lecture.hidden);
  if (!spec->depth) spec->depth = usual_value(spec->kind, "depth=", lecture.depth);
  if (spec->kind == CLF_NVP && !cli_train_given("--s-max"))
    spec->s_max = cli_wanted.lecture ? lecture.s_max : USUAL_S_MAX;
  return spec->kind == CLF_PIECEWISE && s->data.at ? default_interval(&s->data, grid, spec)
                                                   : CLI_OK;
}

/* ---- The flow ------------------------------------------------------------------ */

static int new_flow(cli_session *s, const clf_column_grid *grid) {
  clf_flow_spec *spec = &cli_wanted.spec;
  if (cli_train_is_composed()) {
    const int bad = check_kind(CLF_COMPOSED, s->images != NULL);
    return bad ? bad : cli_train_compose(s);
  }
  if (s->given.at)
    return cli_usage(
        "--given goes with an architecture, such as --flow nsf or text; the kinds nvp, "
        "nice, piecewise and realnvp take no context");
  if (!cli_wanted.has_kind)
    spec->kind = wants_images()                            ? CLF_REALNVP
                 : s->data.cols == 1 && !cli_wanted.target ? CLF_PIECEWISE
                                                           : CLF_NVP;
  int code = check_kind(spec->kind, 0);
  if (!code) code = spec->kind == CLF_REALNVP ? image_spec(s) : row_spec(s, grid);
  if (code) return code;
  spec->seed = cli_wanted.train.seed;
  return clf_flow_create(s->dev, spec, &s->flow) == CLF_OK ? CLI_OK : cli_fail_library();
}

static int load_flow(cli_session *s, const char *path) {
  clf_flow_spec hint = cli_wanted.spec;
  int32_t channels;
  cli_common.model = path; /* as messages call it */
  if (cli_train_given("--compat"))
    return cli_usage("--compat goes with a new flow, %s is built one way; leave it out", path);
  if (s->images && !hint.height) clf_images_shape(s->images, &hint.height, &hint.width, &channels);
  int code = cli_load(s->dev, path, &hint, &s->flow);
  if (code) return code;
  const clf_flow_spec *spec = clf_flow_get_spec(s->flow);
  code = check_kind(spec->kind, spec->height > 0);
  if (!code && cli_wanted.has_kind && cli_wanted.spec.kind != spec->kind)
    code = cli_usage("--flow %s does not agree with %s, which has %s; leave it out",
                     clf_kind_name(cli_wanted.spec.kind), path, clf_kind_name(spec->kind));
  if (!code && spec->kind == CLF_COMPOSED) code = cli_train_check_composed(path);
  if (!code) code = check_agreement(&cli_wanted.spec, spec, sizeof *spec);
  if (cli_wanted.target) return code; /* the trainer compares dimensions */
  if (!code && !s->images && !s->data.at) code = open_images(s);
  return code ? code : cli_data_check(s, cli_common.data, path);
}

/* ---- The options of training ----------------------------------------------------- */

/* Where an option of clflow/train_options.def that is a number of more than 32 bits lies. */
static int64_t *whole_of(const char *name) { return cli_train_option(name)->to; }

int64_t cli_train_steps(void) { return *whole_of("--steps"); }

/* Takes a larger number of epochs or steps over the file's. */
static int extend(const char *option, int64_t *file) {
  int64_t *const mine = whole_of(option);
  if (cli_train_given(option) && *mine < *file)
    return cli_usage("%s %" PRId64 " is less than the %" PRId64
                     " of the training in %s; give as many or more",
                     option, *mine, *file, cli_wanted.out);
  if (cli_train_given(option))
    *file = *mine;
  else
    *mine = *file;
  return CLI_OK;
}

static int is_longer(const clf_train_options *file, int64_t steps) {
  return (cli_train_given("--epochs") && cli_wanted.train.epochs > file->epochs) ||
         (cli_train_given("--steps") && cli_train_steps() > steps);
}

static int has_cosine(const clf_train_options *file) {
  clf_train_options other = *file;
  return clf_train_options_set(&other, "schedule", "cosine") == CLF_OK &&
         memcmp(&other, file, sizeof other) == 0;
}

/* The options are those of the file, but that it may be to go on for longer. */
static int resume_options(void) {
  clf_train_options file;
  const char *out = cli_wanted.out;
  if (clf_train_options_load(out, &file) != CLF_OK) return cli_fail_library();
  const ptrdiff_t place = (char *)whole_of("--steps") - (char *)&cli_wanted.train;
  int64_t *const steps = (int64_t *)(void *)((char *)&file + place);
  if (cli_train_given("--epochs") && *steps)
    return cli_usage("the training in %s goes by --steps, of which there are %" PRId64
                     "; pass a larger --steps in place of --epochs",
                     out, *steps);
  if (is_longer(&file, *steps) && has_cosine(&file))
    return cli_usage(
        "the step size of the training in %s falls along a cosine that ends with it, so "
        "that it cannot be made longer; --init %s trains on from its weights",
        out, out);
  const int bad = extend("--epochs", &file.epochs);
  if (bad || extend("--steps", steps)) return CLI_USAGE;
  file.memory = cli_wanted.train.memory; /* which is not in files */
  const int code = check_agreement(&cli_wanted.train, &file, sizeof file);
  cli_wanted.train = file;
  return code;
}

/* Rows for validation, where there are enough and the command line has no others; and a scaling for
 * the kinds whose text has none, but not in place of that of a model to begin with. */
static void fit_to_data(const cli_session *s, clf_kind kind, clf_train_options *o) {
  if (cli_wanted.valid || cli_wanted.folds || llround(o->valid_split * (double)s->data.rows) < 1)
    o->valid_split = 0;
  o->standardize = (kind == CLF_NVP || kind == CLF_NICE) && !cli_train_begin();
}

/* The options for this kind of flow and data that a preset may change. */
static clf_train_options usual_options(const cli_session *s, clf_kind kind) {
  if (kind == CLF_REALNVP) return clf_train_options_images();
  clf_train_options o = clf_train_options_default();
  if (cli_wanted.lecture) return o;
  o.clip = USUAL_CLIP;
  if (s->images || cli_wanted.target) return o;
  o = clf_train_options_tables();
  fit_to_data(s, kind, &o);
  return o;
}

/* --epochs take the place of steps, and end with a validation each. */
static void go_by_epochs(clf_train_options *o) {
  clf_train_options_set(o, "steps", "0");
  clf_train_options_set(o, "valid_every", "0");
}

/* A warm-up that was not asked for takes a tenth of the training at most. */
static void limit_warmup(const cli_session *s) {
  clf_train_options *o = &cli_wanted.train;
  const int64_t rows = s->data.rows > 0 ? s->data.rows : 1;
  const int64_t steps =
      cli_train_steps() ? cli_train_steps() : o->epochs * ((rows - 1) / o->batch + 1);
  int64_t *const warmup = whole_of("--warmup");
  if (*warmup > steps / 10) *warmup = steps / 10;
}

/* What was not given. */
static int complete_options(const cli_session *s, clf_kind kind) {
  clf_train_options usual = usual_options(s, kind);
  const clf_preset *preset = cli_wanted.preset;
  if (cli_train_given("--epochs") && cli_train_given("--steps"))
    return cli_usage("--epochs and --steps exclude each other: both say how long to train");
  if (cli_train_given("--epochs")) go_by_epochs(&usual);
  if (!preset && kind < CLF_REALNVP && !cli_wanted.lecture &&
      clf_preset_find(clf_kind_name(kind), &preset) != CLF_OK)
    return cli_fail_library();
  if (preset && clf_preset_options(preset, &usual) != CLF_OK) return cli_fail_library();
  usual.seed = cli_wanted.train.seed;
  complete(&cli_wanted.train, &usual, sizeof usual);
  if (!cli_train_given("--warmup")) limit_warmup(s);
  return CLI_OK;
}

static int settle_options(const cli_session *s) {
  const clf_flow_spec *spec = clf_flow_get_spec(s->flow);
  const int code = cli_wanted.resume ? CLI_OK : complete_options(s, spec->kind);
  if (code) return code;
  if (cli_wanted.recalibrate && spec->variant.no_norm)
    return cli_usage("--recalibrate has no meaning for a flow without batch normalisation");
  return CLI_OK;
}

/* Reads a set once, so that one with too many levels is refused before it is trained on for a
 * while. */
static int read_all(cli_session *s) {
  const int64_t rows = cli_row_count(s), most = cli_row_chunk(s);
  int code = CLI_OK;
  for (int64_t at = 0; at < rows && !code && clf_flow_get_spec(s->flow)->levels < 256; at += most) {
    const double *x;
    code = cli_rows(s, at, rows - at < most ? rows - at : most, &x);
  }
  return code;
}

/* ---- A log-density ---------------------------------------------------------------------- */

/* The session has no rows then, but as many columns as the density has dimensions. */
static int open_target(cli_session *s) {
  static const char *const of_data[] = {"--data",     "--valid",       "--test",
                                        "--discrete", "--standardize", "--valid-split",
                                        "--columns",  "--drop",        "--plot"};
  if (!cli_wanted.target && cli_train_given("--samples"))
    return cli_usage("--samples goes with --target: data have their own rows");
  if (!cli_wanted.target) return CLI_OK;
  for (size_t i = 0; i < sizeof of_data / sizeof *of_data; i++)
    if (cli_train_given(of_data[i]))
      return cli_usage("%s goes with data; --target has none", of_data[i]);
  if (clf_density_open(cli_wanted.target, &cli_wanted.density) != CLF_OK)
    return cli_usage("--target: %s", clf_errmsg());
  cli_common.data = cli_wanted.target;
  s->data.cols = cli_wanted.density.dim;
  return CLI_OK;
}

/* ---- All of it -------------------------------------------------------------------- */

static int make_flow(cli_session *s) {
  const char *begin = cli_train_begin();
  clf_column_grid *grid = NULL;
  int code = CLI_OK;
  if (begin) code = load_flow(s, begin); /* which may put the table's columns in its order */
  if (!code && !cli_wanted.target) code = cli_train_grid(&s->data, &grid);
  if (!code && !begin) code = new_flow(s, grid);
  if (!code && !begin) code = cli_given_describe(s, s->flow);
  if (!code) code = cli_train_set_grid(s->flow, grid);
  if (!code && !begin && !cli_wanted.discrete && s->data.at) cli_train_say_grid(&s->data, s->flow);
  free(grid);
  return code;
}

/* Images are opened before the device, to be decoded while it gets ready; but those that are
 * cut to the size of a model from a file after it. */
int cli_train_prepare(cli_session *s) {
  const char *begin = cli_train_begin();
  int code = cli_train_choose();
  if (!code) code = open_target(s);
  if (!code) code = default_data();
  if (!code && cli_wanted.resume) code = resume_options();
  const int late = begin && cli_common.images.crop != CLF_CROP_NONE;
  if (!code && !late && !cli_wanted.target) code = open_images(s);
  if (!code) code = cli_weights_split(s, cli_wanted.weights);
  if (!code) code = cli_given_split(s);
  if (!code && !begin) code = cli_given_expand(s);
  if (!code) code = cli_open_device(&s->dev);
  if (!code) code = make_flow(s);
  if (!code) code = settle_options(s);
  if (!code) code = cli_data_wait(s);
  return code || !s->images ? code : read_all(s);
}
