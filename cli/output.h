/* SPDX-License-Identifier: MIT */
/* output.h: what the program prints and writes.  Private to cli/. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H
#include "clflow/clflow.h"
#include "clflow/report.h"
#include <jansson.h>
#include <stdio.h>

extern const char *cli_called;    /* argv[0] */
extern const char *cli_verb_name; /* of the verb that runs; messages begin with it */

/* A sentence on stderr, `clflow: VERB: ...`; the latter two return an exit code. */
void cli_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
int cli_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The failure that the library reported last. */
int cli_fail_library(void);

/* From here on no output is looked at, and nothing but failures is printed, with `name` before
 * them: "rank 3 on node7".  They are withheld until the next call, which prints or forgets them;
 * later ones are printed at once.
 */
void cli_mute(const char *name);
void cli_release_errors(int print);
int cli_is_mute(void);

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

/* ---- output_stdout.c: text that goes to a file, or for "-" to standard output ------------------
 */

int cli_is_stdout(const char *path);
/* Lets `write` write the file, or for "-" prints what it writes to a file with this suffix; returns
 * the exit code. */
int cli_write_text(const char *path, const char *suffix,
                   clf_status (*write)(const char *path, void *context), void *context);
/* 1: from here on, what is printed goes to standard error; 0: to standard output again. */
int cli_stdout_aside(int aside);

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

/* ---- output_rows.c: tables that hold texts and numbers --------------------------------------- */

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

#endif
