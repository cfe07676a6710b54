/* SPDX-License-Identifier: MIT */
/* cli.h: what the verbs of the program `clflow` share.  Private to cli/. */
#ifndef CLI_H
#define CLI_H
#include "clflow/clflow.h"
#include "clflow/report.h"
#include <jansson.h>
#include <signal.h>
#include <stdio.h>

/* Of the program: 0 done, 1 it failed, 2 it was called wrongly. */
enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* ---- options.c --------------------------------------------------------- */

typedef enum cli_type {              /* of a value, and of what `to` points at */
                        CLI_HEADING, /* no option: `help` is a heading of --help */
                        CLI_OPERAND, /* const char *: a file to read, a word without dashes */
                        CLI_TEXT,    /* const char *: a word that names no file */
                        CLI_INPUT,   /* const char *: a file to read */
                        CLI_FLOW,    /* const char *: text, or @ and a file to read */
                        CLI_CONTEXT, /* const char *: names, values, or a file to read */
                        CLI_DATA,    /* const char *: a file or folder to read, or a set's name */
                        CLI_OUTPUT,  /* const char *: a file to write, its kind by its suffix */
                        CLI_OUTPUT_MODEL, /* const char *: a model to write */
                        CLI_OUTPUT_LOG,   /* const char *: a log to write */
                        CLI_TEXTS,        /* cli_texts: words by comma, and by giving it again */
                        CLI_CHOICE,       /* int: which of the words in `arg`, from 0 */
                        CLI_FLAG,         /* int: becomes 1 */
                        CLI_FLAG_OFF,     /* int: becomes 0 */
                        CLI_COUNT32,      /* int32_t from 1 */
                        CLI_INDEX32,      /* int32_t from 0 */
                        CLI_COUNT,        /* int64_t from 1 */
                        CLI_INDEX,        /* int64_t from 0 */
                        CLI_SEED,         /* uint64_t */
                        CLI_MIB,          /* uint64_t, bytes; typed in MiB from 1 */
                        CLI_NUMBER,       /* double, finite, as those below */
                        CLI_ABOVE_0,
                        CLI_FROM_0,
                        CLI_PART,     /* 0 <= p < 1 */
                        CLI_PERCENT,  /* double from 0: "10%" or "10" is 0.1 */
                        CLI_CHANNELS, /* int32_t, 1 or 3 */
                        CLI_SIZE,     /* int32_t[2], height and width, from 1 */
                        CLI_GRID,     /* int32_t[2], rows and columns, from 1 */
                        CLI_CHAR      /* char: one of ASCII, or the words tab and space */
} cli_type;

enum { CLI_TEXTS_MOST = 16 };
typedef struct cli_texts {
  int count;
  char at[CLI_TEXTS_MOST][64];
} cli_texts;

/* One row is all there is to an option: parsing, checks and --help come of it. */
typedef struct cli_option {
  const char *name; /* "--batch", "-n"; of an operand what --help calls it */
  const char *arg;  /* what --help calls the value; of a choice its words: "nvp|nice" */
  const char *help;
  cli_type type;
  void *to;
  const char *initial; /* as if given first; NULL leaves `to` as it is */
  int required;
  int given; /* set by cli_parse() */
} cli_option;

/* A word without an option before it. */
static inline int cli_is_operand(const cli_option *o) { return *o->name && *o->name != '-'; }

typedef struct cli_verb {
  const char *name;
  const char *usage;   /* what follows `clflow NAME` */
  const char *purpose; /* a sentence */
  const char *details; /* paragraphs below the options, or NULL */
  const char *example;
  cli_option *options; /* the last one has no name */
  int (*run)(void);    /* gives the exit code */
  clf_missing missing; /* what it does with rows of a table that lack a value, without --missing */
  /* (optional) Files that it may write besides those its options name: the i-th, and the option
   * that it comes of; NULL beyond the last.  The name is good until the next call. */
  const char *(*also_writes)(int i, const char **option);
} cli_verb;

/* Fills what the options point at; a word it cannot take is named on stderr and
 * CLI_USAGE returned. */
int cli_parse(const cli_verb *verb, int argc, char **argv);
void cli_help(const cli_verb *verb);
/* Prints words from column `at` on, broken at a line's end, further lines at `indent`. */
void cli_print_wrapped(const char *text, int at, int indent);

