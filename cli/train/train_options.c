/* SPDX-License-Identifier: MIT */
/* train_options.c: the options of `clflow train`, and the objects that contain their values. */
#include "train.h"
#include <math.h>
#include <stdint.h>
#include <string.h>

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

cli_option cli_train_options[] = {
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
    CLI_OPTION("--order", "auto|NHWC|NCHW",
               "read an array of images whose shape fits both orders as (N, H, W, C) or (N, C, H, "
               "W) (default: as the model says, or NHWC)",
               CLI_CHOICE, &cli_common.images.order, NULL),
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
    CLI_OPTION_OLD("--parent", "PID", CLI_INDEX, &cli_wanted.parent), /* `clflow sweep` sets it */
    CLI_OPTIONS_END,
};

/* ---- Looking options up ---------------------------------------------------------------- */

const cli_option *cli_train_option(const char *name) {
  const cli_option *option = cli_train_options;
  while (strcmp(option->name, name) != 0) option++;
  return option;
}

int cli_train_given(const char *name) { return cli_train_option(name)->given; }

const char *cli_train_begin(void) { return cli_wanted.resume ? cli_wanted.out : cli_wanted.init; }

/* ---- Objects that contain values of options ------------------------------------------ */

/* The byte offset of the option's value in an object of `size` bytes; `mine` is an object of the
 * same type. -1: the option is not part of it, or was not given. */
static ptrdiff_t offset_of(const cli_option *option, const void *mine, size_t size) {
  const uintptr_t begin = (uintptr_t)mine, value = (uintptr_t)option->to;
  return option->given && value >= begin && value < begin + size ? (ptrdiff_t)(value - begin) : -1;
}

void cli_train_complete(void *mine, void *usual, size_t size) {
  for (const cli_option *option = cli_train_options; option->name; option++) {
    const ptrdiff_t at = offset_of(option, mine, size);
    if (at >= 0) memcpy((char *)usual + at, option->to, cli_size(option->type));
  }
  memcpy(mine, usual, size);
}

int cli_train_check_agreement(const void *mine, const void *file, size_t size) {
  for (const cli_option *option = cli_train_options; option->name; option++) {
    const ptrdiff_t at = offset_of(option, mine, size);
    if (at < 0) continue;
    const void *theirs = (const char *)file + at;
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

int64_t *cli_train_whole(const char *name) { return cli_train_option(name)->to; }

int64_t cli_train_steps(void) { return *cli_train_whole("--steps"); }

int cli_train_has_cosine(const clf_train_options *file) {
  clf_train_options other = *file;
  return clf_train_options_set(&other, "schedule", "cosine") == CLF_OK &&
         memcmp(&other, file, sizeof other) == 0;
}
