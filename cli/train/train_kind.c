/* SPDX-License-Identifier: MIT */
/* train_kind.c: the flow of a preset that has a kind, requested with `--flow` and `--preset` of
 * `clflow train`, and which options apply to which kind. */
#include "train.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* With this value and a clip, training on the built-in data sets does not diverge
 * (docs/results.md); the lecture uses neither. The help of --s-max names the value. */
#define USUAL_S_MAX 3.0

/* Refuses an option that belongs to another kind of flow. */
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
      {"--l2", REALNVP | COMPOSED},
      {"--recalibrate", REALNVP},
      {"--standardize", COUPLINGS | PIECEWISE | ROWS},
      {"--discrete", COUPLINGS | PIECEWISE | ROWS},
  };
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
    if (cli_train_given(rules[i].option) && !(rules[i].kinds & bit))
      return cli_usage("%s has no meaning for %s%s", rules[i].option,
                       kind == CLF_COMPOSED ? images ? "a flow of images" : "a flow of rows"
                                            : "the preset ",
                       kind == CLF_COMPOSED ? "" : clf_kind_name(kind));
  return CLI_OK;
}

int cli_train_check_composed(int images) { return check_kind(CLF_COMPOSED, images); }

int cli_train_check_model(const clf_flow_spec *spec, const char *path) {
  const int code = check_kind(spec->kind, spec->height > 0);
  if (!code && cli_wanted.has_kind && cli_wanted.spec.kind != spec->kind)
    return cli_usage("--flow %s does not agree with %s, which has %s; leave it out",
                     clf_kind_name(cli_wanted.spec.kind), path, clf_kind_name(spec->kind));
  return code;
}

/* ---- A flow of images --------------------------------------------------------- */

int cli_train_wants_images(void) {
  if (cli_wanted.has_kind) return cli_wanted.spec.kind == CLF_REALNVP;
  return clf_is_image_source(cli_common.data);
}

/* The shape of the images, or the one that is declared for a table's rows. */
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
  return cli_usage("%s has %d column%s, which do not make images of %d x %d", cli_common.data,
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
  cli_train_complete(&cli_wanted.spec, &usual, sizeof usual);
  return CLI_OK;
}

/* ---- A flow of rows ------------------------------------------------------------ */

/* The interval of the data, widened by the noise of --discrete and a small margin, so that a
 * device that computes in float does not round the outermost samples out of it. For a flow of
 * standardised data the interval is in their units; the mean and deviation of the training rows,
 * found later, differ a little from those of all rows, so the margin is wider. */
static int default_interval(const clf_table *data, const clf_column_grid *grid,
                            clf_flow_spec *spec) {
  double minimum = data->at[0], maximum = minimum, mean = 0, std = 1;
  for (int64_t i = 0; i < data->rows; i++) {
    minimum = fmin(minimum, data->at[i]);
    maximum = fmax(maximum, data->at[i]);
  }
  if (minimum == maximum && (isnan(spec->xmin) || isnan(spec->xmax)))
    return cli_fail(
        "the column of %s is %g in every row, so it has no density; there is nothing to "
        "fit",
        cli_common.data, minimum);
  if (grid) minimum -= grid->step / 2, maximum += grid->step / 2;
  if (cli_wanted.train.standardize) clf_table_moments(data, NULL, 0, &mean, &std);
  double margin = 4 * FLT_EPSILON * fmax(fabs(minimum), fabs(maximum));
  if (cli_wanted.train.standardize) margin += 0.1 * (maximum - minimum);
  if (isnan(spec->xmin)) spec->xmin = minimum - margin;
  if (isnan(spec->xmax)) spec->xmax = maximum + margin;
  if (std == 0) return CLI_OK; /* the trainer refuses a constant column and names its number */
  spec->xmin = (spec->xmin - mean) / std;
  spec->xmax = (spec->xmax - mean) / std;
  return CLI_OK;
}

const clf_preset *cli_train_preset_of(const clf_flow_spec *spec) {
  const clf_preset *preset;
  return clf_preset_find(clf_kind_name(spec->kind), &preset) == CLF_OK ? preset : NULL;
}

/* A value of the preset, such as "hidden="; or the lecture's value. */
static int32_t usual_value(const clf_flow_spec *spec, const char *name, int32_t lecture) {
  const clf_preset *preset = cli_train_preset_of(spec);
  if (cli_wanted.lecture || !preset) return lecture;
  const char *const at = strstr(preset->values, name);
  return at ? (int32_t)strtol(at + strlen(name), NULL, 10) : lecture;
}

static int row_spec(const cli_session *s, const clf_column_grid *grid) {
  clf_flow_spec *spec = &cli_wanted.spec;
  if (s->images)
    return cli_usage(
        "--flow %s takes rows of numbers, %s holds images; use --flow realnvp for these",
        clf_kind_name(spec->kind), cli_common.data);
  if (spec->kind == CLF_PIECEWISE && s->data.cols != 1)
    return cli_fail("--flow piecewise takes data of one column, %s has %d", cli_common.data,
                    s->data.cols);
  if (s->data.at) cli_table_say_counters(&s->data, cli_common.data);
  if (spec->kind == CLF_PIECEWISE && !s->data.at && (isnan(spec->xmin) || isnan(spec->xmax)))
    return cli_usage("--flow piecewise needs --xmin and --xmax when there are no data");
  const clf_flow_spec lecture = clf_flow_spec_default(spec->kind, s->data.cols);
  spec->dim = s->data.cols;
  if (!spec->hidden) spec->hidden = usual_value(spec, "hidden=", lecture.hidden);
  if (!spec->depth) spec->depth = usual_value(spec, "depth=", lecture.depth);
  if (spec->kind == CLF_NVP && !cli_train_given("--s-max"))
    spec->s_max = cli_wanted.lecture ? lecture.s_max : USUAL_S_MAX;
  return spec->kind == CLF_PIECEWISE && s->data.at ? default_interval(&s->data, grid, spec)
                                                   : CLI_OK;
}

/* ---- The flow ------------------------------------------------------------------ */

int cli_train_make_kind(cli_session *s, const clf_column_grid *grid) {
  clf_flow_spec *spec = &cli_wanted.spec;
  if (s->given.at)
    return cli_usage("--given needs an architecture, such as --flow nsf or text; the presets nvp, "
                     "nice, piecewise and realnvp take no context");
  if (!cli_wanted.has_kind)
    spec->kind = cli_train_wants_images()                  ? CLF_REALNVP
                 : s->data.cols == 1 && !cli_wanted.target ? CLF_PIECEWISE
                                                           : CLF_NVP;
  int code = check_kind(spec->kind, 0);
  if (!code) code = spec->kind == CLF_REALNVP ? image_spec(s) : row_spec(s, grid);
  if (code) return code;
  spec->seed = cli_wanted.train.seed;
  return clf_flow_create(s->dev, spec, &s->flow) == CLF_OK ? CLI_OK : cli_fail_library();
}