/* The verb whose options cli_parse() took. */
extern const cli_verb *cli_running;

int cli_is_word(cli_type type); /* whether the value is a const char * as typed */
/* Bytes that a value of this type takes where `to` points. */
size_t cli_size(cli_type type);
/* A value of the option's type as it would be typed. */
void cli_format(const cli_option *option, const void *value, char *text, size_t size);

/* Letters to insert, delete or replace to make `b` of `a`. */
int cli_distance(const char *a, const char *b);
/* Whether a word so far from `typed` may be what was meant. */
int cli_is_near(const char *typed, int distance);

/* ---- files.c ----------------------------------------------------------- */

/* To be called before anything is opened: refuses an output that is also read, that lies in a
 * folder which is read, that is written twice, or that would replace a file of another kind
 * without --force.  CLI_OK, CLI_USAGE, or CLI_FAILED for lack of memory. */
int cli_check_files(const cli_verb *verb);

/* ---- output.c ---------------------------------------------------------- */

extern const char *cli_verb_name; /* of the verb that runs; messages begin with it */

/* A sentence on stderr, `clflow: VERB: ...`; the latter two return an exit code. */
void cli_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
int cli_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The failure that the library reported last. */
int cli_fail_library(void);

/* The text as it may go to a terminal, control characters shown as "\x1b"; good for four calls. */
const char *cli_clean(const char *text);
/* Appends `before` and the word, quoted as a POSIX shell needs it ($'...' where it has letters that
 * a terminal would not show). */
void cli_append_word(char before, const char *word, char *line, size_t size);

/* Writes what is buffered for stdout.  0, or if any of it could not be written so far the error's
 * number, -1 where that is not known. */
int cli_flush(void);

/* One line of stderr, redrawn in place; messages clear it first. */
void cli_progress_draw(const char *line);
void cli_progress_clear(void);

double cli_clock(void); /* seconds from some time on */
/* "3.4 ms", "1:05:09"; "12.5k"; "15.6 GiB". */
void cli_format_seconds(double seconds, char *text, size_t size);
void cli_format_large(double number, char *text, size_t size);
void cli_format_bytes(uint64_t bytes, char *text, size_t size);

json_t *cli_json_number(double number);     /* null where it is not finite */
json_t *cli_json_text(const char *text);    /* U+FFFD in place of bytes that are not UTF-8 */
json_t *cli_json_unsigned(uint64_t number); /* a string beyond what JSON readers hold */
json_t *cli_json_numbers(const double *at, int64_t count);
/* Prints and releases it; gives the exit code.  NULL is a failure for lack of memory. */
int cli_json_print(json_t *json);

int cli_has_suffix(const char *path, const char *suffix);
/* Whether a table, or any file, could be written there: CLI_OK, or says why not.
 * NULL stands for an option that was not given and is fine; "-" is a table's stdout. */
int cli_check_table(const char *path);
int cli_check_file(const char *option, const char *path, const char *suffix);

/* Writes the table with columns named PREFIX0, PREFIX1, ... or, with one name
 * only, PREFIX; "-" prints CSV. */
int cli_put_table(const char *path, clf_table *table, const char *prefix, int numbered);
/* Gives a table the ids of another while it is written; NULL takes them back. */
void cli_lend_ids(const clf_table *from, clf_table *to);
/* The same under the names that the table has. */
int cli_put_named(const char *path, const clf_table *table);
/* Describes samples as the flow's columns are: labels and integers are rounded then. */
int cli_describe_samples(const clf_flow *flow, clf_table *rows);
/* Writes samples, under the flow's names of its columns or else x0, x1, ..., with labels, dates and
 * integers as the training data had them; or latents, z0, z1,
 * ...  For an image flow a .npy is (N, H, W, C). */
int cli_put_samples(const char *path, const clf_flow *flow, clf_table *rows);
int cli_put_latents(const char *path, const clf_flow *flow, clf_table *rows);

/* ---- output_rows.c: tables that hold texts and numbers -------------------------------- */

