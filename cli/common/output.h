/* SPDX-License-Identifier: MIT */
/* output.h: printing and writing results. Private to cli/. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H
#include "clflow/clflow.h"
#include "clflow/report.h"
#include <jansson.h>
#include <stdio.h>

extern const char *cli_called;    /* argv[0] */
extern const char *cli_verb_name; /* name of the running verb; messages begin with it */

/* Prints a sentence on stderr, `clflow: VERB: ...`. Those that fail return an exit code. */
void cli_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same, unless it said this sentence before: for files that are read several times. */
void cli_say_once(const char *format, ...) __attribute__((format(printf, 1, 2)));
int cli_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Prints the error that the library reported last. */
int cli_fail_library(void);

/* Silences the process: from this call on it prints no results, and only errors, each preceded by
 * `name` ("rank 3 on node7"). Errors are withheld until the next call, which prints or discards
 * them;
 * later ones are printed at once. */
void cli_mute(const char *name);
void cli_release_errors(int print);
int cli_is_mute(void);

/* The text with control characters shown as "\x1b", so that it is safe for a terminal; valid for
 * four calls. */
const char *cli_clean(const char *text);
/* Appends `before` and the word, quoted for a POSIX shell ($'...' if it has characters that a
 * terminal does not show). */
void cli_append_word(char before, const char *word, char *line, size_t size);

/* Writes what is buffered for stdout. Returns 0; if any write has failed so far, its error
 * number, or -1 if that is not known. */
int cli_flush(void);

/* Draws one line on stderr, which later calls redraw; messages clear it first. */
void cli_progress_draw(const char *line);
void cli_progress_clear(void);

double cli_clock(void); /* seconds since an arbitrary time */
/* "3.4 ms", "1:05:09"; "12.5k"; "15.6 GiB". */
void cli_format_seconds(double seconds, char *text, size_t size);
void cli_format_large(double number, char *text, size_t size);
void cli_format_bytes(uint64_t bytes, char *text, size_t size);

json_t *cli_json_number(double number);  /* null if it is not finite */
json_t *cli_json_text(const char *text); /* bytes that are not UTF-8 become U+FFFD */
json_t *cli_json_unsigned(
    uint64_t number); /* a string if the number is larger than JSON readers can store */
json_t *cli_json_numbers(const double *at, int64_t count);
/* Prints and releases the JSON value; returns the exit code. NULL means lack of memory. */
int cli_json_print(json_t *json);

int cli_has_suffix(const char *path, const char *suffix);
/* Checks that a table, or any file, can be written to that path: CLI_OK, or prints why not. NULL
 * (the option was not given) is accepted, and so is "-" (standard output) for a table. */
int cli_check_table(const char *path);
int cli_check_file(const char *option, const char *path, const char *suffix);

/* ---- file_bytes.c --------------------------------------------------------------------------- */

/* The bytes of a file, for the caller to free; NULL and size 0 if it cannot be read. */
char *cli_file_read(const char *path, int64_t *size);

/* ---- output_stdout.c: text that goes to a file, or for "-" to standard output ---------------- */

int cli_is_stdout(const char *path);
/* Calls `write` to write the file; for "-", writes a temporary file with this suffix and prints
 * it. Returns the exit code. */
int cli_write_text(const char *path, const char *suffix,
                   clf_status (*write)(const char *path, void *context), void *context);
/* 1: later output goes to standard error; 0: it goes to standard output. */
int cli_stdout_aside(int aside);

/* Writes the table with columns named PREFIX0, PREFIX1, ... or, for a single column, PREFIX; "-"
 * prints CSV. */
int cli_put_table(const char *path, clf_table *table, const char *prefix, int numbered);
/* Lends the ids of one table to another while that is written; from = NULL takes them back. */
void cli_lend_ids(const clf_table *from, clf_table *to);
/* The same with the table's own column names. */
int cli_put_named(const char *path, const clf_table *table);
/* Gives samples the descriptions of the flow's columns, so that labels and integers are rounded. */
int cli_describe_samples(const clf_flow *flow, clf_table *rows);
/* Writes samples with the flow's column names, or else x0, x1, ..., and with labels, dates and
 * integers as in the training data; or writes latents, z0, z1, ... A .npy of an image flow is
 * (N, H, W, C) or (N, C, H, W), by cli_image_order(), and the rows have then this order. */
int cli_put_samples(const char *path, const clf_flow *flow, clf_table *rows);
int cli_put_latents(const char *path, const clf_flow *flow, clf_table *rows);

/* ---- output_rows.c: tables that hold texts and numbers --------------------------------------- */

/* A column: texts, whole numbers, or numbers that are `stride` apart, in which NaN is an empty
 * field. */
typedef struct cli_column {
  const char *name;
  char *const *texts;
  const int64_t *whole;
  int from_1; /* for whole numbers: 0 is an empty field */
  const double *numbers;
  int64_t stride;
  const clf_column *kind; /* for numbers that stand for labels or dates; NULL: plain numbers */
  int digits;             /* significant digits of numbers in text; 0: all digits of a double */
} cli_column;
/* Writes rows order[0 .. rows) (NULL: 0 .. rows) of these columns as .csv or .npy, or as CSV to
 * standard output ("-"). A .npy cannot contain texts; the message names the first such column. */
int cli_put_columns(const char *path, const cli_column *columns, int count, const int64_t *order,
                    int64_t rows);
/* The same rows as a list of objects, with null for NaN and infinities. NULL without memory. */
json_t *cli_json_columns(const cli_column *columns, int count, const int64_t *order, int64_t rows);

#endif
