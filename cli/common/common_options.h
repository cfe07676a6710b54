/* SPDX-License-Identifier: MIT */
/* common_options.h: options that several verbs share, and their values. Private to cli/. */
#ifndef CLI_COMMON_OPTIONS_H
#define CLI_COMMON_OPTIONS_H
#include "options.h"

/* Options of every verb that opens a device, a model or data. */
extern struct cli_common {
  const char *model, *device, *data;
  cli_texts devices; /* of verbs that divide rows among several */
  int verbose, force, mpi;
  int strict;         /* refuse rows of zero density, and damaged images */
  const char *given;  /* columns, values or file of the context; NULL: not given */
  int given_for_some; /* models without a context ignore --given */
  int latents;        /* the data's columns are z, for which a model has no names */
  clf_flow_spec hint; /* values that a plain state_dict lacks; xmin and xmax NaN and the others 0:
                         not given */
  struct {            /* for data that are images */
    int crop, strict; /* crop: a clf_crop */
    int32_t channels; /* 0: as in the files */
    int32_t bits;     /* of 16-bit PNG files; 0: all */
    const char *noise;
    uint64_t seed;         /* seed of the noise, unless a file has it */
    int order;             /* a clf_image_order */
    int32_t shape[3];      /* of the images in a table that is read before the model, or 0 */
    clf_image_order usual; /* their order without --order, if their shape fits both */
  } images;
  struct {                      /* for data that are a table */
    int header;                 /* a clf_header */
    const char *columns, *drop; /* comma-separated lists */
    char delimiter, decimal, comment;
    int64_t skip;
    const char *id;  /* column that names the rows */
    int missing;     /* 0: refuse, 1: drop; -1: the verb's default */
    int by_position; /* take columns in the file's order, whatever their names */
  } table;
} cli_common;

/* For every verb that takes a model with a context. */
#define CLI_OPTION_GIVEN(what)                                                                     \
  { "--given", "CONTEXT", what, CLI_CONTEXT, &cli_common.given, NULL, 0, 0 }
#define CLI_OPTION_GIVEN_ROWS                                                                      \
  CLI_OPTION_GIVEN(                                                                                \
      "set the context of a conditional model: NAME=VALUE,... for all rows, or FILE.csv or "       \
      "FILE.npy with a row for each row of DATA (default: the columns of DATA with these names)")
#define CLI_OPTION_DATA(what)                                                                      \
  { "--data", "DATA", what, CLI_DATA, &cli_common.data, NULL, 1, 0 }
/* For every verb that writes files. */
#define CLI_OPTION_FORCE                                                                           \
  {                                                                                                \
    "--force", NULL, "replace an existing file even if it is of another kind", CLI_FLAG,           \
        &cli_common.force, NULL, 0, 0                                                              \
  }
#define CLI_OPTION_JSON(to, what)                                                                  \
  { "--json", NULL, what, CLI_FLAG, to, NULL, 0, 0 }
#define CLI_OPTION_SEED(to, what)                                                                  \
  { "--seed", "S", "seed the random numbers: " what, CLI_SEED, to, "1", 0, 0 }
#define CLI_OPTION(name, arg, help, type, to, initial)                                             \
  { name, arg, help, type, to, initial, 0, 0 }
/* An old name that still works, or an option for this program alone: not shown in --help. */
#define CLI_OPTION_OLD(name, arg, type, to)                                                        \
  { name, arg, NULL, type, to, NULL, 0, 0 }
#define CLI_SECTION(text)                                                                          \
  { "", NULL, text, CLI_HEADING, NULL, NULL, 0, 0 }
#define CLI_OPERAND_MODEL CLI_OPERAND_MODEL_TO(&cli_common.model, 1)
#define CLI_OPERAND_MODEL_TO(to, required)                                                         \
  {                                                                                                \
    "MODEL", NULL,                                                                                 \
        "read this model: a file from `clflow fit` or `clflow train`, or a state_dict as "         \
        "safetensors",                                                                             \
        CLI_OPERAND, to, NULL, required, 0                                                         \
  }
/* Of a report and its pictures. */
#define CLI_OPTION_PAIRS(to)                                                                       \
  CLI_OPTION("--pairs", "A,B,...",                                                                 \
             "show these columns in the pair plot: two to six names, or numbers from 1 (default: " \
             "the six that fit worst)",                                                            \
             CLI_TEXT, to, NULL)