/* A column: texts, whole numbers, or numbers `stride` apart, in which NaN is an empty field. */
typedef struct cli_column {
  const char *name;
  char *const *texts;
  const int64_t *whole;
  int from_1; /* of whole numbers: 0 is an empty field */
  const double *numbers;
  int64_t stride;
  const clf_column *kind; /* of numbers that stand for labels or dates; NULL: plain ones */
  int digits;             /* of numbers in text, significant ones; 0: all that a double holds */
} cli_column;
/* Writes rows order[0 .. rows) (NULL: 0 .. rows) of these columns as .csv, .npy, or CSV on standard
 * output ("-").  A .npy holds no texts: the first column of them is refused by its name. */
int cli_put_columns(const char *path, const cli_column *columns, int count, const int64_t *order,
                    int64_t rows);
/* The same rows as a list of objects; null for NaN and infinities.  NULL without memory. */
json_t *cli_json_columns(const cli_column *columns, int count, const int64_t *order, int64_t rows);

/* ---- arch.c ------------------------------------------------------------ */

/* The exit code for an architecture of the command line that was refused, and says why. */
int cli_arch_refused(clf_status s);
/* The kind of that name, or -1. */
int cli_kind_of(const char *word);
/* "nsf" or "nsf(hidden=64, tail=5)", the word of an option, into the preset's name and its values,
 * "" where it has none. */
enum { CLI_PRESET_NAME = 64, CLI_PRESET_VALUES = 512 };
int cli_preset_split(const char *option, const char *word, char name[CLI_PRESET_NAME],
                     char values[CLI_PRESET_VALUES]);
/* An architecture as text, or from a file of text or JSON: @FILE. */
int cli_arch_read(const char *given, clf_arch **arch);
/* That of a flow, whose scaling is a layer of it at the head; so it is if it will have one. */
int cli_arch_of(const clf_flow *flow, int standardize, clf_arch **arch);

/* ---- session.c --------------------------------------------------------- */

/* Options of every verb that opens a device, a model or data. */
extern struct cli_common {
  const char *model, *device, *data;
  int verbose, force;
  int strict;         /* refuse what has zero density, and a damaged image */
  const char *given;  /* columns, values or a file of the context; NULL: not given */
  int given_for_some; /* models without a context leave it to the others */
  int latents;        /* the data's columns are z, which have no names in a model */
  clf_flow_spec hint; /* what a plain state_dict lacks; xmin and xmax NaN, the rest 0: not given */
  struct {            /* of data that are images */
    int crop, strict; /* crop: a clf_crop */
    int32_t channels; /* 0: as they are */
    int32_t bits;     /* of 16-bit PNG files; 0: all */
    const char *noise;
    uint64_t seed; /* of the noise, where no file has it */
  } images;
  struct {                      /* of data that are a table */
    int header;                 /* a clf_header */
    const char *columns, *drop; /* lists by comma */
    char delimiter, decimal, comment;
    int64_t skip;
    const char *id;  /* column that names the rows */
    int missing;     /* 0 refuse, 1 drop; -1: as the verb does */
    int by_position; /* columns are taken in the file's order whatever their names */
  } table;
} cli_common;

/* Of every verb that takes a model with a context. */
#define CLI_OPTION_GIVEN(what)                                                                     \
  { "--given", "CONTEXT", what, CLI_CONTEXT, &cli_common.given, NULL, 0, 0 }
#define CLI_OPTION_GIVEN_ROWS                                                                      \
  CLI_OPTION_GIVEN(                                                                                \
      "context of conditional models: NAME=VALUE,... for all samples, or FILE.csv or "             \
      "FILE.npy with a row for each (default: columns of DATA by name)")
#define CLI_OPTION_DATA(what)                                                                      \
  { "--data", "DATA", what, CLI_DATA, &cli_common.data, NULL, 1, 0 }
/* Of every verb that writes files. */
#define CLI_OPTION_FORCE                                                                           \
  {                                                                                                \
    "--force", NULL, "replace a file even if it is of another kind than what is written",          \
        CLI_FLAG, &cli_common.force, NULL, 0, 0                                                    \
  }
