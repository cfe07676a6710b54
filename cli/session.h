/* SPDX-License-Identifier: MIT */
/* session.h: a device, a model and data, opened by the options of a verb.  Private to cli/. */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H
#include "options.h"

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

/* What --device, else the environment, asks for: "opencl:local" as the device of this rank. */
const char *cli_device_name(void);
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

#endif