#define CLI_OPTIONS_DEVICE                                                                         \
  CLI_SECTION("Device"),                                                                           \
      CLI_OPTION("--device", "NAME",                                                               \
                 "compute on this device: auto, cpu, cpu64, opencl, opencl:N, ... (default: the "  \
                 "environment variable CLFLOW_DEVICE, else auto); `clflow devices` lists them",    \
                 CLI_TEXT, &cli_common.device, NULL),                                              \
      CLI_OPTION("--verbose", NULL, "print why auto chose its device", CLI_FLAG,                   \
                 &cli_common.verbose, NULL)

/* For verbs on which several ranks can work; main.c looks for it. */
#define CLI_OPTION_MPI                                                                             \
  CLI_OPTION(                                                                                      \
      "--mpi", NULL,                                                                               \
      "use MPI even if no launcher is recognized (default: under mpirun, mpiexec and srun)",       \
      CLI_FLAG, &cli_common.mpi, NULL)

/* For verbs that divide their rows among devices (members.h). */
#define CLI_OPTION_DEVICES                                                                         \
  CLI_OPTION("--devices", "LIST",                                                                  \
             "divide the rows among these devices, separated by commas; the result is that of "    \
             "one device",                                                                         \
             CLI_TEXTS, &cli_common.devices, NULL)

/* How a realnvp flow is built: a new one, or one whose state_dict does not say so. */
#define CLI_OPTIONS_VARIANT(spec)                                                                  \
  CLI_OPTION("--levels", "N", "set the number of values of a pixel (default 256)", CLI_COUNT32,    \
             &(spec).levels, NULL),                                                                \
      CLI_OPTION("--alpha", "X", "set alpha of the logit of pixels (default 0.05)", CLI_ABOVE_0,   \
                 &(spec).alpha, NULL),                                                             \
      CLI_OPTION("--affine", "shift-first|scale-first",                                            \
                 "choose the affine map: y = (x + t) exp(s), or y = x exp(s) + t", CLI_CHOICE,     \
                 &(spec).variant.scale_first, NULL),                                               \
      CLI_OPTION("--logit", "code|paper",                                                          \
                 "map pixels p to alpha + (1 - 2 alpha) p, or to alpha + (1 - alpha) p",           \
                 CLI_CHOICE, &(spec).variant.paper_logit, NULL),                                   \
      CLI_OPTION("--mask", "even|odd",                                                             \
                 "choose the pixels that the first coupling leaves unchanged", CLI_CHOICE,         \
                 &(spec).variant.odd_first, NULL),                                                 \
      CLI_OPTION("--bn-rho", "X",                                                                  \
                 "set the weight of the running statistics while training (default 0)", CLI_PART,  \
                 &(spec).variant.bn_rho, NULL)

#define CLI_OPTIONS_MODEL                                                                          \
  CLI_OPTIONS_DEVICE, CLI_SECTION("For a plain state_dict, which does not contain these"),         \
      CLI_OPTION("--xmin", "X", "set the lower end of the interval (piecewise)", CLI_NUMBER,       \
                 &cli_common.hint.xmin, NULL),                                                     \
      CLI_OPTION("--xmax", "X", "set the upper end of the interval (piecewise)", CLI_NUMBER,       \
                 &cli_common.hint.xmax, NULL),                                                     \
      CLI_OPTION("--size", "HxW", "set height and width of the images (default: the data's)",      \
                 CLI_SIZE, &cli_common.hint.height, NULL),                                         \
      CLI_OPTIONS_VARIANT(cli_common.hint)

/* How a table is read. */
#define CLI_OPTIONS_TABLE                                                                          \
  CLI_SECTION("Table"),                                                                            \
      CLI_OPTION("--columns", "A,B,...",                                                           \
                 "read only these columns, in this order: names, or numbers from 1", CLI_TEXT,     \
                 &cli_common.table.columns, NULL),                                                 \
      CLI_OPTION("--drop", "A,B,...", "leave out these columns: names, or numbers from 1",         \
                 CLI_TEXT, &cli_common.table.drop, NULL),                                          \
      CLI_OPTION("--id", "COLUMN",                                                                 \
                 "name the rows by this column: it is shown, but not part of the model", CLI_TEXT, \
                 &cli_common.table.id, NULL),                                                      \
      CLI_OPTION("--missing", "refuse|drop",                                                       \
                 "refuse a table with missing values, or leave out the rows that have them and "   \
                 "print how many (default: fit, train and report drop them; log-prob, transform, " \
                 "eval and compare keep them with an empty result; others refuse)",                \
                 CLI_CHOICE, &cli_common.table.missing, NULL),                                     \
      CLI_OPTION("--by-position", NULL, "match columns to the model by position, not by name",     \
                 CLI_FLAG, &cli_common.table.by_position, NULL),                                   \
      CLI_SECTION("Format of a text table"),                                                       \
      CLI_OPTION("--header", "auto|yes|no",                                                        \
                 "say whether the first line names the columns (default auto)", CLI_CHOICE,        \
                 &cli_common.table.header, NULL),                                                  \
      CLI_OPTION("--delimiter", "CHAR",                                                            \
                 "split fields at this character; also: tab, space (any run of blanks) (default: " \
                 "detected)",                                                                      \
                 CLI_CHAR, &cli_common.table.delimiter, NULL),                                     \
      CLI_OPTION("--decimal", "CHAR",                                                              \
                 "read this character as the decimal sign: . or , (default: detected)", CLI_CHAR,  \
                 &cli_common.table.decimal, NULL),                                                 \
      CLI_OPTION("--comment", "CHAR",                                                              \
                 "ignore the rest of a line from this character on (default: only lines that "     \
                 "begin with #)",                                                                  \
                 CLI_CHAR, &cli_common.table.comment, NULL),                                       \
      CLI_OPTION("--skip", "N", "skip this many lines at the beginning", CLI_INDEX,                \
                 &cli_common.table.skip, NULL)