#define CLI_OPTIONS_DEVICE                                                                         \
  {"--device",                                                                                     \
   "NAME",                                                                                         \
   "auto, cpu, cpu64, opencl, opencl:N, ... (default: the environment's "                          \
   "CLFLOW_DEVICE, else auto); `clflow devices` lists them",                                       \
   CLI_TEXT,                                                                                       \
   &cli_common.device,                                                                             \
   NULL,                                                                                           \
   0,                                                                                              \
   0},                                                                                             \
  {                                                                                                \
    "--verbose", NULL, "say why auto took its device, also where stderr is no terminal", CLI_FLAG, \
        &cli_common.verbose, NULL, 0, 0                                                            \
  }
#define CLI_OPERAND_MODEL                                                                          \
  {                                                                                                \
    "MODEL", NULL, "from `clflow train`, or a state_dict as safetensors", CLI_OPERAND,             \
        &cli_common.model, NULL, 1, 0                                                              \
  }
#define CLI_OPTION(name, arg, help, type, to, initial)                                             \
  { name, arg, help, type, to, initial, 0, 0 }
#define CLI_SECTION(text)                                                                          \
  { "", NULL, text, CLI_HEADING, NULL, NULL, 0, 0 }

/* How a realnvp flow is built: of a new flow, or what a state_dict does not tell. */
#define CLI_OPTIONS_VARIANT(spec)                                                                  \
  CLI_OPTION("--levels", "N", "realnvp: values of a pixel (default 256)", CLI_COUNT32,             \
             &(spec).levels, NULL),                                                                \
      CLI_OPTION("--alpha", "X", "realnvp: of the logit of pixels (default 0.05)", CLI_ABOVE_0,    \
                 &(spec).alpha, NULL),                                                             \
      CLI_OPTION("--affine", "shift-first|scale-first",                                            \
                 "realnvp: y = (x + t) exp(s), or y = x exp(s) + t", CLI_CHOICE,                   \
                 &(spec).variant.scale_first, NULL),                                               \
      CLI_OPTION("--logit", "code|paper",                                                          \
                 "realnvp: pixels p to alpha + (1 - 2 alpha) p, or to alpha + (1 - alpha) p",      \
                 CLI_CHOICE, &(spec).variant.paper_logit, NULL),                                   \
      CLI_OPTION("--mask", "even|odd", "realnvp: pixels that the first coupling keeps",            \
                 CLI_CHOICE, &(spec).variant.odd_first, NULL),                                     \
      CLI_OPTION("--bn-rho", "X",                                                                  \
                 "realnvp: share of running statistics while training (default 0)", CLI_PART,      \
                 &(spec).variant.bn_rho, NULL)

#define CLI_OPTIONS_MODEL                                                                          \
  CLI_OPTIONS_DEVICE, CLI_SECTION("A plain state_dict, which does not hold these"),                \
      CLI_OPTION("--xmin", "X", "piecewise: lower end of its interval", CLI_NUMBER,                \
                 &cli_common.hint.xmin, NULL),                                                     \
      CLI_OPTION("--xmax", "X", "piecewise: upper end", CLI_NUMBER, &cli_common.hint.xmax, NULL),  \
      CLI_OPTION("--size", "HxW", "realnvp: height and width of the images (default the data's)",  \
                 CLI_SIZE, &cli_common.hint.height, NULL),                                         \
      CLI_OPTIONS_VARIANT(cli_common.hint)

