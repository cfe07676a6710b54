/* SPDX-License-Identifier: MIT */
/* train_flow.c: the data of a training, and the flow that is created for them or loaded. */
#include "train.h"
#include "ranks.h"
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define USUAL_CLIP 10.0 /* used where clf_train_options_tables() is not, except for realnvp */

/* ---- A flow of images --------------------------------------------------------- */

/* Opens the generated data set in the requested size. */
static int default_data(void) {
  static char name[64];
  if (cli_wanted.target) return CLI_OK;
  const clf_flow_spec *spec = &cli_wanted.spec;
  const clf_preset *preset = cli_wanted.preset;
  if (cli_common.data) return CLI_OK;
  if (!cli_wanted.has_kind || !cli_train_wants_images())
    return cli_usage("--data is missing; usage: clflow train %s", CLI_TRAIN_USAGE);
  const int32_t side = spec->height ? spec->height : preset ? preset->height : 0;
  const int32_t channels = spec->channels ? spec->channels : preset ? preset->channels : 0;
  snprintf(name, sizeof name, "glyphs:size=%d,channels=%d", side ? side : 16,
           channels ? channels : 1);
  cli_common.data = side || channels ? name : "glyphs";
  return CLI_OK;
}

/* Images that are not cut are opened in their own size, which is then compared with the
 * requested one. */
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

/* Of which images the rows of a table will be, as the model to begin with, the architecture or
 * --size says. */
static int find_shape(void) {
  int32_t *const shape = cli_common.images.shape;
  const char *const begin = cli_train_begin();
  if (begin)
    return clf_model_images(begin, shape, &cli_common.images.usual) == CLF_OK ? CLI_OK
                                                                              : cli_fail_library();
  if (cli_wanted.arch) {
    clf_arch_shape(cli_wanted.arch, &shape[0], &shape[1], &shape[2]);
    return CLI_OK;
  }
  shape[0] = cli_wanted.spec.height;
  shape[1] = cli_wanted.spec.width;
  shape[2] = cli_wanted.spec.channels;
  return CLI_OK;
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
  int code = find_shape();
  if (!code) code = cli_data_open(s, cli_common.data, &want);
  return code || cli_train_begin() ? code : check_size(s, height, width);
}

/* ---- The flow ------------------------------------------------------------------ */

static int new_flow(cli_session *s, const clf_column_grid *grid) {
  return cli_train_is_composed() ? cli_train_compose(s) : cli_train_make_kind(s, grid);
}

static int load_flow(cli_session *s, const char *path) {
  clf_flow_spec hint = cli_wanted.spec;
  int32_t channels;
  cli_common.model = path; /* the name used in messages */
  if (cli_train_given("--compat"))
    return cli_usage("--compat is for a new flow, %s is built already; leave it out", path);
  if (s->images && !hint.height) clf_images_shape(s->images, &hint.height, &hint.width, &channels);
  int code = cli_load(s->dev, path, &hint, &s->flow);
  if (code) return code;
  const clf_flow_spec *spec = clf_flow_get_spec(s->flow);
  code = cli_train_check_model(spec, path);
  if (!code && spec->kind == CLF_COMPOSED) code = cli_train_check_values(path);
  if (!code) code = cli_train_check_agreement(&cli_wanted.spec, spec, sizeof *spec);
  if (cli_wanted.target) return code; /* in this case the trainer compares dimensions */
  if (!code && !s->images && !s->data.at) code = open_images(s);
  if (!code && !s->given.at) code = cli_given_split(s); /* of images that were not open before */
  return code ? code : cli_data_check(s, cli_common.data, path);
}

/* ---- The options of training ----------------------------------------------------- */

