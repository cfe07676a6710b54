/* SPDX-License-Identifier: MIT */
/* session.h: a device, a model and data, opened by the options of a verb.  Private to cli/. */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H
#include "options.h"

typedef struct cli_session {
  clf_device *dev;
  clf_flow *flow;
  clf_table data;     /* empty if the data are images */
  clf_images *images; /* or NULL */
  int decoded;        /* 1: cli_data_wait() has waited for them */
  clf_table noise;    /* of --noise, or empty */
  uint8_t *bytes;     /* bytes of a chunk of images, and the continuous values */
  double *pixels;
  int64_t room;            /* images for which these two have room */
  clf_table given;         /* the context: one row for each sample, or one row for all; or empty */
  const clf_columns *like; /* description by which a table is read without a model; NULL: its
                              columns are detected */
  clf_columns context; /* the columns of which the context is made, if some are not plain numbers */
  double *repeated;    /* that one row, repeated */
  clf_table weights;   /* for training: one number for each row; or empty */
  int64_t repeated_rows;
} cli_session;

/* The device that --device, or else the environment, asks for; "opencl:local" becomes the device
 * of this rank. */
const char *cli_device_name(void);
/* Opens the device of --device and prints its notes on stderr. */
int cli_open_device(clf_device **dev);
/* Closes the device; for `check`, prints on stderr what it compared. NULL is allowed. */
void cli_close_device(clf_device *dev);
/* Opens a model. hint: as in clf_flow_load(), with xmin and xmax NaN if not given. */
int cli_load(clf_device *dev, const char *path, const clf_flow_spec *hint, clf_flow **flow);
/* Opens the data of --data if it was given, the device and the flow of MODEL, which must match.
 * Close the session also after a failure. */
int cli_session_open(cli_session *s);
/* Closes the model and the data and opens those that MODEL and --data now name, on the same
 * device. */
int cli_session_next(cli_session *s);
void cli_session_close(cli_session *s);
/* Where ranks divide rows (ranks.h): fails on all of them if one has another model, other data,
 * another version or another kind of device than rank 0. Call it before rows are divided. */
int cli_session_compare(cli_session *s);

/* ---- data.c: tables, and images, which are rows too once they are continuous ------- */

/* Reads a table, or opens images of this size (0: any size) and decodes them in the background.
 * cli_data_wait() then waits for them and names files that were left out. */
int cli_data_open(cli_session *s, const char *data, const clf_image_options *wanted);
/* The options for reading images set by --crop, --strict and --bits, for any size and channels. */
clf_image_options cli_image_options(void);
int cli_data_wait(cli_session *s);
/* Brings a table's columns into the order of the model's names, and reports differences between
 * data and model. */
int cli_data_check(cli_session *s, const char *data, const char *model);

/* ---- data_table.c: data that are a table ------------------------------------------- */

/* The words of a comma-separated list; a word that contains a comma is in double quotes, with ""
 * for a quote. */
typedef struct cli_words {
  char *text, **at;
  int32_t count;
} cli_words;
/* Splits `list` (NULL: empty); free the words also after a failure. */
int cli_words_split(const char *option, const char *list, cli_words *w);
void cli_words_free(cli_words *w);

/* Reads a table by its options and by the description of the model's columns if there is a
 * model, and prints notes. */
int cli_table_open(cli_session *s, const char *data);
/* The order of arrays of images that --order, or else the flow, asks for; AUTO: none. */
clf_image_order cli_image_order(const clf_flow *flow);
/* Refuses --order for a flow of rows. */
int cli_check_order(const clf_flow *flow);
/* The same for a table read by the description `like`; NULL: its columns are detected. */
int cli_table_read(const char *data, const clf_columns *like, clf_missing missing, clf_table *t);
/* How rows that lack a value are treated, by --missing or else by the verb's default. */
clf_missing cli_table_missing(void);
/* Leaves out the rows in which the data, the context or the weights lack a value, where these
 * were read separately with missing values kept. */