/* How data that are a table are read: a section of its own. */
#define CLI_OPTIONS_TABLE                                                                          \
  CLI_SECTION("Table"),                                                                            \
      CLI_OPTION("--columns", "A,B,...",                                                           \
                 "columns to read, in this order: names, or numbers from 1 (default all)",         \
                 CLI_TEXT, &cli_common.table.columns, NULL),                                       \
      CLI_OPTION("--drop", "A,B,...", "columns to leave out: names, or numbers from 1", CLI_TEXT,  \
                 &cli_common.table.drop, NULL),                                                    \
      CLI_OPTION("--id", "COLUMN",                                                                 \
                 "column that names the rows: kept and shown, not part of the model", CLI_TEXT,    \
                 &cli_common.table.id, NULL),                                                      \
      CLI_OPTION("--missing", "refuse|drop",                                                       \
                 "rows that lack a value: refuse the table, or leave them out and say how many "   \
                 "(default: fit, train and report leave them out; log-prob, transform, eval and "  \
                 "compare keep them with an empty result; others refuse)",                         \
                 CLI_CHOICE, &cli_common.table.missing, NULL),                                     \
      CLI_OPTION("--by-position", NULL, "take columns in the file's order, whatever their names",  \
                 CLI_FLAG, &cli_common.table.by_position, NULL),                                   \
      CLI_OPTION("--header", "auto|yes|no",                                                        \
                 "text: whether the first line names the columns (default: judge)", CLI_CHOICE,    \
                 &cli_common.table.header, NULL),                                                  \
      CLI_OPTION("--delimiter", "CHAR",                                                            \
                 "text: between fields; tab, space (any run of blanks) or a character (default: "  \
                 "judge)",                                                                         \
                 CLI_CHAR, &cli_common.table.delimiter, NULL),                                     \
      CLI_OPTION("--decimal", "CHAR", "text: decimal sign, '.' or ',' (default: judge)", CLI_CHAR, \
                 &cli_common.table.decimal, NULL),                                                 \
      CLI_OPTION("--comment", "CHAR",                                                              \
                 "text: ignore the rest of a line from this character on (default: lines that "    \
                 "begin with '#')",                                                                \
                 CLI_CHAR, &cli_common.table.comment, NULL),                                       \
      CLI_OPTION("--skip", "N", "text: lines at the beginning to skip", CLI_INDEX,                 \
                 &cli_common.table.skip, NULL)

/* How data that are images are read. */
#define CLI_OPTIONS_READING                                                                        \
  CLI_OPTION("--crop", "none|center|celeba|lsun",                                                  \
             "images: how they are brought to the model's size", CLI_CHOICE,                       \
             &cli_common.images.crop, NULL),                                                       \
      CLI_OPTION("--bits", "8 to 16",                                                              \
                 "images: bits in use of 16-bit PNG files: 12 reads 4095 as 255 (default 16)",     \
                 CLI_COUNT32, &cli_common.images.bits, NULL)
#define CLI_OPTIONS_IMAGES                                                                         \
  CLI_OPTIONS_READING,                                                                             \
      CLI_OPTION("--strict", NULL, "images: refuse a damaged file instead of leaving it out",      \
                 CLI_FLAG, &cli_common.images.strict, NULL)
/* Of a verb that evaluates densities, in place of the --strict for images. */
#define CLI_OPTION_STRICT_ROWS                                                                     \
  CLI_OPTION("--strict", NULL,                                                                     \
             "refuse a sample of zero density, or a damaged image, instead of counting it",        \
             CLI_FLAG, &cli_common.strict, NULL)
#define CLI_OPTION_CHANNELS(to)                                                                    \
  CLI_OPTION("--channels", "1|3", "images: grey or colour (default as they are)", CLI_CHANNELS,    \
             to, NULL)
/* And how their bytes are made continuous, x = byte + u. */
#define CLI_OPTIONS_NOISE                                                                          \
  CLI_OPTION("--noise", "U.npy",                                                                   \
             "images: u of each pixel, in the data's shape (default drawn by --seed)", CLI_INPUT,  \
             &cli_common.images.noise, NULL),                                                      \
      CLI_OPTION("--seed", "S", "images: of u, where no file has it", CLI_SEED,                    \
                 &cli_common.images.seed, "1")
/* The same where --seed is of something else. */
#define CLI_OPTIONS_NOISE_SEED                                                                     \
  CLI_OPTION("--noise", "U.npy", "images: u of each pixel, in the data's shape (default drawn)",   \
             CLI_INPUT, &cli_common.images.noise, NULL),                                           \
      CLI_OPTION("--noise-seed", "S", "images: of u, where no file has it", CLI_SEED,              \
                 &cli_common.images.seed, "1")
/* Of a verb that takes images beside its model; and of one with CLI_OPTION_STRICT_ROWS. */
#define CLI_OPTIONS_IMAGE_DATA                                                                     \
  CLI_OPTIONS_IMAGES, CLI_OPTION_CHANNELS(&cli_common.images.channels), CLI_OPTIONS_NOISE
#define CLI_OPTIONS_IMAGE_ROWS                                                                     \
  CLI_OPTIONS_READING, CLI_OPTION_CHANNELS(&cli_common.images.channels), CLI_OPTIONS_NOISE