/* Replaces the file's number of epochs or steps by a larger one. */
static int extend(const char *option, int64_t *file) {
  int64_t *const mine = cli_train_whole(option);
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

/* Takes the options of the file, except that the training may be continued for longer. */
static int resume_options(void) {
  clf_train_options file;
  const char *out = cli_wanted.out;
  if (clf_train_options_load(out, &file) != CLF_OK) return cli_fail_library();
  const ptrdiff_t at = (char *)cli_train_whole("--steps") - (char *)&cli_wanted.train;
  int64_t *const steps = (int64_t *)(void *)((char *)&file + at);
  if (cli_train_given("--epochs") && *steps)
    return cli_usage("the training in %s goes by --steps, of which there are %" PRId64
                     "; pass a larger --steps instead of --epochs",
                     out, *steps);
  if (is_longer(&file, *steps) && cli_train_has_cosine(&file))
    return cli_usage(
        "the step size of the training in %s falls along a cosine that ends with it, so it cannot "
        "be made longer; --init %s starts a new training from its weights",
        out, out);
  const int bad = extend("--epochs", &file.epochs);
  if (bad || extend("--steps", steps)) return CLI_USAGE;
  file.memory = cli_wanted.train.memory; /* not stored in files */
  const int code = cli_train_check_agreement(&cli_wanted.train, &file, sizeof file);
  cli_wanted.train = file;
  return code;
}

/* Sets rows aside for validation if there are enough and the command line names none. Also sets
 * a scaling for couplings whose text has none, but does not replace the scaling of a model to
 * begin with. */
static void fit_to_data(const cli_session *s, clf_train_options *o) {
  if (cli_wanted.valid || cli_wanted.folds || llround(o->valid_split * (double)s->data.rows) < 1)
    o->valid_split = 0;
  o->standardize = clf_flow_get_spec(s->flow)->depth > 0 && !cli_train_begin();
}

/* The default options for this flow and data; a preset may change them. */
static clf_train_options usual_options(const cli_session *s) {
  if (clf_flow_get_spec(s->flow)->scales) return clf_train_options_images();
  clf_train_options o = clf_train_options_default();
  if (cli_wanted.lecture) return o;
  o.clip = USUAL_CLIP;
  if (cli_wanted.target) return o;
  if (s->images) {
    const clf_train_options images = clf_train_options_images();
    o.batch = images.batch;
    o.lr = images.lr;
    return o;
  }
  o = clf_train_options_tables();
  fit_to_data(s, &o);
  return o;
}

/* --epochs replace steps; each epoch ends with a validation. */
static void go_by_epochs(clf_train_options *o) {
  clf_train_options_set(o, "steps", "0");
  clf_train_options_set(o, "valid_every", "0");
}

/* If no warm-up was requested, it takes at most a tenth of the training. */
static void limit_warmup(const cli_session *s) {
  clf_train_options *o = &cli_wanted.train;
  const int64_t rows = s->data.rows > 0 ? s->data.rows : 1;
  const int64_t steps =
      cli_train_steps() ? cli_train_steps() : o->epochs * ((rows - 1) / o->batch + 1);
  int64_t *const warmup = cli_train_whole("--warmup");
  if (*warmup > steps / 10) *warmup = steps / 10;
}

/* Completes the options that were not given. */
static int complete_options(const cli_session *s) {
  clf_train_options usual = usual_options(s);
  const clf_preset *preset = cli_wanted.preset;
  if (cli_train_given("--epochs") && cli_train_given("--steps"))
    return cli_usage("--epochs and --steps exclude each other: both say how long to train");
  if (cli_train_given("--epochs")) go_by_epochs(&usual);
  if (!preset && !cli_wanted.lecture) preset = cli_train_preset_of(clf_flow_get_spec(s->flow));
  if (preset && clf_preset_options(preset, &usual) != CLF_OK) return cli_fail_library();
  usual.seed = cli_wanted.train.seed;
  cli_train_complete(&cli_wanted.train, &usual, sizeof usual);
  if (!cli_train_given("--warmup")) limit_warmup(s);
  return CLI_OK;
}

/* Refuses an L2 penalty that applies to no weight, which would silently do nothing. */
static int check_l2(const clf_flow *flow) {
  int decays = !cli_train_given("--l2") || cli_wanted.train.l2 == 0;
  for (int i = 0; i < clf_flow_param_count(flow); i++) decays |= clf_flow_param(flow, i).decays;
  if (decays) return CLI_OK;
  return cli_usage("--l2 has no meaning for this flow: it applies to the trained factor of "
                   "affine(scale=realnvp) and to the magnitudes of convresnet(like=realnvp); "
                   "--weight-decay applies to all weights");
}

static int settle_options(const cli_session *s) {
  const clf_flow_spec *spec = clf_flow_get_spec(s->flow);
  int code = cli_wanted.resume ? CLI_OK : complete_options(s);
  if (!code) code = check_l2(s->flow);
  if (code) return code;
  if (cli_wanted.recalibrate && spec->variant.no_norm)
    return cli_usage("--recalibrate has no meaning for a flow without batch normalisation");
  return CLI_OK;
}

/* Reads all images once, so that a set with too many levels is refused before and not during the
 * training. */
static int read_all(cli_session *s) {
  const int64_t rows = cli_row_count(s), maximum = cli_row_chunk(s);
  int code = CLI_OK;
  for (int64_t at = 0; at < rows && !code && clf_flow_get_spec(s->flow)->levels < 256;
       at += maximum) {
    const double *x;
    code = cli_rows(s, at, rows - at < maximum ? rows - at : maximum, &x);
  }
  return code;
}

/* ---- A log-density ---------------------------------------------------------------------- */

/* The session then has no rows, but as many columns as the density has dimensions. */
static int open_target(cli_session *s) {
  static const char *const of_data[] = {"--data",     "--valid",       "--test",
                                        "--discrete", "--standardize", "--valid-split",
                                        "--columns",  "--drop",        "--plot"};
  if (!cli_wanted.target && cli_train_given("--samples"))
    return cli_usage("--samples is for --target; data have their own rows");
  if (!cli_wanted.target) return CLI_OK;
  for (size_t i = 0; i < sizeof of_data / sizeof *of_data; i++)
    if (cli_train_given(of_data[i]))
      return cli_usage("%s is for data; --target has none", of_data[i]);
  if (clf_density_open(cli_wanted.target, &cli_wanted.density) != CLF_OK)
    return cli_usage("--target: %s", clf_errmsg());
  cli_common.data = cli_wanted.target;
  s->data.cols = cli_wanted.density.dim;
  return CLI_OK;
}

/* ---- Everything together ---------------------------------------------------------- */

static int make_flow(cli_session *s) {
  const char *begin = cli_train_begin();
  clf_column_grid *grid = NULL;
  int code = CLI_OK;
  if (begin) code = load_flow(s, begin); /* this may reorder the table's columns */
  if (!code && !cli_wanted.target) code = cli_train_grid(&s->data, &grid);
  if (!code && !begin) code = new_flow(s, grid);
  if (!code && !begin) code = cli_given_describe(s, s->flow);
  if (!code) code = cli_check_order(s->flow);
  if (!code) code = cli_train_set_grid(s->flow, grid);
  if (!code && !begin && !cli_wanted.discrete && s->data.at) cli_train_say_grid(&s->data, s->flow);
  free(grid);
  return code;
}

static int open_device(void *dev) { return cli_open_device(dev); }

/* Images are opened before the device and are decoded during its start. Images that are cut to
 * the size of a model from a file are opened after it. */
int cli_train_prepare(cli_session *s) {
  const char *begin = cli_train_begin();
  int code = cli_train_choose();
  if (!code) code = open_target(s);
  if (!code) code = default_data();
  if (!code && cli_wanted.resume) code = resume_options();
  const int late = begin && cli_common.images.crop != CLF_CROP_NONE;
  if (!code && !late && !cli_wanted.target) code = open_images(s);
  if (!code) code = cli_weights_split(s, cli_wanted.weights);
  if (!code && !late) code = cli_given_split(s);
  if (!code && !begin) code = cli_given_expand(s);
  code = cli_ranks_open(code, open_device, &s->dev);
  if (!code) code = make_flow(s);
  if (!code) code = settle_options(s);
  if (!code) code = cli_data_wait(s);
  return code || !s->images ? code : read_all(s);
}
