/* SPDX-License-Identifier: MIT */
/* fit_rows.c: the rows of a fit: those of DATA, followed by those of --valid and --test. */
#include "fit.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void free_session(cli_session *s) {
  clf_table_free(&s->data);
  clf_table_free(&s->given);
  clf_columns_free(&s->context);
  clf_table_free(&s->weights);
}

/* Reads a table by its options and separates its context and weights. like: the description of
 * DATA's columns. */
static int read_one(const char *data, const clf_columns *like, cli_session *s) {
  *s = (cli_session){0};
  if (clf_is_image_source(data))
    return cli_usage("`clflow fit` takes tables, %s holds images", data);
  return cli_table_read_apart(data, like, cli_fit_wanted.weights, s);
}

static int append_ids(clf_table *to, clf_table *more) {
  if (!to->ids || !more->ids) return CLI_OK;
  char **const ids = realloc(to->ids, (size_t)(to->rows + more->rows) * sizeof *ids);
  if (!ids) return cli_fail("out of memory for the ids of %" PRId64 " rows", more->rows);
  memcpy(ids + to->rows, more->ids, (size_t)more->rows * sizeof *ids);
  to->ids = ids;
  free(more->ids);
  more->ids = NULL;
  return CLI_OK;
}

/* Row numbers of further files are counted within their own file. */
static int append_numbers(clf_table *to, const clf_table *more) {
  if (!to->numbers && !more->numbers) return CLI_OK;
  int64_t *const all = realloc(to->numbers, (size_t)(to->rows + more->rows) * sizeof *all);
  if (!all) return cli_fail("out of memory for the numbers of %" PRId64 " rows", more->rows);
  for (int64_t i = 0; !to->numbers && i < to->rows; i++) all[i] = i + 1;
  for (int64_t i = 0; i < more->rows; i++)
    all[to->rows + i] = more->numbers ? more->numbers[i] : i + 1;
  to->numbers = all;
  return CLI_OK;
}

/* Appends the rows of `more` to `to`, with the columns in the order of `to`. */
static int append(clf_table *to, clf_table *more, const char *data) {
  if (!to->at && !more->at) return CLI_OK;
  if (clf_table_match(more, to->names, to->cols) != CLF_OK)
    return cli_fail("%s does not match %s: %s", data, cli_common.data, clf_errmsg());
  if (more->cols != to->cols)
    return cli_fail("%s has %" PRId32 " columns, %s has %" PRId32, data, more->cols,
                    cli_common.data, to->cols);
  int code = append_numbers(to, more);
  if (!code) code = append_ids(to, more);
  if (code) return code;
  const size_t old = (size_t)to->rows * (size_t)to->cols,
               n = (size_t)more->rows * (size_t)more->cols;
  double *const at = realloc(to->at, (old + n) * sizeof *at);
  if (!at) return cli_fail("out of memory for the rows of %s", data);
  memcpy(at + old, more->at, n * sizeof *at);
  to->at = at;
  to->rows += more->rows;
  return CLI_OK;
}

/* The columns of DATA: its own, those of its context (unless that is a file) and its weights.
 * Free only the lists. */
static int columns_of(const cli_fit_rows *rows, clf_columns *like) {
  const clf_table *const x = &rows->x, *const w = &rows->weights;
  const int apart = cli_common.given && cli_given_is_file(cli_common.given);
  clf_columns context = rows->context;
  if (apart) context = (clf_columns){0};
  const int32_t n = x->cols + context.count + w->cols;
  *like =
      (clf_columns){n, calloc((size_t)n, sizeof *like->names), calloc((size_t)n, sizeof *like->at)};
  if (!like->names || !like->at) return cli_fail("out of memory for %" PRId32 " columns", n);
  const clf_columns from[] = {
      {x->cols, x->names, x->columns}, context, {w->cols, w->names, w->columns}};
  for (int32_t p = 0, at = 0; p < 3; p++)
    for (int32_t c = 0; c < from[p].count; c++, at++) {
      like->names[at] = from[p].names ? from[p].names[c] : NULL;
      if (from[p].at) like->at[at] = from[p].at[c];
    }
  return CLI_OK;
}

/* Reads a file by the description of DATA if DATA has column names. */
static int read_like(const cli_fit_rows *rows, const char *data, cli_session *s) {
  clf_columns like = {0};
  int code = columns_of(rows, &like);
  if (!rows->x.names) {
    free(like.names);
    like.names = NULL;
  }
  if (!code) code = read_one(data, &like, s);
  free(like.names);
  free(like.at);
  return code;
}

static int append_file(cli_fit_rows *rows, const char *data) {
  cli_session s = {0};
  int code = read_like(rows, data, &s);
  if (!code) code = append(&rows->x, &s.data, data);
  if (!code) code = append(&rows->given, &s.given, data);
  if (!code) code = append(&rows->weights, &s.weights, data);
  free_session(&s);
  return code;
}

/* If no file gives test rows, they are drawn from DATA in the way in which clf_fit() then draws
 * the validation rows. */
static int divide(cli_fit_rows *rows, int64_t own, int64_t valid) {
  const clf_fit_options *o = &cli_fit_wanted.o;
  rows->role = malloc((size_t)rows->x.rows);
  if (!rows->role) return cli_fail("out of memory to divide the rows");
  if (clf_split_rows(own, 0, cli_fit_wanted.test ? 0 : o->test, o->seed, rows->role) != CLF_OK)
    return cli_fail_library();
  for (int64_t i = own; i < rows->x.rows; i++)
    rows->role[i] = i < own + valid ? CLF_ROW_VALID : CLF_ROW_TEST;
  return CLI_OK;
}

/* A column that never changes would end the fit, and nobody would model it. */
static int drop_constant(clf_table *t) {
  if (t->at && clf_table_drop_constant(t) != CLF_OK) return cli_fail_library();
  cli_table_say_notes(t, cli_common.data);
  return CLI_OK;
}

int cli_fit_read(cli_session *s, cli_fit_rows *rows) {
  int code = read_one(cli_common.data, NULL, s);
  if (!code) code = drop_constant(&s->data);
  if (!code && s->data.at) cli_table_say_counters(&s->data, cli_common.data);
  rows->x = s->data;
  rows->given = s->given;
  rows->weights = s->weights;
  rows->context = s->context;
  s->data = s->given = s->weights = (clf_table){0};
  s->context = (clf_columns){0};
  if (code) return code;
  const int64_t own = rows->x.rows;
  if (cli_fit_wanted.valid) code = append_file(rows, cli_fit_wanted.valid);
  const int64_t valid = rows->x.rows - own;
  if (!code && cli_fit_wanted.test) code = append_file(rows, cli_fit_wanted.test);
  if (code || !(cli_fit_wanted.valid || cli_fit_wanted.test)) return code;
  return divide(rows, own, valid);
}

void cli_fit_rows_free(cli_fit_rows *rows) {
  clf_table_free(&rows->x);
  clf_table_free(&rows->given);
  clf_columns_free(&rows->context);
  clf_table_free(&rows->weights);
  free(rows->role);
}