#define CLI_OPTIONS_END                                                                            \
  { NULL, NULL, NULL, CLI_HEADING, NULL, NULL, 0, 0 }

typedef struct cli_session {
  clf_device *dev;
  clf_flow *flow;
  clf_table data;     /* empty where the data are images */
  clf_images *images; /* or NULL */
  clf_table noise;    /* of --noise, or empty */
  uint8_t *bytes;     /* of a chunk of images, and made continuous */
  double *pixels;
  int64_t room;            /* images that these two hold */
  clf_table given;         /* the context: a row for each sample, or one for all; or empty */
  const clf_columns *like; /* what a table without a model is read like; NULL: as it looks */
  clf_columns context;     /* the columns that it is made of, where some are no plain numbers */
  double *repeated;        /* that one row over and over */
  clf_table weights;       /* of a training: a number for each row; or empty */
  int64_t repeated_rows;
} cli_session;

/* The device of --device, with its notes on stderr. */
int cli_open_device(clf_device **dev);
/* Closes it; of check: says on stderr what it compared.  NULL is a no-op. */
void cli_close_device(clf_device *dev);
/* Opens a model; `hint` as clf_flow_load() has it, xmin and xmax NaN: not given. */
int cli_load(clf_device *dev, const char *path, const clf_flow_spec *hint, clf_flow **flow);
/* The data of --data if it was given, the device and the flow of MODEL, which must
 * fit each other.  All is to be closed, also after a failure. */
int cli_session_open(cli_session *s);
/* Closes the model and the data, and opens those that MODEL and --data name by now, on the same
 * device. */
int cli_session_next(cli_session *s);
void cli_session_close(cli_session *s);

/* ---- data.c: tables, and images, which are rows too once they are continuous ------- */

/* Reads a table, or opens images of this size (0: as they are) and decodes them in the
 * background until cli_data_wait(), which names files that were left out. */
int cli_data_open(cli_session *s, const char *data, const clf_image_options *wanted);
/* How --crop, --strict and --bits say that images are read; of any size and channels. */
clf_image_options cli_image_options(void);
int cli_data_wait(cli_session *s);
/* Brings a table's columns into the order of the model's names, and says in what data and model
 * differ, if they do. */
int cli_data_check(cli_session *s, const char *data, const char *model);

/* ---- data_table.c: data that are a table ------------------------------------------- */

/* The words of a list by comma; those that hold one are in double quotes, "" for a quote. */
typedef struct cli_words {
  char *text, **at;
  int32_t count;
} cli_words;
/* Of `list`, NULL: none; to be freed also after a failure. */
int cli_words_split(const char *option, const char *list, cli_words *w);
void cli_words_free(cli_words *w);

/* Reads a table by the options for it, as the model's columns are described if there is a model,
 * and says what was not plain. */
int cli_table_open(cli_session *s, const char *data);
/* The same of a table that is read as `like` describes it, NULL: as it looks. */
int cli_table_read(const char *data, const clf_columns *like, clf_missing missing, clf_table *t);
/* What is done with rows that lack a value, by --missing or else as the verb does. */
clf_missing cli_table_missing(void);
/* Of data and contexts, and weights, that were read with missing values kept apart from each other:
 * leaves out the rows in which any of them lacks one. */
int cli_table_drop(cli_session *s, const char *data);
/* Refuses options of tables that were given with images. */
int cli_table_refuse(const char *data);
/* A line for each column that only counts the rows. */
void cli_table_say_counters(const clf_table *t, const char *data);
/* Brings the columns into the order of the model's names. */
int cli_table_match(cli_session *s, const char *data, const char *model);

/* ---- given.c: the context of a conditional model ------------------------------------------- */

/* Of a training: moves the columns that --given names from the data to s->given, or reads its
 * file.  A word names a file by its ending or its folder, as ./FILE.csv; a column that is called so
 * wins. */
int cli_given_is_file(const char *word);
int cli_given_split(cli_session *s);
/* The context as a flow takes it, a column for each label, with its columns in s->context; of a
 * flow that has a context, with the codes of its labels. */
