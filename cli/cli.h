/* SPDX-License-Identifier: MIT */
/* cli.h: what the verbs of the program `clflow` share.  Private to cli/. */
#ifndef CLI_H
#define CLI_H
#include "clflow/clflow.h"
#include <jansson.h>
#include <stdio.h>

/* Of the program: 0 done, 1 it failed, 2 it was called wrongly. */
enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* ---- options.c --------------------------------------------------------- */

typedef enum cli_type {               /* of a value, and of what `to` points at */
                        CLI_HEADING,  /* no option: `help` is a heading of --help */
                        CLI_OPERAND,  /* const char *: a word without dashes */
                        CLI_TEXT,     /* const char * */
                        CLI_CHOICE,   /* int: which of the words in `arg`, from 0 */
                        CLI_FLAG,     /* int: becomes 1 */
                        CLI_FLAG_OFF, /* int: becomes 0 */
                        CLI_COUNT32,  /* int32_t from 1 */
                        CLI_COUNT,    /* int64_t from 1 */
                        CLI_INDEX,    /* int64_t from 0 */
                        CLI_SEED,     /* uint64_t */
                        CLI_NUMBER,   /* double, finite, as those below */
                        CLI_ABOVE_0,
                        CLI_FROM_0,
                        CLI_PART /* 0 <= p < 1 */
} cli_type;

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

typedef struct cli_verb {
  const char *name;
  const char *usage;   /* what follows `clflow NAME` */
  const char *purpose; /* a sentence */
  const char *details; /* paragraphs below the options, or NULL */
  const char *example;
  cli_option *options; /* the last one has no name */
  int (*run)(void);    /* gives the exit code */
} cli_verb;

/* Fills what the options point at; a word it cannot take is named on stderr and
 * CLI_USAGE returned. */
int cli_parse(const cli_verb *verb, int argc, char **argv);
void cli_help(const cli_verb *verb);

/* Bytes that a value of this type takes where `to` points. */
size_t cli_size(cli_type type);
/* A value of the option's type as it would be typed. */
void cli_format(const cli_option *option, const void *value, char *text, size_t size);

/* Letters to insert, delete or replace to make `b` of `a`. */
int cli_distance(const char *a, const char *b);
/* Whether a word so far from `typed` may be what was meant. */
int cli_is_near(const char *typed, int distance);

/* ---- output.c ---------------------------------------------------------- */

extern const char *cli_verb_name; /* of the verb that runs; messages begin with it */

/* A sentence on stderr, `clflow: VERB: ...`; the latter two return an exit code. */
void cli_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
int cli_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The failure that the library reported last. */
int cli_fail_library(void);

/* One line of stderr, redrawn in place; messages clear it first. */
void cli_progress_draw(const char *line);
void cli_progress_clear(void);

double cli_clock(void); /* seconds from some time on */
/* "3.4 ms", "1:05:09"; "12.5k"; "15.6 GiB". */
void cli_format_seconds(double seconds, char *text, size_t size);
void cli_format_large(double number, char *text, size_t size);
void cli_format_bytes(uint64_t bytes, char *text, size_t size);

json_t *cli_json_number(double number);     /* null where it is not finite */
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

/* ---- session.c --------------------------------------------------------- */

/* Options of every verb that opens a device, or a model. */
extern struct cli_common {
  const char *model, *device, *data;
  int verbose;
  double xmin, xmax; /* NaN: not given */
} cli_common;

#define CLI_OPTION_DATA(what)                                                                      \
  { "--data", "DATA", what, CLI_TEXT, &cli_common.data, NULL, 1, 0 }
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
#define CLI_OPTIONS_MODEL                                                                          \
  CLI_OPTIONS_DEVICE,                                                                              \
      {"--xmin",                                                                                   \
       "X",                                                                                        \
       "interval of a piecewise state_dict, which does not hold it",                               \
       CLI_NUMBER,                                                                                 \
       &cli_common.xmin,                                                                           \
       NULL,                                                                                       \
       0,                                                                                          \
       0},                                                                                         \
  {                                                                                                \
    "--xmax", "X", "its other end", CLI_NUMBER, &cli_common.xmax, NULL, 0, 0                       \
  }
#define CLI_OPTIONS_END                                                                            \
  { NULL, NULL, NULL, CLI_HEADING, NULL, NULL, 0, 0 }

typedef struct cli_session {
  clf_device *dev;
  clf_flow *flow;
  clf_table data;
} cli_session;

/* The device of --device, with its notes on stderr. */
int cli_open_device(clf_device **dev);
/* Opens a model; xmin and xmax are what a piecewise state_dict lacks, NaN: not given. */
int cli_load(clf_device *dev, const char *path, double xmin, double xmax, clf_flow **flow);
/* The data of --data if it was given, the device and the flow of MODEL, which must
 * fit each other.  All three are to be closed, also after a failure. */
int cli_session_open(cli_session *s);
void cli_session_close(cli_session *s);

/* Says that data and model differ in columns, if they do. */
int cli_check_columns(const char *data, const clf_table *table, const char *model,
                      const clf_flow *flow);

/* clf_transform() or clf_invert(). */
typedef clf_status (*cli_map_fn)(clf_flow *flow, const double *from, int64_t n, double *to,
                                 double *logdet);
/* All of a verb that maps rows: DATA through `map` to the file `out`, in columns PREFIX0,
 * PREFIX1, ..., and the log-determinants to the file `logdet_out` unless NULL. */
int cli_map(cli_map_fn map, const char *out, const char *prefix, const char *logdet_out);

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

/* "8x8"; "0,3,5". */
int cli_parse_grid(const char *option, const char *text, cli_grid *grid);
int cli_parse_indices(const char *option, const char *text, cli_indices *list);
cli_grid cli_near_square(int64_t count);

int cli_makes_images(const cli_session *s);

/* Opens the session, and takes rows of --data: (count, D) numbers, to be freed, of images the
 * bytes with noise, which depends on the seed and the index.  An empty list becomes the first
 * eight.  The session is to be closed, also after a failure. */
int cli_take_examples(cli_session *s, cli_indices *list, uint64_t noise_seed, double **x);

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

/* ---- training.c -------------------------------------------------------- */

/* A training under way: what it writes, and what is known of it. */
typedef struct cli_training {
  clf_trainer *trainer;
  clf_flow *flow;
  const char *out;
  int weights_only;
  double save_every;     /* seconds; 0: at the end only */
  FILE *log;             /* or NULL */
  double *train, *valid; /* log p after each epoch, with room for all; NULL: not kept */
  int64_t kept;          /* epochs in them */
  int64_t epoch, epochs, first_step, step;
  double seconds;
  double saved, shown; /* clock */
} cli_training;

/* Trains to the end, saving now and then, until SIGINT or SIGTERM: ESTOPPED. */
clf_status cli_training_run(cli_training *t);
clf_status cli_training_save(cli_training *t);

/* ---- Verbs, a file each ------------------------------------------------- */

#define CLI_VERB_MAP(X)                                                                            \
  X(train)                                                                                         \
  X(eval)                                                                                          \
  X(log_prob)                                                                                      \
  X(transform)                                                                                     \
  X(invert) X(sample) X(interpolate) X(complete) X(compress) X(jacobian) X(plot) X(info) X(devices)
#define CLI_X(name) extern const cli_verb cli_##name;
CLI_VERB_MAP(CLI_X)
#undef CLI_X

#endif