int cli_table_drop(cli_session *s, const char *data);
/* Refuses table options that were given with images. */
int cli_table_refuse(const char *data);
/* Prints, once, how a table was read and its columns matched, one line for each note. */
void cli_table_say_notes(clf_table *t, const char *data);
/* Prints a line for each column that only counts the rows. */
void cli_table_say_counters(const clf_table *t, const char *data);
/* Brings the columns into the order of the model's names. */
int cli_table_match(cli_session *s, const char *data, const char *model);

/* ---- given.c: the context of a conditional model ------------------------------------------- */

/* For training: moves the columns named by --given from the data to s->given, or reads its file.
 * A word is a file if it has a file's suffix or a folder, as in ./FILE.csv; a column with that
 * name has precedence.  For images, "class" names the labels. */
int cli_given_is_file(const char *word);
/* The length of FILE.npz in "FILE.npz:ARRAY"; 0 for other words. */
size_t cli_archive_length(const char *word);
int cli_given_split(cli_session *s);
/* Converts the context to what a flow takes, one column for each label, with the original
 * columns in s->context; for a flow that already has a context, with that flow's label codes. */
int cli_given_expand(cli_session *s);
/* Describes the context's columns to the flow. */
int cli_given_describe(const cli_session *s, clf_flow *flow);
/* Reads a second table like that of --data by the description `like` (NULL: detected), and
 * separates its context and weights as --given and this column name say. */
int cli_table_read_apart(const char *data, const clf_columns *like, const char *weights,
                         cli_session *s);
/* The same for a column of weights; NULL: no weights. */
int cli_weights_split(cli_session *s, const char *column);
/* For a model with a context: takes it from --given, or by name from the data's columns, into
 * s->given, as one row for each sample or one for all. Refuses --given for a model without a
 * context. */
int cli_given_take(cli_session *s);
/* The context of rows first .. first + n; NULL: the model has none. Valid until the next call. */
int cli_given_rows(cli_session *s, int64_t first, int64_t n, const double **c);

/* ---- data_rows.c, data.c: rows and their log-densities
 * -------------------------------------------------------------------- */

int64_t cli_row_count(const cli_session *s);
/* Rows of one chunk: images of some MiB, or all rows of a table. */
int64_t cli_row_chunk(const cli_session *s);
/* Rows first .. first + n of the data as the flow takes them, n at most cli_row_chunk(); valid
 * until the next call. */
int cli_rows(cli_session *s, int64_t first, int64_t n, const double **x);
/* The number of rows at the beginning of x (n, dim) and the contexts c (n, context; or NULL)
 * that either all have their values or all lack one: *missing. */
int64_t cli_stretch(const double *x, int32_t dim, const double *c, int32_t context, int64_t n,
                    int *missing);
/* normalize.c: the logarithm of the share of samples, given the one context of the session, whose
 * density is above zero; prints it with its standard error. */
int cli_normalize(cli_session *s, int64_t samples, double *log_share);
/* log p of every row, (cli_row_count()); NaN for a row with a missing value. With --strict, zero
 * density is refused. */
int cli_log_probs(cli_session *s, double *logp);
/* The score of the rows without missing values, and how many rows have some. */
int cli_score(const double *logp, int64_t n, int32_t dim, clf_score *score, int64_t *missing);

/* ---- roles.c --------------------------------------------------------------------------------- */

enum { CLI_ROW_MISSING = 255 }; /* continues the values of clflow/fit.h */
/* Finds which set each row of the data belonged to when the model was made, from the checksum,
 * the seed and the fractions in its file: role (cli_row_count()), CLI_ROW_MISSING where a value
 * is missing. *found 0: the data are different, or the file does not say; *refit: the model was
 * finally trained on all rows. */
int cli_roles_find(const cli_session *s, uint8_t *role, int *found, int *refit);

/* clf_transform_given() or clf_invert_given(); c may be NULL. */
typedef clf_status (*cli_map_fn)(clf_flow *flow, const double *from, const double *c, int64_t n,
                                 double *to, double *logdet);
/* The common work of verbs that map rows: maps DATA with `map` to the file `out`, and writes the
 * log-determinants to the file `logdet_out` unless it is NULL. data: what DATA contains. */
typedef enum cli_rows_kind { CLI_SAMPLES, CLI_LATENTS } cli_rows_kind;
int cli_map(cli_map_fn map, cli_rows_kind data, const char *out, const char *logdet_out);

#endif