int cli_given_expand(cli_session *s);
/* Hands the flow what the columns of its context hold. */
int cli_given_describe(const cli_session *s, clf_flow *flow);
/* A table beside that of --data, read as `like` describes it (NULL: as it looks), its context and
 * weights apart as --given and this name of a column say. */
int cli_table_read_apart(const char *data, const clf_columns *like, const char *weights,
                         cli_session *s);
/* The same for a column of weights; NULL: none. */
int cli_weights_split(cli_session *s, const char *column);
/* Of a model that takes a context: from --given, or the data's columns by name, into s->given; a
 * row for each sample, or one for all.  Refuses --given with another model. */
int cli_given_take(cli_session *s);
/* The context of rows first .. first + n; NULL: the model takes none.  Good until the next call. */
int cli_given_rows(cli_session *s, int64_t first, int64_t n, const double **c);

/* ---- data.c: rows -------------------------------------------------------------------- */

int64_t cli_row_count(const cli_session *s);
/* Rows that make a chunk: of images some MiB, of a table all. */
int64_t cli_row_chunk(const cli_session *s);
/* Rows first .. first + n of the data as the flow takes them, n at most cli_row_chunk(); they
 * are there until the next call. */
int cli_rows(cli_session *s, int64_t first, int64_t n, const double **x);
/* How many of n rows x (n, dim) with the contexts c (n, context; or NULL) from the first on all
 * have their values, or all lack one: *missing. */
int64_t cli_stretch(const double *x, int32_t dim, const double *c, int32_t context, int64_t n,
                    int *missing);
/* log p of every row, (cli_row_count()), NaN of a row with a missing value; with --strict a density
 * of zero is refused. */
int cli_log_probs(cli_session *s, double *logp);
/* The score of the rows that are not missing, and how many are. */
int cli_score(const double *logp, int64_t n, int32_t dim, clf_score *score, int64_t *missing);

/* ---- parts.c --------------------------------------------------------------------------------- */

enum { CLI_ROW_MISSING = 255 }; /* follows the values of clflow/fit.h */
/* What the rows of the data served for when the model was made, found again by the checksum, the
 * seed and the shares that its file has: part (cli_row_count()), CLI_ROW_MISSING where a value is
 * missing.  *found 0: the data are others, or the file does not say; *refit: the model was trained
 * again on all rows. */
int cli_parts_find(const cli_session *s, uint8_t *part, int *found, int *refit);

/* clf_transform_given() or clf_invert_given(); c may be NULL. */
typedef clf_status (*cli_map_fn)(clf_flow *flow, const double *from, const double *c, int64_t n,
                                 double *to, double *logdet);
/* What a verb does that maps rows: DATA through `map` to the file `out`, and the log-determinants
 * to the file `logdet_out` unless NULL.  `data`: what DATA holds. */
typedef enum cli_rows_kind { CLI_SAMPLES, CLI_LATENTS } cli_rows_kind;
int cli_map(cli_map_fn map, cli_rows_kind data, const char *out, const char *logdet_out);

/* ---- pictures.c -------------------------------------------------------- */

/* Cells of a picture, down and across; the first `apart` columns stand apart from the rest. */
typedef struct cli_grid {
  int32_t rows, cols, apart;
} cli_grid;

enum { CLI_INDICES = 256, CLI_CHUNK = 64 /* images made at once */ };
typedef struct cli_indices {
  int count;
  int64_t at[CLI_INDICES];
} cli_indices;

/* "0,3,5". */
int cli_parse_indices(const char *option, const char *text, cli_indices *list);
cli_grid cli_near_square(int64_t count);

int cli_makes_images(const cli_session *s);

/* These rows of the data as the flow takes them, (count, D) to be freed.  An empty list becomes
 * the first eight. */
int cli_take_rows(cli_session *s, cli_indices *list, double **x);
/* Their latents, (count, D). */
int cli_transform_rows(const cli_session *s, const cli_indices *list, const double *x, double *z);

/* x = f^-1(z), images in chunks, with a line on stderr for a person who waits. */
int cli_decode(const cli_session *s, const double *z, int64_t n, double *x);
void cli_draw_share(const char *what, int64_t done, int64_t total);