/* How arrays of images are ordered. */
#define CLI_OPTION_ORDER                                                                           \
  CLI_OPTION("--order", "auto|NHWC|NCHW",                                                          \
             "write .npy of images as (N, H, W, C) or (N, C, H, W), and read an array so whose "   \
             "shape fits both (default: the model's)",                                             \
             CLI_CHOICE, &cli_common.images.order, NULL)
/* How data that are images are read. */
#define CLI_OPTIONS_READING                                                                        \
  CLI_SECTION("Images"), CLI_OPTION_ORDER,                                                         \
      CLI_OPTION("--crop", "none|center|celeba|lsun",                                              \
                 "bring images to the model's size: not at all; by cutting out the middle and "    \
                 "resizing it; as Dinh et al. 2017 did for CelebA or LSUN",                        \
                 CLI_CHOICE, &cli_common.images.crop, NULL),                                       \
      CLI_OPTION("--bits", "8 to 16",                                                              \
                 "set the bits in use of 16-bit PNG files: 12 reads 4095 as 255 (default 16)",     \
                 CLI_COUNT32, &cli_common.images.bits, NULL)
#define CLI_OPTIONS_IMAGES                                                                         \
  CLI_OPTIONS_READING,                                                                             \
      CLI_OPTION("--strict", NULL, "refuse a damaged image file instead of leaving it out",        \
                 CLI_FLAG, &cli_common.images.strict, NULL)
/* For a verb that evaluates densities, instead of the --strict for images. */
#define CLI_OPTION_STRICT_ROWS                                                                     \
  CLI_OPTION("--strict", NULL,                                                                     \
             "refuse a row of zero density, or a damaged image file, instead of counting it",      \
             CLI_FLAG, &cli_common.strict, NULL)
#define CLI_OPTION_CHANNELS(to)                                                                    \
  CLI_OPTION("--channels", "1|3", "read images as grey or colour (default: as they are)",          \
             CLI_CHANNELS, to, NULL)
/* How the bytes of images are made continuous, x = byte + u. */
#define CLI_OPTION_NOISE                                                                           \
  CLI_OPTION("--noise", "U.npy",                                                                   \
             "read the uniform noise u of each pixel, in the shape of the data (default: drawn)",  \
             CLI_INPUT, &cli_common.images.noise, NULL)
#define CLI_OPTIONS_NOISE                                                                          \
  CLI_OPTION_NOISE, CLI_OPTION_SEED(&cli_common.images.seed, "noise of images")
/* The same for verbs in which --seed also has another use. */
#define CLI_OPTIONS_NOISE_SEED                                                                     \
  CLI_OPTION_NOISE, CLI_OPTION("--noise-seed", "S", "seed the noise of images alone", CLI_SEED,    \
                               &cli_common.images.seed, "1")
/* For a verb that takes images and a model, and for one with CLI_OPTION_STRICT_ROWS. */
#define CLI_OPTIONS_IMAGE_DATA                                                                     \
  CLI_OPTIONS_IMAGES, CLI_OPTION_CHANNELS(&cli_common.images.channels), CLI_OPTIONS_NOISE
#define CLI_OPTIONS_IMAGE_ROWS                                                                     \
  CLI_OPTIONS_READING, CLI_OPTION_CHANNELS(&cli_common.images.channels), CLI_OPTIONS_NOISE
#define CLI_OPTIONS_END                                                                            \
  { NULL, NULL, NULL, CLI_HEADING, NULL, NULL, 0, 0 }

#endif