/* Continuous pixels to bytes below spec->levels. */
void cli_bytes_of(const clf_flow_spec *spec, const double *x, int64_t n, uint8_t *bytes);

/* Whether such a picture is not too large. */
int cli_check_grid(const clf_flow_spec *spec, cli_grid grid);
/* At most rows * cols images as a PNG, spread over 0 to 255, small ones magnified. */
int cli_put_grid(const char *path, const clf_flow_spec *spec, const uint8_t *bytes, int64_t n,
                 cli_grid grid);
/* As cli_put_grid(), or as .npy, where bytes stay below spec->levels. */
int cli_put_bytes(const char *path, const clf_flow_spec *spec, const uint8_t *bytes, int64_t n,
                  cli_grid grid);
/* As cli_check_table(), or a .png. */
int cli_check_images(const char *path);

/* ---- signals.c --------------------------------------------------------- */

/* From here on a signal that ends the program first removes its unfinished files. */
void cli_signals_begin(void);
/* From here on the first SIGINT, SIGTERM, SIGHUP or SIGXCPU only sets cli_stop_wanted. */
void cli_signals_ask(void);
extern volatile sig_atomic_t cli_stop_wanted;

/* ---- training.c -------------------------------------------------------- */

/* A training under way: what it writes, and what is known of it. */
typedef struct cli_training {
  const char *label; /* before the line of progress; NULL: nothing */
  int bound; /* 1: against a log-density: what reports call train is a lower bound of log Z */
  clf_trainer *trainer;
  clf_flow *flow;
  double bits; /* D log 2 of an image flow, whose numbers are bits/dim; else 0: nats */
  const char *out;
  int weights_only;
  double save_every;           /* seconds; 0: at the end only */
  FILE *log;                   /* or NULL */
  const char *samples, *curve; /* pictures, or NULL */
  uint64_t seed;               /* of samples */
  double *train, *valid;       /* of each round, where there is a curve to draw */
  int64_t kept, room;          /* rounds in them; rounds that they have room for */
  int64_t epoch, epochs, first_step, step, steps;
  int by_steps; /* 1: progress counts steps, 0: epochs */
  double seconds;
  double saved, shown, drawn; /* clock */
  int draw;                   /* a tenth of the training is over */
  int64_t tenths;             /* of it that are over */
} cli_training;

/* Trains to the end, saving and drawing now and then, until cli_stop_wanted: ESTOPPED. */
clf_status cli_training_run(cli_training *t);
/* The pictures as things stand; gives the exit code.  Samples fill this grid. */
extern const cli_grid cli_training_grid;
int cli_training_draw(cli_training *t);
clf_status cli_training_save(cli_training *t);
/* A line of the log, if there is one; takes the object. */
void cli_training_log(const cli_training *t, json_t *json);

/* ---- report.c ---------------------------------------------------------- */

/* The rows of a session as a report takes them: training, validation and test rows apart where the
 * model's file says which they are. */
typedef struct cli_report_rows {
  clf_report_source source;
  clf_table x[3], given[3]; /* of each part */
  int64_t *row[3];
  char **ids[3];
  int32_t *pairs;
  char command[4096];
} cli_report_rows;

/* `pairs`: names or numbers of columns by comma, or NULL; `part`: what each row served for, or
 * NULL: as the model's file says.  To be closed also after a failure. */
int cli_report_open(cli_session *s, const char *pairs, const uint8_t *part, uint64_t seed,
                    cli_report_rows *r);
void cli_report_close(cli_report_rows *r);

/* ---- Verbs, a file each ------------------------------------------------- */

#define CLI_VERB_MAP(X)                                                                            \
  X(fit)                                                                                           \
  X(train)                                                                                         \
  X(eval)                                                                                          \
  X(compare)                                                                                       \
  X(log_prob)                                                                                      \
  X(transform)                                                                                     \
  X(invert)                                                                                        \
  X(sample)                                                                                        \
  X(interpolate)                                                                                   \
  X(complete)                                                                                      \
  X(compress)                                                                                      \
  X(jacobian) X(plot) X(report) X(info) X(flows) X(devices) X(tune) X(bench) X(importance)
#define CLI_X(name) extern const cli_verb cli_##name;
CLI_VERB_MAP(CLI_X)
#undef CLI_X

#endif
